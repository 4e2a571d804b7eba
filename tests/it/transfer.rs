//! A tenant leaves one installation and arrives at another, whole or not at all: through the binary, with files as they may come.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tga::{app::audit::Origin, model::Role, store::TenantStore};
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::support::{Binary, TestApp, line};

/// Tables whose rows stay behind or are made anew.
const NOT_CARRIED: [&str; 2] = ["channel_peers", "meta"];

/// Every row of a tenant's database as text, by table; ids of members as the people they are.
pub(crate) fn dump(database: &Path, people: &BTreeMap<i64, i64>) -> BTreeMap<String, Vec<String>> {
    let db = rusqlite::Connection::open(database).unwrap();
    let named = |sql: &str| -> Vec<String> {
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let tables = named("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'");
    let mut dumped = BTreeMap::new();
    for table in tables.into_iter().filter(|table| !NOT_CARRIED.contains(&table.as_str())) {
        let columns = named(&format!("SELECT name FROM pragma_table_info('{table}')"));
        let mut statement = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let mut rows = statement.query([]).unwrap();
        let mut lines = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let cells = columns.iter().enumerate().map(|(at, column)| {
                let value: rusqlite::types::Value = row.get(at).unwrap();
                match (&value, column.as_str()) {
                    (rusqlite::types::Value::Integer(id), "membership_id" | "reader") => {
                        format!("{column}=person {}", people[id])
                    }
                    _ => format!("{column}={value:?}"),
                }
            });
            lines.push(cells.collect::<Vec<_>>().join(" "));
        }
        lines.sort();
        dumped.insert(table, lines);
    }
    dumped
}

