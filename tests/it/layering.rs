//! The architecture's rules that a compiler does not check: who may import whom, where external crates stay, how long a file
//! is and how it opens.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Longest file, lines of code and tests together.
const LINES_MAX: usize = 500;

/// Who may name whom through `crate::` (`src/ARCHITECTURE.md`, layers). A longer path is looked up before a shorter one.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("main", &[]),
    ("lib", &[]),
    ("config", &["model", "seal"]),
    ("clock", &[]),
    ("fail", &[]),
    ("lifecycle", &["config"]),
    ("model", &[]),
    ("seal", &[]),
    ("queue", &["clock", "model"]),
    ("job", &["model", "queue"]),
    ("text", &[]),
    ("store", &["model", "clock", "text"]),
    ("search", &["model", "text"]),
    ("ai", &["clock", "model", "text"]),
    ("telegram", &["lifecycle", "model"]),
    ("links", &["model", "text"]),
    ("s3", &["clock"]),
    ("tls", &[]),
    (
        "app",
        &[
            "seal",
            "ai",
            "clock",
            "config",
            "fail",
            "job",
            "lifecycle",
            "links",
            "model",
            "queue",
            "s3",
            "search",
            "store",
            "telegram",
            "text",
            "tls",
        ],
    ),
    // Calls app; the leaves' plain types come with it.
    ("pipeline", &["ai", "app", "fail", "job", "links", "model", "queue", "search", "store", "text"]),
    ("http", &["app", "clock", "config", "i18n", "lifecycle", "model", "search", "store", "tls"]),
    ("i18n", &[]),
    ("bot", &["app", "config", "i18n", "lifecycle", "model", "store"]),
    ("cli", &["app", "clock", "config", "lifecycle", "model", "store"]),
    ("cli/serve", &["app", "bot", "clock", "http", "lifecycle", "pipeline"]),
    ("cli/demo", &["app", "clock", "http", "pipeline"]),
    ("cli/session", &["app", "clock", "pipeline"]),
    ("cli/eval", &["app", "clock", "config", "model", "pipeline", "queue", "store"]),
];

