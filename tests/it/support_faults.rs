//! What the crash and damage tests share: a data directory, the real binary on it, files to import, and the check that
//! everything is whole.
//!
//! Drives the debug binary as a user does; looks inside through the library only when no process holds the directory. No sleeps:
//! [`wait_for`] polls a condition up to a deadline.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tga::{
    app::{
        App,
        search::{SearchMode, SearchRequest},
    },
    clock::SystemClock,
    config::Config,
    model::{ChannelSet, Event},
};

/// How long any condition may take before the test fails. Far above what is needed: machines are shared.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Waits until `condition` holds.
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// A data directory with tenant `main`.
pub(crate) struct Appliance {
    dir: PathBuf,
    _scratch: Option<tempfile::TempDir>,
}

/// A service on the directory; killed when dropped.
pub(crate) struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Service {
    /// Waits until it has ended by itself.
    pub(crate) fn wait(&mut self) {
        self.0.wait().unwrap();
    }

    pub(crate) fn kill(&mut self) {
        // Already gone is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Appliance {
    pub(crate) fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let appliance = Self { dir: scratch.path().join("data"), _scratch: Some(scratch) };
        appliance.ok(&["init", "--json"]);
        appliance
    }

    /// On a directory of the caller's.
    pub(crate) fn at(dir: &Path) -> Self {
        let appliance = Self { dir: dir.to_owned(), _scratch: None };
        appliance.ok(&["init", "--json"]);
        appliance
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory of a tenant.
    pub(crate) fn tenant_dir(&self, slug: &str) -> PathBuf {
        let shown = self.ok(&["tenant", "list", "--json"]);
        let tenants = shown["tenants"].as_array().unwrap();
        let row = tenants.iter().find(|row| row["slug"] == slug).unwrap();
        self.dir.join("tenants").join(row["id"].as_str().unwrap())
    }

    /// A `tga` command on this directory.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tga"));
        command
            .args(arguments)
            .arg("--quiet")
            .arg("--data-dir")
            .arg(&self.dir)
            .current_dir(self.dir.parent().unwrap_or(Path::new("/")))
            .env_remove("TGA_FAIL_POINT")
            .env("TGA__SERVER__LISTEN", "127.0.0.1:0")
            .env("TGA__METRICS__LISTEN", "")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must succeed and returns its document.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        let (out, err) = texts(&output);
        assert!(output.status.success(), "{arguments:?}: {out}{err}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
    }

    /// Runs a command that must fail with exit code 1 and returns what it said.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {out}{err}");
        assert!(!err.contains("panicked"), "{arguments:?}: {err}");
        err
    }

    pub(crate) fn import(&self, file: &Path, tenant: &str) -> Value {
        self.ok(&["import", file.to_str().unwrap(), "--tenant", tenant, "--wait", "--json"])
    }

    /// Waits until the service has struck off every job. A post is ready before its job is: a kill in between leaves the job, which the
    /// next process finishes.
    pub(crate) fn wait_settled(&self) {
        wait_for("the queue to be empty", || {
            let info = self.ok(&["queue", "info", "--json"]);
            info["ready"] == 0 && info["scheduled"] == 0 && info["claimed"] == 0
        });
    }

    /// Starts `tga serve` and waits until it answers commands.
    pub(crate) fn serve(&self) -> Service {
        self.serve_with(&[])
    }

    /// The same with more in the environment.
    pub(crate) fn serve_with(&self, environment: &[(&str, &str)]) -> Service {
        let socket = self.dir.join("tga.sock");
        let mut command = self.command(&["serve"]);
        command.envs(environment.iter().copied()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut service = Service(command.spawn().unwrap());
        wait_for("the service's socket", || {
            assert!(service.0.try_wait().unwrap().is_none(), "the service ended");
            std::os::unix::net::UnixStream::connect(&socket).is_ok()
        });
        service
    }

    /// Opens the directory in this process.
    pub(crate) fn open(&self) -> Arc<App> {
        let (config, _) = Config::load(None, &[], Some(&self.dir)).unwrap();
        App::open(config, Arc::new(SystemClock)).unwrap()
    }

    /// The system log's messages, newest first.
    pub(crate) fn system_log(&self) -> Vec<String> {
        let db = rusqlite::Connection::open(self.dir.join("control.db")).unwrap();
        let mut statement = db.prepare("SELECT message FROM system_log ORDER BY id DESC").unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// Everything imported is there once, finished, in the indexes, and has told its events.
    pub(crate) fn assert_whole(&self, tenant: &str, posts: &Posts, context: &str) {
        let verified = self.ok(&["index", "verify", "--tenant", tenant, "--json"]);
        assert_eq!(verified["indexes"][0]["ok"], json!(true), "{context}: {verified}");
        let app = self.open();
        let queue = app.queue_view();
        let waiting = queue.ready + queue.scheduled + queue.claimed;
        assert_eq!((waiting, queue.dead), (0, 0), "{context}: jobs left, dead letters");
        let tenant = app.tenant_get(tenant).unwrap();
        let status = app.tenant_status(&tenant).unwrap();
        assert_eq!(
            (status.posts, status.indexed),
            (posts.leads(), posts.leads()),
            "{context}: posts, indexed"
        );
        if status.model.is_some() {
            assert_eq!(status.embedded, status.posts, "{context}: embedded");
        }
        assert_rows(&tenant, posts, context);
        for (word, found) in posts.probes() {
            let request =
                SearchRequest { query: word.clone(), mode: SearchMode::Fulltext, ..SearchRequest::default() };
            let hits = app.search(&tenant, &ChannelSet::All, None, &request).unwrap();
            let exact = hits.hits.iter().filter(|hit| hit.snippet.contains(&word)).count();
            assert_eq!(exact, found, "{context}: search for {word}");
        }
    }
}

/// What tenant.db must hold.
fn assert_rows(tenant: &tga::app::Tenant, posts: &Posts, context: &str) {
    let db = rusqlite::Connection::open(tenant.store().path()).unwrap();
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok", "{context}");
    assert_eq!(number("SELECT count(*) FROM posts"), posts.messages(), "{context}: messages");
    let untagged = "SELECT count(*) FROM posts WHERE lead_id IS NULL AND text <> ''
             AND id NOT IN (SELECT post_id FROM post_enrichment WHERE kind = 'tags' AND status = 'ok')";
    assert_eq!(number(untagged), 0, "{context}: posts without tags");
    let mut statement = db.prepare("SELECT id FROM posts WHERE lead_id IS NULL").unwrap();
    let leads: BTreeSet<i64> =
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for event in [Event::PostsParsed, Event::PostsTagged, Event::PostsEnriched, Event::PostsIndexed] {
        let mut told: BTreeMap<i64, u64> = BTreeMap::new();
        for found in tenant.store().event_list(0, Some(event), usize::MAX >> 1).unwrap() {
            *told.entry(found.post_id.unwrap().0).or_default() += 1;
        }
        let named: BTreeSet<i64> = told.keys().copied().collect();
        assert_eq!(named, leads, "{context}: posts with {}", event.name());
        // Once for each time the post was new or changed; a crash repeats none.
        let most = told.values().max().copied().unwrap_or(0);
        assert!(most <= posts.rounds_max, "{context}: {} told {most} times", event.name());
    }
}

pub(crate) fn texts(output: &Output) -> (String, String) {
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// Repeatable numbers: `SplitMix64`.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

const WORDS: [&str; 24] = [
    "банк",
    "ставка",
    "комета",
    "телескоп",
    "ракета",
    "правительство",
    "закон",
    "выборы",
    "погода",
    "снег",
    "хоккей",
    "матч",
    "модель",
    "процессор",
    "сервер",
    "уязвимость",
    "release",
    "compiler",
    "library",
    "network",
    "музей",
    "выставка",
    "нефть",
    "урожай",
];

/// A word that only post `n` has; letters, so that it stays one word.
fn mark(n: u64) -> String {
    let letters = n.to_string();
    let letters = letters.bytes().map(|digit| char::from(digit - b'0' + b'k'));
    format!("qz{}x", letters.collect::<String>())
}

fn edit_mark(n: u64) -> String {
    format!("w{}", mark(n))
}

/// Generated posts: two channels in turns (so that an import has several batches), an album now and then.
#[derive(Debug, Clone)]
pub(crate) struct Posts {
    count: u64,
    edited: bool,
    /// How often a post may go through the stages: once, and once more for each later album member and edit.
    rounds_max: u64,
}

/// Posts of one channel before the next has its turn.
const TURN_POSTS: u64 = 20;
/// Every so many posts comes an album of three messages.
const ALBUM_EVERY: u64 = 9;
/// Every so many posts is edited.
const EDIT_EVERY: u64 = 4;

impl Posts {
    pub(crate) fn new(count: u64) -> Self {
        Self { count, edited: false, rounds_max: 3 }
    }

    /// The same posts, some with another text.
    pub(crate) fn edited(&self) -> Self {
        Self { edited: true, rounds_max: self.rounds_max + 1, ..self.clone() }
    }

    fn albums(&self) -> u64 {
        (0..self.count).filter(|n| n % ALBUM_EVERY == 0).count() as u64
    }

    pub(crate) fn leads(&self) -> u64 {
        self.count
    }

    pub(crate) fn messages(&self) -> i64 {
        (self.count + 2 * self.albums()) as i64
    }

    /// Words and how many posts a search must find with them.
    fn probes(&self) -> Vec<(String, usize)> {
        let probe = |n: u64, found| (mark(n), found);
        let mut probes = vec![probe(0, 1), probe(self.count - 1, 1), probe(self.count, 0)];
        let edit = (edit_mark(0), usize::from(self.edited));
        probes.push(edit);
        probes
    }

    /// Writes them as JSONL.
    pub(crate) fn write(&self, path: &Path) {
        let mut random = Random(7);
        let mut out = String::new();
        for n in 0..self.count {
            let words: Vec<&str> = (0..12 + random.below(30))
                .map(|_| WORDS[random.below(WORDS.len() as u64) as usize])
                .collect();
            let mut text = format!("{} {}", mark(n), words.join(" "));
            if self.edited && n % EDIT_EVERY == 0 {
                let _ = write!(text, ". {} вместо прежнего", edit_mark(n));
            }
            let members = if n % ALBUM_EVERY == 0 { 3 } else { 1 };
            for member in 0..members {
                let text = if member == 0 { text.as_str() } else { "" };
                let line = json!({
                    "channel": if (n / TURN_POSTS).is_multiple_of(2) { "news_one" } else { "news_two" },
                    "message_id": n * 10 + member + 1,
                    "date": 1_750_000_000 + n * 60,
                    "text": text,
                    "media": if members > 1 { Some("photo") } else { None },
                    "grouped_id": if members > 1 { Some(n + 1) } else { None },
                });
                let _ = writeln!(out, "{line}");
            }
        }
        fs::write(path, out).unwrap();
    }
}
