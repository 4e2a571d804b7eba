//! The command line as scripts use it: exit codes, one JSON document, the same answers alone and beside a running service.

use serde_json::{Value, json};
use tga::ai::embedder::{SyntheticShape, synthetic_model};

use crate::support::{Binary, line};

/// A home with one tenant and three posts, indexed.
fn home() -> Binary {
    let home = Binary::new();
    home.ok(&["tenant", "create", "Main"]);
    let lines = [
        line("news", 1, "Нацбанк снизил ключевую ставку до 13,75 процента в пятницу"),
        line("news", 2, "Открылась станция метро «Тальминская» на правом берегу"),
        line("code", 3, "Async Rust: use spawn_blocking for slow calls #rust"),
    ];
    let file = home.jsonl("posts.jsonl", &lines);
    let report = home.ok(&["import", file.to_str().unwrap(), "--tenant", "main", "--wait"]);
    assert_eq!(report["imported"], 3);
    home
}

/// The keys of an object, sorted.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn answers_have_the_shapes_of_the_contract() {
    let home = home();
    let created = home.ok(&["tenant", "create", "Second one"]);
    assert_eq!(keys(&created), ["id", "name", "slug"]);
    assert_eq!(created["slug"], "second-one");
    let file = home.jsonl("more.jsonl", &[line("news", 9, "Ещё пост про мост")]);
    let report = home.ok(&["import", file.to_str().unwrap(), "--tenant", "main"]);
    assert_eq!(keys(&report), ["albums", "duplicates", "elapsed_ms", "imported", "skipped", "updated"]);
    let found = home.ok(&["search", "ставка", "--tenant", "main", "--mode", "fulltext"]);
    for key in ["query", "mode", "hits", "total", "took_ms"] {
        assert!(found.get(key).is_some(), "{key}: {found}");
    }
    let hit = &found["hits"][0];
    for key in [
        "post_id",
        "channel",
        "channel_title",
        "message_id",
        "permalink",
        "posted_at",
        "score",
        "snippet",
        "tags",
    ] {
        assert!(hit.get(key).is_some(), "{key}: {hit}");
    }
    assert_eq!((&hit["channel"], &hit["message_id"]), (&json!("news"), &json!(1)));
    let answer = home.ok(&["ask", "Какая ключевая ставка?", "--tenant", "main"]);
    for key in ["query_id", "query", "intent", "result", "provider", "processing_time_ms"] {
        assert!(answer.get(key).is_some(), "{key}: {answer}");
    }
    for key in ["answer", "sources", "confidence"] {
        assert!(answer["result"].get(key).is_some(), "{key}: {answer}");
    }
    let source = &answer["result"]["sources"][0];
    for key in [
        "n",
        "post_id",
        "channel_id",
        "channel_title",
        "channel_username",
        "posted_at",
        "permalink",
        "content",
        "score",
        "quote",
    ] {
        assert!(source.get(key).is_some(), "{key}: {source}");
    }
    let token = home.ok(&["token", "create", "--tenant", "main", "--expires", "2027-01-01"]);
    assert_eq!(token["token"].as_str().unwrap().len(), 4 + 64);
    assert_eq!(token["expires_at"], "2027-01-01T00:00:00Z");
}

