//! Backups: what is made is restored elsewhere and equals its source; whatever is damaged, cut, foreign or strange is refused.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use jiff::SignedDuration;
use serde_json::{Value, json};
use tga::{
    app::{
        audit::Origin,
        backups::{BackupMade, BackupWanted, TenantRestore, restore},
    },
    config::Config,
    model::Role,
    store::MemberFilter,
};

use crate::support::{Binary, TestApp, line};

/// Every row of every table of a database, as text.
pub(crate) type Dump = BTreeMap<String, Vec<String>>;

pub(crate) fn dump(database: &Path) -> Dump {
    let db = rusqlite::Connection::open(database).unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
    let mut statement = db.prepare(sql).unwrap();
    let tables: Vec<String> =
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut dumped = Dump::new();
    for table in tables {
        let mut statement = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let mut lines = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let cell = |at| format!("{:?}", row.get::<_, rusqlite::types::Value>(at).unwrap());
            lines.push((0..columns).map(cell).collect::<Vec<_>>().join(" "));
        }
        lines.sort();
        dumped.insert(table, lines);
    }
    dumped
}

/// All databases of a data directory; what only the running of a backup writes is left out.
pub(crate) fn dump_all(data_dir: &Path) -> BTreeMap<String, Dump> {
    let mut control = dump(&data_dir.join("control.db"));
    for table in ["backups", "system_log", "audit_log", "settings", "queue_samples"] {
        control.remove(table);
    }
    let mut all = BTreeMap::from([("control".to_owned(), control)]);
    for entry in std::fs::read_dir(data_dir.join("tenants")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        all.insert(name, dump(&path.join("tenant.db")));
    }
    all
}

/// An installation with two tenants, people, posts, answers.
fn world() -> TestApp {
    let mut app = TestApp::builder().tenant("other").build();
    app.index_jsonl(&[
        line("news", 1, "Ледокол Арктика вышел из порта Мурманск, ледокол идёт на север к зимовщикам."),
        line("news", 2, "Атомоход Сибирь вернулся в порт Мурманск после рейса, атомоход ждёт ремонта."),
    ]);
    app.import_jsonl_into("other", &[line("sport", 1, "Матч закончился вничью, болельщики довольны.")]);
    app.run_pending_jobs();
    for id in 1..4 {
        let role = if id == 1 { Role::Admin } else { Role::User };
        let person = app.person("main", id, role);
        app.post("/api/rag/query", &person.access, &json!({ "query": "Где ледокол?" })).ok();
        app.advance(SignedDuration::from_secs(1));
    }
    app
}

fn create(app: &TestApp) -> BackupMade {
    app.app()
        .backup_create(BackupWanted::default(), &Origin::operator(), &AtomicBool::new(false), &mut |_| {})
        .unwrap()
}

fn config(dir: &Path) -> Config {
    Config::load(None, &[], Some(dir)).unwrap().0
}

#[test]
fn what_is_restored_elsewhere_equals_its_source_and_works() {
    let mut app = world();
    let made = create(&app);
    assert!(made.verified && made.bytes > 0 && made.posts == 3 && made.tenants == 2, "{made:?}");
    assert!(made.pause_ms < 1000.0, "{made:?}");
    app.restart();
    let before = dump_all(app.data_dir());
    // Elsewhere there is nothing but the file and the keys.
    let there = tempfile::tempdir().unwrap();
    let (dir, keys) = (there.path().join("data"), app.data_dir().join("keys/seal"));
    let clock = app.app().clock();
    let restored = restore(&config(&dir), &made.path, Some(&keys), clock, &mut |_| {}).unwrap();
    assert_eq!((restored.tenants, restored.posts), (2, 3));
    assert_eq!(dump_all(&dir), before);
    for key in ["jwt.json", "seal"] {
        assert!(dir.join("keys").join(key).exists(), "{key}");
    }
    // And it works: the binary opens it, fills the indexes and searches.
    let mut tga = Binary::new();
    tga.set("TGA__DATA_DIR", dir.to_str().unwrap());
    let hits = tga
        .command(&["search", "ледокол", "--tenant", "main", "--json"])
        .arg("--data-dir")
        .arg(&dir)
        .output();
    let hits: Value = serde_json::from_slice(&hits.unwrap().stdout).unwrap();
    assert_eq!(hits["hits"].as_array().unwrap().len(), 1, "{hits}");
}

