//! What the service's log says of a request, and what it must never say: no credential, however it came.

use serde_json::{Value, json};

use crate::support::{BOT_TOKEN, Binary};

#[test]
fn the_log_is_json_names_each_request_and_holds_no_credential() {
    let mut tga = Binary::new();
    tga.set("BOT_TOKEN", BOT_TOKEN);
    tga.set("TGA__LOG__LEVEL", "debug");
    let token = tga.ok(&["init"])["token"].as_str().unwrap().to_owned();
    let service = tga.serve();
    let refresh = "tgr_0123456789abcdef0123456789abcdef";
    let init_data = "user=%7B%22id%22%3A7%7D&auth_date=1733509682&hash=5ec4e75ec4e75ec4e75ec4e7";
    let bearer = format!("Bearer {token}");
    let json_header = ("Content-Type", "application/json");
    let mut statuses = Vec::new();
    for (method, path, headers, body) in [
        (
            "GET",
            "/api/posts".to_owned(),
            vec![("Authorization", bearer.as_str()), ("X-Request-Id", "mine-1")],
            String::new(),
        ),
        // Somebody puts it where it does not belong.
        ("GET", format!("/api/posts?q={token}"), vec![("Authorization", bearer.as_str())], String::new()),
        ("GET", format!("/{token}"), vec![], String::new()),
        (
            "GET",
            "/api/posts".to_owned(),
            vec![("Authorization", "Bearer tga_wr0ngwr0ngwr0ng")],
            String::new(),
        ),
        (
            "POST",
            "/api/auth/refresh".to_owned(),
            vec![json_header],
            json!({ "refresh_token": refresh }).to_string(),
        ),
        (
            "POST",
            "/api/auth/telegram-webapp".to_owned(),
            vec![json_header],
            json!({ "init_data": init_data }).to_string(),
        ),
    ] {
        statuses.push(service.send(method, &path, &headers, &body).unwrap().0);
    }
    assert_eq!(statuses, [200, 200, 404, 401, 401, 401]);
    assert_eq!(service.stop(), 0);
    let log = tga.log();
    let mut requests = Vec::new();
    for row in log.lines() {
        let entry: Value = serde_json::from_str(row).unwrap_or_else(|error| panic!("{error}: {row}"));
        assert!(entry["timestamp"].is_string() && entry["level"].is_string(), "{row}");
        if entry["message"] == "request" {
            assert!(entry["duration_ms"].is_number(), "{row}");
            requests.push((
                entry["status"].as_u64().unwrap(),
                entry["span"]["request_id"].as_str().unwrap().to_owned(),
            ));
        }
    }
    assert!(requests.contains(&(200, "mine-1".to_owned())), "{requests:?}");
    assert!(requests.iter().filter(|(status, _)| *status == 401).count() >= 3, "{requests:?}");
    for secret in
        [token.as_str(), "tga_wr0ngwr0ngwr0ng", refresh, "5ec4e75ec4e75ec4e7", BOT_TOKEN, "%7B%22id"]
    {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
}
