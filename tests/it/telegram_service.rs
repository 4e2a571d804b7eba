//! An account's whole life through the real binary: `tga serve` against the test data centre over TCP, real HTTP in front.
//!
//! Log in by the code, with a password and a move to another data centre; follow a channel, read its history, get a live post,
//! find it; leave. Beside it the search for what must never be seen: key, session, passwords, codes and tokens, in every file,
//! the log at its most talkative, the figures and the records.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

use crate::support::{
    Binary, BinaryService as Service,
    dc::{FIRST_DC, OTHER_DC, TestDc},
    files_under, wait_for,
};

const IVAN: i64 = 100_200_300;
const CHANNEL: i64 = 1_234_567;
/// In ASCII, so that no way of writing it down hides it.
const PASSWORD: &str = "Tr0ub4dor-Kirov-1934";
const WRONG_PASSWORD: &str = "Tr0ub4dor-Omsk-1716";
/// Numbers of keys that logins of these tests may have taken.
const KEY_NUMBERS: u64 = 3;

struct World {
    dc: TestDc,
    tga: Binary,
    admin: String,
}

/// A data centre with a person and a channel, and a home for the binary.
fn world(password: Option<&str>, posts: i32) -> World {
    let dc = TestDc::start();
    dc.add_user(IVAN, "Ivan", OTHER_DC);
    dc.set_password(IVAN, password, "кличка");
    dc.add_channel(CHANNEL, Some("testnews"), "Test news");
    dc.fill(CHANNEL, posts, crate::support::dc::now() - 60, 60, |id| {
        format!("Ледокол номер {id} вышел из порта слово{id}")
    });
    dc.join(CHANNEL, IVAN);
    let mut tga = Binary::new();
    for (name, value) in dc.environment() {
        tga.set(&name, &value);
    }
    tga.set("TGA__TELEGRAM__REQUESTS_PER_MINUTE", "10000");
    tga.set("TGA__LOG__LEVEL", "trace");
    let admin = tga.ok(&["init"])["token"].as_str().unwrap().to_owned();
    World { dc, tga, admin }
}

