//! Certificates by ACME, against Pebble, the test authority of Let's Encrypt: got, kept sealed, renewed by a clock the test moves, and
//! an authority that is away, is another, or cannot reach us.
//!
//! Skips with a message where `pebble` and `pebble-challtestsrv` (Debian: package pebble) are not installed.

use std::{
    net::Ipv4Addr,
    process::{Child, Command, Stdio},
};

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use crate::{
    support::{
        TestApp,
        https::{Authority, Served, client, free_port, now},
        wait_for,
    },
    tls::doctor,
};

const NAME: &str = "tga.example.org";

/// Pebble and the name server it asks.
struct Pebble {
    dir: TempDir,
    authority: Authority,
    processes: Vec<Child>,
    port: u16,
    management: u16,
    dns: u16,
    tls_port: u16,
    http_port: u16,
}

impl Pebble {
    /// `None`, with a message, where it is not installed. Every name leads to `address`.
    fn start(address: &str) -> Option<Self> {
        let installed = |name: &str| {
            Command::new(name).arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        };
        if !installed("pebble") || !installed("pebble-challtestsrv") {
            eprintln!("skipped: pebble is not installed (apt-get install pebble)");
            return None;
        }
        let authority = Authority::new();
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = authority.issue(&["localhost"], 30);
        for (name, text) in [("cert.pem", &certificate), ("key.pem", &key), ("root.pem", &authority.root_pem)]
        {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let mut pebble = Self {
            dir,
            authority,
            processes: Vec::new(),
            port: free_port(),
            management: free_port(),
            dns: free_port(),
            tls_port: free_port(),
            http_port: free_port(),
        };
        let dns = format!("127.0.0.1:{}", pebble.dns);
        let mut names = Command::new("pebble-challtestsrv");
        names.args([
            "-defaultIPv4",
            address,
            "-defaultIPv6",
            "",
            "-dns01",
            &dns,
            "-http01",
            "",
            "-https01",
            "",
        ]);
        names.args(["-tlsalpn01", "", "-management", &format!("127.0.0.1:{}", free_port())]);
        pebble.spawn(names);
        pebble.authority_start();
        Some(pebble)
    }

    fn spawn(&mut self, mut command: Command) {
        self.processes.push(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }

    /// A new authority each time: it knows no account.
    fn authority_start(&mut self) {
        let path = |name: &str| self.dir.path().join(name).to_str().unwrap().to_owned();
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{}", self.port),
            "managementListenAddress": format!("127.0.0.1:{}", self.management),
            "certificate": path("cert.pem"), "privateKey": path("key.pem"),
            "httpPort": self.http_port, "tlsPort": self.tls_port,
            "ocspResponderURL": "", "externalAccountBindingRequired": false,
        }});
        std::fs::write(path("pebble.json"), config.to_string()).unwrap();
        let mut command = Command::new("pebble");
        command.args(["-config", &path("pebble.json"), "-dnsserver", &format!("127.0.0.1:{}", self.dns)]);
        command.env("PEBBLE_VA_NOSLEEP", "1");
        self.spawn(command);
        let asked = self.client();
        wait_for("pebble to answer", || asked.get(self.url("dir")).send().ok());
    }

    fn authority_stop(&mut self) {
        let mut pebble = self.processes.pop().unwrap();
        pebble.kill().unwrap();
        pebble.wait().unwrap();
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}/{path}", self.port)
    }

    fn client(&self) -> reqwest::blocking::Client {
        client(&self.authority.root_pem, "localhost", (Ipv4Addr::LOCALHOST, self.port).into())
    }

    /// The root that its certificates lead to.
    fn root(&self) -> String {
        let url = format!("https://localhost:{}/roots/0", self.management);
        self.client().get(url).send().unwrap().text().unwrap()
    }

    fn app(&self, challenge: &str) -> TestApp {
        TestApp::builder()
            .at(&now().to_string())
            .set("TGA__SERVER__LISTEN", &format!("127.0.0.1:{}", self.tls_port))
            .set("TGA__METRICS__LISTEN", "")
            .set("TGA__SERVER__DOMAIN", NAME)
            .set("TGA__TLS__CONTACT", "me@example.org")
            .set("TGA__TLS__CHALLENGE", challenge)
            .set("TGA__TLS__REDIRECT_LISTEN", &format!("127.0.0.1:{}", self.http_port))
            .set("TGA__TLS__DIRECTORY_URL", &self.url("dir"))
            .set("TGA__TLS__CA_FILE", self.dir.path().join("root.pem").to_str().unwrap())
            .build()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // It may have ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn until(app: &TestApp) -> Timestamp {
    wait_for("a certificate", || app.app().certificate_until())
}

