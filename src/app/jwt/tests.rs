//! Tokens: what is believed, and everything that must not be.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Audience, Claims, ISSUER, KEYS_KEPT_MAX, Keys};

const NOW: i64 = 1_800_000_000;
const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn configured() -> Keys {
    Keys::open(std::path::Path::new("unused"), Some(SECRET), at(NOW)).unwrap()
}

fn claims(audience: Audience) -> Claims {
    Claims {
        iss: ISSUER.to_owned(),
        aud: audience.name().to_owned(),
        sub: "7".to_owned(),
        tid: None,
        role: None,
        sid: None,
        jti: uuid::Uuid::nil(),
        iat: NOW,
        exp: NOW + 600,
    }
}

/// A token with any header and body, signed with the right key.
fn forged(keys: &Keys, header: &Header, body: &Value) -> String {
    let secret = keys.ready.read().unwrap()[0].secret.clone();
    encode(header, body, &EncodingKey::from_secret(&secret)).unwrap()
}

#[test]
fn a_token_is_good_for_its_audience_until_the_second_it_expires() {
    let keys = configured();
    for made_for in Audience::ALL {
        let token = keys.sign(&claims(made_for)).unwrap();
        for asked in Audience::ALL {
            assert_eq!(
                keys.verify(asked, &token, at(NOW)).is_some(),
                asked == made_for,
                "{made_for:?} {asked:?}"
            );
        }
        assert!(keys.verify(made_for, &token, at(NOW + 599)).is_some());
        assert!(keys.verify(made_for, &token, at(NOW + 600)).is_none());
        // Made by a clock that is far ahead.
        assert!(keys.verify(made_for, &token, at(NOW - 60)).is_some());
        assert!(keys.verify(made_for, &token, at(NOW - 61)).is_none());
    }
}

#[test]
fn other_algorithms_keys_and_claims_are_refused() {
    let keys = configured();
    let good = serde_json::to_value(claims(Audience::Api)).unwrap();
    let kid = Some(keys.ready.read().unwrap()[0].kid.clone());
    let header = |algorithm| Header { kid: kid.clone(), ..Header::new(algorithm) };
    let believed = |token: &str| keys.verify(Audience::Api, token, at(NOW)).is_some();
    assert!(believed(&forged(&keys, &header(Algorithm::HS256), &good)));
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        assert!(!believed(&forged(&keys, &header(algorithm), &good)), "{algorithm:?}");
    }
    for kid in [None, Some(String::new()), Some("other".to_owned())] {
        let header = Header { kid, ..Header::new(Algorithm::HS256) };
        assert!(!believed(&forged(&keys, &header, &good)));
    }
    for (claim, value) in [
        ("iss", json!("somebody")),
        ("aud", json!("tg-auth")),
        ("aud", json!(["tga-api", "tg-auth"])),
        ("exp", json!(NOW)),
        ("exp", json!("soon")),
        ("exp", Value::Null),
        ("iat", json!(NOW + 61)),
        ("sub", json!(7)),
        ("jti", json!("x")),
    ] {
        let mut changed = good.clone();
        changed[claim] = value.clone();
        assert!(!believed(&forged(&keys, &header(Algorithm::HS256), &changed)), "{claim}: {value}");
        changed.as_object_mut().unwrap().remove(claim);
        assert!(!believed(&forged(&keys, &header(Algorithm::HS256), &changed)), "no {claim}");
    }
}

#[test]
fn a_token_without_a_signature_is_refused_however_it_is_written() {
    let keys = configured();
    let good = keys.sign(&claims(Audience::Api)).unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    let kid = keys.ready.read().unwrap()[0].kid.clone();
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let header =
            URL_SAFE_NO_PAD.encode(json!({ "alg": algorithm, "typ": "JWT", "kid": kid }).to_string());
        for signature in ["", parts[2]] {
            let token = format!("{header}.{}.{signature}", parts[1]);
            assert!(keys.verify(Audience::Api, &token, at(NOW)).is_none(), "{algorithm} {signature}");
        }
    }
    for token in
        [parts[0].to_owned(), format!("{}.{}", parts[0], parts[1]), format!("{good}."), format!(".{good}")]
    {
        assert!(keys.verify(Audience::Api, &token, at(NOW)).is_none());
    }
    assert!(keys.verify(Audience::Api, &"a".repeat(1 << 20), at(NOW)).is_none());
}

