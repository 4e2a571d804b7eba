//! What the appliance does, one noun a file; called by every face.
//!
//! May know the leaves (store, queue, search, ai, telegram, text), nothing of pipeline, http, bot or cli. This is the only place
//! that builds the parts: [`App::open`]. All calls block; async faces go through a blocking thread.
//!
//! One process owns a data directory (a lock on `<data_dir>/lock`, released by the kernel when the process dies). A command
//! that finds it taken speaks to the owner over `<data_dir>/tga.sock`.

pub mod access;
pub mod admissions;
pub mod alerts;
pub mod ask;
pub mod audit;
pub mod auth_events;
pub mod backups;
pub mod bot;
pub mod certificates;
pub mod channels;
pub mod command;
pub mod demo;
pub mod doctor;
pub mod embedding;
pub mod erasure;
mod error;
mod error_code;
pub mod eval;
pub mod events;
pub mod experiments;
pub mod export;
pub mod feedback;
mod fields;
pub mod flags;
mod frequency;
pub mod health;
pub mod history;
pub mod imports;
mod indexes;
pub mod init_data;
pub mod invites;
pub mod jobs;
pub mod jwt;
pub mod links;
pub mod login;
pub mod members;
pub mod model_calls;
pub mod model_spending;
pub mod model_tags;
pub mod models;
pub mod notices;
pub mod passkeys;
pub mod posts;
pub mod providers;
pub mod reading;
mod receipts;
pub mod related;
pub mod retention;
pub mod saved_posts;
mod schedule;
mod sealed;
pub mod search;
pub mod sessions;
pub mod sign_in_links;
mod snippet;
pub mod statistics;
pub mod status;
pub mod tag_suggestions;
pub mod tags;
pub mod telegram;
pub mod tenants;
pub mod tiers;
pub mod tokens;
pub mod transfer;
mod versions;
pub mod voice;

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

pub use error::Error;
pub use error_code::ErrorCode;
pub use fields::{FieldProblem, Fields};
pub use frequency::BatchFrequencies;
pub use indexes::Indexes;
use jiff::Timestamp;
pub use sealed::{Rotated, SealKeyView};
pub use tenants::{Tenant, Upkeep};
pub use versions::DatabaseVersion;

use crate::{
    clock::Clock,
    config::Config,
    queue::{Queue, QueueSettings, Wake},
    store::{Control, SystemLogEntry},
};

/// How often a data directory that another process has is looked at again.
const LOCK_POLL: Duration = Duration::from_millis(50);
/// There while an upgrade moves what lies in the data directory (`systemd/upgrade.sh`).
const MOVING: &str = ".upgrade/moving";

/// The appliance. Shared as `Arc<App>` by all faces and the pipeline.
pub struct App {
    config: Config,
    clock: Arc<dyn Clock>,
    control: Control,
    jwt: jwt::Keys,
    queue: Queue,
    tenants: tenants::Registry,
    models: models::Models,
    providers: providers::Providers,
    embedding_waits: embedding::EmbeddingWaits,
    readers: reading::Readers,
    telegram: telegram::Telegram,
    tls: certificates::Keeper,
    passkeys: passkeys::Passkeys,
    bot: bot::BotState,
    flags: flags::Flags,
    alert_meanings: alerts::Meanings,
    backups: backups::Backups,
    retention: retention::RetentionRuns,
    /// Why nothing can work until a person acts; set by the worker, shown by `/ready` and doctor.
    halted: RwLock<Option<String>>,
    /// A tenant was opened whose full-text index lacks posts: the next sweep should not wait for its time.
    sweep_wanted: AtomicBool,
    /// Signalled when posts were indexed: there may be vectors to make.
    embed_wake: Wake,
    /// Signalled when posts were indexed: there may be pages to read.
    links_wake: Wake,
    /// Signalled when there may be posts that a model should tag, or a model that can.
    model_wake: Wake,
    started_at: Timestamp,
    pulses: status::Pulses,
    /// Held until the process ends.
    _lock: File,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("data_dir", &self.config.data_dir).finish_non_exhaustive()
    }
}

impl App {
    /// Opens the data directory, making it on first use, and everything in it that is not opened lazily.
    pub fn open(config: Config, clock: Arc<dyn Clock>) -> Result<Arc<Self>, Error> {
        Self::open_within(config, clock, Duration::ZERO)
    }

