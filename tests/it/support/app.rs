//! An appliance in a temporary directory, with a clock that stands still.
//!
//! Dropping it checks that no job is left and no dead letter appeared unannounced, unless the test is failing already.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::Value;
use tempfile::TempDir;
use tga::{
    ai::embedder::{SyntheticShape, synthetic_model},
    app::{
        App, Error, Tenant,
        ask::{AskRequest, AskResponse},
        events::EventView,
        imports::{ImportOptions, ImportReport},
        search::{SearchMode, SearchRequest, SearchResponse},
    },
    clock::ManualClock,
    config::Config,
    lifecycle::Tasks,
    model::{ChannelSet, PostId},
    pipeline::{EmbedOutcome, drain, embed_tick},
    store::Scope,
};

use super::Line;

/// When every test begins unless it says otherwise.
const START: &str = "2026-11-21T12:00:00Z";
/// The tenant that is there from the start.
const TENANT: &str = "main";

/// How a [`TestApp`] begins.
#[derive(Debug)]
pub(crate) struct Builder {
    start: Timestamp,
    environment: Vec<(String, String)>,
    tenants: Vec<String>,
    model: Option<SyntheticShape>,
    telegram: bool,
}

impl Builder {
    /// Connects accounts to this data centre.
    pub(crate) fn telegram(mut self, dc: &super::dc::TestDc) -> Self {
        self.environment.extend(dc.environment());
        self.telegram = true;
        self
    }

    /// Sets a key of the configuration, named as in the environment (`TGA__SEARCH__EXACT_MAX_CHUNKS`).
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Asks this server of models, in this order of providers (`openai`, `gigachat, openai`).
    pub(crate) fn models(mut self, llm: &super::llm::Llm, chat: &str) -> Self {
        self.environment.extend(llm.environment(chat));
        self
    }

    /// Has this server write voice messages down as `SaluteSpeech`.
    pub(crate) fn salutespeech(mut self, llm: &super::llm::Llm) -> Self {
        self.environment.extend(llm.salute_environment());
        self
    }

    pub(crate) fn at(mut self, start: &str) -> Self {
        self.start = start.parse().unwrap();
        self
    }

    /// A further tenant beside `main`.
    pub(crate) fn tenant(mut self, name: &str) -> Self {
        self.tenants.push(name.to_owned());
        self
    }

    /// Installs a tiny made-up embedding model, so that vectors are tested without the real one.
    pub(crate) fn synthetic_model(mut self) -> Self {
        self.model = Some(SyntheticShape::default());
        self
    }

    pub(crate) fn build(self) -> TestApp {
        let root = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::at(self.start));
        let data_dir = root.path().join("data");
        let app = open(&data_dir, &self.environment, &clock).unwrap();
        let runtime = self.telegram.then(|| telegram_start(&app));
        for tenant in &self.tenants {
            app.tenant_create(tenant).unwrap();
        }
        let app = TestApp {
            root,
            data_dir,
            environment: self.environment,
            clock,
            app: Some(app),
            runtime,
            had_telegram: false,
            dead_expected: 0,
            jobs_may_remain: false,
            files: 0,
        };
        if let Some(shape) = self.model {
            app.model_install(shape);
        }
        app
    }
}

fn open(
    data_dir: &Path,
    environment: &[(String, String)],
    clock: &Arc<ManualClock>,
) -> Result<Arc<App>, Error> {
    let (config, _) = Config::load(None, environment, Some(data_dir)).unwrap();
    App::open(config, Arc::clone(clock) as Arc<dyn tga::clock::Clock>)
}

/// Gives an appliance's accounts a runtime, as `tga serve` does.
fn telegram_start(app: &Arc<App>) -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    app.telegram_start(Tasks::new(runtime.handle().clone())).unwrap();
    runtime
}

/// The appliance under test.
#[derive(Debug)]
pub(crate) struct TestApp {
    root: TempDir,
    data_dir: PathBuf,
    environment: Vec<(String, String)>,
    clock: Arc<ManualClock>,
    app: Option<Arc<App>>,
    /// Where accounts and logins run, for a test that has Telegram.
    runtime: Option<tokio::runtime::Runtime>,
    had_telegram: bool,
    dead_expected: u64,
    jobs_may_remain: bool,
    files: u32,
}

