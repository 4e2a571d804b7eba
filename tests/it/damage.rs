//! Damage from outside: damaged, deleted and newer files, moved tenants. Each gets a clear message,
//! nothing acknowledged is lost, other tenants go on, and what can be rebuilt is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::json;
use tga::ai::embedder::{SyntheticShape, synthetic_model};

use crate::support_faults::{Appliance, Posts, texts, wait_for};

const POSTS: u64 = 60;

/// What is done to a file or directory, by name.
type Damage = (&'static str, fn(&Path));

/// An appliance with these posts in tenant `main`, and the file they came from.
fn filled() -> (Appliance, Posts, PathBuf) {
    let appliance = Appliance::new();
    let posts = Posts::new(POSTS);
    let file = appliance.dir().with_file_name("posts.jsonl");
    posts.write(&file);
    appliance.import(&file, "main");
    (appliance, posts, file)
}

/// A second tenant, which must go on whatever happens to the first.
fn other(appliance: &Appliance, file: &Path) {
    appliance.ok(&["tenant", "create", "other", "--json"]);
    appliance.import(file, "other");
}

/// The files of a directory, largest first.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort_by_key(|file| std::cmp::Reverse(fs::metadata(file).unwrap().len()));
    files
}

fn flip_middle(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(file, bytes).unwrap();
}

#[test]
fn full_text_index_is_rebuilt() {
    let (appliance, posts, _) = filled();
    let dir = appliance.tenant_dir("main").join("fulltext");
    let damages: [Damage; 5] = [
        ("flipped bytes", |dir| {
            for file in files(dir)
                .iter()
                .filter(|file| file.extension().is_some_and(|end| end != "lock" && end != "json"))
            {
                flip_middle(file);
            }
        }),
        ("a segment file truncated", |dir| {
            let largest = &files(dir)[0];
            let half = fs::metadata(largest).unwrap().len() / 2;
            fs::File::options().write(true).open(largest).unwrap().set_len(half).unwrap();
        }),
        ("a segment file gone", |dir| {
            fs::remove_file(&files(dir)[0]).unwrap();
        }),
        ("garbage in meta.json", |dir| {
            fs::write(dir.join("meta.json"), b"{]").unwrap();
        }),
        ("the directory gone", |dir| fs::remove_dir_all(dir).unwrap()),
    ];
    for (damage, apply) in damages {
        apply(&dir);
        // The first command after the damage already answers in full.
        appliance.assert_whole("main", &posts, damage);
        let log = appliance.system_log();
        let line = log.iter().find(|line| line.contains("rebuilt"));
        assert!(line.is_some(), "{damage}: {log:?}");
    }
    let aside = fs::read_dir(appliance.tenant_dir("main")).unwrap();
    let aside =
        aside.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("damaged"));
    assert!(aside.count() > 0, "damaged indexes are kept aside");
}

#[test]
fn full_text_index_is_rebuilt_beside_a_running_service() {
    let (appliance, posts, file) = filled();
    let service = appliance.serve();
    fs::remove_dir_all(appliance.tenant_dir("main").join("fulltext")).unwrap();
    drop(service);
    let mut service = appliance.serve();
    wait_for("the rebuild", || {
        let verified = appliance.run(&["index", "verify", "--tenant", "main", "--json"]);
        verified.status.success()
    });
    appliance.import(&file, "main");
    appliance.wait_settled();
    service.kill();
    appliance.assert_whole("main", &posts, "rebuilt by the service");
}

#[test]
fn damaged_vector_graph_is_ignored_and_made_again() {
    let (appliance, posts, file) = filled();
    let model = appliance.dir().with_file_name("synthetic.bin");
    fs::write(&model, synthetic_model(SyntheticShape::default())).unwrap();
    appliance.ok(&["model", "import", model.to_str().unwrap(), "--json"]);
    appliance.import(&file, "main");
    let dir = appliance.tenant_dir("main").join("vectors");
    let graph = || {
        let entries = fs::read_dir(&dir).ok()?.flatten();
        entries
            .map(|entry| entry.path())
            .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("graph-")))
    };
    let serve = || appliance.serve_with(&[("TGA__SEARCH__EXACT_MAX_CHUNKS", "10")]);
    let search = ["search", "банк", "--tenant", "main", "--mode", "vector", "--json"];
    let mut service = serve();
    let damages: [Damage; 3] = [
        ("truncated", |dir| {
            let largest = &files(dir)[0];
            fs::File::options().write(true).open(largest).unwrap().set_len(100).unwrap();
        }),
        ("garbage", |dir| {
            for file in files(dir) {
                fs::write(file, vec![0xa5; 3000]).unwrap();
            }
        }),
        ("flipped", |dir| flip_middle(&files(dir)[0])),
    ];
    for (damage, apply) in damages {
        let found = appliance.ok(&search);
        assert!(found["total"].as_u64().unwrap() >= 10, "{damage}: {found}");
        // The search has read the vectors; this wakes the thread that looks whether a graph is due.
        appliance.ok(&["model", "import", model.to_str().unwrap(), "--json"]);
        wait_for("a graph on disk", || graph().is_some());
        service.kill();
        let damaged = graph().unwrap();
        apply(&damaged);
        service = serve();
        let found = appliance.ok(&search);
        assert!(found["total"].as_u64().unwrap() >= 10, "{damage}: {found}");
    }
    appliance.wait_settled();
    service.kill();
    appliance.assert_whole("main", &posts, "after damaged graphs");
}

