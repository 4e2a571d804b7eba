//! Pages behind links: what is fetched, what never is, and what becomes of it.
//!
//! The sites are real HTTP servers on this machine, as hostile as one can be; names are resolved by the tests, so that they may
//! lead anywhere.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use futures_util::{FutureExt as _, future::BoxFuture};
use jiff::SignedDuration;
use tga::{
    app::{audit::Origin, search::SearchMode},
    links::{
        Address, Error, Fetched, Fetcher, Guard, Lookup, Refusal, Robots, RobotsBook, Settings, page_read,
    },
    model::{ChannelSet, Net},
    pipeline::{LinkReader, LinksOutcome},
};

use crate::support::{TestApp, line};

const ARTICLE: &str = "<html lang=ru><head><title>Ледокол «Арктика» ушёл в рейс</title>\
    <meta property=og:site_name content='Северный путь'></head><body><article>\
    <p>Караван из семи судов сопровождает атомоход; на борту оборудование для гидрометстанции на мысе Челюскин.</p>\
    <p>Капитан рассказал корреспонденту, что торосы в проливе Вилькицкого в этом году особенно высоки.</p></article></body>";

/// How a site answers a path.
type Answer = dyn Fn(&str, &mut TcpStream) + Send + Sync;

/// A site on this machine. Its threads end with the process.
struct SiteServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl SiteServer {
    fn start(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, answer): (_, Arc<Answer>) = (Arc::clone(&asked), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    let (mut request, mut row) = (String::new(), String::new());
                    reader.read_line(&mut request).unwrap_or(0);
                    while reader.read_line(&mut row).is_ok_and(|read| read > 2) {
                        row.clear();
                    }
                    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                    log.lock().unwrap().push(path.clone());
                    answer(&path, &mut stream);
                });
            }
        });
        Self { address, asked }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was asked for, without the rules for robots.
    fn pages_asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().filter(|path| *path != "/robots.txt").cloned().collect()
    }
}

fn reply(stream: &mut TcpStream, head: &str, body: &[u8]) {
    let _ = write!(stream, "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(body);
}

fn html(stream: &mut TcpStream, body: &str) {
    reply(stream, "200 OK\r\ncontent-type: text/html; charset=utf-8", body.as_bytes());
}

fn redirect(stream: &mut TcpStream, to: &str) {
    reply(stream, &format!("302 Found\r\nlocation: {to}"), b"");
}

/// Rules that allow everything, asked of nobody.
struct NoRules;

impl RobotsBook for NoRules {
    fn rules<'a>(&'a self, _: &'a Fetcher, _: &'a Address) -> BoxFuture<'a, Robots> {
        async { Robots::Free }.boxed()
    }
}

/// A resolver that answers from a list, the last answer again and again.
fn lookup(answers: &[&[&str]]) -> (Lookup, Arc<AtomicUsize>) {
    let answers: VecDeque<Vec<IpAddr>> =
        answers.iter().map(|answer| answer.iter().map(|ip| ip.parse().unwrap()).collect()).collect();
    let (answers, count) = (Arc::new(Mutex::new(answers)), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    let lookup: Lookup = Arc::new(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        let mut answers = answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        async move { Ok(answer.unwrap_or_default()) }.boxed()
    });
    (lookup, count)
}

/// A fetcher that may ask this one address of this machine, and of the others none.
struct Probe {
    fetcher: Fetcher,
    ports: Vec<u16>,
    runtime: tokio::runtime::Runtime,
}

impl Probe {
    fn new(site: &SiteServer, lookup: Lookup) -> Self {
        let settings = Settings {
            timeout: Duration::from_secs(3),
            redirects_max: 3,
            body_bytes_max: 1024 * 1024,
            ports: vec![80, 443, site.address.port()],
        };
        let ports = settings.ports.clone();
        tga::lifecycle::start("off", tga::config::LogFormat::Text);
        let guard = Guard::new(vec![Net::parse("127.0.0.1").unwrap()], tga::links::own_addresses());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { fetcher: Fetcher::with_lookup(settings, guard, lookup).unwrap(), ports, runtime }
    }

    fn get(&self, url: &str) -> Result<Fetched, Error> {
        let address = Address::parse(url, &self.ports)?;
        self.runtime.block_on(self.fetcher.page(&address, &NoRules))
    }

    fn refused(&self, url: &str) -> Option<Refusal> {
        match self.get(url) {
            Err(Error::Refused(refusal)) => Some(refusal),
            Ok(_) | Err(_) => None,
        }
    }
}

