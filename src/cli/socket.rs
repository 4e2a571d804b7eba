//! The service's local socket: how a command reaches the process that holds the data directory.
//!
//! One line of JSON in (the command), lines of JSON out: `{"progress":…}` any number of times, then `{"ok":…}` or
//! `{"error":{code,message}}`. The socket lies in the data directory (0700), so only its owner and root can reach it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::app::{
    App, Error, ErrorCode,
    command::{Command, Progress},
};

/// Commands executed at once; more are told to come back.
const COMMANDS_MAX: usize = 16;
/// Longest command, bytes.
const COMMAND_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Progress(Progress),
    Ok(Value),
    Error { code: String, message: String },
}

/// Serves commands until the process ends.
pub(super) fn listen(app: &Arc<App>) -> Result<(), Error> {
    let path = App::socket_path(&app.config().data_dir);
    // The lock is ours, so a socket that lies here belongs to a process that is gone.
    if let Err(error) = std::fs::remove_file(&path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(Error::io("remove old socket", &path, error));
    }
    let listener = UnixListener::bind(&path).map_err(|error| Error::io("listen on", &path, error))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
        .map_err(|error| Error::io("protect", &path, error))?;
    let app = Arc::clone(app);
    let running = Arc::new(AtomicUsize::new(0));
    let accept = move || {
        for stream in listener.incoming().flatten() {
            let (app, running) = (Arc::clone(&app), Arc::clone(&running));
            if running.fetch_add(1, Ordering::Relaxed) >= COMMANDS_MAX {
                running.fetch_sub(1, Ordering::Relaxed);
                let busy = Reply::Error {
                    code: "unavailable".to_owned(),
                    message: "the service is busy with other commands; try again".to_owned(),
                };
                // Whoever asked may be gone.
                let _ = send(&stream, &busy);
                continue;
            }
            let handle = move || {
                handle(&app, &stream);
                running.fetch_sub(1, Ordering::Relaxed);
            };
            let started = std::thread::Builder::new().name("command".to_owned()).spawn(handle);
            if let Err(error) = started {
                tracing::error!(%error, "cannot start a thread for a command");
            }
        }
    };
    let started = std::thread::Builder::new().name("socket".to_owned()).spawn(accept);
    started.map(|_| ()).map_err(|error| Error::Unavailable(format!("start thread socket: {error}")))
}

fn handle(app: &App, stream: &UnixStream) {
    let mut line = String::new();
    let read = BufReader::new(stream.take(COMMAND_BYTES_MAX)).read_line(&mut line);
    if matches!(read, Ok(0)) {
        // Somebody only looked whether a service is here.
        return;
    }
    let reply = match read.map_err(|error| error.to_string()).and_then(|_| {
        serde_json::from_str::<Command>(&line)
            .map_err(|error| format!("{error}; use the tga of the running service"))
    }) {
        Err(message) => Reply::Error { code: ErrorCode::InvalidRequest.name().to_owned(), message },
        Ok(command) => {
            let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                app.execute(command, &mut |progress| {
                    // A listener that left still wants its import done.
                    let _ = send(stream, &Reply::Progress(progress));
                })
            }));
            match answer {
                Ok(Ok(answer)) => Reply::Ok(answer),
                Ok(Err(error)) => {
                    Reply::Error { code: error.code().name().to_owned(), message: error.to_string() }
                }
                Err(_) => Reply::Error {
                    code: ErrorCode::Internal.name().to_owned(),
                    message: "the command panicked; see the service's log".to_owned(),
                },
            }
        }
    };
    let _ = send(stream, &reply);
}

fn send(mut stream: &UnixStream, reply: &Reply) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// Whether a service takes commands for `data_dir`.
pub(super) fn is_listening(data_dir: &Path) -> bool {
    UnixStream::connect(App::socket_path(data_dir)).is_ok()
}

/// Sends a command to the service that holds `data_dir` and waits for its answer.
pub(super) fn request(
    data_dir: &Path,
    command: &Command,
    progress: &mut dyn FnMut(Progress),
) -> Result<Value, RequestError> {
    let path = App::socket_path(data_dir);
    let mut stream = UnixStream::connect(&path).map_err(|_| RequestError::NotListening)?;
    let lost = |error: std::io::Error| RequestError::Lost(error.to_string());
    let mut line = serde_json::to_vec(command).map_err(|error| RequestError::Lost(error.to_string()))?;
    line.push(b'\n');
    stream.write_all(&line).map_err(lost)?;
    for line in BufReader::new(&stream).lines() {
        let line = line.map_err(lost)?;
        match serde_json::from_str(&line).map_err(|error| RequestError::Lost(error.to_string()))? {
            Reply::Progress(at) => progress(at),
            Reply::Ok(answer) => return Ok(answer),
            Reply::Error { code, message } => return Err(RequestError::Refused { code, message }),
        }
    }
    Err(RequestError::Lost("the service ended while it worked; what it had done is kept".to_owned()))
}

/// Why a command sent to the service has no answer.
#[derive(Debug)]
pub(super) enum RequestError {
    /// Nobody listens: the directory is held by a process that is no service.
    NotListening,
    Lost(String),
    Refused {
        code: String,
        message: String,
    },
}
