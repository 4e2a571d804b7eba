//! Operations at size, each beside writers that time themselves: a backup of a gigabyte while posts are imported and searched, retention
//! over a million events, and an erasure. `TGA_BENCH_GIB` sets another size of the backup.
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tga::{
    app::{
        App, Tenant,
        audit::Origin,
        backups::BackupWanted,
        eval::retrieval::percentile,
        imports::ImportOptions,
        search::{SearchMode, SearchRequest},
    },
    clock::SystemClock,
    config::Config,
    model::ChannelSet,
    pipeline::Engine,
};

/// Bytes of one made-up value; a row of vectors is about as large.
const VALUE_BYTES: usize = 64 * 1024;
/// What is asked while a backup is made.
const QUESTIONS: [&str; 4] = ["погода в Москве", "новый телефон", "курс доллара", "выборы"];
/// Events retention works off.
const EVENTS: i64 = 1_000_000;
/// How long writers are timed with nothing beside them.
const ALONE: Duration = Duration::from_secs(5);

fn open(dir: &std::path::Path) -> Arc<App> {
    let (config, _) = Config::load(None, &[], Some(dir)).unwrap();
    App::open(config, Arc::new(SystemClock)).unwrap()
}

pub(crate) fn run() {
    backup();
    retention();
}

/// How long writes take while `body` runs, milliseconds.
fn beside<T>(write: impl Fn() + Send, body: impl FnOnce() -> T) -> (T, Vec<f64>) {
    let stop = AtomicBool::new(false);
    let stopped = &stop;
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            let mut took = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let started = Instant::now();
                write();
                took.push(started.elapsed().as_secs_f64() * 1000.0);
                std::thread::park_timeout(Duration::from_millis(1));
            }
            took
        });
        let done = body();
        stop.store(true, Ordering::Relaxed);
        (done, writer.join().unwrap())
    })
}

/// A write into control.db.
fn logging(app: &App) -> impl Fn() + Send {
    || app.log_system("info", "beside".to_owned()).unwrap()
}

fn say(took: &mut [f64]) {
    took.sort_by(f64::total_cmp);
    let most = took.last().copied().unwrap_or(0.0);
    println!(
        "{} of them, p50 {:.1} ms, p99 {:.1} ms, longest {most:.1} ms",
        took.len(),
        percentile(took, 0.5),
        percentile(took, 0.99)
    );
}

fn backup() {
    let Some(data) = crate::shared_data() else {
        println!("backup skipped: no posts; set TGA_SHARED_DATA");
        return;
    };
    let gib: f64 = std::env::var("TGA_BENCH_GIB").ok().and_then(|text| text.parse().ok()).unwrap_or(1.0);
    let dir = tempfile::tempdir().unwrap();
    let app = open(dir.path());
    app.tenant_create("large").unwrap();
    let tenant = app.tenant_get("large").unwrap();
    let count = (gib * f64::from(1 << 30)) as usize / VALUE_BYTES;
    let db = rusqlite::Connection::open(tenant.store().path()).unwrap();
    db.execute_batch("BEGIN").unwrap();
    for key in 0..count {
        // Half of it can be packed, as posts can, half cannot, as vectors cannot.
        let sql = "INSERT INTO meta (key, value) VALUES (?1, hex(randomblob(?2)))";
        db.execute(sql, rusqlite::params![format!("noise {key}"), (VALUE_BYTES / 2) as i64]).unwrap();
    }
    db.execute_batch("COMMIT").unwrap();
    drop(db);
    let posts = dir.path().join("posts.jsonl");
    crate::pipeline::large_write(&data.join("telegram-posts-ru.jsonl.gz"), &posts);
    let (stop, asks) = (AtomicBool::new(false), AtomicBool::new(true));
    let engine = Engine::start(&app, false).unwrap();
    std::thread::scope(|scope| {
        let importing =
            scope.spawn(|| app.import(&tenant, &posts, &ImportOptions::default(), &mut |_| {}).unwrap());
        let asking = scope.spawn(|| searches(&app, &tenant, &asks));
        for verify in [false, true] {
            let (made, mut took) = beside(logging(&app), || {
                let wanted = BackupWanted { verify: Some(verify), indexes: None };
                app.backup_create(wanted, &Origin::operator(), &stop, &mut |_| {}).unwrap()
            });
            println!(
                "  backup of {gib:.1} GiB, {}: pause {:.2} ms, {} ms, {:.0} MiB/s, file {} MiB; import {}",
                if verify { "restored in scratch" } else { "only made" },
                made.pause_ms,
                made.elapsed_ms,
                gib * 1024.0 / (made.elapsed_ms as f64 / 1000.0),
                made.bytes >> 20,
                if importing.is_finished() { "over" } else { "still running" }
            );
            print!("  writers beside: ");
            say(&mut took);
        }
        asks.store(false, Ordering::Relaxed);
        print!("  searches beside: ");
        say(&mut asking.join().unwrap());
    });
    drop(engine);
    cleaning(&tenant);
}

