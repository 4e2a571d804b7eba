//! What this process and systemd tell each other: ready, alive, stopping, and the sockets systemd opened for us.
//!
//! May not know what is served. Without systemd every call does nothing. The notification protocol is that of `sd_notify(3)`, a
//! datagram to the socket named in the environment; the sockets are those of `sd_listen_fds(3)`.

use std::{
    io,
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
    time::Duration,
};

/// Sockets that `tga.socket` opened, in the order of its file.
#[derive(Debug, Default)]
pub struct Sockets {
    /// Takes the place of `server.listen`.
    pub main: Option<TcpListener>,
    /// Takes the place of `tls.redirect_listen`.
    pub plain: Option<TcpListener>,
}

/// The sockets that were handed to this process; none without a socket unit.
pub fn sockets() -> io::Result<Sockets> {
    let mut given = listenfd::ListenFd::from_env();
    if given.len() == 0 {
        return Ok(Sockets::default());
    }
    let main = given.take_tcp_listener(0)?;
    let plain = if given.len() > 1 { given.take_tcp_listener(1)? } else { None };
    for listener in main.iter().chain(&plain) {
        listener.set_nonblocking(true)?;
    }
    Ok(Sockets { main, plain })
}

/// How often systemd wants to hear that the service is alive: half of what its unit allows. `None`: it does not.
pub fn watchdog_every() -> Option<Duration> {
    let ours = std::env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
    let allowed: u64 = std::env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    (ours && allowed > 0).then(|| Duration::from_micros(allowed / 2))
}

/// Says that the service takes requests.
pub fn notify_ready() {
    notify("READY=1");
}

/// Says that the service is stopping.
pub fn notify_stopping() {
    notify("STOPPING=1");
}

/// Says that the service is alive, and how it is in words for `systemctl status`.
pub fn notify_alive(status: &str) {
    // A line break would begin another message.
    notify(&format!("WATCHDOG=1\nSTATUS={}", status.replace('\n', " ")));
}

/// Says how the service is, without saying that it is alive.
pub fn notify_status(status: &str) {
    notify(&format!("STATUS={}", status.replace('\n', " ")));
}

fn notify(state: &str) {
    let Ok(path) = std::env::var("NOTIFY_SOCKET") else {
        return;
    };
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&path),
    };
    let sent = UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(state.as_bytes(), &address?));
    if let Err(error) = sent {
        tracing::warn!(%error, "cannot notify systemd");
    }
}