#[test]
fn every_command_prints_one_json_document_also_when_it_fails() {
    let home = home();
    let missing = home.dir().join("missing");
    let missing = missing.to_str().unwrap();
    for (code, arguments) in [
        (0, vec!["version"]),
        (0, vec!["init"]),
        (0, vec!["doctor"]),
        (0, vec!["doctor", "https://t.me/news/1"]),
        (1, vec!["doctor", "https://t.me/news/77"]),
        (1, vec!["doctor", "nonsense"]),
        (0, vec!["config", "check"]),
        (0, vec!["config", "print"]),
        (0, vec!["config", "schema"]),
        (0, vec!["config", "example"]),
        (1, vec!["config", "check", "--config", missing]),
        (0, vec!["tenant", "list"]),
        (0, vec!["tenant", "show", "main"]),
        (1, vec!["tenant", "show", "nobody"]),
        (1, vec!["tenant", "create", "main"]),
        (1, vec!["tenant", "create", ""]),
        (0, vec!["token", "create", "--tenant", "main"]),
        (0, vec!["token", "list"]),
        (0, vec!["token", "revoke", "1"]),
        (1, vec!["token", "revoke", "1"]),
        (2, vec!["token", "create", "--tenant", "main", "--scope", "root"]),
        (1, vec!["import", missing, "--tenant", "main"]),
        (1, vec!["import", missing, "--tenant", "nobody"]),
        (2, vec!["import", missing]),
        (0, vec!["search", "мост", "--tenant", "main"]),
        (1, vec!["search", "", "--tenant", "main"]),
        (1, vec!["search", "мост", "--tenant", "main", "--limit", "0"]),
        (1, vec!["search", "мост", "--tenant", "main", "--channel", "nobody"]),
        (2, vec!["search", "мост", "--tenant", "main", "--mode", "magic"]),
        (2, vec!["search", "мост", "--tenant", "main", "--since", "yesterday"]),
        (0, vec!["ask", "Что нового?", "--tenant", "main"]),
        (0, vec!["tags", "top", "--tenant", "main"]),
        (0, vec!["channel", "list", "--tenant", "main"]),
        (0, vec!["queue", "info"]),
        (0, vec!["queue", "list"]),
        (0, vec!["queue", "list", "--dead"]),
        (1, vec!["queue", "peek", "77"]),
        (0, vec!["queue", "requeue"]),
        (1, vec!["queue", "discard"]),
        (0, vec!["queue", "discard", "--all"]),
        (2, vec!["queue", "discard", "--all", "3"]),
        (0, vec!["events", "tail", "--tenant", "main"]),
        (0, vec!["events", "tail", "--tenant", "main", "--limit", "18446744073709551615"]),
        (0, vec!["events", "tail", "posts.tagged", "--tenant", "main"]),
        (1, vec!["events", "tail", "posts.eaten", "--tenant", "main"]),
        (0, vec!["index", "verify"]),
        (0, vec!["index", "rebuild", "--tenant", "main"]),
        (0, vec!["model", "list"]),
        (1, vec!["model", "use", "none"]),
        (1, vec!["model", "import", missing]),
        (1, vec!["model", "pull", "http://127.0.0.1/model"]),
        (1, vec!["eval", "retrieval", missing]),
        (1, vec!["eval", "tags", missing]),
        (0, vec!["migrate", "status"]),
        (0, vec!["migrate", "up"]),
        (1, vec!["tenant", "delete", "main"]),
        (0, vec!["tenant", "delete", "main", "--yes"]),
        (2, vec!["dance"]),
    ] {
        let (given, answer) = home.json(&arguments);
        assert_eq!(given, code, "tga {arguments:?}: {answer:#}");
        let failed = answer.get("error").is_some();
        let finding = answer.get("findings").is_some();
        assert_eq!(failed, code != 0 && !finding, "tga {arguments:?}: {answer:#}");
        if failed {
            let message = answer["error"]["message"].as_str().unwrap();
            assert!(!message.is_empty() && answer["error"]["code"].is_string());
        }
    }
}

#[test]
fn words_for_people_go_to_stdout_and_failures_to_stderr() {
    let home = home();
    let found = home.run(&["search", "ставка", "--tenant", "main"]);
    assert_eq!(found.code, 0);
    assert!(found.stdout.contains("https://t.me/news/1"), "{}", found.stdout);
    let failed = home.run(&["tenant", "show", "nobody"]);
    assert_eq!((failed.code, failed.stdout.as_str()), (1, ""));
    assert!(failed.stderr.contains("tga tenant list"), "the fix: {}", failed.stderr);
    let usage = home.run(&["search"]);
    assert_eq!((usage.code, usage.stdout.as_str()), (2, ""));
    let help = home.run(&["--help"]);
    assert_eq!(help.code, 0);
    assert!(help.stdout.contains("Usage: tga"));
}

