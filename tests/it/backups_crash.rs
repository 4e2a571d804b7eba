//! Death of the process at random moments of a backup, a restore and an import, and at every fail point of them: never a backup
//! that is not whole under a backup's name, never a directory half restored that looks like one, nothing lost.

use std::{path::Path, process::Command, time::Instant};

use serde_json::json;

use crate::{
    backups::{dump, dump_all},
    support::{Binary, line},
    support_faults::{Random, wait_for},
};

/// Kills of each kind unless `TGA_KILLS` says otherwise.
const KILLS_DEFAULT: u64 = 8;
/// Posts of the installation that is backed up.
const POSTS: i64 = 400;

fn kills() -> u64 {
    std::env::var("TGA_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS_DEFAULT)
}

/// An installation with some posts.
fn source() -> Binary {
    let tga = Binary::new();
    tga.ok(&["init"]);
    let lines: Vec<_> = (1..=POSTS)
        .map(|id| {
            line("news", id, &format!("Пост номер {id} о погоде, ледоколах и порте Мурманск, {}", id * 7919))
        })
        .collect();
    let posts = tga.jsonl("posts.jsonl", &lines);
    tga.ok(&["import", posts.to_str().unwrap(), "--tenant", "main"]);
    tga
}

/// Runs a command and kills it after a while; whether it was still alive.
fn killed_after(mut command: Command, after_us: u64) -> bool {
    let mut child = command.spawn().unwrap();
    let started = Instant::now();
    let mut ended = false;
    wait_for("the moment to kill", || {
        ended = child.try_wait().unwrap().is_some();
        ended || started.elapsed().as_micros() as u64 >= after_us
    });
    // Gone in between is as good.
    let _ = child.kill();
    child.wait().unwrap().code().is_none() && !ended
}

#[test]
fn a_backup_killed_at_random_moments_leaves_whole_ones_only() {
    let tga = source();
    let started = Instant::now();
    tga.ok(&["backup", "create"]);
    let mut whole_us = started.elapsed().as_micros() as u64;
    let before = dump_all(&tga.data_dir());
    let mut random = Random(21);
    let mut killed = 0;
    while killed < kills() {
        if killed_after(tga.command(&["backup", "create", "--json"]), random.below(whole_us)) {
            killed += 1;
        } else {
            whole_us = whole_us * 9 / 10;
        }
    }
    println!("{killed} kills within {} ms each", whole_us / 1000);
    assert_eq!(dump_all(&tga.data_dir()), before, "making backups changes nothing");
    let list = tga.ok(&["backup", "list"]);
    for backup in list["backups"].as_array().unwrap() {
        tga.ok(&["backup", "verify", backup["name"].as_str().unwrap()]);
    }
    // What the kills left goes with the next one.
    tga.ok(&["backup", "create"]);
    let left = std::fs::read_dir(tga.data_dir().join("backups")).unwrap();
    let parts = left.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".part"));
    assert_eq!(parts.count(), 0);
    let left = std::fs::read_dir(tga.data_dir()).unwrap();
    let scratch =
        left.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".backup-"));
    assert_eq!(scratch.count(), 0);
}

/// Restores after deaths until it is done, and compares.
fn restored(there: &Binary, backup: &str, keys: &Path, tga: &Binary) {
    let arguments = ["backup", "restore", backup, "--keys", keys.to_str().unwrap()];
    let (code, answer) = there.json(&arguments);
    if code != 0 {
        // It was done before the last death.
        assert!(answer.to_string().contains("holds data"), "{answer}");
        there.ok(&["tenant", "list"]);
    }
    let (left, right) = (dump_all(&there.data_dir()), dump_all(&tga.data_dir()));
    assert_eq!(left, right);
}

#[test]
fn a_restore_killed_at_random_moments_is_done_again_or_finished() {
    let tga = source();
    let made = tga.ok(&["backup", "create"]);
    let (backup, keys) = (made["path"].as_str().unwrap(), tga.data_dir().join("keys/seal"));
    let arguments = ["backup", "restore", backup, "--keys", keys.to_str().unwrap(), "--json"];
    let started = Instant::now();
    let first = Binary::new();
    first.ok(&arguments);
    let mut whole_us = started.elapsed().as_micros() as u64;
    let mut random = Random(22);
    let mut killed = 0;
    while killed < kills() {
        let there = Binary::new();
        for _ in 0..3 {
            if killed_after(there.command(&arguments), random.below(whole_us)) {
                killed += 1;
            } else {
                whole_us = whole_us * 9 / 10;
            }
            // Whatever it left, no start begins with nothing on it.
            let run = there.run(&["tenant", "list"]);
            let names_main = run.stdout.contains("main");
            let is_empty = run.code == 0 && !names_main;
            let was_nothing = is_empty && killed_before_anything(&there);
            assert!(names_main || run.code == 1 || was_nothing, "{}{}", run.stdout, run.stderr);
            if was_nothing {
                std::fs::remove_dir_all(there.data_dir()).unwrap();
            }
        }
        restored(&there, backup, &keys, &tga);
    }
    println!("{killed} kills within {} ms each", whole_us / 1000);
}

/// Nothing had been unpacked when it died: the directory is as good as new.
fn killed_before_anything(there: &Binary) -> bool {
    dump(&there.data_dir().join("control.db"))["tenants"].is_empty()
}

