//! `tga` itself, as a process: commands with their answers, and services that are started and stopped.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{Line, wait_for};

/// A temporary home for runs of the binary.
#[derive(Debug)]
pub(crate) struct Binary {
    root: TempDir,
    program: PathBuf,
    environment: Vec<(String, String)>,
}

/// One finished run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Binary {
    pub(crate) fn new() -> Self {
        Self::of(PathBuf::from(env!("CARGO_BIN_EXE_tga")))
    }

    /// The release build that `TGA_RELEASE_BIN` names, for figures that an unoptimised one is too slow for.
    pub(crate) fn released() -> Option<Self> {
        let program = std::env::var_os("TGA_RELEASE_BIN");
        if program.is_none() {
            eprintln!("skipped: TGA_RELEASE_BIN names no release build");
        }
        program.map(|program| Self::of(PathBuf::from(program)))
    }

    fn of(program: PathBuf) -> Self {
        Self { root: TempDir::new().unwrap(), program, environment: Vec::new() }
    }

    /// Sets an environment variable for every run.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// The working directory; nothing lies in it but what the test puts there.
    pub(crate) fn dir(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// Writes a file into the working directory.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn jsonl(&self, name: &str, lines: &[Line]) -> PathBuf {
        let text: String = lines.iter().map(|line| format!("{}\n", line.0)).collect();
        self.file(name, text)
    }

    /// The program with these arguments, this data directory and an environment without anything of ours.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars() {
            if name.starts_with("TGA_") || matches!(name.as_str(), "LOG_LEVEL" | "BOT_TOKEN" | "JWT_SECRET") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(self.root.path())
            .args(arguments)
            .env("TZ", "UTC")
            .envs(self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            .stdin(Stdio::null());
        if !self.environment.iter().any(|(name, _)| name == "TGA__DATA_DIR") {
            command.env("TGA__DATA_DIR", self.data_dir());
        }
        command
    }

    /// Runs to the end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&self.command(arguments).output().unwrap())
    }

    /// Runs with `--json`; stdout must be exactly one JSON document, whatever the exit code.
    pub(crate) fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let run = self.run(&[&["--json"], arguments].concat());
        let answer = run.json();
        (run.code, answer)
    }

    /// Runs with `--json`; must succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Value {
        let (code, answer) = self.json(arguments);
        assert_eq!(code, 0, "tga {arguments:?}: {answer:#}");
        answer
    }

    /// Starts `tga serve` on a free port and waits until it is ready.
    pub(crate) fn serve(&self) -> Service {
        self.start(&["serve"])
    }

    /// Starts `tga demo` on a free port and waits until it is ready.
    pub(crate) fn demo(&self) -> Service {
        self.start(&["demo"])
    }

    /// What the service that was started last has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap()
    }

    fn log_path(&self) -> PathBuf {
        self.root.path().join("service.log")
    }

    /// Starts a service; `serve` and `demo` get a free port.
    fn start(&self, arguments: &[&str]) -> Service {
        let address = free_address();
        let port = address.port().to_string();
        let mut command = self.command(arguments);
        command
            .env("TGA__SERVER__LISTEN", address.to_string())
            .env("TGA__METRICS__LISTEN", address.to_string())
            .stdout(Stdio::null())
            .stderr(File::create(self.log_path()).unwrap());
        if arguments[0] == "demo" {
            command.args(["--port", &port]);
        }
        let mut service = Service { child: command.spawn().unwrap(), address };
        wait_for("the service to be ready", || {
            if let Some(status) = service.child.try_wait().unwrap() {
                panic!("tga {arguments:?} ended with {status}");
            }
            service.get("/ready").filter(|(status, _)| *status == 200)
        });
        service
    }
}

impl Run {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Stdout as exactly one JSON document.
    pub(crate) fn json(&self) -> Value {
        let mut documents = serde_json::Deserializer::from_str(&self.stdout).into_iter::<Value>();
        let first = documents.next();
        let Some(Ok(answer)) = first else {
            panic!("stdout is no JSON ({first:?}): {:?}\nstderr: {}", self.stdout, self.stderr)
        };
        assert!(documents.next().is_none(), "more than one document: {}", self.stdout);
        answer
    }
}

/// A running service; killed when dropped.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Service {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// `GET path`: status and body; `None` while nobody listens.
    pub(crate) fn get(&self, path: &str) -> Option<(u16, String)> {
        self.send("GET", path, &[], "")
    }

    /// A request over a connection of its own.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(5)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.address,
            body.len()
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    /// Stops it as systemd does (SIGTERM) and returns its exit code.
    pub(crate) fn stop(mut self) -> i32 {
        self.signal("-TERM");
        self.wait()
    }

    /// Ends it without warning (SIGKILL).
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.wait();
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    fn wait(&mut self) -> i32 {
        let status = wait_for("the service to end", || self.child.try_wait().unwrap());
        status.code().unwrap_or(-1)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback address that was free a moment ago.
fn free_address() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap()
}