fn send(service: &Service, method: &str, path: &str, bearer: &str, body: &Value) -> (u16, Value) {
    let bearer = format!("Bearer {bearer}");
    let headers = [("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (status, answer) = service.send(method, path, &headers, &body).unwrap();
    (status, serde_json::from_str(&answer).unwrap_or(Value::Null))
}

/// Reads a login's events until one has this text; returns the stream's text so far.
fn events_until(service: &Service, id: &str, wanted: &str) -> String {
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let request = format!("GET /tg/qr/events/{id} HTTP/1.1\r\nHost: {}\r\n\r\n", service.address);
    stream.write_all(request.as_bytes()).unwrap();
    let (mut told, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&told).into_owned();
        if text.contains(wanted) {
            return text;
        }
        let read = stream.read(&mut part).unwrap();
        assert!(read > 0, "the stream ended without {wanted}: {text}");
        told.extend(&part[..read]);
    }
}

/// What a login left in the hands of its user.
struct SignedIn {
    /// The code's token, the ticket's token, access and refresh token.
    secrets: Vec<String>,
    access: String,
    user_id: i64,
}

fn log_in(world: &World, service: &Service, password: Option<&str>) -> SignedIn {
    let invite = world.tga.ok(&[
        "invite",
        "create",
        "--tenant",
        "main",
        "--role",
        "user",
        "--limit",
        "1",
        "--expires",
        "2099-01-01T00:00:00Z",
    ]);
    let body = json!({ "telegram_user_id": IVAN, "invite_code": invite["code"] });
    let (status, started) = send(service, "POST", "/tg/qr/start", "", &body);
    assert_eq!(status, 200, "{started}");
    let (id, ticket) =
        (started["qr_session_id"].as_str().unwrap(), started["session_token"].as_str().unwrap());
    let told = events_until(service, id, "tg://login?token=");
    let code = told.split("tg://login?token=").nth(1).unwrap();
    let code = &code[..code.find('"').unwrap()];
    let png = service.get(&format!("/tg/qr/png/{id}")).unwrap();
    assert_eq!(png.0, 200);
    assert!(world.dc.accept_login(&URL_SAFE_NO_PAD.decode(code).unwrap(), IVAN));
    if let Some(password) = password {
        events_until(service, id, "password_required");
        for (given, then) in [(WRONG_PASSWORD, "password_wrong"), (password, "authorized")] {
            let body = json!({ "session_token": ticket, "password": given });
            assert_eq!(send(service, "POST", "/tg/qr/password", "", &body).0, 202);
            events_until(service, id, then);
        }
    }
    events_until(service, id, "authorized");
    let body = json!({ "session_token": ticket });
    let (status, signed) = send(service, "POST", "/api/tg/qr/exchange", "", &body);
    assert_eq!(status, 200, "{signed}");
    let text = |name: &str| signed[name].as_str().unwrap().to_owned();
    let (access, refresh) = (text("access_token"), text("refresh_token"));
    let user_id = signed["user"]["user_id"].as_i64().or(signed["user"]["id"].as_i64()).unwrap();
    SignedIn { secrets: vec![code.to_owned(), ticket.to_owned(), access.clone(), refresh], access, user_id }
}

/// Follows the channel and waits until its history is here.
fn follow(service: &Service, access: &str) -> i64 {
    let (status, card) = wait_for("the account to be connected", || {
        let body = json!({ "channel": "https://t.me/TestNews" });
        let answer = send(service, "POST", "/api/channels", access, &body);
        (answer.1["error"]["code"] != "telegram_session_required").then_some(answer)
    });
    assert!(status < 300, "{card}");
    let id = card["id"].as_i64().unwrap();
    wait_for("the history to be here", || {
        let (_, ledger) = send(service, "GET", &format!("/api/channels/{id}/ledger"), access, &Value::Null);
        (ledger["complete"] == true && ledger["reading"]["state"] == "up_to_date").then_some(())
    });
    id
}

fn hits(service: &Service, access: &str, query: &str) -> Vec<i64> {
    let body = json!({ "query": query, "mode": "fulltext" });
    let (status, answer) = send(service, "POST", "/api/search", access, &body);
    assert_eq!(status, 200, "{answer}");
    answer["hits"].as_array().unwrap().iter().map(|hit| hit["message_id"].as_i64().unwrap()).collect()
}

/// A secret in every form in which it may lie about: as it is, in hexadecimal, as numbers, in base64 wherever it begins.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let numbers: Vec<String> = secret.iter().map(u8::to_string).collect();
    let mut forms = vec![
        secret.to_vec(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        numbers.join(",").into_bytes(),
        numbers.join(", ").into_bytes(),
    ];
    for before in 0..3 {
        let shifted = [&vec![0; before][..], secret].concat();
        for text in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            // The edges depend on the neighbours.
            forms.push(text.as_bytes()[4..text.len() - 4].to_vec());
        }
    }
    forms
}

fn holds(bytes: &[u8], secrets: &[(String, Vec<u8>)]) -> Option<String> {
    let found = secrets.iter().find(|(_, secret)| memchr::memmem::find(bytes, secret).is_some());
    found.map(|(name, _)| name.clone())
}

/// Searches a directory; returns how many files were looked at.
fn assert_clean(dir: &Path, secrets: &[(String, Vec<u8>)]) -> usize {
    let files = files_under(dir);
    for (path, bytes) in &files {
        assert_eq!(holds(bytes, secrets), None, "in {}", path.display());
    }
    files.len()
}

/// Everything of this login that must be nowhere.
fn secrets(world: &World, signed: &SignedIn, session: &str) -> Vec<(String, Vec<u8>)> {
    let mut secrets = Vec::new();
    for (dc, number) in [FIRST_DC, OTHER_DC].into_iter().flat_map(|dc| (0..KEY_NUMBERS).map(move |n| (dc, n)))
    {
        let key = world.dc.key(dc, number).data;
        // A piece is as bad as the whole.
        for part in [&key[..32], &key[128..160]] {
            let named =
                forms(part).into_iter().map(|form| (format!("key {number} of data centre {dc}"), form));
            secrets.extend(named);
        }
    }
    for (name, text) in [("password", PASSWORD), ("wrong password", WRONG_PASSWORD)] {
        secrets.extend(forms(text.as_bytes()).into_iter().map(|form| (name.to_owned(), form)));
    }
    secrets.push(("the session".to_owned(), session.as_bytes()[20..80].to_vec()));
    for (n, secret) in signed.secrets.iter().enumerate() {
        secrets.push((format!("token {n}"), secret.as_bytes().to_vec()));
    }
    let code = URL_SAFE_NO_PAD.decode(&signed.secrets[0]).unwrap();
    secrets.extend(forms(&code).into_iter().map(|form| ("the code's token".to_owned(), form)));
    secrets
}

