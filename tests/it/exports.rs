//! A tenant's posts in other programs' forms, each read by the program it is for where that is installed: `PostgreSQL`, Redis, ours.
//!
//! The posts are nasty on purpose: markup, quotes, control signs, statements. What a program counts must be what was exported.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use tga::ai::embedder::{SyntheticShape, synthetic_model};

use crate::support::{Binary, https::free_port, line, wait_for};

const NASTY: &str =
    "<script>alert('x')</script> '); DROP TABLE posts; -- \\' ${x} ]]> &amp; \"кавычки\" # 1. *b* _i_ [l](u)";
/// Where Debian keeps the programs of a server of `PostgreSQL`.
const POSTGRES_HOME: &str = "/usr/lib/postgresql";
/// Somebody who is not root: a database server refuses to be.
const NOBODY: &str = "65534";

/// One tenant with posts of two channels, an album, reactions, tags, vectors, a question.
fn home() -> Binary {
    let home = Binary::new();
    home.ok(&["init"]);
    let model = home.file("tiny.bin", synthetic_model(SyntheticShape::default()));
    home.ok(&["model", "import", model.to_str().unwrap()]);
    let mut lines = vec![
        line("news", 1, NASTY).with("links", json!([{ "text": "a", "url": "javascript:alert(1)" }, { "text": "", "url": "https://example.org/?a=1&b='2'" }])),
        line("news", 2, "Ледокол «Арктика» вышел из порта Мурманск").with("views", 100).with("forwards", 3)
            .with("reactions", json!([{ "emoji": "👍", "count": 7 }, { "emoji": "custom:77", "count": 1 }])),
        line("news", 3, "Первый снимок").with("grouped_id", 900).with("media", "photo"),
        line("news", 4, "Второй снимок").with("grouped_id", 900).with("media", "photo"),
        line("code", 1, "Async Rust: spawn_blocking for slow calls").at("2026-10-02T08:00:00Z").with("author", "O'Brien"),
    ];
    lines.extend((10..260).map(|id| line("news", id, &format!("Сообщение номер {id} о порте и ледоколе"))));
    let file = home.jsonl("posts.jsonl", &lines);
    home.ok(&["import", file.to_str().unwrap(), "--tenant", "main", "--wait"]);
    home
}

fn export(home: &Binary, format: &str, name: &str) -> (PathBuf, Value) {
    let path = home.dir().join(name);
    let report = home.ok(&["export", "--tenant", "main", "--format", format, path.to_str().unwrap()]);
    assert_eq!(report["format"], format);
    assert!(report["bytes"].as_u64().unwrap() > 0);
    (path, report)
}