/// What an erasure does with the file after its rows are gone.
fn cleaning(tenant: &Tenant) {
    let db = rusqlite::Connection::open(tenant.store().path()).unwrap();
    db.pragma_update(None, "secure_delete", true).unwrap();
    let rows = db.execute("DELETE FROM posts WHERE id % 7 = 0", []).unwrap();
    drop(db);
    let write = || tenant.store().meta_put("beside", "x".to_owned()).unwrap();
    let started = Instant::now();
    let ((), mut took) = beside(write, || tenant.store().compact().unwrap());
    println!("  cleaning of the file after {rows} posts: {} ms", started.elapsed().as_millis());
    print!("  writers beside: ");
    say(&mut took);
}

/// How long searches by words take while `asks` says so, milliseconds.
fn searches(app: &App, tenant: &Tenant, asks: &AtomicBool) -> Vec<f64> {
    let mut took = Vec::new();
    while asks.load(Ordering::Relaxed) {
        let query = QUESTIONS[took.len() % QUESTIONS.len()].to_owned();
        let request = SearchRequest { query, mode: SearchMode::Fulltext, ..SearchRequest::default() };
        let started = Instant::now();
        app.search(tenant, &ChannelSet::All, None, &request).unwrap();
        took.push(started.elapsed().as_secs_f64() * 1000.0);
        std::thread::park_timeout(Duration::from_millis(10));
    }
    took
}

fn retention() {
    let dir = tempfile::tempdir().unwrap();
    let app = open(dir.path());
    let mut db = rusqlite::Connection::open(dir.path().join("control.db")).unwrap();
    let tx = db.transaction().unwrap();
    let day = 86_400_000;
    for id in 0..EVENTS {
        let days = if id < EVENTS / 2 { 100 } else { 40 };
        let sql = "INSERT INTO telegram_auth_events (at, event, ip, user_agent)
                   VALUES (?1, 'qr_started', '203.0.113.77', 'Mozilla/5.0 (X11; Linux x86_64) Firefox/127.0')";
        let at = app.now().as_millisecond() - days * day + id;
        tx.prepare_cached(sql).unwrap().execute([at]).unwrap();
    }
    tx.commit().unwrap();
    drop(db);
    // What the disk alone makes of the longest.
    let ((), mut alone) = beside(logging(&app), || std::thread::park_timeout(ALONE));
    print!("  writers alone: ");
    say(&mut alone);
    let before = resident_mib();
    let (report, mut took) =
        beside(logging(&app), || app.retention_run(false, &AtomicBool::new(false)).unwrap());
    println!(
        "  retention of {EVENTS} events: {:?} in {} ms, memory {} MiB before, {} MiB after",
        report.removed,
        report.elapsed_ms,
        before,
        resident_mib()
    );
    print!("  writers beside: ");
    say(&mut took);
}

/// Resident memory: field 2 of /proc/self/statm, in pages of 4096 bytes (proc(5)).
fn resident_mib() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    (statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096) >> 20
}