#[test]
fn a_restore_killed_between_its_moves_is_finished_by_the_next_start() {
    let tga = source();
    let made = tga.ok(&["backup", "create"]);
    let (backup, keys) = (made["path"].as_str().unwrap(), tga.data_dir().join("keys/seal"));
    for point in ["restore_whole", "restore_tenants_placed"] {
        let there = Binary::new();
        let mut command = there.command(&["backup", "restore", backup, "--keys", keys.to_str().unwrap()]);
        let output = command.env("TGA_FAIL_POINT", point).output().unwrap();
        assert_eq!(output.status.code(), None, "{point}: it was to die");
        let tenants = there.ok(&["tenant", "list"]);
        assert_eq!(tenants["tenants"][0]["slug"], "main", "{point}: {tenants}");
        assert_eq!(dump_all(&there.data_dir()), dump_all(&tga.data_dir()), "{point}");
        assert!(!there.data_dir().join(".restore").exists(), "{point}");
    }
    // One that was not whole is not begun on, and done again.
    let there = Binary::new();
    std::fs::create_dir_all(there.data_dir().join(".restore/tenants")).unwrap();
    let run = there.run(&["tenant", "list"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stderr.contains("backup restore"), "{}", run.stderr);
    restored(&there, backup, &keys, &tga);
}

/// Killed half-way an import left a directory that no tenant had, for ever.
#[test]
fn an_import_killed_half_way_leaves_no_directory_of_nobodys() {
    let (tga, there) = (source(), Binary::new());
    let file = tga.dir().join("main.zip");
    tga.ok(&["tenant", "export", "main", file.to_str().unwrap()]);
    there.ok(&["init"]);
    let count = |tga: &Binary| std::fs::read_dir(tga.data_dir().join("tenants")).unwrap().count();
    let arguments = ["tenant", "import", file.to_str().unwrap(), "--name", "moved"];
    let output = there.command(&arguments).env("TGA_FAIL_POINT", "tenant_placed").output().unwrap();
    assert_eq!(output.status.code(), None, "it was to die");
    assert_eq!(count(&there), 2);
    let list = there.ok(&["tenant", "list"]);
    assert_eq!(list["tenants"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!(count(&there), 1, "what the import left is gone");
    there.ok(&arguments);
    assert_eq!(count(&there), 2);
    let moved = there.ok(&["tenant", "show", "moved"])["tenant"]["id"].as_str().unwrap().to_owned();
    assert!(!there.data_dir().join("tenants").join(moved).join("unowned").exists());
    // A directory of somebody else's is named, not touched.
    std::fs::create_dir(there.data_dir().join("tenants/mine")).unwrap();
    there.ok(&["tenant", "list"]);
    assert_eq!(count(&there), 3);
}

#[test]
fn a_tenant_half_deleted_is_deleted() {
    let tga = source();
    tga.ok(&["tenant", "create", "second"]);
    let id = tga.ok(&["tenant", "show", "second"])["tenant"]["id"].as_str().unwrap().to_owned();
    // As a kill between control.db and the directory leaves it.
    let dir = tga.data_dir().join("tenants").join(id);
    std::fs::write(dir.join("unowned"), b"").unwrap();
    let db = rusqlite::Connection::open(tga.data_dir().join("control.db")).unwrap();
    db.execute("DELETE FROM tenants WHERE slug = 'second'", []).unwrap();
    drop(db);
    let list = tga.ok(&["tenant", "list"]);
    assert_eq!(list["tenants"].as_array().unwrap().len(), 1);
    assert!(!dir.exists());
    assert_eq!(tga.ok(&["search", "ледокол", "--tenant", "main"])["total"], json!(POSTS));
}

/// A death between the two moves left the tenant that was promised to be set aside in scratch, which the next start removed.
#[test]
fn a_replaced_tenant_is_there_after_a_death_between_the_moves() {
    let tga = source();
    tga.ok(&["backup", "create"]);
    let since = tga.jsonl("since.jsonl", &[line("news", POSTS + 1, "Пост, который был после копии")]);
    tga.ok(&["import", since.to_str().unwrap(), "--tenant", "main"]);
    let id = tga.ok(&["tenant", "show", "main"])["tenant"]["id"].as_str().unwrap().to_owned();
    let (place, shelf) = (tga.data_dir().join("tenants").join(&id), tga.data_dir().join("aside"));
    let posts = |dir: &Path| dump(&dir.join("tenant.db"))["posts"].len() as i64;
    let arguments = ["backup", "restore", "latest", "--tenant", "main", "--replace"];
    for (point, in_place, aside) in
        [("tenant_beside", POSTS + 1, POSTS), ("tenant_swapped", POSTS, POSTS + 1)]
    {
        let output = tga.command(&arguments).env("TGA_FAIL_POINT", point).output().unwrap();
        assert_eq!(output.status.code(), None, "{point}: it was to die");
        tga.ok(&["tenant", "list"]);
        let left: Vec<_> = std::fs::read_dir(&shelf).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!((posts(&place), left.len()), (in_place, 1), "{point}");
        assert_eq!(posts(&left[0]), aside, "{point}: both are there after the next start");
        std::fs::remove_dir_all(&left[0]).unwrap();
    }
    let (code, answer) = tga.json(&arguments);
    assert_eq!(code, 0, "{answer}");
    assert!(Path::new(answer["set_aside"].as_str().unwrap()).join("tenant.db").is_file(), "{answer}");
    // Nothing is said to lie aside where there was nothing.
    std::fs::remove_dir_all(&place).unwrap();
    let answer = tga.ok(&arguments);
    assert_eq!((&answer["set_aside"], posts(&place)), (&json!(null), POSTS), "{answer}");
}
