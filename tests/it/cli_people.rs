//! `tga invite`, `tga user`, `tga token` and `tga key`: the words, JSON and exit codes that scripts read.

use serde_json::{Value, json};

use crate::support::{Binary, line};

fn home() -> Binary {
    let home = Binary::new();
    home.ok(&["tenant", "create", "main"]);
    home
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

const CREATED: [&str; 9] =
    ["active", "code", "created_at", "expires_at", "notes", "role", "tenant_id", "uses_count", "uses_limit"];

#[test]
fn invites_have_the_json_of_the_old_tool() {
    let home = home();
    let made = home.ok(&["invite", "create", "--tenant", "main", "--limit", "0", "--notes", "для друзей"]);
    assert_eq!(keys(&made), CREATED);
    assert_eq!(
        (&made["uses_limit"], &made["active"], &made["notes"]),
        (&json!(0), &json!(true), &json!("для друзей"))
    );
    let code = made["code"].as_str().unwrap();
    let expiring = home.ok(&[
        "invite",
        "create",
        "--tenant",
        "main",
        "--role",
        "admin",
        "--expires",
        "2999-12-31T23:59:59Z",
    ]);
    assert_eq!(
        (&expiring["role"], &expiring["expires_at"]),
        (&json!("admin"), &json!("2999-12-31T23:59:59Z"))
    );
    let seen = home.ok(&["invite", "get", "--code", code]);
    assert_eq!(seen["last_used_at"], json!(null));
    assert_eq!(keys(&seen).len(), CREATED.len() + 1);
    let revoked = home.ok(&["invite", "revoke", "--code", code]);
    assert_eq!(keys(&revoked), ["code", "revoked_at", "status"]);
    assert_eq!(revoked["status"], "revoked");
    assert_eq!(home.ok(&["invite", "get", "--code", code])["active"], json!(false));
    // `total` counts what matches, not what is shown; newest first.
    home.ok(&["invite", "create", "--tenant", "main"]);
    let page = home.ok(&["invite", "list", "--tenant", "main", "--limit", "1"]);
    assert_eq!((page["invites"].as_array().unwrap().len(), &page["total"]), (1, &json!(3)));
    for (status, count) in [("active", 2), ("revoked", 1), ("expired", 0), ("exhausted", 0)] {
        assert_eq!(home.ok(&["invite", "list", "--status", status])["total"], json!(count), "{status}");
    }
}

#[test]
fn invites_have_the_words_of_the_old_tool() {
    let home = home();
    let run = |arguments: &[&str]| {
        let run = home.run(arguments);
        (run.code, run.stdout)
    };
    assert_eq!(run(&["invite", "list"]), (0, "📋 Инвайт-коды не найдены\n".to_owned()));
    let (code, made) = run(&["invite", "create", "--tenant", "main", "--limit", "0", "--notes", "друзьям"]);
    assert_eq!(code, 0);
    assert!(made.starts_with("✅ Инвайт-код создан:\n"), "{made}");
    for line in
        ["Код: ", "Tenant: ", "Роль: user", "Лимит: безлимит", "Истекает: Никогда", "Заметки: друзьям"]
    {
        assert!(made.contains(line), "{line} in {made}");
    }
    let invite = made.split("Код: ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    assert_eq!(invite.len(), 12);
    let (_, shown) = run(&["invite", "get", "--code", &invite.to_lowercase()]);
    assert!(shown.starts_with("📋 Информация об инвайт-коде:\n"), "{shown}");
    for line in ["Использовано: 0/∞", "Активен: Да", "Создан: 2", "Последнее использование: Никогда"]
    {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    let (_, listed) = run(&["invite", "list"]);
    assert!(listed.starts_with("📋 Найдено инвайт-кодов: 1\n"), "{listed}");
    for cell in ["Код", "Tenant", "Использовано", "...", "0/∞", "✅", "∞"] {
        assert!(listed.contains(cell), "{cell} in {listed}");
    }
    assert_eq!(
        run(&["invite", "revoke", "--code", &invite]),
        (0, format!("✅ Инвайт-код отозван: {invite}\n"))
    );
    let again = (1, format!("❌ Инвайт-код уже отозван: {invite}\n"));
    assert_eq!(run(&["invite", "revoke", "--code", &invite]), again);
    for unknown in ["ABCDEFGHIJ12", "no code"] {
        let answer = (1, format!("❌ Инвайт-код не найден: {unknown}\n"));
        assert_eq!(run(&["invite", "get", "--code", unknown]), answer);
    }
    let dated = run(&["invite", "create", "--tenant", "main", "--expires", "tomorrow"]);
    let words = "❌ Неверный формат даты: tomorrow. Используйте ISO формат (2025-12-31T23:59:59Z)\n";
    assert_eq!(dated, (1, words.to_owned()));
    assert_eq!(
        run(&["invite", "create", "--tenant", "nobody"]),
        (1, "❌ Тенант не найден: nobody\n".to_owned())
    );
    // No subcommand: help and 1, as before; a limit that is no count is a wrong use of the command.
    let (code, help) = run(&["invite"]);
    assert!(code == 1 && help.contains("Usage: tga invite"), "{code} {help}");
    assert_eq!(run(&["invite", "create", "--tenant", "main", "--limit", "-1"]).0, 2);
    let (code, answer) = home.json(&["invite", "get", "--code", "ABCDEFGHIJ12"]);
    assert_eq!((code, &answer["error"]["code"]), (1, &json!("not_found")));
}

#[test]
fn init_makes_one_invite_for_the_first_admin() {
    let home = Binary::new();
    let first = home.ok(&["init"]);
    let code = first["invite"].as_str().unwrap();
    let seen = home.ok(&["invite", "get", "--code", code]);
    assert_eq!((&seen["role"], &seen["uses_limit"]), (&json!("admin"), &json!(1)));
    let second = home.ok(&["init"]);
    assert_eq!((&second["created"], &second["invite"]), (&json!(false), &json!(null)));
    assert_eq!(home.ok(&["invite", "list"])["total"], json!(1));
    assert_eq!(home.ok(&["user", "list", "--tenant", "main"])["total"], json!(0));
    assert_eq!(home.json(&["user", "show", "7"]).1["error"]["code"], json!("not_found"));
    assert_eq!(home.json(&["user", "set-tier", "7", "gold"]).1["error"]["code"], json!("invalid_request"));
}

#[test]
fn a_token_is_narrowed_to_channels_and_the_signing_key_is_rotated() {
    let tga = Binary::new();
    tga.ok(&["init"]);
    let posts = [line("news", 1, "Ледокол вышел из порта"), line("other", 1, "Ледокол вернулся в порт")];
    let file = tga.jsonl("posts.jsonl", &posts);
    tga.ok(&["import", file.to_str().unwrap(), "--tenant", "main", "--wait"]);
    let made = tga.ok(&["token", "create", "--tenant", "main", "--name", "narrow", "--channel", "@NEWS"]);
    assert_eq!(made["channels"].as_array().unwrap().len(), 1);
    let (code, refused) = tga.json(&["token", "create", "--tenant", "main", "--channel", "@nowhere"]);
    assert_eq!((code, &refused["error"]["code"]), (1, &json!("not_found")));
    let service = tga.serve();
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    let (status, text) = service.send("GET", "/api/posts", &[("Authorization", &bearer)], "").unwrap();
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("вышел") && !text.contains("вернулся"), "{text}");
    // Beside the running service, which signs with the new key from now on.
    let first = tga.ok(&["key", "rotate", "--jwt"])["id"].as_str().unwrap().to_owned();
    let second = tga.ok(&["key", "rotate", "--jwt"])["id"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    let keys = std::fs::read_to_string(tga.data_dir().join("keys/jwt.json")).unwrap();
    assert!(keys.contains(&first) && keys.contains(&second));
    assert_eq!(service.stop(), 0);
}