impl TestApp {
    pub(crate) fn builder() -> Builder {
        Builder {
            start: START.parse().unwrap(),
            environment: Vec::new(),
            tenants: vec![TENANT.to_owned()],
            model: None,
            telegram: false,
        }
    }

    /// One tenant, `main`, no embedding model.
    pub(crate) fn new() -> Self {
        Self::builder().build()
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        self.app.as_ref().expect("only absent within restart")
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// A place for files of the test that is gone afterwards.
    #[expect(dead_code, reason = "kept for the suites that damage files")]
    pub(crate) fn scratch(&self) -> &Path {
        self.root.path()
    }

    /// The tenant `main`. Drop it before [`TestApp::restart`].
    pub(crate) fn tenant(&self) -> Arc<Tenant> {
        self.tenant_named(TENANT)
    }

    pub(crate) fn tenant_named(&self, name: &str) -> Arc<Tenant> {
        self.app().tenant_get(name).unwrap()
    }

    /// A token of a tenant with every right.
    pub(crate) fn token(&self, tenant: &str) -> String {
        let tenant = self.tenant_named(tenant);
        let token = self.app().token_create(&tenant, "test", Scope::Admin, None);
        token.unwrap().token
    }

    /// Installs a made-up model and returns its id.
    pub(crate) fn model_install(&self, shape: SyntheticShape) -> String {
        let file = self.root.path().join(format!("synthetic-{}.bin", shape.seed));
        std::fs::write(&file, synthetic_model(shape)).unwrap();
        let imported = self.app().model_import(&file).unwrap();
        imported.id.as_str().to_owned()
    }

    /// Moves the clock.
    pub(crate) fn advance(&self, by: SignedDuration) {
        self.clock.advance(by);
    }

    /// The clock itself, for a server of ours that is to go by it.
    pub(crate) fn manual_clock(&self) -> Arc<ManualClock> {
        Arc::clone(&self.clock)
    }

    /// Imports lines into `main`.
    pub(crate) fn import_jsonl(&mut self, lines: &[Line]) -> ImportReport {
        self.import_jsonl_into(TENANT, lines)
    }

    pub(crate) fn import_jsonl_into(&mut self, tenant: &str, lines: &[Line]) -> ImportReport {
        let text: String = lines.iter().map(|line| format!("{}\n", line.0)).collect();
        self.import_text(tenant, "jsonl", text.as_bytes()).unwrap()
    }

    /// Imports bytes as a file with this extension.
    pub(crate) fn import_text(
        &mut self,
        tenant: &str,
        extension: &str,
        bytes: &[u8],
    ) -> Result<ImportReport, Error> {
        self.files += 1;
        let path = self.root.path().join(format!("import-{}.{extension}", self.files));
        std::fs::write(&path, bytes).unwrap();
        self.import_file(tenant, &path)
    }

    pub(crate) fn import_file(&self, tenant: &str, path: &Path) -> Result<ImportReport, Error> {
        let options = ImportOptions::default();
        self.app().import(&self.tenant_named(tenant), path, &options, &mut |_| {})
    }

    /// Takes every job that is due to its end.
    pub(crate) fn run_pending_jobs(&self) {
        drain(self.app()).unwrap();
    }

    /// Makes every missing vector; how many posts got theirs.
    pub(crate) fn embed_pending(&self) -> usize {
        let mut embedded = 0;
        loop {
            match embed_tick(self.app(), &AtomicBool::new(false)).unwrap() {
                EmbedOutcome::Embedded(count) => embedded += count,
                EmbedOutcome::Idle | EmbedOutcome::NoModel => return embedded,
            }
        }
    }

    /// Imports lines into `main` and takes them all the way.
    pub(crate) fn index_jsonl(&mut self, lines: &[Line]) -> ImportReport {
        let report = self.import_jsonl(lines);
        self.run_pending_jobs();
        self.embed_pending();
        report
    }

    /// The queue's whole state as text.
    pub(crate) fn queue_dump(&self) -> String {
        self.app().queue().dump()
    }

    /// Every file of the data directory with its bytes.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        super::files_under(&self.data_dir)
    }

    /// Says that this many dead letters are right.
    pub(crate) fn expect_dead(&mut self, count: u64) {
        self.dead_expected = count;
    }