#[test]
fn a_target_with_data_is_refused_and_stale_files_do_not_get_into_the_way() {
    let app = world();
    let made = create(&app);
    let there = tempfile::tempdir().unwrap();
    let dir = there.path().join("data");
    let keys = app.data_dir().join("keys/seal");
    let clock = app.app().clock();
    let run = || restore(&config(&dir), &made.path, Some(&keys), clock, &mut |_| {});
    std::fs::create_dir_all(dir.join("tenants/x")).unwrap();
    assert!(run().unwrap_err().to_string().contains("holds data"));
    std::fs::remove_dir(dir.join("tenants/x")).unwrap();
    std::fs::write(dir.join("control.db"), b"").unwrap();
    assert!(run().unwrap_err().to_string().contains("holds data"));
    std::fs::remove_file(dir.join("control.db")).unwrap();
    // A log that an older database left would be replayed into this one.
    std::fs::write(dir.join("control.db-wal"), b"stale").unwrap();
    std::fs::write(dir.join("queue.redb"), b"stale").unwrap();
    run().unwrap();
    assert!(!dir.join("control.db-wal").exists() && !dir.join("queue.redb").exists());
    assert_eq!(dump_all(&dir), dump_all(app.data_dir()));
    assert!(run().unwrap_err().to_string().contains("--tenant"), "it holds data now");
}

/// Names and contents of a tar.
pub(crate) type Entries = Vec<(String, Vec<u8>)>;

/// The plain tar of a backup, entry by entry.
pub(crate) fn opened(path: &Path, keys: &Path) -> Entries {
    let text: String = std::fs::read_dir(keys)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let identities: Vec<age::x25519::Identity> = text.lines().map(|line| line.parse().unwrap()).collect();
    let sealed = age::Decryptor::new(File::open(path).unwrap()).unwrap();
    let opened = sealed.decrypt(identities.iter().map(|identity| identity as &dyn age::Identity)).unwrap();
    let mut tar = tar::Archive::new(zstd::Decoder::new(opened).unwrap());
    let mut entries = Vec::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        entries.push((name, content));
    }
    entries
}

/// Packs entries as a backup, whatever they are, under names that the tar library itself would refuse.
pub(crate) fn packed(path: &Path, keys: &Path, entries: &[(String, Vec<u8>)], kind: tar::EntryType) {
    let key = std::fs::read_dir(keys).unwrap().next().unwrap().unwrap().path();
    let identity: age::x25519::Identity = std::fs::read_to_string(key).unwrap().trim().parse().unwrap();
    let recipient = identity.to_public();
    let sealer = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient)).unwrap();
    let sealed = sealer.wrap_output(File::create(path).unwrap()).unwrap();
    let mut tar = tar::Builder::new(zstd::Encoder::new(sealed, 1).unwrap());
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_entry_type(if name.starts_with("control") { kind } else { tar::EntryType::Regular });
        header.set_mode(0o600);
        header.set_cksum();
        tar.append(&header, &**content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap().finish().unwrap().flush().unwrap();
}

#[test]
fn what_is_damaged_cut_foreign_or_strange_is_refused_with_the_reason() {
    let app = world();
    let made = create(&app);
    let keys = app.data_dir().join("keys/seal");
    let scratch = tempfile::tempdir().unwrap();
    let broken = scratch.path().join("broken");
    let whole = std::fs::read(&made.path).unwrap();
    let clock = app.app().clock();
    let refused = |expected: &str| {
        let given = broken.to_str().unwrap();
        let verify = app.app().backup_verify(Some(given), None, &AtomicBool::new(false)).unwrap_err();
        assert!(verify.to_string().contains(expected), "{verify} instead of {expected}");
        let dir = scratch.path().join("data");
        let error = restore(&config(&dir), given, Some(&keys), clock, &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains(expected), "{error} instead of {expected}");
        assert!(
            !dir.join("control.db").exists() && !dir.join(".restore").exists(),
            "{expected}: something is left"
        );
        let wanted = TenantRestore {
            backup: given.to_owned(),
            tenant: "main".to_owned(),
            name: Some("again".to_owned()),
            replace: false,
            keys: None,
        };
        let error = app.app().tenant_restore(&wanted, &Origin::operator()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error} instead of {expected}");
        assert_eq!(app.app().tenant_list().unwrap().len(), 2);
    };
    for length in [0, 10, 200, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&broken, &whole[..length]).unwrap();
        refused("broken: it is");
    }
    for at in [5, 40, 120, 300, whole.len() / 3, whole.len() / 2, whole.len() - 20, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        std::fs::write(&broken, &flipped).unwrap();
        refused("broken: ");
    }
    let mut longer = whole.clone();
    longer.push(0);
    std::fs::write(&broken, &longer).unwrap();
    refused("cut or damaged");

    let entries = opened(Path::new(&made.path), &keys);
    let with = |expected: &str, change: &dyn Fn(&mut Entries)| {
        let mut entries = entries.clone();
        change(&mut entries);
        packed(&broken, &keys, &entries, tar::EntryType::Regular);
        refused(expected);
    };
    let tenant = entries.iter().position(|(name, _)| name.starts_with("tenants/")).unwrap();
    with("is missing", &|entries| drop(entries.remove(tenant)));
    with("never finished", &|entries| drop(entries.pop()));
    with("control.db is not what its manifest says", &|entries| entries[0].1.push(0));
    with("out of its place", &|entries| entries.insert(0, entries[0].clone()));
    with("use a newer tga", &|entries| {
        let manifest = entries.last_mut().unwrap();
        let mut value: Value = serde_json::from_slice(&manifest.1).unwrap();
        value["format"] = json!(3);
        manifest.1 = serde_json::to_vec(&value).unwrap();
    });
    with("other rows than its manifest says", &|entries| {
        let manifest = entries.last_mut().unwrap();
        let mut value: Value = serde_json::from_slice(&manifest.1).unwrap();
        value["control"]["rows"]["tenants"] = json!(7);
        manifest.1 = serde_json::to_vec(&value).unwrap();
    });
    for evil in ["../evil", "/etc/evil", "tenants/../../evil", "keys/seal/../evil.key", "keys/seal/x/y.key"] {
        with("which no backup has", &|entries| entries.insert(1, (evil.to_owned(), vec![1])));
    }
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Directory] {
        packed(&broken, &keys, &entries, kind);
        refused("which no backup has");
    }
    // The same entries, unchanged, are taken: it was the changes that were refused.
    packed(&broken, &keys, &entries, tar::EntryType::Regular);
    app.app().backup_verify(Some(broken.to_str().unwrap()), None, &AtomicBool::new(false)).unwrap();
}