#[test]
fn lines_of_json_come_back_as_they_went() {
    let home = home();
    let (path, report) = export(&home, "jsonl", "out.jsonl");
    assert_eq!((&report["counts"]["posts"], &report["counts"]["channels"]), (&json!(255), &json!(2)));
    let (code, refused) =
        home.json(&["export", "--tenant", "main", "--format", "jsonl", path.to_str().unwrap()]);
    assert_eq!((code, &refused["error"]["code"]), (1, &json!("conflict")), "an export writes over a file");
    home.ok(&["tenant", "create", "Second"]);
    let came = home.ok(&["import", path.to_str().unwrap(), "--tenant", "second", "--wait"]);
    assert_eq!((&came["imported"], &came["skipped"]), (&json!(255), &json!(0)), "{came}");
    let again = home.dir().join("again.jsonl");
    home.ok(&["export", "--tenant", "second", "--format", "jsonl", again.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(path).unwrap(), std::fs::read_to_string(again).unwrap());
    // Beside a running service it is the same.
    let service = home.serve();
    let (served, _) = export(&home, "jsonl", "served.jsonl");
    assert_eq!(std::fs::read(served).unwrap(), std::fs::read(home.dir().join("out.jsonl")).unwrap());
    assert_eq!(service.stop(), 0);
}

#[test]
fn markdown_has_every_post_and_no_markup_of_theirs() {
    let home = home();
    let (dir, report) = export(&home, "markdown", "md");
    // An album is one post.
    assert_eq!(report["counts"]["posts"], json!(254));
    let month = std::fs::read_to_string(dir.join("news/2026-11.md")).unwrap();
    assert!(
        month.contains("\\<script>alert('x')\\</script>") && month.contains("\\*b\\* \\_i\\_ \\[l\\](u)"),
        "{month}"
    );
    assert!(month.contains("(<https://example.org/?a=1&b='2'>)") && !month.contains("javascript:"));
    assert!(month.contains("Первый снимок") && month.contains("Второй снимок"));
    assert!(month.contains("## [2026-11-20 00:02](https://t.me/news/2)"));
    let index = std::fs::read_to_string(dir.join("index.md")).unwrap();
    for name in ["news/2026-11.md", "code/2026-10.md"] {
        assert!(index.contains(name) && dir.join(name).is_file());
    }
}

#[test]
fn the_site_is_whole_asks_nobody_and_shows_text_as_text() {
    let home = home();
    let (dir, report) = export(&home, "site", "site");
    let (again, _) = export(&home, "site", "again");
    let (files, same) = (files(&dir), files(&again));
    assert_eq!(files, same, "two exports differ");
    assert_eq!(
        report["counts"]["files"].as_u64().unwrap() as usize + 1,
        files.len(),
        "search/0.js is beside the count"
    );
    for (name, text) in &files {
        let page = Path::new(name).extension().is_some_and(|extension| extension == "html");
        if !page {
            continue;
        }
        assert!(!text.contains("<script>") && !text.contains("javascript:"), "{name}");
        assert!(text.contains("default-src 'none'"), "{name} lacks its policy");
        // Whatever a page loads by itself lies here.
        for part in text.split(" src=\"").skip(1).chain(text.split("<link ").skip(1)) {
            let target = if part.starts_with("rel") { part.split("href=\"").nth(1).unwrap() } else { part };
            let target = target.split('"').next().unwrap();
            let path = dir.join(name).parent().unwrap().join(target);
            assert!(!target.contains("//") && path.is_file(), "{name} loads {target}");
        }
    }
    let month = &files["c/news/2026-11.html"];
    assert!(month.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"));
    assert!(
        month.contains("<article id=\"p2\">")
            && month.contains("href=\"https://example.org/?a=1&amp;b=&#39;2&#39;\"")
    );
    let search =
        files["search/0.js"].strip_prefix("tgaPosts(").unwrap().trim_end().strip_suffix(");").unwrap();
    let rows: Vec<Vec<String>> = serde_json::from_str(search).unwrap();
    assert_eq!(rows.len(), 254);
    for row in &rows {
        let (page, anchor) = row[0].split_once('#').unwrap();
        assert!(files[page].contains(&format!("id=\"{anchor}\"")), "{}", row[0]);
    }
    for feed in ["feed.xml", "c/news/feed.xml"] {
        let text = &files[feed];
        assert_eq!(text.matches("<item>").count(), 50, "{feed}");
        assert!(
            text.starts_with("<?xml")
                && !text.contains("<script")
                && text.contains("<pubDate>Fri, 20 Nov 2026")
        );
    }
}

fn files(dir: &Path) -> BTreeMap<String, String> {
    let read = crate::support::files_under(dir);
    let named = read.into_iter().map(|(path, bytes)| {
        (path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned(), String::from_utf8(bytes).unwrap())
    });
    named.collect()
}

/// A server process; stopped when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// As somebody else, where we are root.
fn humble(program: &Path) -> Command {
    if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// A `PostgreSQL` of one's own in a directory; `None`, with a message, where none is installed.
fn postgres(dir: &Path) -> Option<(Server, u16)> {
    let versions = std::fs::read_dir(POSTGRES_HOME).ok().into_iter().flatten().flatten();
    let Some(bin) = versions.map(|entry| entry.path().join("bin")).find(|bin| bin.join("initdb").is_file())
    else {
        eprintln!("skipped: there is no PostgreSQL (apt-get install postgresql)");
        return None;
    };
    let data = dir.join("postgres");
    std::fs::create_dir(&data).unwrap();
    if rustix::process::geteuid().is_root() {
        let nobody: u32 = NOBODY.parse().unwrap();
        std::os::unix::fs::chown(&data, Some(nobody), Some(nobody)).unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(dir, open).unwrap();
    }
    let made = humble(&bin.join("initdb"))
        .args(["--username=tga", "--auth=trust", "--encoding=UTF8", "--no-sync", "--pgdata"])
        .arg(&data)
        .stdout(Stdio::null())
        .status();
    assert!(made.unwrap().success(), "initdb failed");
    let port = free_port();
    let server = humble(&bin.join("postgres"))
        .arg("-D")
        .arg(&data)
        .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", "", "-F"])
        .stderr(Stdio::null())
        .spawn();
    let server = Server(server.unwrap());
    wait_for("PostgreSQL", || psql(port, &["-c", "select 1"]).then_some(()));
    Some((server, port))
}

fn psql(port: u16, arguments: &[&str]) -> bool {
    psql_command(port, arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|done| done.success())
}

fn psql_command(port: u16, arguments: &[&str]) -> Command {
    let mut command = Command::new("psql");
    command.args(["-h", "127.0.0.1", "-U", "tga", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-X", "-q"]);
    command.args(["-p", &port.to_string()]).args(arguments);
    command
}

fn psql_value(port: u16, sql: &str) -> String {
    let output = psql_command(port, &["-A", "-t", "-c", sql]).output().unwrap();
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn postgresql_loads_the_dump_with_equal_counts() {
    let home = home();
    home.ok(&["tenant", "create", "Second"]);
    let more = home.jsonl("more.jsonl", &[line("news", 2, "Ледокол «Арктика» вышел из порта Мурманск")]);
    home.ok(&["import", more.to_str().unwrap(), "--tenant", "second", "--wait"]);
    let (dump, report) = export(&home, "postgres", "tga.sql");
    let second = home.dir().join("second.sql");
    home.ok(&["export", "--tenant", "second", "--format", "postgres", second.to_str().unwrap()]);
    let counts = report["counts"].as_object().unwrap();
    assert_eq!(
        (&counts["posts"], &counts["channels"], &counts["tenants"]),
        (&json!(255), &json!(2), &json!(1))
    );
    assert!(counts["post_embeddings"].as_u64().unwrap() >= 254, "{report}");
    assert!(counts["post_enrichment"].as_u64().unwrap() >= 250, "{report}");
    let Some((server, port)) = postgres(home.dir()) else { return };
    // Twice, because what is there must stay.
    for _ in 0..2 {
        let loaded = psql_command(port, &["-f", dump.to_str().unwrap()]).output().unwrap();
        assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
        for (table, count) in counts {
            assert_eq!(
                psql_value(port, &format!("select count(*) from {table}")),
                count.to_string(),
                "{table}"
            );
        }
    }
    let nasty = psql_value(
        port,
        "select content from posts where telegram_message_id = 1 and telegram_post_url like '%/news/%'",
    );
    assert_eq!(nasty, NASTY);
    assert_eq!(
        psql_value(
            port,
            "select reactions_count, views_count, forwards_count from posts where views_count = 100"
        ),
        "8|100|3"
    );
    assert_eq!(psql_value(port, "select count(distinct grouped_id) from posts"), "1");
    assert_eq!(
        psql_value(
            port,
            "select to_char(posted_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') from posts where post_author = 'O''Brien'"
        ),
        "2026-10-02 08:00"
    );
    let kind =
        if psql_value(port, "select to_regtype('vector') is not null") == "t" { "vector" } else { "real[]" };
    let found = "select pg_catalog.format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'post_embeddings'::regclass and attname = 'embedding'";
    assert!(psql_value(port, found).starts_with(kind));
    // Another tenant of the same installation shares channels and posts.
    assert!(psql(port, &["-f", second.to_str().unwrap()]));
    assert_eq!(psql_value(port, "select count(*) from tenants"), "2");
    assert_eq!(psql_value(port, "select count(*) from posts"), "255");
    drop(server);
}

#[test]
fn redis_takes_the_streams_with_equal_counts() {
    let home = home();
    let (path, report) = export(&home, "redis", "tga.resp");
    let counts = report["counts"].as_object().unwrap();
    assert_eq!(counts["posts.parsed"], json!(255));
    assert_eq!(counts["posts.indexed"], json!(255));
    let port = free_port().to_string();
    let server = Command::new("redis-server")
        .args(["--port", &port, "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"])
        .current_dir(home.dir())
        .stdout(Stdio::null())
        .spawn();
    let Ok(server) = server.map(Server) else {
        eprintln!("skipped: there is no Redis (apt-get install redis-server)");
        return;
    };
    let ask = |words: &[&str]| {
        let output = Command::new("redis-cli").args(["-p", &port]).args(words).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    wait_for("Redis", || (ask(&["ping"]) == "PONG").then_some(()));
    let load = || {
        let file = std::fs::File::open(&path).unwrap();
        let loaded = Command::new("redis-cli").args(["-p", &port, "--pipe"]).stdin(file).output().unwrap();
        String::from_utf8(loaded.stdout).unwrap()
    };
    assert!(load().contains("errors: 0"));
    // Loading it again doubles nothing: ids only rise.
    assert!(!load().contains("errors: 0"));
    for (event, count) in counts {
        let stream = format!("stream:{}", event.replace('.', ":"));
        assert_eq!(ask(&["xlen", &stream]), count.to_string(), "{stream}");
    }
    let raw = ask(&["--json", "xrange", "stream:posts:parsed", "-", "+", "count", "1"]);
    if let Ok(entries) = serde_json::from_str::<Value>(&raw) {
        let data: Value = serde_json::from_str(entries[0][1][1].as_str().unwrap_or("null")).unwrap();
        assert_eq!(data["schema_version"], "v1");
        assert_eq!(data["text"], NASTY);
    }
    drop(server);
}
