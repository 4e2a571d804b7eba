//! Rotating the sealing key: whatever is sealed lies under the new key afterwards, and the one before may go.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use tga::{app::audit::Origin, model::Provider};

use crate::{
    support::{
        TestApp,
        dc::{FIRST_DC, TestDc},
        https::{Authority, now},
        llm::{Llm, OPENAI_KEY},
    },
    telegram_sessions::{IVAN, KEY_NUMBER, import},
};

const NAME: &str = "tga.example.org";
const DIRECTORY: &str = "https://localhost:9/dir";

/// The file of the one sealing key there is, and its id.
fn key_file(app: &TestApp) -> (PathBuf, String) {
    let mut files = std::fs::read_dir(app.data_dir().join("keys/seal")).unwrap();
    let path = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    let id = path.file_stem().unwrap().to_str().unwrap().rsplit_once('-').unwrap().1.to_owned();
    (path, id)
}

/// What an authority gave before, as it is kept.
fn certificate_keep(app: &TestApp) {
    let (path, key_id) = key_file(app);
    let identity: age::x25519::Identity = std::fs::read_to_string(path).unwrap().trim().parse().unwrap();
    let (chain_pem, key_pem) = Authority::new().issue(&[NAME], 90);
    let kept = json!({
        "domain": NAME,
        "directory_url": DIRECTORY,
        "chain_pem": chain_pem,
        "key_pem": key_pem,
        "account": "{}",
    });
    let sealed = age::encrypt(&identity.to_public(), kept.to_string().as_bytes()).unwrap();
    let file = json!({ "key_id": key_id, "sealed": STANDARD.encode(sealed) });
    let dir = app.data_dir().join("tls");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("certificate.sealed"), file.to_string()).unwrap();
}

#[test]
fn after_a_rotation_the_new_key_alone_opens_everything() {
    let (dc, llm) = (TestDc::start(), Llm::start());
    dc.add_user(IVAN, "Ivan", FIRST_DC);
    let mut app = TestApp::builder()
        .at(&now().to_string())
        .telegram(&dc)
        .models(&llm, "openai")
        .set("TGA__AI__OPENAI__KEY", "")
        .set("TGA__SERVER__LISTEN", "127.0.0.1:0")
        .set("TGA__METRICS__LISTEN", "")
        .set("TGA__SERVER__DOMAIN", NAME)
        .set("TGA__TLS__DIRECTORY_URL", DIRECTORY)
        .build();
    llm.watch(app.app().clock());
    app.member("main", IVAN, tga::model::Role::User);
    let session = import(&dc, &app, KEY_NUMBER);
    let origin = Origin::operator();
    for tenant in [Some(app.tenant()), None] {
        app.app().provider_key_put(tenant.as_deref(), Provider::OpenAi, OPENAI_KEY, &origin).unwrap();
    }
    certificate_keep(&app);
    app.app().certificate_load().unwrap();
    let until = app.app().certificate_until();
    assert!(until.is_some());
    let (old, old_id) = key_file(&app);
    let before = app.app().seal_key_list().unwrap();
    assert_eq!((before[0].sessions, before[0].sealed, before[0].in_use), (1, 4, true));

    let rotated = app.app().seal_key_rotate().unwrap();
    assert_eq!(rotated.left, 0);
    let keys = app.app().seal_key_list().unwrap();
    let of = |id: &str| keys.iter().find(|key| key.id == id).unwrap().sealed;
    assert_eq!((of(&old_id), of(&rotated.id)), (0, 4), "{keys:?}");
    std::fs::remove_file(old).unwrap();
    app.restart();
    assert_eq!(app.app().telegram_session_export(session.id).unwrap().len(), 353);
    for tenant in [Some(app.tenant()), None] {
        let test = app.app().provider_test(tenant.as_deref(), Provider::OpenAi, None).unwrap();
        assert_eq!(json!(test)["ok"], true, "{:?}", json!(test));
    }
    app.app().certificate_load().unwrap();
    assert_eq!(app.app().certificate_until(), until);
    assert_eq!(app.app().seal_key_list().unwrap().len(), 1);

    // What no key opens is said and left as it is; the rest goes on.
    let (gone, _) = key_file(&app);
    std::fs::remove_file(&gone).unwrap();
    app.restart();
    let rotated = app.app().seal_key_rotate().unwrap();
    assert_eq!((rotated.sealed_anew, rotated.left), (0, 4));
}