#[test]
fn init_twice_changes_nothing() {
    let home = Binary::new();
    let first = home.ok(&["init"]);
    assert_eq!((&first["created"], &first["tenant"]), (&json!(true), &json!("main")));
    assert!(first["token"].as_str().unwrap().starts_with("tga_"));
    let second = home.ok(&["init"]);
    assert_eq!(second["created"], false);
    assert!(second.get("token").is_none());
    assert_eq!(home.ok(&["token", "list"])["tokens"].as_array().unwrap().len(), 1);
    let mode = std::os::unix::fs::PermissionsExt::mode(&home.data_dir().metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700, "the data directory is the owner's alone");
}

#[test]
fn deleting_a_tenant_needs_a_yes() {
    let home = home();
    let (code, refused) = home.json(&["tenant", "delete", "main"]);
    assert_eq!(code, 1);
    assert!(refused["error"]["message"].as_str().unwrap().contains("--yes"));
    assert_eq!(home.ok(&["tenant", "show", "main"])["status"]["posts"], 3);
    assert_eq!(home.ok(&["tenant", "delete", "main", "--yes"])["deleted"]["slug"], "main");
    assert_eq!(home.json(&["tenant", "show", "main"]).0, 1);
}

#[test]
fn doctor_says_what_a_missing_model_costs_and_where_a_post_is() {
    let home = home();
    let model = |answer: &Value| {
        let findings = answer["findings"].as_array().unwrap().clone();
        findings.into_iter().find(|finding| finding["check"] == "embedding model").unwrap()
    };
    let without = model(&home.ok(&["doctor"]));
    assert_eq!(without["state"], "reduced");
    assert!(without["fix"].as_str().unwrap().contains("tga model import"));
    let file = home.file("tiny.bin", synthetic_model(SyntheticShape::default()));
    let imported = home.ok(&["model", "import", file.to_str().unwrap()]);
    assert!(imported["notice"].is_string(), "it is not one we tested with: {imported}");
    let with = model(&home.ok(&["doctor"]));
    assert_eq!(with["state"], "ok");
    assert_eq!(with["detail"], imported["id"]);
    let trace = home.ok(&["doctor", "t.me/news/2"]);
    let steps: Vec<&str> =
        trace["steps"].as_array().unwrap().iter().map(|step| step["event"].as_str().unwrap()).collect();
    assert_eq!(steps, ["posts.parsed", "posts.tagged", "posts.enriched", "posts.indexed"]);
    assert_eq!((&trace["stage"], &trace["stuck"]), (&json!("indexed"), &json!(null)));
}

#[test]
fn import_waits_for_vectors_where_there_is_a_model() {
    let home = Binary::new();
    home.ok(&["init"]);
    let model = home.file("tiny.bin", synthetic_model(SyntheticShape::default()));
    home.ok(&["model", "import", model.to_str().unwrap()]);
    let posts = home.jsonl("posts.jsonl", &[line("news", 1, "Ледокол вышел"), line("news", 2, "Маяк погас")]);
    home.ok(&["import", posts.to_str().unwrap(), "--tenant", "main", "--wait"]);
    let status = &home.ok(&["tenant", "show", "main"])["status"];
    assert_eq!((&status["indexed"], &status["embedded"]), (&json!(2), &json!(2)), "{status}");
    let found = home.ok(&["search", "ледокол", "--tenant", "main", "--mode", "vector"]);
    assert!(found.get("degraded").is_none(), "{found}");
}

