//! The service as systemd sees it: messages to its socket, and listeners it hands over. The unit itself is tried in `tests/install`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    os::unix::net::UnixDatagram,
    process::{Command, Stdio},
    time::Duration,
};

use crate::support::{Binary, TestApp, https::free_port, wait_for};

#[test]
fn systemd_hears_that_the_service_is_ready_alive_and_stopping() {
    let mut home = Binary::new();
    home.ok(&["init"]);
    let path = home.dir().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    home.set("NOTIFY_SOCKET", path.to_str().unwrap());
    home.set("WATCHDOG_USEC", "200000");
    let service = home.serve();
    let hear = || {
        let mut message = [0; 1024];
        let length = socket.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    assert_eq!(hear(), "READY=1");
    for _ in 0..3 {
        assert_eq!(hear(), "WATCHDOG=1\nSTATUS=serving; 0 jobs wait, 0 given up");
    }
    assert_eq!(service.stop(), 0);
    wait_for("the last word", || (hear() == "STOPPING=1").then_some(()));
}

#[test]
fn a_thread_that_does_not_come_round_is_no_life() {
    let app = TestApp::new();
    assert!(app.app().liveness().unwrap().starts_with("serving"));
    app.app().pulse("pipeline-0");
    app.app().liveness_after(Duration::from_mins(29)).unwrap();
    let stuck = app.app().liveness_after(Duration::from_mins(31)).unwrap_err().to_string();
    assert!(stuck.contains("pipeline-0") && stuck.contains("31 min"), "{stuck}");
    app.app().halt(Some("the disk is full".to_owned()));
    assert_eq!(app.app().liveness().unwrap(), "halted: the disk is full", "a restart would not mend it");
    app.app().halt(None);
}

#[test]
fn a_listener_that_systemd_opened_takes_the_place_of_the_configured_one() {
    // The crypto provider of every client.
    tga::lifecycle::start("off", tga::config::LogFormat::Text);
    let home = Binary::new();
    home.ok(&["init"]);
    let (given, configured) = (free_port(), free_port());
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, given));
    let mut command = Command::new("systemd-socket-activate");
    command.arg(format!("--listen={address}"));
    for (name, value) in [
        ("TGA__DATA_DIR", home.data_dir().to_str().unwrap().to_owned()),
        ("TGA__SERVER__LISTEN", format!("127.0.0.1:{configured}")),
        ("TGA__METRICS__LISTEN", String::new()),
    ] {
        command.arg(format!("--setenv={name}={value}"));
    }
    command.args([env!("CARGO_BIN_EXE_tga"), "serve"]).current_dir(home.dir());
    let Ok(mut service) = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        eprintln!("skipped: there is no systemd-socket-activate");
        return;
    };
    // The first connection starts it; it waits in the socket until the service takes it.
    let url = format!("http://{address}/ready");
    let client = reqwest::blocking::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
    let answer = wait_for("the service behind the socket", || client.get(&url).send().ok());
    assert_eq!(answer.status().as_u16(), 200);
    assert!(std::net::TcpStream::connect(("127.0.0.1", configured)).is_err(), "both are listened on");
    service.kill().unwrap();
    service.wait().unwrap();
}