#[test]
fn a_page_is_fetched_and_its_redirects_are_followed() {
    let site = SiteServer::start(|path, stream| match path {
        "/a" => redirect(stream, "/b?utm_source=x"),
        "/b" => html(stream, ARTICLE),
        "/1" => redirect(stream, "/2"),
        "/2" => redirect(stream, "/3"),
        "/3" => redirect(stream, "/4"),
        "/4" => redirect(stream, "/b"),
        "/loop" => redirect(stream, "/loop"),
        _ => reply(stream, "404 Not Found\r\ncontent-type: text/html", b"no"),
    });
    let probe = Probe::new(&site, lookup(&[&[]]).0);
    let fetched = probe.get(&site.url("/a")).unwrap();
    assert_eq!(fetched.address.as_str(), site.url("/b"));
    let page = page_read(&fetched).unwrap();
    assert_eq!((page.title.as_str(), page.site.as_str()), ("Ледокол «Арктика» ушёл в рейс", "Северный путь"));
    assert!(page.text.contains("Челюскин"), "{}", page.text);
    assert_eq!(probe.refused(&site.url("/1")), Some(Refusal::Redirects));
    assert_eq!(probe.refused(&site.url("/loop")), Some(Refusal::Redirects));
    assert_eq!(probe.get(&site.url("/none")).unwrap_err(), Error::Status(404));
}

#[test]
fn a_redirect_into_the_private_net_is_refused_in_every_spelling() {
    let target = Arc::new(Mutex::new(String::new()));
    let told = Arc::clone(&target);
    let site = SiteServer::start(move |_, stream| redirect(stream, &told.lock().unwrap()));
    let (names, resolved) = lookup(&[&["10.0.0.7"]]);
    let probe = Probe::new(&site, names);
    let port = site.address.port();
    for (to, refusal) in [
        ("http://127.0.0.2/".to_owned(), Refusal::Forbidden),
        ("http://2130706434/".to_owned(), Refusal::Forbidden),
        ("http://0177.0.0.2/".to_owned(), Refusal::Forbidden),
        ("http://0x7f.0.0.2/".to_owned(), Refusal::Forbidden),
        ("http://127.2/".to_owned(), Refusal::Forbidden),
        ("http://0/".to_owned(), Refusal::Forbidden),
        ("http://10.0.0.1/".to_owned(), Refusal::Forbidden),
        ("http://192.168.1.1:80/".to_owned(), Refusal::Forbidden),
        ("http://169.254.169.254/latest/meta-data/".to_owned(), Refusal::Forbidden),
        (format!("http://[::1]:{port}/"), Refusal::Own),
        ("http://[::]/".to_owned(), Refusal::Forbidden),
        ("http://[::ffff:10.0.0.1]/".to_owned(), Refusal::Forbidden),
        ("http://[::ffff:a9fe:a9fe]/".to_owned(), Refusal::Forbidden),
        ("http://[64:ff9b::a00:1]/".to_owned(), Refusal::Forbidden),
        ("http://[fd00:ec2::254]/".to_owned(), Refusal::Forbidden),
        ("http://[fe80::1]/".to_owned(), Refusal::Forbidden),
        ("http://inner.example.org/".to_owned(), Refusal::Forbidden),
        ("http://localhost/".to_owned(), Refusal::LocalName),
        ("http://metadata.google.internal/".to_owned(), Refusal::LocalName),
        ("http://user:password@example.org/".to_owned(), Refusal::Credentials),
        ("http://example.org:6379/".to_owned(), Refusal::Port),
        ("file:///etc/passwd".to_owned(), Refusal::Scheme),
        ("gopher://127.0.0.1:6379/_FLUSHALL".to_owned(), Refusal::Scheme),
        ("https://t.me/name/7".to_owned(), Refusal::Telegram),
    ] {
        to.clone_into(&mut target.lock().unwrap());
        assert_eq!(probe.refused(&site.url("/")), Some(refusal), "{to}");
    }
    assert_eq!(resolved.load(Ordering::SeqCst), 1, "only the one name that may be asked for was resolved");
}

