//! Where backups lie and when they come: the schedule, the keep rules, a bucket, the emergency kit, the admin's view of them.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use age::secrecy::ExposeSecret as _;
use axum::http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tga::{
    app::{
        audit::Origin,
        backups::{BackupMade, BackupWanted, restore},
        doctor::State,
    },
    config::Config,
    model::Role,
    store::AuditFilter,
};

use crate::{
    backups::dump_all,
    support::{
        BOT_TOKEN, Builder, TestApp, line,
        s3::{ACCESS_KEY, FakeS3, SECRET_KEY},
    },
};

fn create(app: &TestApp) -> BackupMade {
    app.app()
        .backup_create(BackupWanted::default(), &Origin::operator(), &AtomicBool::new(false), &mut |_| {})
        .unwrap()
}

fn tick(app: &TestApp) -> bool {
    app.app().backup_tick(&AtomicBool::new(false)).unwrap()
}

#[test]
fn one_is_made_every_day_and_old_ones_go_by_the_keep_rules() {
    let mut app = TestApp::builder()
        .set("TGA__BACKUP__KEEP_DAILY", "3")
        .set("TGA__BACKUP__KEEP_WEEKLY", "2")
        .set("TGA__BACKUP__KEEP_MONTHLY", "0")
        .at("2026-11-02T12:00:00Z")
        .build();
    assert!(!tick(&app), "the first look owes nothing");
    app.advance(SignedDuration::from_hours(15));
    assert!(!tick(&app), "at three it is not ten past three");
    for _ in 0..12 {
        app.advance(SignedDuration::from_hours(1));
        assert!(tick(&app));
        assert!(!tick(&app), "once a day");
        app.advance(SignedDuration::from_hours(23));
    }
    let names: Vec<String> = app
        .app()
        .backup_list()
        .unwrap()
        .backups
        .into_iter()
        .map(|backup| backup.created_at[..10].to_owned())
        .collect();
    // The last three days, and of the two last weeks the newest: Sunday the 8th and the newest of all.
    assert_eq!(names, ["2026-11-14", "2026-11-13", "2026-11-12", "2026-11-08"]);
    // Across a restart, and after a machine that was off for days.
    app.restart();
    app.advance(SignedDuration::from_hours(24 * 5));
    assert!(tick(&app));
    assert!(!tick(&app));
}

#[test]
fn a_failure_is_told_tried_again_and_deletes_nothing() {
    let app = TestApp::builder().set("TGA__BACKUP__DIR", "/dev/null/nowhere").build();
    assert!(!tick(&app));
    app.advance(SignedDuration::from_hours(24));
    assert!(app.app().backup_tick(&AtomicBool::new(false)).is_err());
    let list = app.app().backup_list();
    assert!(list.is_err() || list.unwrap().last_problem.is_some());
    let health = app.app().health().unwrap();
    assert!(health.reasons.iter().any(|reason| reason.check == "backups"), "{:?}", health.reasons);
    assert!(!tick(&app), "not again at once");
    app.advance(SignedDuration::from_hours(1));
    assert!(app.app().backup_tick(&AtomicBool::new(false)).is_err(), "again after an hour");
    // One that is stopped keeps nothing.
    let app = TestApp::new();
    let stopped = app.app().backup_create(
        BackupWanted::default(),
        &Origin::operator(),
        &AtomicBool::new(true),
        &mut |_| {},
    );
    assert!(stopped.unwrap_err().to_string().contains("given up"));
    let left = std::fs::read_dir(app.data_dir().join("backups")).unwrap().count();
    assert_eq!((left, app.app().backup_list().unwrap().total), (0, 0));
}

