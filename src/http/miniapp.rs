//! The Mini App's files (`webapp/app`), all in the binary, under `/app`.
//!
//! A page names its files by a version made of all of them (`/app/v/{version}/main.js`): they may be kept for ever, and one page
//! never mixes files of two versions. The page itself, the service worker and the manifest have names that stay and are asked for
//! anew each time. Any other address under `/app` is the page, which finds its screen by it. Scripts come from here and, inside
//! Telegram only, from Telegram; nothing is inline. Modules that every screen needs are sent together (`together`).
//!
//! A debug build reads the files from the directory in `TGA_WEBAPP_DIR`, where that is set, so that an edit needs no compiler; there
//! each module is sent by itself.

mod together;

use std::{collections::BTreeMap, fmt::Write as _, io::Write as _, sync::LazyLock};

use axum::{
    Router,
    body::Bytes,
    extract::Path,
    http::{HeaderMap, HeaderValue, Uri, header},
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};

use super::{ApiError, Web};
use crate::{
    app::ErrorCode,
    i18n::{Lang, Part},
};

/// Scripts, styles, pictures and requests from here; Telegram's script, and Telegram's page around it.
const POLICY: &str = "default-src 'none'; script-src 'self' https://telegram.org; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors https://web.telegram.org";
/// Files whose name holds their version.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Files whose name stays: asked for each time, sent only when they changed.
const ASKED: HeaderValue = HeaderValue::from_static("no-cache");
/// Letters of a version.
const VERSION_CHARS: usize = 12;
/// Stands in a file for the version of all of them.
const VERSION_MARK: &str = "{version}";
/// Stands in the service worker for the list of all files.
const FILES_MARK: &str = "{files}";

/// The page and what has a name that stays.
const PAGE: &str = "index.html";
const LASTING: [&str; 3] = ["sw.js", "manifest.webmanifest", "icon.svg"];

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_bytes!(concat!("../../webapp/app/", $name)) as &[u8])),+]
    };
}

/// Every file of `webapp/app`; a test compares the directory.
static FILES: &[(&str, &[u8])] = &files![
    "admin/backups.js",
    "admin/events.js",
    "admin/flags.js",
    "admin/installation.js",
    "admin/invite.js",
    "admin/invites.js",
    "admin/jobs.js",
    "admin/links.js",
    "admin/models.js",
    "admin/names.js",
    "admin/people.js",
    "admin/person.js",
    "admin/retention.js",
    "admin/today.js",
    "api.js",
    "app.css",
    "chart.js",
    "dom.js",
    "icon.svg",
    "index.html",
    "keep.js",
    "language.js",
    "lock.js",
    "main.js",
    "manifest.webmanifest",
    "parts.js",
    "posts.js",
    "router.js",
    "savedposts.js",
    "scope.js",
    "screens.js",
    "screens/alert.js",
    "screens/ask.js",
    "screens/channel.js",
    "screens/channels.js",
    "screens/data.js",
    "screens/enter.js",
    "screens/login.js",
    "screens/me.js",
    "screens/passkeys.js",
    "screens/post.js",
    "screens/privacy.js",
    "screens/saved.js",
    "screens/search.js",
    "screens/sessions.js",
    "screens/signin.js",
    "screens/tag.js",
    "screens/tags.js",
    "session.js",
    "start.js",
    "signing.js",
    "sw.js",
    "telegram.js",
    "words.js",
];

/// The texts of the app in each language, and those of its admin screens, which few people load.
static TEXTS: &[Text] = &[
    Text { name: "texts/ru.ftl", lang: Lang::Ru, part: Part::App },
    Text { name: "texts/en.ftl", lang: Lang::En, part: Part::App },
    Text { name: "texts/admin.ru.ftl", lang: Lang::Ru, part: Part::Admin },
    Text { name: "texts/admin.en.ftl", lang: Lang::En, part: Part::Admin },
];

struct Text {
    name: &'static str,
    lang: Lang,
    part: Part,
}

impl Text {
    fn source(&self) -> String {
        self.lang.part_source(self.part)
    }

    /// As it lies in the sources now, so that an edit needs no compiler.
    #[cfg(debug_assertions)]
    fn source_in(&self, dir: &std::path::Path) -> String {
        let path = dir.join(self.part.file_name(self.lang));
        std::fs::read_to_string(path)
            .map_or_else(|_| self.source(), |text| self.lang.with_shared(self.part, &text))
    }
}

/// A file as it is sent.
struct Ready {
    bytes: Bytes,
    gzip: Bytes,
    etag: HeaderValue,
}

/// The files of this build.
struct Bundle {
    version: String,
    files: BTreeMap<&'static str, Ready>,
}