    /// The same, waiting up to `wait` for another process that has the directory.
    pub fn open_within(config: Config, clock: Arc<dyn Clock>, wait: Duration) -> Result<Arc<Self>, Error> {
        let dir = &config.data_dir;
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(dir).map_err(|error| Error::io("create data directory", dir, error))?;
        whole(dir)?;
        let lock = lock(dir, wait)?;
        scratch_clean(dir)?;
        backups::interrupted(dir, &config.keys_dir())?;
        builder
            .create(dir.join("tenants"))
            .map_err(|error| Error::io("create", &dir.join("tenants"), error))?;
        let control = Control::open(&dir.join("control.db"))?;
        let configured = config.auth.jwt_secret.as_ref().map(crate::config::Secret::expose);
        let jwt = jwt::Keys::of(&config.keys_dir(), configured, clock.now())?;
        let settings =
            QueueSettings { jobs_max: config.pipeline.queue_jobs_max * 2, ..QueueSettings::default() };
        let queue = Queue::open(&dir.join("queue.redb"), Arc::clone(&clock), settings)?;
        let app = Self {
            tenants: tenants::Registry::new(config.tenants_open_max),
            models: models::Models::new(&config),
            providers: providers::Providers::default(),
            embedding_waits: embedding::EmbeddingWaits::default(),
            readers: reading::Readers::default(),
            telegram: telegram::Telegram::open(&config)?,
            tls: certificates::Keeper::default(),
            flags: flags::Flags::new(control.flag_rule_list()?),
            passkeys: passkeys::Passkeys::new(config.public_url.as_ref()),
            bot: bot::BotState::default(),
            alert_meanings: alerts::Meanings::default(),
            backups: backups::Backups::default(),
            retention: retention::RetentionRuns::default(),
            halted: RwLock::new(None),
            sweep_wanted: AtomicBool::new(false),
            embed_wake: Wake::default(),
            links_wake: Wake::default(),
            model_wake: Wake::default(),
            started_at: clock.now(),
            pulses: status::Pulses::default(),
            config,
            clock,
            control,
            jwt,
            queue,
            _lock: lock,
        };
        if let crate::queue::Origin::Replaced { aside, reason } = app.queue.origin() {
            let message = format!(
                "queue.redb was damaged ({reason}); it lies at {} and the queue is rebuilt",
                aside.display()
            );
            app.log_system("warn", message)?;
        }
        app.unowned_clean()?;
        app.erasures_resume()?;
        app.bot_prune()?;
        Ok(Arc::new(app))
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    pub fn models(&self) -> &models::Models {
        &self.models
    }

    pub fn embed_wake(&self) -> &Wake {
        &self.embed_wake
    }

    pub fn links_wake(&self) -> &Wake {
        &self.links_wake
    }

    pub fn model_wake(&self) -> &Wake {
        &self.model_wake
    }

    /// Asks for a sweep now instead of at its time.
    pub fn sweep_want(&self) {
        self.sweep_wanted.store(true, Ordering::Relaxed);
        self.queue.waiting().signal();
    }

    /// Whether somebody asked for a sweep since the last call.
    pub fn sweep_wanted(&self) -> bool {
        self.sweep_wanted.swap(false, Ordering::Relaxed)
    }

    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Why nothing can work until a person acts.
    pub fn halted(&self) -> Option<String> {
        self.halted.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Says that nothing can work (or, with `None`, that it can again).
    pub fn halt(&self, reason: Option<String>) {
        *self.halted.write().unwrap_or_else(std::sync::PoisonError::into_inner) = reason;
    }

    /// Leaves a line in the log and in the system log.
    pub fn log_system(&self, level: &'static str, message: String) -> Result<(), Error> {
        if level == "info" {
            tracing::info!("{message}");
        } else {
            tracing::warn!("{message}");
        }
        let entry = SystemLogEntry { at: self.now(), level: level.to_owned(), message, data: None };
        Ok(self.control.system_log(entry)?)
    }

    /// The keys that seal.
    fn keyring(&self) -> &crate::seal::Keyring {
        &self.telegram.keyring
    }

    /// Where the running service listens for commands of this machine's CLI.
    pub fn socket_path(data_dir: &Path) -> PathBuf {
        data_dir.join("tga.sock")
    }
}

/// Refuses a directory of which an upgrade that was cut off moved a part away: whoever opened it would make what is missing anew.
fn whole(data_dir: &Path) -> Result<(), Error> {
    if data_dir.join(MOVING).exists() {
        let dir = data_dir.display();
        return Err(Error::Unavailable(format!(
            "an upgrade was cut off while it moved the data of {dir}; run: sudo ./install.sh, which goes back to the version before it"
        )));
    }
    Ok(())
}

/// Removes scratch directories that a crash left.
fn scratch_clean(data_dir: &Path) -> Result<(), Error> {
    let read = |error| Error::io("list", data_dir, error);
    for entry in std::fs::read_dir(data_dir).map_err(read)? {
        let entry = entry.map_err(read)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(transfer::SCRATCH) || name.starts_with(backups::SCRATCH) {
            let path = entry.path();
            std::fs::remove_dir_all(&path).map_err(|error| Error::io("delete", &path, error))?;
        }
    }
    Ok(())
}

/// Takes the data directory for this process; looks again for as long as `wait` while another has it.
fn lock(dir: &Path, wait: Duration) -> Result<File, Error> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| Error::io("open", &path, error))?;
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if started.elapsed() < wait => std::thread::park_timeout(LOCK_POLL),
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { dir: dir.display().to_string() }),
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path, error)),
        }
    }
}