/// Whatever the rules say, the newest that could be restored is not deleted for one that could not.
#[test]
fn one_that_cannot_be_restored_is_told_and_does_not_push_out_a_good_one() {
    let app = TestApp::builder()
        .set("TGA__BACKUP__KEEP_DAILY", "1")
        .set("TGA__BACKUP__KEEP_WEEKLY", "0")
        .set("TGA__BACKUP__KEEP_MONTHLY", "0")
        .build();
    let good = create(&app);
    app.advance(SignedDuration::from_hours(24));
    let stop = AtomicBool::new(false);
    let untried = BackupWanted { verify: Some(false), indexes: None };
    let bad = app.app().backup_create(untried, &Origin::operator(), &stop, &mut |_| {}).unwrap();
    let path = Path::new(&bad.path);
    let mut bytes = std::fs::read(path).unwrap();
    let half = bytes.len() / 2;
    bytes[half] ^= 1;
    std::fs::write(path, bytes).unwrap();
    assert!(app.app().backup_verify(None, None, &stop).is_err());
    let list = app.app().backup_list().unwrap();
    assert!(list.backups[0].problem.is_some(), "{list:?}");
    assert_eq!(list.last_restorable_at.as_deref(), Some(list.backups[1].created_at.as_str()));
    assert_eq!(app.app().health().unwrap().status, State::Problem);
    assert_eq!(app.app().backup_prune(false).unwrap(), Vec::<String>::new());
    assert!(Path::new(&good.path).is_file());
    // The next good one clears it.
    app.advance(SignedDuration::from_hours(24));
    create(&app);
    let checks = app.app().health().unwrap().reasons;
    assert!(!checks.iter().any(|reason| reason.check == "backups"), "{checks:?}");
}

fn with_bucket(builder: Builder, s3: &FakeS3) -> Builder {
    builder
        .set("TGA__BACKUP__S3__ENDPOINT", &s3.endpoint())
        .set("TGA__BACKUP__S3__BUCKET", "bucket")
        .set("TGA__BACKUP__S3__PREFIX", "tga/")
        .set("TGA__BACKUP__S3__ACCESS_KEY", ACCESS_KEY)
        .set("TGA__BACKUP__S3__SECRET_KEY", SECRET_KEY)
        .set("TGA__BACKUP__S3__PART_BYTES", "5242880")
}

#[test]
fn a_bucket_takes_lists_gives_back_and_lets_go() {
    tga::lifecycle::start("error", tga::config::LogFormat::Text);
    let s3 = FakeS3::start();
    let mut app = with_bucket(TestApp::builder(), &s3).build();
    app.index_jsonl(&[line("news", 1, "Ледокол Арктика вышел из порта Мурманск к зимовщикам.")]);
    noise(&app);
    let made = create(&app);
    assert!(made.bytes > 2 * 5_242_880, "{made:?}");
    assert!(s3.requests().iter().any(|request| request.contains("partNumber")), "{:?}", s3.requests());
    assert_eq!(s3.names(), [format!("tga/{}", made.name)]);
    assert!(!app.data_dir().join("backups").exists(), "nothing stays here");
    app.app().backup_verify(Some(&made.name), None, &AtomicBool::new(false)).unwrap();
    // Small ones go in one piece; the list comes in pages.
    let db = rusqlite::Connection::open(app.tenant().store().path()).unwrap();
    db.execute_batch("DELETE FROM meta WHERE key = 'noise'; VACUUM").unwrap();
    drop(db);
    for _ in 0..4 {
        app.advance(SignedDuration::from_hours(24));
        s3.be_tired(2);
        create(&app);
    }
    assert_eq!(app.app().backup_list().unwrap().total, 5);
    assert!(app.app().backup_list().unwrap().place.ends_with("/bucket/tga/"));
    // On an empty machine that knows the bucket and has the keys.
    app.restart();
    let there = tempfile::tempdir().unwrap();
    let environment: Vec<(String, String)> = [
        ("ENDPOINT", s3.endpoint()),
        ("BUCKET", "bucket".to_owned()),
        ("PREFIX", "tga/".to_owned()),
        ("ACCESS_KEY", ACCESS_KEY.to_owned()),
        ("SECRET_KEY", SECRET_KEY.to_owned()),
    ]
    .map(|(name, value)| (format!("TGA__BACKUP__S3__{name}"), value))
    .into();
    let dir = there.path().join("data");
    let (config, _) = Config::load(None, &environment, Some(&dir)).unwrap();
    let keys = app.data_dir().join("keys/seal");
    restore(&config, "latest", Some(&keys), app.app().clock(), &mut |_| {}).unwrap();
    assert_eq!(dump_all(&dir), dump_all(app.data_dir()));
}