/// Members of an installation: `id → telegram_id`.
fn people(data_dir: &Path) -> BTreeMap<i64, i64> {
    let db = rusqlite::Connection::open(data_dir.join("control.db")).unwrap();
    let sql = "SELECT m.id, telegram_id FROM memberships m JOIN identities i ON i.id = identity_id";
    let mut statement = db.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// An installation with a tenant that has posts, members, a history, a session that must not leave, and an export of it.
fn exported() -> (TestApp, PathBuf) {
    let mut app = TestApp::new();
    app.index_jsonl(&[
        line("news", 1, "Ледокол Арктика вышел из порта Мурманск, ледокол идёт на север к зимовщикам."),
        line("news", 2, "Атомоход Сибирь вернулся в порт Мурманск после рейса, атомоход ждёт ремонта."),
    ]);
    for id in 1..4 {
        let role = if id == 1 { Role::Admin } else { Role::User };
        let person = app.person("main", id, role);
        app.post("/api/rag/query", &person.access, &json!({ "query": "Где ледокол?" })).ok();
        app.advance(SignedDuration::from_secs(1));
    }
    let tenant = app.tenant();
    let db = rusqlite::Connection::open(tenant.store().path()).unwrap();
    db.execute_batch(
        "INSERT INTO telegram_sessions VALUES
             ('11111111-1111-4111-8111-111111111111', 2, 2, 2, 'active', NULL, NULL, x'5345434245', 'key', 1, 1);
         INSERT INTO channel_peers VALUES (2, -1001, 424242, 1, 1);
         INSERT INTO feedback (membership_id, comment, created_at) VALUES (3, 'Хорошо', 1), (99, 'Чужое', 1);
         INSERT INTO notices VALUES (1, 2, 'channel_paused', '1', 'private', 1, 1, NULL);
         UPDATE channel_reading SET reader = 2;",
    )
    .unwrap();
    drop(db);
    let path = app.data_dir().join("main.zip");
    app.app().tenant_export(&tenant, &path, &Origin::operator()).unwrap();
    (app, path)
}

/// The files of a zip.
type Files = BTreeMap<String, Vec<u8>>;

fn unpacked(path: &Path) -> Files {
    let mut zip = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut files = BTreeMap::new();
    for at in 0..zip.len() {
        let mut entry = zip.by_index(at).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        files.insert(entry.name().unwrap().into_owned(), content);
    }
    files
}

fn packed(path: &Path, files: &Files) {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    for (name, content) in files {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
}

/// The manifest's hashes and lengths made to fit the files again.
fn resigned(files: &mut Files, change: impl FnOnce(&mut Value)) {
    let mut manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    for name in ["tenant.db", "members.json"] {
        let hash =
            Sha256::digest(&files[name]).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        manifest["files"][name] = json!({ "bytes": files[name].len(), "sha256": hash });
    }
    change(&mut manifest);
    files.insert("manifest.json".to_owned(), serde_json::to_vec(&manifest).unwrap());
}

fn imported(tga: &Binary, file: &Path, more: &[&str]) -> Value {
    tga.ok(&[&["tenant", "import", file.to_str().unwrap()], more].concat())
}

#[test]
fn a_tenant_arrives_as_it_left_but_for_its_sessions() {
    let (app, path) = exported();
    let files = unpacked(&path);
    assert!(!files["tenant.db"].windows(5).any(|bytes| bytes == b"SECBE"), "a sealed session left");
    // The other installation has people of its own, one of them a member of ours, so that ids differ.
    let there = TestApp::builder().tenant("other").build();
    for id in [70, 3, 71, 72] {
        there.person("other", id, Role::User);
    }
    let to = there.app().tenant_import(&path, Some("home"), &Origin::operator()).unwrap();
    let tenant = there.tenant_named("home");
    assert_eq!((tenant.id(), to.slug.as_str()), (to.id, "home"));
    assert_ne!(tenant.id(), app.tenant().id(), "an id of its own");
    let mut before = dump(app.tenant().store().path(), &{
        let mut people = people(app.data_dir());
        people.insert(99, 99);
        people
    });
    before.get_mut("feedback").unwrap().retain(|row| !row.contains("person 99"));
    for row in before.get_mut("telegram_sessions").unwrap() {
        assert!(row.contains("\"active\""), "{row}");
        *row = row
            .replace("Text(\"active\") reason=Null", "Text(\"revoked\") reason=Text(\"exported\")")
            .replace("sealed=Blob([83, 69, 67, 66, 69]) key_id=Text(\"key\")", "sealed=Null key_id=Null");
    }
    let after = dump(tenant.store().path(), &people(there.data_dir()));
    assert_eq!(after, before);
    let members: Vec<i64> = people(there.data_dir()).into_values().collect();
    assert_eq!(members, [70, 3, 71, 72, 3, 2, 1]);
}

#[test]
fn the_binary_exports_and_imports_and_overwrites_nothing() {
    let (here, there) = (Binary::new(), Binary::new());
    here.ok(&["tenant", "create", "Мой дом"]);
    let posts = here.jsonl("posts.jsonl", &[line("news", 1, "Ледокол вышел из порта Мурманск на север.")]);
    here.ok(&["import", posts.to_str().unwrap(), "--tenant", "мой-дом"]);
    let file = here.dir().join("home.zip");
    let export = |code: i32| {
        let run = here.run(&["tenant", "export", "мой-дом", "home.zip"]);
        assert_eq!(run.code, code, "{}{}", run.stdout, run.stderr);
    };
    export(0);
    let size = file.metadata().unwrap().len();
    export(1);
    assert_eq!(file.metadata().unwrap().len(), size, "a file that is there stays");
    let run = there.run(&["tenant", "import", file.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let hits = there.ok(&["search", "ледокол", "--tenant", "мой-дом"])["hits"].clone();
    assert_eq!(hits.as_array().unwrap().len(), 1, "{hits}");
    let (code, refused) = there.json(&["tenant", "import", file.to_str().unwrap()]);
    assert_eq!((code, &refused["error"]["code"]), (1, &json!("conflict")), "{refused}");
    imported(&there, &file, &["--name", "Второй"]);
    assert_eq!(there.ok(&["tenant", "list"])["tenants"].as_array().unwrap().len(), 2);
    // Both sides hold the same, and nobody is a member of either.
    let database = |tga: &Binary, slug: &str| {
        let id = tga.ok(&["tenant", "show", slug])["tenant"]["id"].as_str().unwrap().to_owned();
        dump(&tga.data_dir().join("tenants").join(id).join("tenant.db"), &BTreeMap::new())
    };
    assert_eq!(database(&there, "второй"), database(&here, "мой-дом"));
    let left = std::fs::read_dir(there.data_dir()).unwrap();
    assert!(!left.into_iter().any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with(".t")));
}

#[test]
fn what_is_cut_changed_newer_or_strange_is_refused_and_leaves_nothing() {
    let (app, path) = exported();
    let whole = std::fs::read(&path).unwrap();
    let there = TestApp::builder().tenant("other").build();
    let broken = there.data_dir().join("broken.zip");
    let import = |name: Option<&str>| there.app().tenant_import(&broken, name, &Origin::operator());
    let refused = |expected: &str| {
        let error = import(Some("moved")).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} instead of {expected}");
        assert_eq!(there.app().tenant_list().unwrap().len(), 2, "{expected}");
        let tenants = std::fs::read_dir(there.data_dir().join("tenants")).unwrap().count();
        assert!(tenants <= 2, "{expected}: a directory is left");
        let entries = std::fs::read_dir(there.data_dir()).unwrap();
        let left = entries
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".transfer"));
        assert_eq!(left.count(), 0, "{expected}: scratch is left");
    };
    for length in [0, 10, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&broken, &whole[..length]).unwrap();
        refused("cut or damaged");
    }
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    std::fs::write(&broken, &flipped).unwrap();
    refused("tenant.db");

    let files = unpacked(&path);
    let with = |change: &dyn Fn(&mut Files), expected: &str| {
        let mut files = files.clone();
        change(&mut files);
        packed(&broken, &files);
        refused(expected);
    };
    for name in ["../../evil", "/etc/evil", "tenant.db/../evil"] {
        with(&|files| drop(files.insert(name.to_owned(), vec![1])), "which no export has");
    }
    with(&|files| drop(files.remove("members.json")), "cut or damaged");
    with(&|files| files.get_mut("members.json").unwrap().push(b' '), "longer than its manifest says");
    with(&|files| resigned(files, |manifest| manifest["format"] = json!(2)), "newer `tga`");
    with(&|files| resigned(files, |manifest| manifest["counts"]["posts"] = json!(7)), "not the one");
    let database = |sql: &'static str| {
        move |files: &mut Files| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &files["tenant.db"]).unwrap();
            rusqlite::Connection::open(file.path()).unwrap().execute_batch(sql).unwrap();
            files.insert("tenant.db".to_owned(), std::fs::read(file.path()).unwrap());
            resigned(files, |_| {});
        }
    };
    with(&database("PRAGMA user_version = 999"), "schema version 999");
    let trigger = "CREATE TRIGGER t AFTER INSERT ON posts BEGIN DELETE FROM posts; END";
    with(&database(trigger), "other tables than those");
    let replaced = "DROP TRIGGER page_orphaned;
        CREATE TRIGGER page_orphaned AFTER DELETE ON post_pages BEGIN DELETE FROM posts; END";
    with(&database(replaced), "other tables than those");
    let twice = |files: &mut Files| {
        let mut members: Vec<Value> = serde_json::from_slice(&files["members.json"]).unwrap();
        members.push(members[0].clone());
        files.insert("members.json".to_owned(), serde_json::to_vec(&members).unwrap());
        resigned(files, |_| {});
    };
    with(&twice, "twice");
    // And the whole one is taken under another name.
    std::fs::write(&broken, &whole).unwrap();
    assert!(import(None).unwrap_err().to_string().contains("--name"), "there is a main already");
    assert_eq!(import(Some("moved")).unwrap().slug, "moved");
    drop(app);
}

