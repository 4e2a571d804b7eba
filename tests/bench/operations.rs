//! Operations at size: a backup of a gigabyte under load, and retention over a million events, both beside writers that time
//! themselves. `TGA_BENCH_GIB` sets another size of the backup.
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tga::{
    app::{App, audit::Origin, backups::BackupWanted, eval::retrieval::percentile},
    clock::SystemClock,
    config::Config,
};

/// Bytes of one made-up value; a row of vectors is about as large.
const VALUE_BYTES: usize = 64 * 1024;
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

/// How long writes take while `body` runs, milliseconds, sorted.
fn writers_beside<T>(app: &App, body: impl FnOnce() -> T) -> (T, Vec<f64>) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut took = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let started = Instant::now();
                app.log_system("info", "beside".to_owned()).unwrap();
                took.push(started.elapsed().as_secs_f64() * 1000.0);
                std::thread::park_timeout(Duration::from_millis(1));
            }
            took
        });
        let done = body();
        stop.store(true, Ordering::Relaxed);
        let mut took = writer.join().unwrap();
        took.sort_by(f64::total_cmp);
        (done, took)
    })
}

fn say_writers(took: &mut [f64]) {
    let most = took.last().copied().unwrap_or(0.0);
    println!(
        "{} writes, p50 {:.1} ms, p99 {:.1} ms, longest {most:.1} ms",
        took.len(),
        percentile(took, 0.5),
        percentile(took, 0.99)
    );
}

fn backup() {
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
    let stop = AtomicBool::new(false);
    let writes = AtomicBool::new(true);
    std::thread::scope(|scope| {
        // As an import: one transaction after the other, as large as a batch of posts.
        scope.spawn(|| {
            while writes.load(Ordering::Relaxed) {
                tenant.store().meta_put("load", "x".repeat(512 * 1024)).unwrap();
            }
        });
        for verify in [false, true] {
            let (made, mut took) = writers_beside(&app, || {
                let wanted = BackupWanted { verify: Some(verify), indexes: None };
                app.backup_create(wanted, &Origin::operator(), &stop, &mut |_| {}).unwrap()
            });
            println!(
                "  backup of {gib:.1} GiB, {}: pause {:.2} ms, {} ms, {:.0} MiB/s, file {} MiB",
                if verify { "restored in scratch" } else { "only made" },
                made.pause_ms,
                made.elapsed_ms,
                gib * 1024.0 / (made.elapsed_ms as f64 / 1000.0),
                made.bytes >> 20
            );
            print!("  writers beside: ");
            say_writers(&mut took);
        }
        writes.store(false, Ordering::Relaxed);
    });
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
    let ((), mut alone) = writers_beside(&app, || std::thread::park_timeout(ALONE));
    print!("  writers alone: ");
    say_writers(&mut alone);
    let before = resident_mib();
    let (report, mut took) =
        writers_beside(&app, || app.retention_run(false, &AtomicBool::new(false)).unwrap());
    println!(
        "  retention of {EVENTS} events: {:?} in {} ms, memory {} MiB before, {} MiB after",
        report.removed,
        report.elapsed_ms,
        before,
        resident_mib()
    );
    print!("  writers beside: ");
    say_writers(&mut took);
}

/// Resident memory: field 2 of /proc/self/statm, in pages of 4096 bytes (proc(5)).
fn resident_mib() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    (statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096) >> 20
}