#[test]
fn a_bucket_that_cuts_refuses_or_is_not_there_is_no_success() {
    tga::lifecycle::start("error", tga::config::LogFormat::Text);
    let s3 = FakeS3::start();
    let app = with_bucket(TestApp::builder(), &s3).build();
    let failed = |app: &TestApp| {
        let stop = AtomicBool::new(false);
        app.app()
            .backup_create(BackupWanted::default(), &Origin::operator(), &stop, &mut |_| {})
            .unwrap_err()
            .to_string()
    };
    s3.cut(true);
    assert!(failed(&app).contains("instead of"));
    s3.cut(false);
    s3.be_tired(100);
    assert!(failed(&app).contains("SlowDown"));
    s3.be_tired(0);
    let made = create(&app);
    s3.change(&format!("tga/{}", made.name), |bytes| bytes.truncate(bytes.len() / 2));
    let stop = AtomicBool::new(false);
    assert!(app.app().backup_verify(Some(&made.name), None, &stop).unwrap_err().to_string().contains("cut"));
    let wrong = with_bucket(TestApp::builder(), &s3).set("TGA__BACKUP__S3__ACCESS_KEY", "other").build();
    let told = failed(&wrong);
    assert!(told.contains("AccessDenied") && !told.contains(SECRET_KEY), "{told}");
    let away =
        with_bucket(TestApp::builder(), &s3).set("TGA__BACKUP__S3__ENDPOINT", "http://127.0.0.1:9").build();
    assert!(failed(&away).contains("cannot be reached"));
}

#[test]
fn the_kit_is_proven_written_once_and_shown_nowhere() {
    let app = TestApp::new();
    assert!(app.app().backup_kit_hint().unwrap().unwrap().contains("nobody has made"));
    let made = create(&app);
    let dir = tempfile::tempdir().unwrap();
    let kit = app.app().backup_kit(dir.path()).unwrap();
    assert_eq!(kit.opened.as_deref(), Some(made.name.as_str()));
    let secret = "AGE-SECRET-KEY-1";
    assert!(!serde_json::to_string(&kit).unwrap().contains(secret));
    for file in &kit.files {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!(text.matches(secret).count(), 1, "{file}");
        assert_eq!(text.contains("<svg"), file.ends_with("html"));
    }
    assert!(app.app().backup_kit(dir.path()).unwrap_err().to_string().contains("already"));
    assert_eq!(app.app().backup_kit_hint().unwrap(), None);
    // The page alone opens a backup: what a printed kit is for.
    let there = tempfile::tempdir().unwrap();
    let (config, _) = Config::load(None, &[], Some(&there.path().join("data"))).unwrap();
    restore(&config, &made.path, Some(Path::new(&kit.files[0])), app.app().clock(), &mut |_| {}).unwrap();
    // A newer key is not in it, and that is said.
    app.app().seal_key_rotate().unwrap();
    assert!(app.app().backup_kit_hint().unwrap().unwrap().contains("older than the newest key"));
    // The system log, the audit log and the list say nothing secret.
    let said = format!(
        "{:?}{:?}",
        app.app().backup_list().unwrap(),
        app.files()
            .iter()
            .filter(|(path, _)| path.ends_with("control.db") || path.ends_with("control.db-wal"))
            .map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
            .collect::<String>()
    );
    assert!(!said.contains(secret));
}

/// Further recipients open it with their own key, and nothing of this installation.
#[test]
fn a_further_recipient_opens_it_alone() {
    let offline = age::x25519::Identity::generate();
    let recipients = format!("[\"{}\"]", offline.to_public());
    let app = TestApp::builder().set("TGA__BACKUP__RECIPIENTS", &recipients).build();
    let made = create(&app);
    assert_eq!(made.keys.len(), 2);
    let there = tempfile::tempdir().unwrap();
    let key = there.path().join("offline.txt");
    std::fs::write(&key, offline.to_string().expose_secret()).unwrap();
    let (config, _) = Config::load(None, &[], Some(&there.path().join("data"))).unwrap();
    restore(&config, &made.path, Some(&key), app.app().clock(), &mut |_| {}).unwrap();
    // The installation's own key came with it, so its sealed sessions open too.
    let seal = there.path().join("data/keys/seal");
    let names: Vec<String> = std::fs::read_dir(seal)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.iter().any(|name| name.contains(&made.keys[0])), "{names:?}");
}

