//! The bot's own time for an update, and a thousand updates a second: everything up to the rows the sender makes true. Nothing is
//! sent, because what Telegram takes to answer is not ours.
//!
//! Posts are the demo's; the people belong to one tenant and follow all of it. The disk is the one of the data directory.
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use tga::{
    app::{
        App, Error, ErrorCode, admissions::Admittance, audit::Origin, eval::retrieval::percentile,
        imports::ImportOptions, invites::NewInvite,
    },
    bot::BotService,
    clock::SystemClock,
    config::Config,
    model::Role,
    pipeline::{TickOutcome, tick},
    store::{Profile, Subscription},
};

/// People who write, so that nobody writes faster than the bot answers one.
const PEOPLE: i64 = 2_000;
/// Updates handled one after the other, each timed.
const TIMED: usize = 2_000;
/// The flood: so many a second, for so long.
const PER_SECOND: u64 = 1_000;
const SECONDS: u64 = 20;
/// How often memory is looked at meanwhile.
const QUARTERS: u64 = 4;
/// What people say, in turn: every fifth asks or searches.
const SAID: [&str; 10] = [
    "/menu",
    "/my_channels",
    "когда откроют станцию Тальминская?",
    "/settings",
    "/tags",
    "/help",
    "/alerts",
    "/search ключевая ставка",
    "/subscription",
    "/start",
];

pub(crate) fn run() {
    let dir = tempfile::tempdir().unwrap();
    let app = settle_in(dir.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let bot = runtime.block_on(async { BotService::open(&app).unwrap() });
    let mut update_id = 0;
    // Whether it was taken: what is refused because too many wait already, Telegram sends again.
    let mut accept = |app: &App| match app.bot_update_accept(&update(update_id + 1)) {
        Ok(_) => {
            update_id += 1;
            true
        }
        Err(error) => {
            assert!(matches!(error, Error::Refused { code: ErrorCode::QueueFull, .. }), "{error}");
            false
        }
    };
    let mut waits = Vec::with_capacity(TIMED);
    for _ in 0..TIMED {
        assert!(accept(&app));
        let started = Instant::now();
        assert_eq!(runtime.block_on(bot.handle_due()), 1);
        waits.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let (p50, p99) = (percentile(&mut waits, 0.5), percentile(&mut waits, 0.99));
    println!(
        "one update               p50 {p50:.1} ms, p99 {p99:.1} ms, most {:.1} ms",
        percentile(&mut waits, 1.0)
    );

    let mut memory = vec![resident_mib()];
    let started = Instant::now();
    let (mut sent, mut handled, mut behind, mut refused) = (0_u64, 0_u64, 0_u64, 0_u64);
    while handled < PER_SECOND * SECONDS {
        let due = (started.elapsed().as_secs_f64() * PER_SECOND as f64) as u64;
        while sent < due.min(PER_SECOND * SECONDS) {
            if !accept(&app) {
                refused += 1;
                break;
            }
            sent += 1;
        }
        behind = behind.max(sent - handled);
        handled += runtime.block_on(bot.handle_due()) as u64;
        if handled >= memory.len() as u64 * PER_SECOND * SECONDS / QUARTERS {
            memory.push(resident_mib());
        }
        if handled == sent {
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{PER_SECOND} a second for {SECONDS} s    all handled within {seconds:.1} s: {:.0} a second; at most {behind} waited, \
         {refused} times Telegram had to try again",
        handled as f64 / seconds
    );
    let memory: Vec<String> = memory.iter().map(|mib| format!("{mib:.0}")).collect();
    println!("memory                   {} MiB, before and after each quarter of them", memory.join(", "));
}

/// What the person of this number says with it.
fn update(update_id: i64) -> String {
    let person = 1 + update_id % PEOPLE;
    json!({ "update_id": update_id, "message": {
        "message_id": update_id, "date": 1_795_262_400, "text": SAID[update_id as usize % SAID.len()],
        "from": { "id": person, "is_bot": false, "first_name": "Анна", "language_code": "ru" },
        "chat": { "id": person, "type": "private", "first_name": "Анна" },
    }})
    .to_string()
}

/// The demo's posts, and the people who follow all of them.
fn settle_in(data: &std::path::Path) -> Arc<App> {
    let environment = [("BOT_TOKEN".to_owned(), "424242:AAbenchAAbenchAAbenchAAbenchAAbench".to_owned())];
    let (mut config, _) = Config::load(None, &environment, Some(data)).unwrap();
    config.tiers.free.questions_per_day = 1_000_000;
    let app = App::open(config, Arc::new(SystemClock)).unwrap();
    app.tenant_create("main").unwrap();
    let tenant = app.tenant_get("main").unwrap();
    let posts = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app/demo/posts.jsonl");
    app.import(&tenant, &posts, &ImportOptions::default(), &mut |_| {}).unwrap();
    while tick(&app).unwrap() != TickOutcome::Idle {}
    let invite = NewInvite { role: Role::User, uses_limit: 0, expires_at: None, notes: None };
    let code = app.invite_create(tenant.id(), &invite, &Origin::operator()).unwrap().code;
    let channels = tenant.store().channel_list().unwrap();
    for telegram_id in 1..=PEOPLE {
        let profile =
            Profile { telegram_id, username: None, first_name: None, last_name: None, language: None };
        let asked = Admittance { invite_code: Some(code.clone()), ..Admittance::default() };
        let login = format!("bench-{telegram_id}");
        let membership = app.admit(&login, profile, &asked).unwrap().member.id;
        app.admission_confirm(&login).unwrap();
        for channel in &channels {
            let follows =
                Subscription { membership, channel: channel.id, depth_days: None, created_at: app.now() };
            tenant.store().subscription_add(follows, 1000).unwrap();
        }
    }
    app
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