#[test]
fn a_name_that_changes_its_address_is_judged_each_time_it_is_resolved() {
    let site = SiteServer::start(|path, stream| match path {
        "/" => html(stream, ARTICLE),
        _ => redirect(stream, "/"),
    });
    let port = site.address.port();
    // Resolved once for each connection: the connection goes to what was judged, so a second answer has nobody to fool.
    let (names, resolved) = lookup(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let probe = Probe::new(&site, names);
    probe.get(&format!("http://rebind.example.org:{port}/")).unwrap();
    assert_eq!(resolved.load(Ordering::SeqCst), 1);
    assert_eq!(probe.refused(&format!("http://rebind.example.org:{port}/")), Some(Refusal::Forbidden));

    let (names, _) = lookup(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let probe = Probe::new(&site, names);
    assert_eq!(probe.refused(&format!("http://rebind.example.org:{port}/again")), Some(Refusal::Forbidden));

    let (names, _) = lookup(&[&["127.0.0.1", "192.168.0.1"]]);
    let probe = Probe::new(&site, names);
    assert_eq!(probe.refused(&format!("http://mixed.example.org:{port}/")), Some(Refusal::Forbidden));
}

#[test]
fn what_is_too_much_is_refused_and_costs_no_more_than_its_limit() {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![0; 200 * 1024 * 1024]).unwrap();
    let bomb = bomb.finish().unwrap();
    let site = SiteServer::start(move |path, stream| match path {
        "/bomb" => reply(stream, "200 OK\r\ncontent-type: text/html\r\ncontent-encoding: gzip", &bomb),
        "/large" => html(stream, &"a".repeat(2 * 1024 * 1024)),
        "/endless" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n");
            while stream.write_all(&[b'a'; 4096]).is_ok() {}
        }
        "/slow" => {
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 1000\r\n\r\n<p>");
            // Waits for the other side to hang up.
            let _ = stream.read(&mut [0; 1]);
        }
        "/silent" => {
            let _ = stream.read(&mut [0; 1]);
        }
        "/headers" => {
            let head = (0..500).map(|n| format!("x-{n}: {n}\r\n")).collect::<String>();
            let _ = write!(stream, "HTTP/1.1 200 OK\r\n{head}content-length: 0\r\n\r\n");
        }
        "/header" => {
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n",
                "a".repeat(2_000_000)
            );
        }
        "/garbage" => {
            let _ = stream.write_all(b"\x16\x03\x01\x00\xa5 not http at all\r\n\r\n");
        }
        "/cut" => {
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 1000\r\n\r\nabc");
        }
        "/picture" => reply(stream, "200 OK\r\ncontent-type: image/png", b"\x89PNG"),
        "/brotli" => reply(stream, "200 OK\r\ncontent-type: text/html\r\ncontent-encoding: br", b"x"),
        "/notgzip" => {
            reply(stream, "200 OK\r\ncontent-type: text/html\r\ncontent-encoding: gzip", b"<p>plain");
        }
        "/busy" => reply(stream, "429 Too Many Requests\r\nretry-after: 120", b""),
        "/forever" => reply(stream, "503 Unavailable\r\nretry-after: 99999999", b""),
        _ => html(stream, ""),
    });
    let probe = Probe::new(&site, lookup(&[&[]]).0);
    for (path, refusal) in [
        ("/bomb", Refusal::TooLarge),
        ("/large", Refusal::TooLarge),
        ("/endless", Refusal::TooLarge),
        ("/picture", Refusal::ContentType),
        ("/brotli", Refusal::Encoding),
        ("/notgzip", Refusal::Encoding),
    ] {
        assert_eq!(probe.refused(&site.url(path)), Some(refusal), "{path}");
    }
    for path in ["/slow", "/silent"] {
        assert_eq!(probe.get(&site.url(path)).unwrap_err(), Error::Timeout, "{path}");
    }
    for path in ["/headers", "/header", "/garbage", "/cut"] {
        assert!(matches!(probe.get(&site.url(path)), Err(Error::Unreachable(_))), "{path}");
    }
    let later = |status, s| Error::Later { status, after: Some(Duration::from_secs(s)) };
    assert_eq!(probe.get(&site.url("/busy")).unwrap_err(), later(429, 120));
    assert_eq!(probe.get(&site.url("/forever")).unwrap_err(), later(503, 24 * 3600));
}

/// An appliance whose tenant may ask this site.
fn app_for(site: &SiteServer) -> TestApp {
    tga::lifecycle::start("off", tga::config::LogFormat::Text);
    TestApp::builder()
        .set("TGA__LINKS__PORTS", &format!("[{}]", site.address.port()))
        .set("TGA__LINKS__ALLOWED_NETWORKS", "[\"127.0.0.1\"]")
        .build()
}

/// Rounds until nothing is due now.
fn read_pages(app: &TestApp, reader: &mut LinkReader) {
    while let LinksOutcome::Asked(_) = reader.tick(app.app(), &AtomicBool::new(false)).unwrap() {}
    app.run_pending_jobs();
}