/// Crates that are an implementation: named in one module only.
const CRATE_STAYS_IN: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("redb", &["queue"]),
    ("tantivy", &["search"]),
    ("hnsw_rs", &["search"]),
    ("axum", &["http"]),
    ("tower_http", &["http"]),
    ("utoipa_axum", &["http"]),
    ("hyper", &["http"]),
    ("hyper_util", &["http"]),
    ("governor", &["http"]),
    ("utoipa_swagger_ui", &["http"]),
    ("aide", &["http"]),
    ("metrics_exporter_prometheus", &["http"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("reqwest", &["ai/remote", "app/models", "bot/polling", "links", "s3", "tls"]),
    ("teloxide", &["bot"]),
    ("pulldown_cmark", &["bot"]),
    ("fluent_bundle", &["i18n"]),
    ("rustls", &["lifecycle", "tls"]),
    ("tokio_rustls", &["http"]),
    ("instant_acme", &["tls"]),
    ("rcgen", &["tls"]),
    ("x509_parser", &["tls"]),
    ("http_messages", &["tls"]),
    ("listenfd", &["lifecycle"]),
    ("tracing_subscriber", &["lifecycle", "config"]),
    ("zip", &["telegram", "ai", "app/transfer"]),
    ("flate2", &["telegram", "links", "http/miniapp"]),
    ("html5gum", &["links"]),
    ("encoding_rs", &["links"]),
    ("chardetng", &["links"]),
    ("robotstxt", &["links"]),
    ("if_addrs", &["links"]),
    ("frostem", &["text"]),
    ("grammers_tl_types", &["telegram"]),
    ("schemars", &["config"]),
    ("age", &["seal"]),
    ("qrcode", &["http/login", "app/backups/kit"]),
    ("rustix", &["app/health", "app/backups", "cli/owner"]),
    ("tar", &["app/backups/pack"]),
    ("zstd", &["app/backups/pack"]),
    ("blake3", &["app/backups/pack"]),
    ("png", &["http/login"]),
    ("jsonwebtoken", &["app/jwt"]),
    ("webauthn_rs", &["app/passkeys"]),
    ("ed25519_dalek", &["app/init_data", "app/receipts"]),
    ("grammers_client", &["telegram"]),
    ("grammers_mtsender", &["telegram"]),
    ("grammers_session", &["telegram"]),
];

fn files(dir: &str, out: &mut Vec<(String, String)>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pending = vec![root.join(dir)];
    while let Some(dir) = pending.pop() {
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                out.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
}

pub(crate) fn sources(dirs: &[&str]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for dir in dirs {
        files(dir, &mut out);
    }
    assert!(out.len() > 5, "the sources are not where they are looked for");
    out
}

/// `src/app/eval/tags.rs` → `app/eval/tags`.
fn module(path: &str) -> &str {
    path.trim_start_matches("src/").trim_end_matches(".rs")
}

/// Everything before the unit tests, without comments and strings of documentation.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.lines().map(|row| row.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Modules of the crate that a file names: `crate::a::…` and `use crate::{a, b::c}`.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => {
                found.insert(word(rest));
            }
            Some(group) => {
                let (mut depth, mut fresh) = (1, true);
                for (at, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 1 => fresh = true,
                        c if fresh && depth == 1 && !c.is_whitespace() => {
                            found.insert(word(&group[at..]));
                            fresh = false;
                        }
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
        }
    }
    found
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The longest entry of a table that names a module or something above it.
fn entry<'a>(table: &'a [(&str, &'a [&str])], module: &str) -> Option<(&'a str, &'a [&'a str])> {
    table
        .iter()
        .filter(|(name, _)| module == *name || module.starts_with(&format!("{name}/")))
        .max_by_key(|(name, _)| name.len())
        .map(|(name, allowed)| (*name, *allowed))
}

#[test]
fn modules_import_only_what_their_layer_may() {
    let mut broken = Vec::new();
    for (path, text) in sources(&["src"]) {
        let module = module(&path);
        if module.contains("/tests") {
            continue;
        }
        let Some((_, allowed)) = entry(MAY_IMPORT, module) else {
            broken.push(format!("{path} belongs to no layer of the table"));
            continue;
        };
        let own = module.split('/').next().unwrap_or_default();
        for name in imports(&code(&text)) {
            if name != own && !allowed.contains(&name.as_str()) && !name.is_empty() {
                broken.push(format!("{path} imports {name}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn external_crates_stay_in_their_module() {
    let mut broken = Vec::new();
    for (path, text) in sources(&["src"]) {
        let module = module(&path);
        if module.contains("/tests") {
            continue;
        }
        let code = code(&text);
        for (name, homes) in CRATE_STAYS_IN {
            let at_home = homes.iter().any(|home| module == *home || module.starts_with(&format!("{home}/")));
            let named = code.match_indices(&format!("{name}::")).any(|(at, _)| {
                let before = code[..at].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
            });
            if named && !at_home {
                broken.push(format!("{path} names {name}, which stays in {homes:?}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    let silent: Vec<String> = sources(&["src", "tests"])
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!") && !text.starts_with("#![doc"))
        .map(|(path, _)| path)
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn no_file_is_longer_than_a_person_reads() {
    let long: Vec<String> = sources(&["src", "tests"])
        .into_iter()
        .filter(|(_, text)| text.lines().count() > LINES_MAX)
        .map(|(path, text)| format!("{path}: {} lines", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "over {LINES_MAX} lines: {long:#?}");
}

#[test]
fn no_test_file_is_forgotten() {
    let declared: BTreeSet<&str> = include_str!("main.rs")
        .lines()
        .filter_map(|row| row.strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            name == "main" || declared.contains(name),
            "{} is not in main.rs, so nothing runs it",
            path.display()
        );
    }
}

/// What is sealed elsewhere would be forgotten by a rotation.
#[test]
fn everything_is_sealed_in_one_place() {
    let places: Vec<String> = sources(&["src"])
        .into_iter()
        .filter(|(path, text)| {
            !path.starts_with("src/seal")
                && ["keyring().seal(", "keyring.seal("].iter().any(|call| code(text).contains(call))
        })
        .map(|(path, _)| path)
        .collect();
    assert_eq!(places, ["src/app/sealed.rs"]);
}

#[test]
fn imports_are_read_in_every_form() {
    let found = |code: &str| imports(code).into_iter().collect::<Vec<_>>();
    assert_eq!(found("use crate::app::App;"), ["app"]);
    assert_eq!(found("use crate::{\n  app::{App, Error},\n  model::*,\n};\nuse x;"), ["app", "model"]);
    assert_eq!(found("let a = crate::http::router(crate::text::fold);"), ["http", "text"]);
    assert_eq!(code("a // crate::b\n#[cfg(test)]\nmod tests { crate::c }").trim(), "a");
}