#[test]
fn queue_is_refilled() {
    let damages: [Damage; 4] = [
        ("deleted", |file| fs::remove_file(file).unwrap()),
        ("garbage", |file| fs::write(file, vec![0xa5; 100_000]).unwrap()),
        ("truncated", |file| {
            fs::File::options().write(true).open(file).unwrap().set_len(5000).unwrap();
        }),
        ("empty", |file| fs::write(file, b"").unwrap()),
    ];
    for (damage, apply) in damages {
        let appliance = Appliance::new();
        let posts = Posts::new(POSTS);
        let file = appliance.dir().with_file_name("posts.jsonl");
        posts.write(&file);
        let died = appliance
            .command(&["import", file.to_str().unwrap(), "--tenant", "main"])
            .env("TGA_FAIL_POINT", "before_settle:2")
            .env("TGA__PIPELINE__BATCH_POSTS", "8")
            .output()
            .unwrap();
        assert!(died.status.code().is_none());
        apply(&appliance.dir().join("queue.redb"));
        appliance.import(&file, "main");
        appliance.assert_whole("main", &posts, damage);
        let told = appliance.system_log().iter().any(|line| line.contains("queue.redb was damaged"));
        assert_eq!(
            told,
            ["garbage", "truncated"].contains(&damage),
            "{damage}: {:?}",
            appliance.system_log()
        );
    }
}

/// Sets a database's version and returns the one it had.
fn user_version_put(path: &Path, version: i64) -> i64 {
    let db = rusqlite::Connection::open(path).unwrap();
    let before = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    db.pragma_update(None, "user_version", version).unwrap();
    before
}

/// `main` cannot be read for `reason`; `other` works, alone and beside a service, which reports `main`.
fn assert_main_alone_suffers(appliance: &Appliance, file: &Path, reason: &str, context: &str) {
    let path = file.to_str().unwrap();
    for arguments in [&["search", "банк", "--tenant", "main"][..], &["import", path, "--tenant", "main"]]
    {
        let message = appliance.refused(arguments);
        assert!(message.contains(reason), "{context}: {arguments:?}: {message}");
        assert!(message.contains("tenant.db"), "{context}: {message}");
    }
    appliance.import(file, "other");
    let found = appliance.ok(&["search", "банк", "--tenant", "other", "--json"]);
    assert!(found["total"].as_u64().unwrap() > 0, "{context}");
    let mut service = appliance.serve();
    appliance.import(file, "other");
    let doctor = appliance.run(&["doctor", "--json"]);
    let (out, _) = texts(&doctor);
    assert_eq!(doctor.status.code(), Some(1), "{context}: {out}");
    assert!(out.contains(reason), "{context}: {out}");
    service.kill();
}

#[test]
fn newer_tenant_database_is_refused_and_others_go_on() {
    let (appliance, posts, file) = filled();
    other(&appliance, &file);
    let path = appliance.tenant_dir("main").join("tenant.db");
    let version = user_version_put(&path, 999);
    let edited = posts.edited();
    edited.write(&file);
    assert_main_alone_suffers(&appliance, &file, "schema version 999", "newer");
    let status = appliance.run(&["migrate", "status", "--json"]);
    assert_eq!(status.status.code(), Some(1));
    user_version_put(&path, version);
    appliance.import(&file, "main");
    appliance.assert_whole("main", &edited, "version mended");
    appliance.assert_whole("other", &edited, "the other tenant");
}

#[test]
fn newer_control_database_is_refused() {
    let (appliance, posts, file) = filled();
    let path = appliance.dir().join("control.db");
    let version = user_version_put(&path, 999);
    for arguments in
        [&["import", file.to_str().unwrap(), "--tenant", "main"][..], &["serve"], &["tenant", "list"]]
    {
        let message = appliance.refused(arguments);
        assert!(message.contains("schema version 999") && message.contains("newer"), "{message}");
        assert!(message.contains("control.db"), "{message}");
    }
    user_version_put(&path, version);
    appliance.assert_whole("main", &posts, "version mended");
}