#[test]
fn operators_see_and_start_backups_and_the_metrics_tell() {
    let app = TestApp::builder().set("BOT_TOKEN", BOT_TOKEN).set("TGA__OPERATORS", "[5]").build();
    let operator = app.person("main", 5, Role::User);
    let list = app.get("/api/operator/backups", &operator.access).ok();
    assert_eq!((&list["total"], &list["running"]), (&json!(0), &json!(false)), "{list}");
    let start = || app.post("/api/operator/backups", &operator.access, &Value::Null);
    assert_eq!(start().status, 202);
    assert_eq!(start().status, 409, "one at a time");
    assert!(tick(&app), "asked for");
    let list = app.get("/api/operator/backups", &operator.access).ok();
    assert_eq!(list["total"], 1, "{list}");
    assert!(
        list["backups"][0]["verified_at"].is_string() && list["last_restorable_at"].is_string(),
        "{list}"
    );
    let health = app.get("/api/operator/health", &operator.access).ok();
    assert!(health["last_backup_at"].is_string(), "{health}");
    let audit = app.app().audit_list(&AuditFilter::default(), 10, 0).unwrap().0;
    assert!(audit.iter().any(|entry| entry.action.name() == "backup_created"));
    let metrics = app.request(Method::GET, "/metrics").send().text();
    let told = |name: &str| metrics.lines().any(|row| row.starts_with(name) && !row.ends_with(" 0"));
    if metrics.contains("process_start_time_seconds") {
        assert!(
            told("backup_last_success_timestamp_seconds") && told("backup_last_verified_timestamp_seconds")
        );
    }
}

/// Of what cannot be packed, more than two parts hold.
fn noise(app: &TestApp) {
    let db = rusqlite::Connection::open(app.tenant().store().path()).unwrap();
    db.execute("INSERT INTO meta (key, value) VALUES ('noise', hex(randomblob(12000000)))", []).unwrap();
}

/// One signature's moment stood for a whole upload, which a storage refuses after a quarter of an hour.
#[test]
fn a_long_upload_is_signed_anew_and_stops_when_the_service_does() {
    tga::lifecycle::start("error", tga::config::LogFormat::Text);
    let s3 = FakeS3::start();
    let app = with_bucket(TestApp::builder(), &s3).build();
    noise(&app);
    s3.be_slow(app.manual_clock());
    let made = create(&app);
    assert_eq!(s3.names(), [format!("tga/{}", made.name)]);
    // A storage that takes a part and says nothing is not waited for.
    let stop = Arc::new(AtomicBool::new(false));
    s3.hang_part(Arc::clone(&stop));
    let stopped = app.app().backup_create(BackupWanted::default(), &Origin::operator(), &stop, &mut |_| {});
    assert!(stopped.unwrap_err().to_string().contains("given up"));
    assert_eq!((s3.names().len(), s3.uploads()), (1, 0), "nothing is kept of it");
    let known = app.app().backup_list().unwrap();
    assert_eq!((known.total, known.last_restorable_at.is_some()), (1, true), "half a backup is none");
    // What a crash left there is taken back by the next run, and what is another's is not.
    let ours = format!("tga/{}", made.name.replace("tga-2", "tga-1"));
    let theirs = "tga/tga-20261123T031000Z-0123456789ab-0009f2c.tar.zst.age";
    for name in [ours.as_str(), theirs, "tga/something"] {
        s3.upload_begin(name);
    }
    let db = rusqlite::Connection::open(app.tenant().store().path()).unwrap();
    db.execute_batch("DELETE FROM meta WHERE key = 'noise'; VACUUM").unwrap();
    drop(db);
    create(&app);
    let mut left = s3.upload_names();
    left.sort();
    assert_eq!(left, ["tga/something", theirs]);
    // A kit is tried on the beginning of the newest.
    let dir = tempfile::tempdir().unwrap();
    assert!(app.app().backup_kit(dir.path()).unwrap().opened.is_some());
    s3.be_gone(true);
    let stop = AtomicBool::new(false);
    let told = app
        .app()
        .backup_create(BackupWanted::default(), &Origin::operator(), &stop, &mut |_| {})
        .unwrap_err();
    assert!(told.to_string().contains("NoSuchBucket"), "{told}");
}