    /// Says that jobs may be left at the end.
    pub(crate) fn allow_jobs_left(&mut self) {
        self.jobs_may_remain = true;
    }

    /// Closes and opens again, as a service that is stopped and started.
    pub(crate) fn restart(&mut self) {
        self.close();
        self.open();
    }

    /// Closes; what lies in the data directory may be changed until [`TestApp::open`].
    pub(crate) fn close(&mut self) {
        if let (Some(runtime), Some(app)) = (self.runtime.take(), self.app.as_ref()) {
            app.telegram_stop();
            runtime.shutdown_timeout(std::time::Duration::from_secs(5));
            self.had_telegram = true;
        }
        let app = self.app.take().expect("it was open");
        let app = Arc::into_inner(app).expect("nobody else holds the appliance");
        drop(app);
    }

    pub(crate) fn open(&mut self) {
        let app = open(&self.data_dir, &self.environment, &self.clock).unwrap();
        if std::mem::take(&mut self.had_telegram) {
            self.runtime = Some(telegram_start(&app));
        }
        self.app = Some(app);
    }

    /// Opens again on the files as they lie there now, as after kill -9: nothing is flushed, finished or closed first.
    pub(crate) fn crash(&mut self) {
        let image = self.root.path().join("crashed");
        copy_dir(&self.data_dir, &image);
        self.close();
        std::fs::remove_dir_all(&self.data_dir).unwrap();
        std::fs::rename(&image, &self.data_dir).unwrap();
        self.open();
    }

    /// Searches `main`.
    pub(crate) fn search(&self, query: &str, mode: SearchMode) -> SearchResponse {
        self.search_request(&SearchRequest { query: query.to_owned(), mode, ..SearchRequest::default() })
    }

    pub(crate) fn search_request(&self, request: &SearchRequest) -> SearchResponse {
        self.app().search(&self.tenant(), &ChannelSet::All, None, request).unwrap()
    }

    /// The message ids that a full-text search of `main` finds, best first.
    pub(crate) fn found(&self, query: &str) -> Vec<i64> {
        let response = self.search(query, SearchMode::Fulltext);
        response.hits.iter().map(|hit| hit.message_id).collect()
    }

    /// Asks `main`; «вчера» is understood in UTC.
    pub(crate) fn ask(&self, query: &str) -> AskResponse {
        let request = AskRequest { query: query.to_owned(), ..AskRequest::default() };
        self.app().ask(&self.tenant(), &ChannelSet::All, &request, &TimeZone::UTC).unwrap()
    }

    /// All events of `main`.
    pub(crate) fn events(&self) -> Vec<EventView> {
        self.tenant().event_list(0, None, 1000).unwrap()
    }

    /// The events of `main` as `(name, post)`.
    pub(crate) fn event_names(&self) -> Vec<(&'static str, Option<i64>)> {
        let name = |event: &EventView| (event.event, event.data.get("post_id").and_then(Value::as_i64));
        self.events().iter().map(name).collect()
    }

    /// The row of a message of `main`, album members standing for their album.
    pub(crate) fn post_id(&self, channel: &str, message_id: i64) -> PostId {
        let tenant = self.tenant();
        let channel = tenant.channel_get(channel, &ChannelSet::All).unwrap();
        let found = tenant.store().post_by_message(channel.id, message_id).unwrap();
        found.unwrap_or_else(|| panic!("message {message_id} is not stored"))
    }

    /// The tags of a message of `main`.
    pub(crate) fn tags_of(&self, channel: &str, message_id: i64) -> Vec<String> {
        let id = self.post_id(channel, message_id);
        self.tenant().post_get(id, &ChannelSet::All).unwrap().tags
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let Some(app) = self.app.as_ref().filter(|_| !std::thread::panicking()) else {
            return;
        };
        if let Some(runtime) = self.runtime.take() {
            app.telegram_stop();
            runtime.shutdown_timeout(std::time::Duration::from_secs(5));
        }
        let view = app.queue_view();
        let left = view.ready + view.scheduled + view.claimed;
        assert!(left == 0 || self.jobs_may_remain, "{left} jobs are left:\n{}", app.queue().dump());
        assert!(
            view.dead == self.dead_expected,
            "{} dead letters instead of {}:\n{}",
            view.dead,
            self.dead_expected,
            app.queue().dump()
        );
    }
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_dir(&entry.path(), &target);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
