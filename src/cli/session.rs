//! Where a command runs: in this process, or in the service that holds the data directory.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    arguments::Global,
    configuration,
    errand::Errand,
    output::{self, Output},
    owner::Owner,
    progress::Bars,
    socket::{self, RequestError},
};
use crate::{
    app::{
        App, Error, ErrorCode,
        command::{Command, ContentCommand},
    },
    clock::SystemClock,
    pipeline::{Engine, drain},
};

/// Where a command runs, as whom, and the files that go with it.
pub(super) struct Session {
    place: Place,
    owner: Option<Owner>,
    errand: Errand,
}

/// How long a command waits for a process that has the data directory and takes no commands (yet).
const PLACE_WAIT: Duration = Duration::from_secs(5);
const PLACE_POLL: Duration = Duration::from_millis(50);

/// The other end of a command.
enum Place {
    Alone(Arc<App>),
    Service(PathBuf),
}

impl Place {
    /// A directory that another process has while no service listens is one that starts, or a short command's: it is looked at
    /// again for a while.
    fn find(data_dir: PathBuf, open: impl Fn() -> Result<Arc<App>, Error>) -> Result<Self, Error> {
        let started = Instant::now();
        loop {
            match open() {
                Ok(app) => return Ok(Place::Alone(app)),
                Err(Error::InUse { .. })
                    if socket::is_listening(&data_dir) || started.elapsed() >= PLACE_WAIT =>
                {
                    return Ok(Place::Service(data_dir));
                }
                Err(Error::InUse { .. }) => std::thread::park_timeout(PLACE_POLL),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Session {
    /// Opens the data directory, or finds the service that holds it; as its owner, with the file the command names.
    pub(super) fn open(global: &Global, command: &mut Command) -> Result<Self, Error> {
        let config = configuration::load(global)?;
        configuration::trace(&config, global, false);
        let owner = Owner::of(&config.data_dir);
        if let Some(owner) = owner {
            owner.enter()?;
        }
        let open = || App::open(config.clone(), Arc::new(SystemClock));
        let place = Place::find(config.data_dir.clone(), open)?;
        let Some(owner) = owner else { return Ok(Self { place, owner, errand: Errand::default() }) };
        // Only now: opening the directory removes what earlier commands left in it, and would take what is carried for this one.
        owner.leave()?;
        let errand = Errand::prepare(command, &config.data_dir, owner);
        owner.enter()?;
        Ok(Self { place, owner: Some(owner), errand: errand? })
    }

    /// Whether a service holds the data directory.
    pub(super) fn is_service(&self) -> bool {
        matches!(self.place, Place::Service(_))
    }

    /// Brings what the command wrote to where it was wanted.
    pub(super) fn finish(&self, answer: &mut Value) -> Result<(), Error> {
        match self.owner {
            Some(owner) if self.errand.brings() => {
                owner.leave()?;
                let brought = self.errand.finish(answer);
                owner.enter()?;
                brought
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Executes a command; alone, an import also takes its posts through the pipeline, because nobody else would.
    pub(super) fn execute(&mut self, command: Command, output: Output) -> Result<Value, Error> {
        let mut bars = Bars::new(output.progress());
        match &self.place {
            Place::Alone(app) => execute_alone(app, command, &mut bars),
            Place::Service(dir) => {
                let answer = socket::request(dir, &command, &mut |at| bars.show(at));
                answer.map_err(|error| match error {
                    RequestError::NotListening => Error::InUse { dir: dir.display().to_string() },
                    RequestError::Lost(message) => Error::Unavailable(message),
                    RequestError::Refused { code, message } => {
                        // A code this binary does not know comes from a newer service.
                        let code = ErrorCode::parse(&code).unwrap_or(ErrorCode::Unavailable);
                        Error::Service { code, message }
                    }
                })
            }
        }
    }

    /// Goes on printing events after those of `first` until interrupted.
    pub(super) fn follow(&mut self, first: &Value, output: Output) -> Result<(), Error> {
        let tenant = first["tenant"].as_str().unwrap_or_default().to_owned();
        let event = first["event"].as_str().map(str::to_owned);
        let mut after = first["last"].as_i64();
        loop {
            let command = Command::Content(ContentCommand::EventsList {
                tenant: tenant.clone(),
                event: event.clone(),
                after,
                limit: 100,
            });
            let answer = self.execute(command, output)?;
            for event in answer["events"].as_array().into_iter().flatten() {
                output.line(&json!({ "events": [event] }), output::events);
            }
            after = answer["last"].as_i64().or(after);
            std::thread::park_timeout(Duration::from_millis(500));
        }
    }
}

fn execute_alone(app: &Arc<App>, command: Command, bars: &mut Bars) -> Result<Value, Error> {
    let Command::Content(ContentCommand::Import { ref tenant, wait, .. }) = command else {
        if let Some(tenant) = command.index_reader() {
            // Alone, nobody sweeps: an index that was damaged or deleted is filled before it answers.
            app.tenant_get(tenant)?.indexes_fill(&mut |at| bars.show(at))?;
        }
        let changes_posts = matches!(command, Command::Tags(_));
        let answer = app.execute(command, &mut |at| bars.show(at))?;
        if changes_posts {
            // Alone, nobody else indexes what changed.
            drain(app)?;
        }
        return Ok(answer);
    };
    let tenant = app.tenant_get(tenant)?;
    let engine = Engine::start(app, wait)?;
    let started = Instant::now();
    let answer = app.execute(command, &mut |at| bars.show(at));
    let indexed = app.wait_indexed(&tenant, &mut |at| bars.show(at));
    drop(engine);
    let mut answer = answer?;
    indexed?;
    answer["elapsed_ms"] = json!(started.elapsed().as_millis() as u64);
    // A stopped engine leaves nothing claimed: what it had begun is finished before its thread ends.
    drain(app)?;
    Ok(answer)
}