#[test]
fn keys_rotate_and_the_oldest_is_no_longer_believed() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::open(dir.path(), None, at(NOW)).unwrap();
    let token = keys.sign(&claims(Audience::Api)).unwrap();
    for turn in 1..=KEYS_KEPT_MAX {
        keys.rotate(at(NOW)).unwrap();
        let again = Keys::open(dir.path(), None, at(NOW)).unwrap();
        for keys in [&keys, &again] {
            assert_eq!(keys.verify(Audience::Api, &token, at(NOW)).is_some(), turn < KEYS_KEPT_MAX, "{turn}");
            let fresh = keys.sign(&claims(Audience::Api)).unwrap();
            assert!(again.verify(Audience::Api, &fresh, at(NOW)).is_some());
        }
    }
    assert!(configured().rotate(at(NOW)).is_err());
}

#[test]
fn the_key_file_is_private_and_a_damaged_or_open_one_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let open = || Keys::open(&dir.path().join("keys"), None, at(NOW)).map(|_| ());
    open().unwrap();
    let path = dir.path().join("keys/jwt.json");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(dir.path().join("keys")).unwrap().permissions().mode() & 0o777, 0o700);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(open().unwrap_err().to_string().contains("chmod 600"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    for text in [
        "",
        "{}",
        "{\"keys\":[]}",
        "{\"keys\":[{\"kid\":\"a\",\"secret\":\"AA\",\"created_at\":\"2026-01-01T00:00:00Z\"}]}",
    ] {
        std::fs::write(&path, text).unwrap();
        assert!(open().unwrap_err().to_string().contains("damaged"), "{text}");
    }
}

#[test]
fn keys_of_a_credential_rotate_by_a_line_and_weak_ones_are_refused() {
    let other = "fedcba9876543210fedcba9876543210";
    let before = Keys::given(&format!("{SECRET}\n"), "a credential").unwrap();
    let token = before.sign(&claims(Audience::Api)).unwrap();
    let after = Keys::given(&format!("{SECRET}\n{other}\n"), "a credential").unwrap();
    assert!(after.verify(Audience::Api, &token, at(NOW)).is_some(), "signed before the new line");
    let fresh = after.sign(&claims(Audience::Api)).unwrap();
    assert!(after.verify(Audience::Api, &fresh, at(NOW)).is_some());
    assert!(before.verify(Audience::Api, &fresh, at(NOW)).is_none(), "the newest line signs");
    assert!(after.rotate(at(NOW)).is_err());
    for weak in ["", "short", &format!("{SECRET}\nshort")] {
        let refused = Keys::given(weak, "a credential").map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains("a credential") && !refused.contains(SECRET), "{refused}");
    }
}

proptest! {
    #[test]
    fn no_bytes_are_believed_by_chance(text in "\\PC{0,300}", parts in "[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}") {
        let keys = configured();
        prop_assert!(keys.verify(Audience::Api, &text, at(NOW)).is_none());
        prop_assert!(keys.verify(Audience::Api, &parts, at(NOW)).is_none());
    }

    /// One changed character anywhere breaks a token, unless base64 reads both the same.
    #[test]
    fn one_changed_byte_breaks_a_token(position in 0_usize..1000, byte in b'-'..=b'z') {
        let keys = configured();
        let good = keys.sign(&claims(Audience::Api)).unwrap();
        let mut changed = good.clone().into_bytes();
        let position = position % changed.len();
        prop_assume!(changed[position] != byte);
        changed[position] = byte;
        let changed = String::from_utf8(changed).unwrap();
        prop_assert!(keys.verify(Audience::Api, &changed, at(NOW)).is_none());
    }
}