#[test]
fn keys_that_do_not_fit_are_named_and_old_ones_still_open() {
    let app = world();
    let made = create(&app);
    let first = made.keys[0].clone();
    let second = app.app().seal_key_rotate().unwrap().id;
    let again = create(&app);
    assert_eq!(again.keys, [second]);
    // The one of before the rotation still opens, also elsewhere by the old key alone.
    app.app().backup_verify(Some(&made.name), None, &AtomicBool::new(false)).unwrap();
    let there = tempfile::tempdir().unwrap();
    let key = std::fs::read_dir(app.data_dir().join("keys/seal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_str().unwrap().contains(&first))
        .unwrap();
    let run = |dir: &str, backup: &str, keys: Option<&Path>| {
        restore(&config(&there.path().join(dir)), backup, keys, app.app().clock(), &mut |_| {})
    };
    run("a", &made.path, Some(&key)).unwrap();
    let refused = run("b", &again.path, Some(&key)).unwrap_err().to_string();
    assert!(refused.contains("none of the keys") && refused.contains(&again.keys[0]), "{refused}");
    let refused = run("c", &again.path, None).unwrap_err().to_string();
    assert!(refused.contains("--keys"), "{refused}");
    // The keys came with it, so what is restored can make and open backups of its own.
    let dir = there.path().join("a");
    let restored = std::fs::read_dir(dir.join("keys/seal")).unwrap().count();
    assert!(restored >= 1, "{restored}");
}

#[test]
fn one_tenant_comes_back_beside_the_others_or_in_its_place() {
    let mut app = world();
    let made = create(&app);
    let id = app.tenant_named("main").id();
    let before = dump(app.tenant_named("main").store().path());
    let wanted = |name: Option<&str>, replace: bool| TenantRestore {
        backup: made.name.clone(),
        tenant: "main".to_owned(),
        name: name.map(str::to_owned),
        replace,
        keys: None,
    };
    let run = |app: &TestApp, wanted: &TenantRestore| app.app().tenant_restore(wanted, &Origin::operator());
    let refused = run(&app, &wanted(None, false)).unwrap_err().to_string();
    assert!(refused.contains("--name") && refused.contains("--replace"), "{refused}");
    let beside = run(&app, &wanted(Some("Копия"), false)).unwrap();
    assert_ne!(beside.id, id);
    assert_eq!((beside.posts, beside.members), (2, 3));
    app.run_pending_jobs();
    // In its place: what happened since is gone there and only there.
    app.index_jsonl(&[line("news", 3, "Новый пост, который был после копии и пропадёт.")]);
    let members = app.app().member_list(app.tenant().id(), &MemberFilter::default(), 10, 0).unwrap().1;
    app.restart();
    let back = run(&app, &wanted(None, true)).unwrap();
    assert_eq!((back.id, back.posts), (id, 2));
    let aside = PathBuf::from(back.set_aside.unwrap());
    assert!(aside.join("tenant.db").is_file(), "{aside:?}");
    assert_eq!(app.app().member_list(app.tenant().id(), &MemberFilter::default(), 10, 0).unwrap().1, members);
    let mut after = dump(app.tenant().store().path());
    let mut before = before;
    after.remove("meta");
    before.remove("meta");
    assert_eq!(after, before);
    assert_eq!(app.app().tenant_list().unwrap().len(), 3);
    app.tenant().indexes_fill(&mut |_| {}).unwrap();
    assert_eq!(app.found("ледокол"), [1]);
    // A deleted one comes back with its people.
    app.app().tenant_delete("main").unwrap();
    let again = run(&app, &wanted(None, false)).unwrap();
    assert_eq!((again.slug.as_str(), again.posts, again.members), ("main", 2, 3));
    app.allow_jobs_left();
}

#[test]
fn a_backup_is_one_moment_while_everybody_writes() {
    let app = world();
    // Two tenants and control.db count in step: what a backup holds of one, it must hold of the others.
    let (one, two) = (app.tenant_named("main"), app.tenant_named("other"));
    let stop = AtomicBool::new(false);
    let (made, written) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut count = 0_u64;
            while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                count += 1;
                one.store().meta_put("count", count.to_string()).unwrap();
                two.store().meta_put("count", count.to_string()).unwrap();
            }
            count
        });
        let made: Vec<BackupMade> = (0..3).map(|_| create(&app)).collect();
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        (made, writer.join().unwrap())
    });
    assert!(written > 3, "{written}");
    for made in made {
        assert!(made.pause_ms <= 50.0, "writers were held up {} ms", made.pause_ms);
        let there = tempfile::tempdir().unwrap();
        let keys = app.data_dir().join("keys/seal");
        restore(&config(there.path()), &made.path, Some(&keys), app.app().clock(), &mut |_| {}).unwrap();
        let count = |id: &str| -> i64 {
            let db =
                rusqlite::Connection::open(there.path().join("tenants").join(id).join("tenant.db")).unwrap();
            let sql = "SELECT coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'count'), 0)";
            db.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        let ahead = count(&one.id().to_string()) - count(&two.id().to_string());
        assert!((0..=1).contains(&ahead), "the second was written after the first, never before: {ahead}");
    }
}

