//! `initData` against public examples of both proofs, and against everything that is not quite one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::Mac as _;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{InitData, InitDataError, Proof, check_string, fields, hex_decode, hmac};

/// A published example with its bot's token (long revoked): the tests of the tma.js project.
const PUBLIC: &str = "user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Vladislav%20%2B%20-%20%3F%20%5C%2F%22%2C%22last_name%22%3A%22Kibenko%22%2C%22username%22%3A%22vdkfrost%22%2C%22language_code%22%3A%22ru%22%2C%22is_premium%22%3Atrue%2C%22allows_write_to_pm%22%3Atrue%2C%22photo_url%22%3A%22https%3A%5C%2F%5C%2Ft.me%5C%2Fi%5C%2Fuserpic%5C%2F320%5C%2F4FPEE4tmP3ATHa57u6MqTDih13LTOiMoKoLDRG4PnSA.svg%22%7D&chat_instance=8134722200314281151&chat_type=private&auth_date=1733509682&signature=TYJxVcisqbWjtodPepiJ6ghziUL94-KNpG8Pau-X7oNNLNBM72APCpi_RKiUlBvcqo5L-LAxIc3dnTzcZX_PDg&hash=a433d8f9847bd6addcc563bff7cc82c89e97ea0d90c11fe5729cae6796a36d73";
const PUBLIC_TOKEN: &str = "7342037359:AAHI25ES9xCOMPokpYoz-p8XVrZUdygo2J4";
const PUBLIC_BOT: i64 = 7_342_037_359;
const PUBLIC_AT: i64 = 1_733_509_682;
/// Telegram's production key, as its documentation of Mini Apps prints it.
const TELEGRAM_KEY: &str = "e7bf03a2fa4602af4580703d88dda5bb59f32ed8b02a56c187fe7d34caed242d";
/// An example of the time before signatures, from the same tests.
const OLD: &str = "auth_date=1&can_send_after=10000&chat=%7B%22id%22%3A1%2C%22type%22%3A%22group%22%2C%22title%22%3A%22chat-title%22%2C%22photo_url%22%3A%22group%22%2C%22username%22%3A%22my-chat%22%7D&chat_instance=888&chat_type=sender&hash=47cfa22e72b887cba90c9cb833c5ea0f599975b6ce7193741844b5c4a4228b40&query_id=QUERY&receiver=%7B%22added_to_attachment_menu%22%3Afalse%2C%22allows_write_to_pm%22%3Atrue%2C%22first_name%22%3A%22receiver-first-name%22%2C%22id%22%3A991%2C%22is_bot%22%3Afalse%2C%22is_premium%22%3Atrue%2C%22language_code%22%3A%22ru%22%2C%22last_name%22%3A%22receiver-last-name%22%2C%22photo_url%22%3A%22receiver-photo%22%2C%22username%22%3A%22receiver-username%22%7D&start_param=debug&user=%7B%22added_to_attachment_menu%22%3Afalse%2C%22allows_write_to_pm%22%3Afalse%2C%22first_name%22%3A%22user-first-name%22%2C%22id%22%3A222%2C%22is_bot%22%3Atrue%2C%22is_premium%22%3Afalse%2C%22language_code%22%3A%22en%22%2C%22last_name%22%3A%22user-last-name%22%2C%22photo_url%22%3A%22user-photo%22%2C%22username%22%3A%22user-username%22%7D";
const OLD_TOKEN: &str = "5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8";
const AGE_MAX: SignedDuration = SignedDuration::from_mins(15);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn by_token(token: &str) -> Proof {
    Proof::Hmac { bot_token: token.to_owned() }
}

fn by_key(bot_id: i64) -> Proof {
    let key = hex_decode(TELEGRAM_KEY).unwrap().try_into().unwrap();
    Proof::Ed25519 { bot_id, key }
}

fn check(raw: &str, proof: &Proof, now: i64) -> Result<InitData, InitDataError> {
    InitData::check(raw, proof, at(now), AGE_MAX)
}

#[test]
fn public_examples_verify_by_token() {
    let data = check(PUBLIC, &by_token(PUBLIC_TOKEN), PUBLIC_AT).unwrap();
    assert_eq!(data.user.id, 279_058_397);
    assert_eq!(data.user.first_name.as_deref(), Some("Vladislav + - ? /"));
    assert_eq!(data.user.language_code.as_deref(), Some("ru"));
    assert_eq!(data.start_param, None);
    let data = check(OLD, &by_token(OLD_TOKEN), 1).unwrap();
    assert_eq!((data.user.id, data.start_param.as_deref()), (222, Some("debug")));
}

#[test]
fn the_public_example_verifies_by_telegrams_own_key() {
    let data = check(PUBLIC, &by_key(PUBLIC_BOT), PUBLIC_AT).unwrap();
    assert_eq!(data.user.id, 279_058_397);
    assert_eq!(check(PUBLIC, &by_key(PUBLIC_BOT + 1), PUBLIC_AT), Err(InitDataError::Invalid));
    // It needs its signature.
    assert_eq!(check(OLD, &by_key(PUBLIC_BOT), 1), Err(InitDataError::Invalid));
}