static BUNDLE: LazyLock<Bundle> = LazyLock::new(|| {
    let mut plain: BTreeMap<&'static str, Vec<u8>> =
        FILES.iter().map(|(name, bytes)| (*name, bytes.to_vec())).collect();
    plain.extend(TEXTS.iter().map(|text| (text.name, text.source().into_bytes())));
    let all = plain.iter().fold(Sha256::new(), |sum, (name, bytes)| {
        sum.chain_update(name.as_bytes()).chain_update(Sha256::digest(bytes))
    });
    let version = fingerprint(&all.finalize());
    together::put(&mut plain);
    let names: Vec<&str> = plain.keys().copied().collect();
    let ready =
        |(name, bytes): (&&'static str, &Vec<u8>)| (*name, Ready::new(filled(bytes, &version, &names)));
    let files = plain.iter().map(ready).collect();
    Bundle { version, files }
});

impl Ready {
    fn new(bytes: Vec<u8>) -> Self {
        // Unoptimised code packs slowly.
        let level = if cfg!(debug_assertions) { Compression::fast() } else { Compression::best() };
        let mut packed = GzEncoder::new(Vec::new(), level);
        // Writing into memory cannot fail; if it did, the file would be sent as it is.
        let gzip = packed.write_all(&bytes).and_then(|()| packed.finish()).unwrap_or_default();
        Self { gzip: gzip.into(), ..Self::unpacked(bytes) }
    }

    fn unpacked(bytes: Vec<u8>) -> Self {
        let etag = HeaderValue::from_str(&format!("\"{}\"", fingerprint(&bytes)));
        let etag = etag.unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        Self { bytes: bytes.into(), gzip: Bytes::new(), etag }
    }
}

/// Whether a route is the Mini App's, so that its own policy counts.
pub(super) fn is_route(route: &str) -> bool {
    route == "/app" || route.starts_with("/app/")
}

pub(super) fn files() -> Router<Web> {
    Router::new()
        .route("/app", get(page))
        .route("/app/", get(page))
        .route("/app/{*path}", get(file))
        .route("/tg/app", get(elsewhere))
        .route("/tg/app/", get(elsewhere))
        .route("/tg/app/{*path}", get(elsewhere))
}

/// The app by its other address. The browser keeps what stands behind the `#`.
async fn elsewhere(uri: Uri) -> Redirect {
    let path = uri.path_and_query().map_or("/tg/app", |path| path.as_str());
    Redirect::permanent(path.strip_prefix("/tg").unwrap_or("/app"))
}

async fn page(headers: HeaderMap) -> Response {
    lasting(PAGE, &headers)
}

async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    if let Some((version, name)) = path.strip_prefix("v/").and_then(|rest| rest.split_once('/')) {
        return versioned(version, name, &headers);
    }
    lasting(LASTING.into_iter().find(|name| *name == path).unwrap_or(PAGE), &headers)
}

fn versioned(version: &str, name: &str, headers: &HeaderMap) -> Response {
    if let Some(edited) = edited(name) {
        return sent(name, &Ready::unpacked(edited), ASKED, headers);
    }
    match BUNDLE.files.get(name).filter(|_| version == BUNDLE.version) {
        Some(ready) => sent(name, ready, KEPT, headers),
        None => ApiError::new(ErrorCode::NotFound, "no such file in this version; load the app again")
            .into_response(),
    }
}

fn lasting(name: &'static str, headers: &HeaderMap) -> Response {
    if let Some(edited) = edited(name) {
        return sent(name, &Ready::unpacked(edited), ASKED, headers);
    }
    match BUNDLE.files.get(name) {
        Some(ready) => sent(name, ready, ASKED, headers),
        None => ApiError::internal("a file of the app is missing").into_response(),
    }
}

fn sent(name: &str, ready: &Ready, cache: HeaderValue, asked: &HeaderMap) -> Response {
    let says = |name: header::HeaderName, word: &str| {
        asked.get_all(name).iter().any(|value| value.to_str().is_ok_and(|value| value.contains(word)))
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind(name))),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::CACHE_CONTROL, cache),
        (header::ETAG, ready.etag.clone()),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    if ready.etag.to_str().is_ok_and(|etag| says(header::IF_NONE_MATCH, etag)) {
        return (axum::http::StatusCode::NOT_MODIFIED, headers).into_response();
    }
    if !ready.gzip.is_empty() && says(header::ACCEPT_ENCODING, "gzip") {
        let packed = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
        return (headers, packed, ready.gzip.clone()).into_response();
    }
    (headers, ready.bytes.clone()).into_response()
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "webmanifest" => "application/manifest+json",
        _ => "text/plain; charset=utf-8",
    }
}

/// What tells contents apart: the beginning of their hash.
fn fingerprint(bytes: &[u8]) -> String {
    let sum = Sha256::digest(bytes);
    let mut text = String::new();
    for byte in sum.iter().take(VERSION_CHARS / 2) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A file with the version and the list of files where it asks for them.
fn filled(bytes: &[u8], version: &str, names: &[&str]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
    if !text.contains(VERSION_MARK) && !text.contains(FILES_MARK) {
        return bytes.to_vec();
    }
    let versioned = names.iter().filter(|name| **name != PAGE && !LASTING.contains(name));
    let list: Vec<String> = versioned.map(|name| format!("\"{name}\"")).collect();
    text.replace(VERSION_MARK, version).replace(FILES_MARK, &list.join(", ")).into_bytes()
}

/// The file as it lies in `TGA_WEBAPP_DIR`, also one that is new there: debug builds only.
#[cfg(debug_assertions)]
fn edited(name: &str) -> Option<Vec<u8>> {
    let dir = std::path::PathBuf::from(std::env::var_os("TGA_WEBAPP_DIR")?);
    if name.contains("..") {
        return None;
    }
    let bytes = match TEXTS.iter().find(|text| text.name == name) {
        Some(text) => text.source_in(&dir.join("../../src/i18n")).into_bytes(),
        None => std::fs::read(dir.join(name)).ok()?,
    };
    let names: Vec<&str> = BUNDLE.files.keys().copied().collect();
    Some(filled(&bytes, &BUNDLE.version, &names))
}

#[cfg(not(debug_assertions))]
fn edited(_: &str) -> Option<Vec<u8>> {
    None
}