/// A database as an older program left it is brought up to date on the way.
#[test]
fn an_older_database_is_migrated_on_import() {
    let dir = tempfile::tempdir().unwrap();
    let id = tga::model::TenantId(uuid::Uuid::new_v4());
    drop(TenantStore::open(dir.path(), id).unwrap());
    let newest = tga::store::TENANT.migrations.len() as i64;
    assert_eq!(tga::store::archive_check(&dir.path().join("tenant.db")).unwrap().0, newest);
    let old = dir.path().join("old.db");
    let db = rusqlite::Connection::open(&old).unwrap();
    for sql in &tga::store::TENANT.migrations[..4] {
        db.execute_batch(sql).unwrap();
    }
    db.pragma_update(None, "user_version", 4).unwrap();
    drop(db);
    assert_eq!(tga::store::archive_check(&old).unwrap().0, 4);
    tga::store::archive_adopt(&old, id, &BTreeMap::new()).unwrap();
    assert_eq!(tga::store::archive_check(&old).unwrap().0, newest);
}

/// The file in the making had a name anybody could lay a link under.
#[test]
fn an_export_writes_into_nothing_that_is_there() {
    let app = TestApp::new();
    let dir = tempfile::tempdir().unwrap();
    let (victim, file) = (dir.path().join("victim"), dir.path().join("main.zip"));
    std::fs::write(&victim, b"mine").unwrap();
    std::os::unix::fs::symlink(&victim, dir.path().join("main.zip.part")).unwrap();
    app.app().tenant_export(&app.tenant(), &file, &Origin::operator()).unwrap();
    assert_eq!(std::fs::read(&victim).unwrap(), b"mine");
    let mut names: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["main.zip", "main.zip.part", "victim"]);
}
