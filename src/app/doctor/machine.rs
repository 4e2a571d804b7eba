//! Checks of the machine around the service: its name in DNS, its ports, the certificate authority, limits, clock, keys.
//!
//! Asks the network where a certificate is to be had, each question with a short limit; only doctor runs these, health does not.

use std::{
    net::{SocketAddr, TcpStream, ToSocketAddrs as _},
    os::unix::fs::MetadataExt as _,
    time::Duration,
};

use super::{Finding, State};
use crate::{
    app::App,
    config::{Acme, AcmeChallenge, TlsSource},
};

/// Longest wait for a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Fewer open files than this are too few for many tenants and connections.
const FILES_MIN: u64 = 4096;
/// A clock before this is wrong: the program is younger. Unix seconds of 2026-01-01.
const CLOCK_MIN_S: i64 = 1_767_225_600;

impl App {
    /// Checks of the machine around the service.
    pub(super) fn check_machine(&self) -> Vec<Finding> {
        let mut findings = vec![self.check_clock(), self.check_keys()];
        findings.extend(check_files_max());
        if let TlsSource::Acme(acme) = &self.config.tls.source {
            findings.push(check_name(acme));
            findings.push(self.check_port(acme));
            findings.push(check_authority(acme));
        }
        findings
    }

    fn check_clock(&self) -> Finding {
        let now = self.now();
        if now.as_second() < CLOCK_MIN_S {
            let fix = "set the time: `timedatectl set-ntp true`";
            return Finding::not_ok("clock", State::Problem, format!("says {now}"), fix);
        }
        Finding::ok("clock", format!("says {}", super::super::tenants::rfc3339(now)))
    }

    /// Whether keys are readable by their owner only.
    fn check_keys(&self) -> Finding {
        let dir = self.config.data_dir.join("keys");
        let mut pending = vec![dir.clone()];
        let mut files = 0;
        while let Some(path) = pending.pop() {
            let Ok(meta) = std::fs::symlink_metadata(&path) else { continue };
            if meta.mode() & 0o077 != 0 {
                let fix =
                    format!("chmod -R go= {}; `tga key rotate` if somebody may have read it", dir.display());
                let detail = format!("{} can be read by others", path.display());
                return Finding::not_ok("keys", State::Problem, detail, fix);
            }
            if meta.is_dir() {
                let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
                pending.extend(entries.map(|entry| entry.path()));
            } else {
                files += 1;
            }
        }
        Finding::ok("keys", format!("{files} files, for their owner only"))
    }

    /// Whether the port the authority comes to is the one that is listened on.
    fn check_port(&self, acme: &Acme) -> Finding {
        let (port, listened, key) = match acme.challenge {
            AcmeChallenge::TlsAlpn => (443, Some(self.config.server.listen), "server.listen"),
            AcmeChallenge::Http => (80, self.config.tls.redirect_listen, "tls.redirect_listen"),
        };
        let Some(listened) = listened else {
            let fix = format!("set {key}");
            return Finding::not_ok("port", State::Problem, format!("nothing listens for port {port}"), fix);
        };
        if listened.port() == port && !listened.ip().is_loopback() {
            return Finding::ok("port", format!("{listened} is where the authority comes to"));
        }
        Finding::not_ok(
            "port",
            State::Reduced,
            format!("{key} is {listened}, and the authority comes to port {port} of {}", acme.domain),
            format!("lead port {port} there (router, firewall), or set {key} = \"0.0.0.0:{port}\""),
        )
    }
}

/// Whether the name has an address.
fn check_name(acme: &Acme) -> Finding {
    match addresses(&acme.domain, 443) {
        Ok(found) if found.is_empty() => no_address(acme, "no address"),
        Err(error) => no_address(acme, &error),
        Ok(found) if found.iter().all(|address| address.ip().is_loopback()) => Finding::not_ok(
            "name",
            State::Reduced,
            format!("{} leads to this machine's own loopback", acme.domain),
            "give it a record with the address others reach this machine by",
        ),
        Ok(found) => {
            let list: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
            Finding::ok("name", format!("{} has {}", acme.domain, list.join(", ")))
        }
    }
}

fn no_address(acme: &Acme, why: &str) -> Finding {
    Finding::not_ok(
        "name",
        State::Problem,
        format!("{} is not found in DNS: {why}", acme.domain),
        "make an A or AAAA record with this machine's public address, and wait until it is known",
    )
}

/// Whether the certificate authority can be reached.
fn check_authority(acme: &Acme) -> Finding {
    let url = url::Url::parse(&acme.directory_url).ok();
    let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or_default().to_owned();
    let port = url.and_then(|url| url.port_or_known_default()).unwrap_or(443);
    let reached = addresses(&host, port).and_then(|found| {
        let first = found.first().ok_or_else(|| "no address".to_owned())?;
        TcpStream::connect_timeout(first, CONNECT_WITHIN).map_err(|error| error.to_string())
    });
    match reached {
        Ok(_) => Finding::ok("authority", format!("{host}:{port} is reached")),
        Err(error) => Finding::not_ok(
            "authority",
            State::Reduced,
            format!("{host}:{port} is not reached: {error}"),
            "let this machine connect there; the certificate in use stays good meanwhile",
        ),
    }
}

fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    (host, port).to_socket_addrs().map(Iterator::collect).map_err(|error| error.to_string())
}

/// How many files the process may open: `Max open files` of proc(5).
fn check_files_max() -> Option<Finding> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let row = limits.lines().find(|row| row.starts_with("Max open files"))?;
    let soft = row.split_whitespace().nth(3)?;
    let few = soft.parse::<u64>().is_ok_and(|count| count < FILES_MIN);
    Some(if few {
        let fix = format!("LimitNOFILE=65536 in the unit, or `ulimit -n {FILES_MIN}` before a start by hand");
        Finding::not_ok("open files", State::Reduced, format!("at most {soft}"), fix)
    } else {
        Finding::ok("open files", format!("at most {soft}"))
    })
}