#[test]
fn the_window_is_exact_to_the_second_on_both_sides() {
    for proof in [by_token(PUBLIC_TOKEN), by_key(PUBLIC_BOT)] {
        for (now, expected) in [
            (PUBLIC_AT + 900, None),
            (PUBLIC_AT + 901, Some(InitDataError::Stale)),
            (PUBLIC_AT - 60, None),
            (PUBLIC_AT - 61, Some(InitDataError::Future)),
        ] {
            assert_eq!(check(PUBLIC, &proof, now).err(), expected, "{now}");
        }
    }
}

#[test]
fn another_bots_token_and_every_other_change_is_refused() {
    let proof = by_token(PUBLIC_TOKEN);
    assert_eq!(check(PUBLIC, &by_token(OLD_TOKEN), PUBLIC_AT), Err(InitDataError::Invalid));
    for (from, to) in [
        ("279058397", "279058398"),
        ("chat_type=private", "chat_type=sender"),
        ("auth_date=1733509682", "auth_date=1733509683"),
        ("&chat_type=private", ""),
        ("signature=TYJx", "signature=TYJy"),
        ("hash=a433", "hash=b433"),
        ("hash=a433", "hash="),
        ("hash=a433", "hash=zz33"),
        ("&hash=", "&hush="),
        ("&chat_type=private", "&chat_type=private&chat_type=private"),
        ("&chat_type=private", "&chat_type=private&x=1"),
    ] {
        let changed = PUBLIC.replacen(from, to, 1);
        assert_ne!(changed, PUBLIC, "{from}");
        assert_eq!(check(&changed, &proof, PUBLIC_AT), Err(InitDataError::Invalid), "{from} → {to}");
    }
    for raw in ["", "&", "=", "hash", "hash=", "hash=00", "user={}", &"a=b&".repeat(4096)] {
        assert_eq!(check(raw, &proof, PUBLIC_AT), Err(InitDataError::Invalid), "{raw:.20}");
    }
}

#[test]
fn what_is_proved_must_also_be_complete() {
    let token = "1:x";
    let signed = |body: &str| {
        let key = hmac(b"WebAppData", token.as_bytes()).finalize().into_bytes();
        let hash = hmac(&key, check_string(&fields(body).unwrap()).as_bytes()).finalize().into_bytes();
        let hash = crate::app::tokens::hex(&hash);
        format!("{body}&hash={hash}")
    };
    for body in
        ["a=1", "auth_date=1", "auth_date=x&user={\"id\":1}", "auth_date=1&user={}", "auth_date=1&user=7"]
    {
        assert_eq!(check(&signed(body), &by_token(token), 1), Err(InitDataError::Invalid), "{body}");
    }
    assert!(check(&signed("auth_date=1&user={\"id\":1}"), &by_token(token), 1).is_ok());
}

#[test]
fn the_same_data_written_in_another_order_has_the_same_fingerprint() {
    let proof = by_token(PUBLIC_TOKEN);
    let first = check(PUBLIC, &proof, PUBLIC_AT).unwrap();
    let mut parts: Vec<&str> = PUBLIC.split('&').collect();
    parts.reverse();
    let second = check(&parts.join("&").replace("%20", "+"), &proof, PUBLIC_AT).unwrap();
    assert_eq!(first.fingerprint, second.fingerprint);
}

#[test]
fn a_signature_by_another_key_is_refused() {
    let mine = SigningKey::from_bytes(&[7; 32]);
    let body = "auth_date=1&user={\"id\":1}";
    let text = format!("42:WebAppData\n{}", check_string(&fields(body).unwrap()));
    let signature = URL_SAFE_NO_PAD.encode(mine.sign(text.as_bytes()).to_bytes());
    let raw = format!("{body}&signature={signature}&hash=00");
    let proof = Proof::Ed25519 { bot_id: 42, key: mine.verifying_key().to_bytes() };
    assert!(check(&raw, &proof, 1).is_ok());
    assert_eq!(check(&raw, &by_key(42), 1), Err(InitDataError::Invalid));
}

proptest! {
    /// Nothing that Telegram did not make is believed, and nothing makes the reader fail.
    #[test]
    fn no_bytes_are_believed_by_chance(raw in "\\PC{0,200}", tail in "[a-z_=&%0-9A-F]{0,120}") {
        for raw in [raw.clone(), tail.clone(), format!("{tail}&hash={raw}"), format!("auth_date=1&user={raw}&hash=00")] {
            prop_assert!(check(&raw, &by_token("1:x"), 1).is_err());
            prop_assert!(check(&raw, &by_key(1), 1).is_err());
        }
    }

    /// One changed character anywhere in the public example breaks it, unless it decodes to the same.
    #[test]
    fn one_changed_byte_breaks_the_proof(position in 0..PUBLIC.len(), byte in b' '..b'~') {
        let mut raw = PUBLIC.as_bytes().to_vec();
        raw[position] = byte;
        let raw = String::from_utf8(raw).unwrap();
        let same = fields(&raw).is_ok_and(|read| {
            let mut read = read;
            let mut original = fields(PUBLIC).unwrap();
            // Upper and lower case are the same hash.
            let hash = |fields: &mut std::collections::BTreeMap<String, String>| fields.remove("hash").map(|hash| hash.to_lowercase());
            hash(&mut read) == hash(&mut original) && read == original
        });
        prop_assert_eq!(check(&raw, &by_token(PUBLIC_TOKEN), PUBLIC_AT).is_ok(), same);
    }
}
