//! HTTPS with certificate files of one's own: what browsers are told, files that change, and mistakes that are named.

use crate::support::{
    Binary, TestApp,
    https::{Authority, Served, client, free_port, now},
    wait_for,
};

const NAME: &str = "tga.example.org";

#[test]
fn own_files_are_served_read_again_and_lead_from_plain_http() {
    let authority = Authority::new();
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = (dir.path().join("chain.pem"), dir.path().join("key.pem"));
    let put = |days| {
        let (chain, secret) = authority.issue(&[NAME], days);
        std::fs::write(&certificate, chain).unwrap();
        std::fs::write(&key, secret).unwrap();
    };
    put(90);
    let plain = free_port();
    let app = TestApp::builder()
        .at(&now().to_string())
        .set("TGA__SERVER__LISTEN", "127.0.0.1:0")
        .set("TGA__METRICS__LISTEN", "")
        .set("TGA__SERVER__DOMAIN", NAME)
        .set("TGA__TLS__CERTIFICATE_FILE", certificate.to_str().unwrap())
        .set("TGA__TLS__KEY_FILE", key.to_str().unwrap())
        .set("TGA__TLS__REDIRECT_LISTEN", &format!("127.0.0.1:{plain}"))
        .set("TGA__SERVER__PUBLIC_URL", &format!("https://{NAME}"))
        .build();
    let served = Served::start(app.app());
    let browser = client(&authority.root_pem, NAME, served.address);
    let url = format!("https://{NAME}:{}/health", served.address.port());
    let answer = wait_for("the listener", || browser.get(&url).send().ok());
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
    // Nobody else's root is enough, and no other name.
    let stranger = client(&Authority::new().root_pem, NAME, served.address);
    assert!(stranger.get(&url).send().is_err());

    let plainly =
        reqwest::blocking::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let sent = plainly.get(format!("http://127.0.0.1:{plain}/api/posts?limit=1")).send().unwrap();
    assert_eq!(sent.status().as_u16(), 308);
    assert_eq!(sent.headers()["location"], format!("https://{NAME}/api/posts?limit=1"));
    assert!(sent.headers().get("strict-transport-security").is_none(), "plain HTTP must not say that");
    let unknown =
        plainly.get(format!("http://127.0.0.1:{plain}/.well-known/acme-challenge/none")).send().unwrap();
    assert_eq!(unknown.status().as_u16(), 404);

    let before = app.app().certificate_until().unwrap();
    assert!(doctor(&app).starts_with("ok: of tga.example.org until"), "{}", doctor(&app));
    put(5);
    let runtime = served.runtime.as_ref().unwrap();
    runtime.block_on(app.app().certificate_step()).unwrap();
    let after = app.app().certificate_until().unwrap();
    assert!(after < before, "the changed files are not in use");
    assert_eq!(browser.get(&url).send().unwrap().status().as_u16(), 200);
    assert!(doctor(&app).starts_with("reduced: of tga.example.org ends"), "{}", doctor(&app));

    // A mistake keeps what works, and is told.
    std::fs::write(&key, "no key").unwrap();
    assert!(runtime.block_on(app.app().certificate_step()).is_err());
    assert_eq!(app.app().certificate_until(), Some(after));
    assert!(doctor(&app).contains("no private key"), "{}", doctor(&app));
    let metrics = app.app().certificate_view();
    assert_eq!((metrics.source, metrics.names.as_slice()), ("files", &[NAME.to_owned()][..]));
}

/// The state and the words of doctor's check of the certificate.
pub(crate) fn doctor(app: &TestApp) -> String {
    let found = app.app().doctor().unwrap();
    let check = found.iter().find(|finding| finding.check == "certificate").unwrap();
    let state = serde_json::to_value(check.state).unwrap();
    format!("{}: {}", state.as_str().unwrap(), check.detail)
}

#[test]
fn wrong_files_and_contradictions_end_the_start_with_their_reason() {
    let mut home = Binary::new();
    home.ok(&["init"]);
    let (one, two) = (Authority::new(), Authority::new());
    let (chain, _) = one.issue(&[NAME], 30);
    let (_, key) = two.issue(&[NAME], 30);
    let (chain, key) = (home.file("chain.pem", chain), home.file("key.pem", key));
    home.set("TGA__SERVER__LISTEN", "127.0.0.1:0");
    home.set("TGA__METRICS__LISTEN", "");
    home.set("TGA__TLS__CERTIFICATE_FILE", chain.to_str().unwrap());
    let said = home.run(&["config", "check"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("tls.certificate_file") && said.stderr.contains("both"), "{}", said.stderr);
    home.set("TGA__TLS__KEY_FILE", key.to_str().unwrap());
    let said = home.run(&["serve"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("not the certificate's"), "{}", said.stderr);
    let mut home = Binary::new();
    home.set("TGA__SERVER__DOMAIN", "https://tga.example.org");
    home.set("TGA__TLS__CHALLENGE", "http-01");
    home.set("TGA__TLS__CONTACT", "nobody");
    let said = home.run(&["config", "check"]).stderr;
    for problem in ["server.domain", "tls.challenge", "tls.contact"] {
        assert!(said.contains(problem), "{problem}: {said}");
    }
}
