//! Backups with the queue and the indexes: used after a restore where they fit, made anew where not, and what is strange is refused.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use serde_json::json;
use tga::{
    app::{
        App,
        audit::Origin,
        backups::{BackupMade, BackupWanted, RestoreReport, TenantRestore, Verified, restore},
    },
    config::Config,
    model::{ChannelSet, PostId, TenantId},
    search::{Filter, Query},
};

use crate::{
    backups::{opened, packed},
    support::{Binary, TestApp, line},
};

const WITH_INDEXES: BackupWanted = BackupWanted { verify: None, indexes: Some(true) };

/// Two tenants with posts that are indexed, and one post that waits in the queue.
fn world() -> TestApp {
    let mut app = TestApp::builder().tenant("other").build();
    app.index_jsonl(&[
        line("news", 1, "Ледокол Арктика вышел из порта Мурманск, ледокол идёт на север к зимовщикам."),
        line("news", 2, "Атомоход Сибирь вернулся в порт Мурманск после рейса, атомоход ждёт ремонта."),
    ]);
    app.import_jsonl_into("other", &[line("sport", 1, "Матч закончился вничью, болельщики довольны.")]);
    app.run_pending_jobs();
    app.import_jsonl(&[line("news", 3, "Танкер Волга ждёт лоцмана у входа в залив.")]);
    app.allow_jobs_left();
    app
}

fn create(app: &TestApp, wanted: BackupWanted) -> BackupMade {
    app.app().backup_create(wanted, &Origin::operator(), &AtomicBool::new(false), &mut |_| {}).unwrap()
}

fn verify(app: &TestApp, made: &BackupMade) -> Verified {
    app.app().backup_verify(Some(&made.name), None, &AtomicBool::new(false)).unwrap()
}

fn config(dir: &Path) -> Config {
    Config::load(None, &[], Some(dir)).unwrap().0
}

fn restored(app: &TestApp, made: &BackupMade, dir: &Path) -> RestoreReport {
    let keys = app.data_dir().join("keys/seal");
    restore(&config(dir), &made.path, Some(&keys), app.app().clock(), &mut |_| {}).unwrap()
}

fn finds(app: &App, tenant: &str, word: &str) -> usize {
    let tenant = app.tenant_get(tenant).unwrap();
    let filter = Filter::channels(ChannelSet::All);
    tenant.indexes().fulltext().search(&Query::words(word), &filter, 10).unwrap().hits.len()
}

#[test]
fn what_fits_is_used_after_a_restore() {
    let app = world();
    let bare = create(&app, BackupWanted::default());
    assert!(bare.derived.is_none());
    let made = create(&app, WITH_INDEXES);
    let derived = made.derived.clone().unwrap();
    assert!(made.verified && derived.queue && derived.left_out.is_empty(), "{derived:?}");
    assert_eq!(derived.indexes.len(), 2);
    let checked = verify(&app, &made);
    assert_eq!((checked.indexes, checked.indexes_unfit.len()), (2, 0));
    assert_eq!(verify(&app, &bare).indexes, 0);

    let there = tempfile::tempdir().unwrap();
    let dir = there.path().join("data");
    // What lay there is of other posts.
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("queue.redb"), b"stale").unwrap();
    let report = restored(&app, &made, &dir);
    assert!(report.queue && report.indexes.len() == 2, "{report:?}");
    let there = App::open(config(&dir), Arc::clone(app.app().clock())).unwrap();
    assert_eq!(
        there.queue().info().live.ready + there.queue().info().backfill.ready,
        1,
        "the post that waits"
    );
    let indexes = there.indexes_restored(&report.indexes, &mut |_| {}).unwrap();
    assert_eq!((indexes.kept.len(), indexes.rebuilt.len()), (2, 0), "{indexes:?}");
    assert_eq!((finds(&there, "main", "ледокол"), finds(&there, "other", "матч")), (1, 1));
    // Indexes that are used are written on.
    let (tenant, id) = (there.tenant_get("main").unwrap(), app.post_id("news", 1));
    tenant.indexes().remove(&[id]).unwrap();
    assert_eq!(finds(&there, "main", "ледокол"), 0);
    assert_eq!(finds(app.app(), "main", "ледокол"), 1, "they are copies");

    // One without them is filled anew, as ever.
    let elsewhere = tempfile::tempdir().unwrap();
    let dir = elsewhere.path().join("data");
    let report = restored(&app, &bare, &dir);
    assert!(!report.queue && report.indexes.is_empty());
    let bare = App::open(config(&dir), Arc::clone(app.app().clock())).unwrap();
    let indexes = bare.indexes_restored(&report.indexes, &mut |_| {}).unwrap();
    assert_eq!((indexes.kept.len(), indexes.rebuilt.len()), (0, 2), "{indexes:?}");
    assert_eq!(finds(&bare, "main", "ледокол"), 1);
}