#[test]
fn pages_are_read_only_where_it_was_switched_on_and_make_their_posts_findable() {
    let site = SiteServer::start(|path, stream| match path {
        "/article" => html(stream, ARTICLE),
        _ => reply(stream, "404 Not Found\r\ncontent-type: text/html", b"no"),
    });
    let mut app = app_for(&site);
    let post = line("news", 1, "Атомоход и гидрометстанция: подробности по ссылке")
        .with("links", serde_json::json!([{ "text": "", "url": site.url("/article?utm_source=tg") }]));
    app.index_jsonl(&[post]);
    let mut reader = LinkReader::default();
    read_pages(&app, &mut reader);
    assert!(site.pages_asked().is_empty(), "nobody switched it on");
    assert_eq!(app.search("торосы", SearchMode::Fulltext).hits.len(), 0);

    let view = app.app().links_set(&app.tenant(), true, &Origin::operator()).unwrap();
    assert!(view.enabled);
    app.run_pending_jobs();
    read_pages(&app, &mut reader);
    assert_eq!(site.pages_asked(), ["/article"], "once, without what tracks");
    let found = app.search("торосы", SearchMode::Fulltext);
    assert_eq!(found.hits.len(), 1);
    let post = app.tenant().post_get(found.hits[0].post_id, &ChannelSet::All).unwrap();
    assert_eq!(post.pages[0].title, "Ледокол «Арктика» ушёл в рейс");
    assert!(
        post.tags.iter().all(|tag| post.text.to_lowercase().contains(&tag.to_lowercase())),
        "{:?}",
        post.tags
    );
    assert_eq!(app.tenant().links_view().unwrap().pages.read, 1);

    // The same link in another post costs nothing.
    let again = line("other", 1, "Ещё раз о том же самом рейсе")
        .with("links", serde_json::json!([{ "text": "", "url": site.url("/article") }]));
    app.index_jsonl(&[again]);
    read_pages(&app, &mut reader);
    assert_eq!(site.pages_asked().len(), 1);
    assert_eq!(app.search("торосы", SearchMode::Fulltext).hits.len(), 2);

    // When the last post that links there goes, what was read goes with it.
    for hit in app.search("торосы", SearchMode::Fulltext).hits {
        app.app().post_delete(&app.tenant(), hit.post_id, "test").unwrap();
    }
    assert_eq!(app.tenant().links_view().unwrap().pages, tga::store::PageCounts::default());
}

#[test]
fn robots_pace_and_budget_are_kept_and_a_site_that_is_down_is_asked_again() {
    let up = Arc::new(AtomicBool::new(false));
    let is_up = Arc::clone(&up);
    let site = SiteServer::start(move |path, stream| match path {
        "/robots.txt" => {
            reply(stream, "200 OK\r\ncontent-type: text/plain", b"User-agent: *\nDisallow: /private");
        }
        _ if is_up.load(Ordering::SeqCst) => html(stream, ARTICLE),
        _ => reply(stream, "503 Unavailable", b""),
    });
    let mut app = app_for(&site);
    app.app().links_set(&app.tenant(), true, &Origin::operator()).unwrap();
    let links: Vec<_> = ["/private/a", "/1", "/2", "/3"]
        .map(|path| serde_json::json!({ "text": "", "url": site.url(path) }))
        .to_vec();
    app.index_jsonl(&[line("news", 1, "Четыре ссылки на один сайт").with("links", links)]);
    let mut reader = LinkReader::default();
    read_pages(&app, &mut reader);
    assert_eq!(site.pages_asked().len(), 1, "one page of a site at a time: {:?}", site.pages_asked());
    for _ in 0..6 {
        app.advance(SignedDuration::from_secs(6));
        read_pages(&app, &mut reader);
    }
    let counts = app.tenant().links_view().unwrap().pages;
    assert_eq!(
        (counts.due, counts.refused),
        (3, 1),
        "the private page is refused, the others wait for the site"
    );
    assert_eq!(site.pages_asked().len(), 3);

    up.store(true, Ordering::SeqCst);
    for _ in 0..4 {
        app.advance(SignedDuration::from_mins(5));
        read_pages(&app, &mut reader);
    }
    let counts = app.tenant().links_view().unwrap().pages;
    assert_eq!((counts.due, counts.read, counts.refused), (0, 3, 1));
    assert!(!site.pages_asked().iter().any(|path| path.starts_with("/private")));
}