#[test]
fn damaged_tenant_database_is_named_and_others_go_on() {
    let (appliance, posts, file) = filled();
    other(&appliance, &file);
    let path = appliance.tenant_dir("main").join("tenant.db");
    // Opened and closed by itself, SQLite leaves no log beside the file.
    let sound = fs::read(&path).unwrap();
    assert!(!path.with_file_name("tenant.db-wal").exists());
    let half = sound.len() / 2;
    let mut page = sound.clone();
    page[100..4096].fill(0xa5);
    let damages: [(&str, Option<Vec<u8>>, &str); 5] = [
        ("garbage", Some(vec![0xa5; 20_000]), "is damaged"),
        ("its first page garbage", Some(page), "is damaged"),
        ("truncated", Some(sound[..half].to_vec()), "is damaged"),
        ("empty", Some(Vec::new()), "missing or empty"),
        ("deleted", None, "missing or empty"),
    ];
    for (context, bytes, reason) in damages {
        match bytes {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        assert_main_alone_suffers(&appliance, &file, reason, context);
        for log in ["tenant.db-wal", "tenant.db-shm"] {
            // Whoever puts a backup back removes these with the damaged file.
            let _ = fs::remove_file(path.with_file_name(log));
        }
        fs::write(&path, &sound).unwrap();
        appliance.import(&file, "main");
        appliance.assert_whole("main", &posts, context);
        appliance.assert_whole("other", &posts, context);
    }
}

#[test]
fn lost_control_database_is_not_begun_anew() {
    let (appliance, posts, _) = filled();
    let path = appliance.dir().join("control.db");
    let sound = fs::read(&path).unwrap();
    for bytes in [Some(Vec::new()), None, Some(vec![0xa5; 9000])] {
        match &bytes {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let message = appliance.refused(&["tenant", "list"]);
        assert!(message.contains("control.db") && message.contains("backup"), "{message}");
    }
    fs::write(&path, &sound).unwrap();
    appliance.assert_whole("main", &posts, "control.db put back");
}

#[test]
fn moved_tenant_is_refused() {
    let (appliance, posts, file) = filled();
    other(&appliance, &file);
    let (main, other) = (appliance.tenant_dir("main"), appliance.tenant_dir("other"));
    let own = fs::read(other.join("tenant.db")).unwrap();
    fs::copy(main.join("tenant.db"), other.join("tenant.db")).unwrap();
    let message = appliance.refused(&["search", "банк", "--tenant", "other"]);
    for dir in [&main, &other] {
        let id = dir.file_name().unwrap().to_str().unwrap();
        assert!(message.contains(id), "{message}");
    }
    assert!(message.contains("move"), "{message}");
    appliance.assert_whole("main", &posts, "the copied tenant");
    fs::write(other.join("tenant.db"), own).unwrap();
    appliance.assert_whole("other", &posts, "put back");
}

#[test]
fn directory_in_use_is_said() {
    let (appliance, posts, file) = filled();
    let held = appliance.open();
    let message = appliance.refused(&["import", file.to_str().unwrap(), "--tenant", "main"]);
    assert!(message.contains("in use by another tga process"), "{message}");
    let message = appliance.refused(&["serve"]);
    assert!(message.contains("in use by another tga process"), "{message}");
    drop(held);
    appliance.assert_whole("main", &posts, "released");
}

/// `tga status`, asked while the service starts, used to take the directory and end it.
#[test]
fn a_service_that_starts_waits_for_a_command_that_has_the_directory() {
    let (appliance, posts, _) = filled();
    let held = appliance.open();
    let mut service =
        appliance.command(&["serve"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let descriptors = format!("/proc/{}/fd", service.id());
    let asks = |name: &str| {
        let links = fs::read_dir(&descriptors).into_iter().flatten().flatten();
        links.filter_map(|link| fs::read_link(link.path()).ok()).any(|path| path.ends_with(name))
    };
    wait_for("the service to ask for the directory", || asks("lock"));
    drop(held);
    wait_for("the service to have the directory", || asks("control.db"));
    // A command that comes before the service takes commands waits for it.
    let found = appliance.ok(&["search", "банк", "--tenant", "main", "--json"]);
    assert!(found["total"].as_u64().is_some_and(|total| total > 0), "{found}");
    assert!(service.try_wait().unwrap().is_none(), "the service ended");
    service.kill().unwrap();
    service.wait().unwrap();
    appliance.assert_whole("main", &posts, "killed");
}

#[test]
fn socket_and_log_of_a_dead_process_are_no_obstacle() {
    let (appliance, posts, file) = filled();
    let edited = posts.edited();
    edited.write(&file);
    // A service that dies leaves its socket; an import that dies leaves SQLite's log.
    drop(appliance.serve());
    assert!(appliance.dir().join("tga.sock").exists());
    let died = appliance
        .command(&["import", file.to_str().unwrap(), "--tenant", "main"])
        .env("TGA_FAIL_POINT", "before_settle:2")
        .env("TGA__PIPELINE__BATCH_POSTS", "8")
        .output()
        .unwrap();
    assert!(died.status.code().is_none());
    let tenant = appliance.tenant_dir("main");
    assert!(fs::metadata(tenant.join("tenant.db-wal")).unwrap().len() > 0);
    fs::remove_file(tenant.join("tenant.db-shm")).unwrap();
    let mut service = appliance.serve();
    let report = appliance.import(&file, "main");
    assert_eq!(report["updated"], json!(0), "what was acknowledged is there: {report}");
    appliance.wait_settled();
    service.kill();
    appliance.assert_whole("main", &edited, "after both");
}