#[test]
fn an_account_logs_in_follows_hears_and_leaves_and_nothing_of_it_is_seen() {
    let world = world(Some(PASSWORD), 120);
    let service = world.tga.serve();
    let signed = log_in(&world, &service, Some(PASSWORD));
    follow(&service, &signed.access);
    wait_for("the history to be found", || {
        (hits(&service, &signed.access, "слово100") == [100]).then_some(())
    });
    let live = world.dc.post(CHANNEL, "Срочная молния: ледокол вернулся в порт");
    wait_for("the live post to be found", || {
        (hits(&service, &signed.access, "молния") == [i64::from(live)]).then_some(())
    });
    assert_eq!(world.dc.logins(IVAN), 1);

    let sessions = world.tga.ok(&["session", "list"]);
    let id = sessions["sessions"][0]["id"].as_str().unwrap();
    let session = world.tga.run(&["session", "export", id, "--yes"]).stdout;
    let session = session.trim();
    assert!(session.len() > 300, "{session}");
    let secrets = secrets(&world, &signed, session);
    // The search finds what is there: a form of the key is found in the very session that was handed out.
    assert!(holds(session.as_bytes(), &secrets).is_some());
    assert!(assert_clean(&world.tga.data_dir(), &secrets) > 10);
    assert_eq!(holds(world.tga.log().as_bytes(), &secrets), None, "in the log");
    assert!(world.tga.log().contains("\"level\":\"TRACE\""), "the log is at its most talkative");
    let (status, figures) = service.get("/metrics").unwrap();
    assert_eq!(status, 200);
    assert_eq!(holds(figures.as_bytes(), &secrets), None, "in the figures");
    for list in ["audit", "auth-events"] {
        let path = format!("/api/admin/{list}?limit=100");
        let (status, records) = send(&service, "GET", &path, &world.admin, &Value::Null);
        assert_eq!((status, holds(records.to_string().as_bytes(), &secrets)), (200, None), "in {list}");
        assert!(records["total"].as_u64().unwrap() > 0, "{records}");
    }

    let (status, receipt) =
        send(&service, "DELETE", "/api/users/me", &signed.access, &json!({ "confirm": IVAN }));
    assert_eq!(status, 200, "{receipt}");
    assert_eq!((world.dc.calls_of("auth.logOut"), world.dc.logins(IVAN)), (1, 0));
    wait_for("the connection to be closed", || (world.dc.connections().0 == 0).then_some(()));
    assert_eq!(send(&service, "GET", "/api/channels", &signed.access, &Value::Null).0, 401);
    assert_eq!(world.tga.ok(&["session", "list"])["sessions"], json!([]));
    world.dc.post(CHANNEL, "Этого никто уже не услышит");
    assert_eq!(service.stop(), 0);
    assert!(assert_clean(world.tga.dir(), &secrets) > 10, "the log too");
    assert_eq!(world.dc.connections().0, 0);
}

#[test]
fn an_operator_ends_a_session_and_the_account_may_come_back() {
    let world = world(None, 10);
    let service = world.tga.serve();
    let signed = log_in(&world, &service, None);
    follow(&service, &signed.access);
    let sessions = world.tga.ok(&["session", "list"]);
    let id = sessions["sessions"][0]["id"].as_str().unwrap();
    world.tga.ok(&["session", "revoke", id]);
    assert_eq!((world.dc.calls_of("auth.logOut"), world.dc.logins(IVAN)), (1, 0));
    wait_for("the connection to be closed", || (world.dc.connections().0 == 0).then_some(()));
    let (_, card) = send(&service, "GET", "/api/channels", &signed.access, &Value::Null);
    assert!(card.to_string().contains("no_account"), "the card says why nothing is read: {card}");
    // Missed meanwhile, and read after the next login.
    let missed = world.dc.post(CHANNEL, "Пропущенная зарница");
    let body = json!({ "telegram_user_id": IVAN, "invite_code": "AAAAAAAAAAAA" });
    let (status, _) = send(&service, "POST", "/qr-auth/init", "", &body);
    assert_eq!(status, 200, "a member needs no new invite");
    let again = log_in(&world, &service, None);
    assert_eq!(again.user_id, signed.user_id);
    wait_for("the missed post to be found", || {
        (hits(&service, &again.access, "зарница") == [i64::from(missed)]).then_some(())
    });
    assert_eq!(service.stop(), 0);
}