#[test]
fn what_does_not_fit_is_said_and_made_anew() {
    let app = world();
    let (tenant, lost) = (app.tenant(), app.post_id("news", 1));
    tenant.indexes().remove(&[lost]).unwrap();
    // A post that the database does not have is no reason: it leaves the index.
    let other = app.tenant_named("other");
    let mut stray = other.store().posts_load(&[PostId(1)]).unwrap();
    stray[0].id = PostId(999);
    other.indexes().fulltext_put(&stray).unwrap();
    assert_eq!(finds(app.app(), "other", "матч"), 2);
    let made = create(&app, WITH_INDEXES);
    let checked = verify(&app, &made);
    assert_eq!((checked.indexes, checked.indexes_unfit), (1, vec!["main".to_owned()]));
    let there = tempfile::tempdir().unwrap();
    let dir = there.path().join("data");
    let report = restored(&app, &made, &dir);
    let there = App::open(config(&dir), Arc::clone(app.app().clock())).unwrap();
    let indexes = there.indexes_restored(&report.indexes, &mut |_| {}).unwrap();
    assert_eq!((indexes.kept, indexes.rebuilt.len()), (vec!["other".to_owned()], 1));
    assert_eq!((indexes.rebuilt[0].tenant.as_str(), indexes.rebuilt[0].posts), ("main", 2));
    assert_eq!((finds(&there, "main", "ледокол"), finds(&there, "other", "матч")), (1, 1));
    for slug in ["main", "other"] {
        let tenant = there.tenant_get(slug).unwrap();
        assert!(tenant.indexes().verify(tenant.store()).unwrap().0.is_empty(), "{slug}");
    }
}

#[test]
fn one_tenant_comes_back_with_its_indexes() {
    let app = world();
    let made = create(&app, WITH_INDEXES);
    let wanted = TenantRestore {
        backup: made.name.clone(),
        tenant: "main".to_owned(),
        name: Some("again".to_owned()),
        replace: false,
        keys: None,
    };
    let back = app.app().tenant_restore(&wanted, &Origin::operator()).unwrap();
    assert!(back.indexes_kept);
    assert_eq!(finds(app.app(), "again", "ледокол"), 1);
    app.tenant().indexes().remove(&[app.post_id("news", 1)]).unwrap();
    let unfit = create(&app, WITH_INDEXES);
    let wanted = TenantRestore { backup: unfit.name, name: Some("third".to_owned()), ..wanted };
    assert!(!app.app().tenant_restore(&wanted, &Origin::operator()).unwrap().indexes_kept);
    assert_eq!(finds(app.app(), "third", "ледокол"), 1, "made anew at once");
}

#[test]
fn files_that_are_not_as_the_manifest_says_are_refused() {
    let app = world();
    let made = create(&app, WITH_INDEXES);
    let keys = app.data_dir().join("keys/seal");
    let scratch = tempfile::tempdir().unwrap();
    let broken = scratch.path().join("broken");
    let entries = opened(Path::new(&made.path), &keys);
    let at = |end: &str| entries.iter().position(|(name, _)| name.ends_with(end)).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&entries.last().unwrap().1).unwrap();
    assert_eq!(manifest["format"], 2);
    assert!(manifest["files"].as_object().unwrap().keys().any(|name| name.contains("/fulltext/")));
    assert_eq!(manifest["derived"]["queue"], true);
    let refused = |expected: &str, change: &dyn Fn(&mut crate::backups::Entries)| {
        let mut entries = entries.clone();
        change(&mut entries);
        packed(&broken, &keys, &entries, tar::EntryType::Regular);
        let given = broken.to_str().unwrap();
        let told = app.app().backup_verify(Some(given), None, &AtomicBool::new(false)).unwrap_err();
        assert!(told.to_string().contains(expected), "{told} instead of {expected}");
        let dir = scratch.path().join("data");
        let told = restore(&config(&dir), given, Some(&keys), app.app().clock(), &mut |_| {}).unwrap_err();
        assert!(told.to_string().contains(expected), "{told} instead of {expected}");
        assert!(!dir.join(".restore").exists() && !dir.join("queue.redb").exists());
    };
    refused("is not what its manifest says", &|entries| entries[at("/fulltext/meta.json")].1.push(b' '));
    refused("is missing", &|entries| drop(entries.remove(at("/fulltext/meta.json"))));
    refused("queue", &|entries| entries[at("queue.redb")].1.truncate(100));
    let stranger = format!("tenants/{}/fulltext/meta.json", TenantId(uuid::Uuid::new_v4()));
    refused("belongs to no tenant", &|entries| entries.insert(1, (stranger.clone(), vec![1])));
}

#[test]
fn they_are_asked_for_by_flag_or_configuration() {
    let mut home = Binary::new();
    home.ok(&["init"]);
    let file = home.jsonl("posts.jsonl", &[line("news", 1, "Ледокол вышел из порта Мурманск с грузом")]);
    home.ok(&["import", file.to_str().unwrap(), "--tenant", "main", "--wait"]);
    assert_eq!(home.ok(&["backup", "create"])["derived"], json!(null));
    let made = home.ok(&["backup", "create", "--with-indexes"]);
    assert_eq!((&made["derived"]["queue"], &made["derived"]["left_out"]), (&json!(true), &json!([])));
    let told = home.run(&["backup", "create", "--with-indexes"]).stdout;
    assert!(told.contains("with the queue and the indexes of 1 tenants"), "{told}");
    let there = home.dir().join("there");
    let (keys, dir) = (home.data_dir().join("keys/seal"), there.to_str().unwrap());
    let path = made["path"].as_str().unwrap();
    let back = home.ok(&["backup", "restore", path, "--keys", keys.to_str().unwrap(), "--data-dir", dir]);
    assert_eq!((&back["kept"], &back["rebuilt"]), (&json!(["main"]), &json!([])), "{back}");
    home.set("TGA__BACKUP__INDEXES", "true");
    assert_eq!(home.ok(&["backup", "create"])["derived"]["indexes"].as_array().unwrap().len(), 1);
}