/// A file with a number of its own is what somebody has who made one by hand.
#[test]
fn the_binary_makes_lists_tries_and_lets_go_beside_a_service() {
    let tga = Binary::new();
    tga.ok(&["init"]);
    let posts = tga.jsonl("posts.jsonl", &[line("news", 1, "Ледокол вышел из порта Мурманск на север.")]);
    tga.ok(&["import", posts.to_str().unwrap(), "--tenant", "main"]);
    let alone = tga.ok(&["backup", "create"]);
    assert_eq!(alone["verified"], true, "{alone}");
    assert!(alone["hint"].as_str().unwrap().contains("backup kit"), "{alone}");
    let service = tga.serve();
    let beside = tga.ok(&["backup", "create", "--no-verify"]);
    assert_eq!(beside["verified"], false, "{beside}");
    assert!(Path::new(beside["path"].as_str().unwrap()).is_file(), "{beside}");
    tga.ok(&["backup", "kit", tga.dir().to_str().unwrap()]);
    let list = tga.ok(&["backup", "list"]);
    assert_eq!(list["total"], 2, "{list}");
    assert_eq!(list["hint"], Value::Null, "{list}");
    let tried = tga.ok(&["backup", "verify"]);
    assert_eq!((&tried["ok"], &tried["name"]), (&json!(true), &beside["name"]));
    let list = tga.ok(&["backup", "list"]);
    assert!(list["backups"].as_array().unwrap().iter().all(|row| row["verified_at"].is_string()), "{list}");
    let pruned = tga.ok(&["backup", "prune", "--dry-run"]);
    assert_eq!(pruned["pruned"].as_array().unwrap().len(), 1, "the older of one day: {pruned}");
    assert_eq!(tga.ok(&["backup", "list"])["total"], 2);
    // A whole restore is not for a directory in use, and says so.
    let (code, refused) = tga.json(&["backup", "restore", "latest"]);
    assert_eq!((code, &refused["error"]["code"]), (1, &json!("data_dir_in_use")), "{refused}");
    assert_eq!(service.stop(), 0);
    // With nothing but the printed kit, on an empty machine.
    let there = Binary::new();
    let kit = tga.dir().join("tga-emergency-kit.txt");
    let file = beside["path"].as_str().unwrap();
    let restored = there.ok(&["backup", "restore", file, "--keys", kit.to_str().unwrap()]);
    assert_eq!(restored["posts"], 1, "{restored}");
    let hits = there.ok(&["search", "ледокол", "--tenant", "main"]);
    assert_eq!(hits["hits"].as_array().unwrap().len(), 1, "{hits}");
    there.ok(&["backup", "verify", file]);
}