/// Two installations with one directory let go of each other's backups, and took each other's for the newest.
#[test]
fn backups_of_others_in_the_same_place_are_left_alone() {
    let shared = tempfile::tempdir().unwrap();
    let place = shared.path().to_str().unwrap();
    let theirs = TestApp::builder().set("TGA__BACKUP__DIR", place).build();
    let app = TestApp::builder()
        .set("TGA__BACKUP__DIR", place)
        .set("TGA__BACKUP__KEEP_DAILY", "1")
        .set("TGA__BACKUP__KEEP_WEEKLY", "0")
        .set("TGA__BACKUP__KEEP_MONTHLY", "0")
        .build();
    let mut foreign = vec![create(&theirs).name];
    let mut own = Vec::new();
    for _ in 0..2 {
        app.advance(SignedDuration::from_hours(24));
        own.push(create(&app).name);
    }
    theirs.advance(SignedDuration::from_hours(24 * 9));
    foreign.push(create(&theirs).name);
    assert_eq!(app.app().backup_prune(false).unwrap(), [own[0].clone()]);
    let left: Vec<String> =
        app.app().backup_list().unwrap().backups.into_iter().map(|backup| backup.name).collect();
    assert_eq!(left, [foreign[1].clone(), own[1].clone(), foreign[0].clone()]);
    let newest = app.app().backup_verify(None, None, &AtomicBool::new(false)).unwrap();
    assert_eq!(newest.name, own[1]);
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(app.app().backup_kit(dir.path()).unwrap().opened, Some(own[1].clone()));
    // On an empty machine it is the keys that say which is meant.
    let there = tempfile::tempdir().unwrap();
    let environment = [("TGA__BACKUP__DIR".to_owned(), place.to_owned())];
    let (config, _) = Config::load(None, &environment, Some(&there.path().join("data"))).unwrap();
    let keys = app.data_dir().join("keys/seal");
    restore(&config, "latest", Some(&keys), app.app().clock(), &mut |_| {}).unwrap();
}

/// How a copy elsewhere came out was noted of the one in its place, and health told of one that was gone.
#[test]
fn what_is_on_record_is_true_of_the_file_in_its_place() {
    let app = TestApp::new();
    let made = create(&app);
    let elsewhere = tempfile::tempdir().unwrap();
    let (path, copy) = (Path::new(&made.path), elsewhere.path().join(&made.name));
    let whole = std::fs::read(path).unwrap();
    std::fs::write(&copy, &whole).unwrap();
    std::fs::write(path, &whole[..whole.len() / 2]).unwrap();
    let stop = AtomicBool::new(false);
    let verify = |given: &str| app.app().backup_verify(Some(given), None, &stop);
    let problem = || app.app().backup_list().unwrap().backups[0].problem.clone();
    assert!(verify(&made.name).is_err());
    assert!(problem().is_some());
    verify(copy.to_str().unwrap()).unwrap();
    assert!(problem().is_some(), "the one in its place is cut still");
    std::fs::write(path, &whole).unwrap();
    verify(&made.name).unwrap();
    std::fs::write(&copy, &whole[..whole.len() / 2]).unwrap();
    assert!(verify(copy.to_str().unwrap()).is_err());
    assert_eq!(problem(), None);
    // Deleted by hand, or on a disk that is not mounted.
    app.advance(SignedDuration::from_hours(24));
    let newer = create(&app);
    let told = || {
        let reasons = app.app().health().unwrap().reasons;
        reasons.into_iter().find(|reason| reason.check == "backups").map(|reason| reason.state)
    };
    std::fs::remove_file(&newer.path).unwrap();
    assert_eq!(told(), None, "the older one is there");
    std::fs::remove_file(path).unwrap();
    assert_eq!(told(), None, "it was looked at a moment ago");
    app.advance(SignedDuration::from_secs(10));
    assert_eq!(told(), Some(State::Problem));
}

/// A tenant whose posts are all ornaments made every backup of the installation fail.
#[test]
fn posts_without_a_word_make_no_backup_fail() {
    let mut app = TestApp::builder().tenant("other").build();
    app.import_jsonl_into("other", &[line("art", 1, "— — — —"), line("art", 2, "* * * * *")]);
    app.index_jsonl(&[line("news", 1, "Ледокол Арктика вышел из порта Мурманск к зимовщикам.")]);
    assert!(create(&app).verified);
}