#[test]
fn a_certificate_is_got_kept_sealed_and_renewed_whatever_the_authority_does() {
    let Some(mut pebble) = Pebble::start("127.0.0.1") else { return };
    let mut app = pebble.app("tls-alpn-01");
    let served = Served::start(app.app());
    let first = until(&app);
    let url = format!("https://{NAME}:{}/ready", pebble.tls_port);
    let old_root = pebble.root();
    let browser = client(&old_root, NAME, served.address);
    assert_eq!(browser.get(&url).send().unwrap().status().as_u16(), 200);
    assert!(doctor(&app).starts_with("ok: of tga.example.org until"), "{}", doctor(&app));
    for (path, bytes) in app.files() {
        for secret in ["PRIVATE KEY", "key_pkcs8"] {
            let held = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!held, "{} holds {secret}", path.display());
        }
    }
    let step = |served: &Served, app: &TestApp| {
        served.runtime.as_ref().unwrap().block_on(app.app().certificate_step())
    };
    step(&served, &app).unwrap();
    assert_eq!(app.app().certificate_until(), Some(first), "renewed before its time");

    // The authority is away when it is time: the certificate stays, the reason is told, and it is not asked all the time.
    drop(served);
    pebble.authority_stop();
    app.restart();
    let served = Served::start(app.app());
    assert_eq!(until(&app), first, "the kept certificate is not used after a restart");
    let lifetime = first.duration_since(app.app().now());
    app.advance(SignedDuration::from_secs(lifetime.as_secs() * 7 / 10));
    let away = step(&served, &app).unwrap_err().to_string();
    assert!(away.contains("cannot be asked") && away.contains("tls.ca_file"), "{away}");
    assert_eq!(app.app().certificate_until(), Some(first));
    assert!(doctor(&app).starts_with("reduced: good until"), "{}", doctor(&app));
    assert_eq!(browser.get(&url).send().unwrap().status().as_u16(), 200);
    app.advance(SignedDuration::from_mins(4));
    step(&served, &app).unwrap();
    assert!(doctor(&app).starts_with("reduced"), "it was asked again too soon");

    // It comes back as another one, which does not know our account.
    pebble.authority_start();
    app.advance(SignedDuration::from_mins(2));
    step(&served, &app).unwrap();
    assert!(app.app().certificate_until().unwrap() >= first);
    assert!(doctor(&app).starts_with("ok"), "{}", doctor(&app));
    let renewed = client(&pebble.root(), NAME, served.address);
    assert_eq!(renewed.get(&url).send().unwrap().status().as_u16(), 200);
    // A client of its own: an old connection would go on with what it began with.
    let old = client(&old_root, NAME, served.address);
    assert!(old.get(&url).send().is_err(), "the old certificate is still served");
    drop(served);
}

#[test]
fn a_name_is_proved_over_plain_http_too() {
    let Some(pebble) = Pebble::start("127.0.0.1") else { return };
    let app = pebble.app("http-01");
    let served = Served::start(app.app());
    until(&app);
    let browser = client(&pebble.root(), NAME, served.address);
    let url = format!("https://{NAME}:{}/ready", pebble.tls_port);
    assert_eq!(browser.get(&url).send().unwrap().status().as_u16(), 200);
}

#[test]
fn a_name_that_leads_elsewhere_is_explained() {
    let Some(pebble) = Pebble::start("127.0.0.9") else { return };
    let app = pebble.app("tls-alpn-01");
    let served = Served::start(app.app());
    let told = wait_for("the refusal", || app.app().certificate_view().problem);
    assert!(told.contains("port 443 of tga.example.org must lead here"), "{told}");
    assert!(doctor(&app).starts_with("problem: there is none"), "{}", doctor(&app));
    let checks = app.app().doctor().unwrap();
    let of = |name: &str| checks.iter().find(|finding| finding.check == name).unwrap();
    assert!(of("port").fix.as_ref().unwrap().contains("443"), "{:?}", of("port"));
    assert!(of("authority").detail.contains("is reached"), "{:?}", of("authority"));
    assert!(of("name").fix.is_some(), "{:?}", of("name"));
    drop(served);
}