#[test]
fn config_check_names_every_problem_at_once() {
    let home = Binary::new();
    let file = home.file(
        "bad.toml",
        "[server]\nlisten = \"nowhere\"\nrequests_max = 0\ncolour = \"red\"\n[log]\nformat = \"xml\"\n[pipeline]\nbatch_posts = \"many\"\n[extra]\nx = 1\n",
    );
    let (code, answer) = home.json(&["config", "check", "--config", file.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert_eq!(answer["error"]["code"], "config_invalid");
    let message = answer["error"]["message"].as_str().unwrap();
    for (key, hint) in [
        ("server.listen", "127.0.0.1:8000"),
        ("server.requests_max", "1 to 4096"),
        ("server.colour", "known here"),
        ("log.format", "json, text"),
        ("pipeline.batch_posts", "1024"),
        ("extra", "unknown key"),
    ] {
        let row = message.lines().find(|row| row.trim_start().starts_with(&format!("{key}:")));
        let row = row.unwrap_or_else(|| panic!("{key} is not named: {message}"));
        assert!(row.contains(hint), "no hint `{hint}`: {row}");
    }
    assert!(message.starts_with("the configuration has 6 problem(s)"), "{message}");
}

#[test]
fn the_environment_is_over_the_file_and_flags_over_both() {
    let mut home = Binary::new();
    let file = home.file(
        "a.toml",
        "data_dir = \"from-file\"\n[search]\nfulltext_weight = 1\n[pipeline]\nbatch_posts = 7\n",
    );
    home.set("TGA__DATA_DIR", "from-environment");
    home.set("TGA__PIPELINE__BATCH_POSTS", "9");
    home.set("LOG_LEVEL", "debug");
    home.set("DATABASE_URL", "postgres://old");
    let file = file.to_str().unwrap();
    let print = home.ok(&["config", "print", "--config", file]);
    assert_eq!(print["data_dir"], "from-environment");
    assert_eq!(print["pipeline"]["batch_posts"], 9);
    assert_eq!(print["search"]["fulltext_weight"], 1.0);
    assert_eq!(print["log"]["level"], "debug");
    let print = home.ok(&["config", "print", "--config", file, "--data-dir", "from-flag"]);
    assert_eq!(print["data_dir"], "from-flag");
    home.set("TGA__SEARCH__COLOUR", "red");
    let (code, answer) = home.json(&["config", "check"]);
    assert_eq!(code, 1);
    assert!(answer["error"]["message"].as_str().unwrap().contains("search.colour"));
}

#[test]
fn commands_beside_a_running_service_answer_as_they_do_alone() {
    let home = home();
    let commands: [&[&str]; 10] = [
        &["tenant", "list"],
        &["tenant", "show", "main"],
        &["search", "ставка", "--tenant", "main"],
        &["search", "мост", "--tenant", "main", "--channel", "nobody"],
        &["ask", "Какая ключевая ставка?", "--tenant", "main"],
        &["tags", "top", "--tenant", "main"],
        &["channel", "list", "--tenant", "main"],
        &["events", "tail", "--tenant", "main"],
        &["index", "verify"],
        &["tenant", "create", "main"],
    ];
    let plain = |mut answer: Value| {
        // What differs from run to run.
        for key in ["took_ms", "query_id", "processing_time_ms", "elapsed_ms"] {
            if let Some(object) = answer.as_object_mut() {
                object.remove(key);
            }
        }
        answer
    };
    let run = |home: &Binary| {
        commands.map(|command| {
            let (code, answer) = home.json(command);
            (code, plain(answer))
        })
    };
    let alone = run(&home);
    let service = home.serve();
    let beside = run(&home);
    for ((command, alone), beside) in commands.iter().zip(alone).zip(beside) {
        assert_eq!(alone, beside, "tga {command:?}");
    }
    let more = home.jsonl("more.jsonl", &[line("news", 4, "Маяк погас на мысе")]);
    let report = home.ok(&["import", more.to_str().unwrap(), "--tenant", "main", "--wait"]);
    assert_eq!(report["imported"], 1);
    let found = home.ok(&["search", "маяк", "--tenant", "main"]);
    assert_eq!(found["hits"][0]["message_id"], 4);
    // What is made beside the service is good in it at once.
    let token = home.ok(&["token", "create", "--tenant", "main"]);
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let (status, body) = service.send("POST", "/api/search", &headers, r#"{"query":"маяк"}"#).unwrap();
    assert!(status == 200 && body.contains("\"message_id\":4"), "{status} {body}");
    home.ok(&["token", "revoke", &token["id"].to_string()]);
    assert_eq!(service.send("GET", "/api/posts", &headers, "").unwrap().0, 401);
    // Two services of one directory there cannot be.
    let (code, _) = home.json(&["init"]);
    assert_eq!(code, 1);
    assert_eq!(service.stop(), 0, "a stopped service ends well");
    assert_eq!(home.ok(&["tenant", "show", "main"])["status"]["posts"], 4);
}

#[test]
fn a_killed_service_leaves_a_directory_that_works() {
    let home = home();
    home.serve().kill();
    assert_eq!(home.ok(&["search", "ставка", "--tenant", "main"])["hits"][0]["message_id"], 1);
    let service = home.serve();
    assert_eq!(service.get("/health").unwrap().0, 200);
    assert_eq!(service.get("/metrics").unwrap().0, 200);
    service.stop();
}

#[test]
fn the_demo_runs_once_and_serves_its_page() {
    let home = Binary::new();
    let once = home.ok(&["demo", "--once"]);
    assert_eq!(once["questions"].as_array().unwrap().len(), 3);
    assert!(once["posts"].as_u64().unwrap() > 200);
    assert!(home.data_dir().join("demo").is_dir(), "its data lies apart");
    assert!(!home.data_dir().join("control.db").exists());
    let again = home.ok(&["demo", "--once"]);
    assert_eq!((&again["imported"], &again["posts"]), (&json!(0), &once["posts"]));
    let service = home.demo();
    let (status, page) = service.get("/").unwrap();
    assert!(status == 200 && page.contains("<html"), "{status}");
    assert_eq!(service.get("/api/demo/status").unwrap().0, 401, "not without the cookie");
    service.stop();
}

#[test]
fn an_export_that_breaks_off_fails_with_file_byte_and_fix() {
    let home = Binary::new();
    home.ok(&["init"]);
    let file = home.file(
        "result.json",
        r#"{"name":"Флот","type":"public_channel","id":123,"messages":[{"id":1,"type":"message","date":"2026-11-20T10:00:00","date_unixtime":"1795168800","text":"Ледокол вышел из порта"},{"id":2,"type":"mess"#,
    );
    let (code, answer) = home.json(&["import", file.to_str().unwrap(), "--tenant", "main"]);
    assert_eq!((code, &answer["error"]["code"]), (1, &json!("import_failed")));
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("result.json") && message.contains("byte"), "{message}");
    let found = home.ok(&["search", "ледокол", "--tenant", "main"]);
    assert_eq!(found["hits"][0]["message_id"], 1, "what was read is kept and searchable");
}

/// `tga … | head` used to end with a panic.
#[test]
fn a_reader_that_goes_away_ends_a_command_in_peace() {
    let home = Binary::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_tga"))
        .args(["config", "print", "--data-dir"])
        .arg(home.data_dir())
        .current_dir(home.dir())
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn an_archive_that_was_imported_is_not_removed_as_too_old() {
    let home = home();
    let archive = [
        line("archive", 1, "Станция, которой давно нет").at("2019-05-01T10:00:00Z"),
        line("archive", 2, "И поезд, который ушёл").at("2019-05-02T10:00:00Z"),
    ];
    let file = home.jsonl("archive.jsonl", &archive);
    let report = home.ok(&["import", file.to_str().unwrap(), "--tenant", "main", "--wait"]);
    assert_eq!(report["kept_channels"], json!(["archive"]));
    home.ok(&["retention", "run"]);
    let found = home.ok(&["search", "поезд", "--tenant", "main", "--mode", "fulltext"]);
    assert_eq!(found["hits"].as_array().unwrap().len(), 1);
    // Said once: the channel has a rule of its own from now on.
    let again = home.ok(&["import", file.to_str().unwrap(), "--tenant", "main"]);
    assert_eq!((&again["duplicates"], again.get("kept_channels")), (&json!(2), None));
    home.ok(&["retention", "set", "--tenant", "main", "--channel", "archive", "--posts-days", "90"]);
    home.ok(&["retention", "run"]);
    let found = home.ok(&["search", "поезд", "--tenant", "main", "--mode", "fulltext"]);
    assert_eq!(found["hits"], json!([]));
}

#[test]
fn a_directory_of_which_an_upgrade_moved_a_part_away_is_not_opened() {
    let home = Binary::new();
    home.ok(&["init"]);
    let upgrade = home.data_dir().join(".upgrade");
    std::fs::create_dir(&upgrade).unwrap();
    std::fs::write(upgrade.join("moving"), "").unwrap();
    std::fs::rename(home.data_dir().join("control.db"), upgrade.join("control.db")).unwrap();
    let refused = home.run(&["tenant", "list"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("sudo ./install.sh"), "{}", refused.stderr);
    assert!(!home.data_dir().join("control.db").exists(), "what is missing is not made anew");
}
