//! An independent client, Telethon, against the test data centre, and its session taken over by the product.
//!
//! Runs where `TGA_TELETHON_PYTHON` names a Python that has Telethon (`tests/run.sh` makes one); elsewhere says so and skips.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tga::model::Role;

use crate::support::{
    TestApp,
    dc::{FIRST_DC, TestDc},
};

const IVAN: i64 = 100_200_300;
const NEWS: i64 = 1_234_567;
/// Numbers of keys no login of the product takes in these tests.
const KEY_NUMBER: u64 = 900;

fn python() -> Option<PathBuf> {
    let python = std::env::var_os("TGA_TELETHON_PYTHON").map(PathBuf::from);
    if python.is_none() {
        eprintln!("skipped: TGA_TELETHON_PYTHON names no Python with Telethon");
    }
    python
}

/// Runs the script and does its phone's part; returns the session it ends with.
fn run(python: &Path, dc: &TestDc, transport: &str, password: Option<&str>, number: u64) -> String {
    let dir = tempfile::tempdir().unwrap();
    let key_file = dir.path().join("key");
    std::fs::write(&key_file, dc.key(FIRST_DC, number).data).unwrap();
    let address = dc.address(FIRST_DC);
    let mut child = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/telethon/check.py"))
        .args([&address.ip().to_string(), &address.port().to_string()])
        .arg(&key_file)
        .args([password.unwrap_or(""), transport])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut seen, mut session) = (Vec::new(), String::new());
    for line in lines.map_while(Result::ok) {
        let (step, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match step {
            "TOKEN" => {
                let bytes = (0..rest.len() / 2).map(|at| u8::from_str_radix(&rest[2 * at..2 * at + 2], 16));
                let token: Vec<u8> = bytes.collect::<Result<_, _>>().unwrap();
                assert!(dc.accept_login(&token, IVAN));
            }
            "LISTENING" => {
                dc.flood("messages.getHistory", 3);
                dc.post(NEWS, "hello, independent client");
            }
            "HEARD" => assert_eq!(rest, "hello, independent client"),
            "FLOOD" => assert_eq!(rest, "3"),
            "SESSION" => rest.clone_into(&mut session),
            _ => {}
        }
        seen.push(step.to_owned());
    }
    assert!(child.wait().unwrap().success(), "{transport}: {seen:?}");
    assert!(seen.contains(&"HISTORY".to_owned()));
    assert_eq!(seen.contains(&"WRONG-PASSWORD-REFUSED".to_owned()), password.is_some());
    session
}

#[test]
fn telethon_logs_in_reads_and_hears_and_its_session_is_taken_over() {
    let Some(python) = python() else { return };
    let dc = TestDc::start();
    dc.add_user(IVAN, "Ivan", FIRST_DC);
    dc.add_channel(NEWS, Some("testnews"), "Test news");
    dc.join(NEWS, IVAN);
    dc.fill(NEWS, 250, 1_700_000_000, 600, |id| format!("post {id}"));
    let mut session = String::new();
    for (number, (transport, password)) in
        (KEY_NUMBER..).zip([("full", None), ("intermediate", Some("секрет")), ("abridged", Some("секрет"))])
    {
        dc.set_password(IVAN, password, "pet");
        session = run(&python, &dc, transport, password, number);
    }
    let app = TestApp::builder().telegram(&dc).build();
    app.member("main", IVAN, Role::User);
    let imported = app.app().telegram_session_import(&app.tenant(), &session).unwrap();
    assert_eq!(imported.telegram_id, IVAN);
    let exported = app.app().telegram_session_export(imported.id).unwrap();
    // The key is the same; the address is the one the server told.
    assert_eq!(exported.len(), 353);
    assert_eq!(exported[11..], session[11..]);
}
