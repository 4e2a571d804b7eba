//! Sessions as Telethon writes them: one line that holds everything needed to act as the account.
//!
//! `1`, then base64 (URL-safe) of: data centre (1 byte), address (4 bytes, or 16 for IPv6), port (2 bytes), key (256 bytes). The
//! line says nothing of who it belongs to and how far updates were read.

use base64::{Engine as _, alphabet, engine};
use zeroize::Zeroizing;

use super::AccountSession;
use crate::telegram::account::{AUTH_KEY_BYTES, ConnectSettings};

/// The only version there is.
const VERSION: char = '1';
/// Longest line that is looked at, characters.
const CHARS_MAX: usize = 1024;

/// With or without padding: copying often loses the `=`.
const BASE64: engine::GeneralPurpose = engine::GeneralPurpose::new(
    &alphabet::URL_SAFE,
    engine::GeneralPurposeConfig::new().with_decode_padding_mode(engine::DecodePaddingMode::Indifferent),
);

/// Why a line is no session. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StringError {
    #[error("no session is given; paste the whole line that Telethon's StringSession printed")]
    Empty,
    #[error("a session begins with `1`; this is of another version, or of another program")]
    Version,
    #[error("the session is not base64; it was cut or changed while copying")]
    Base64,
    #[error("the session has {0} bytes, not 263 or 275; it was cut while copying, or is of another program")]
    Length(usize),
    #[error("the session names data centre {0}, which does not exist")]
    Datacenter(i32),
    #[error("the session's key is empty: nobody was logged in when it was written")]
    EmptyKey,
}

impl AccountSession {
    /// Reads such a line. Whether Telegram accepts the key is only known after connecting.
    pub fn from_string(line: &str, settings: &ConnectSettings) -> Result<Self, StringError> {
        let line = line.trim();
        if line.is_empty() {
            return Err(StringError::Empty);
        }
        let rest = line.strip_prefix(VERSION).ok_or(StringError::Version)?;
        if rest.len() > CHARS_MAX {
            return Err(StringError::Length(rest.len() / 4 * 3));
        }
        let bytes = Zeroizing::new(BASE64.decode(rest).map_err(|_| StringError::Base64)?);
        let address_bytes = match bytes.len() {
            263 => 4,
            275 => 16,
            other => return Err(StringError::Length(other)),
        };
        let id = i32::from(bytes[0]);
        // The address is not believed: a data centre's number says where it is.
        let mut key = Zeroizing::new([0; AUTH_KEY_BYTES]);
        key.copy_from_slice(&bytes[1 + address_bytes + 2..]);
        if *key == [0; AUTH_KEY_BYTES] {
            return Err(StringError::EmptyKey);
        }
        let session = Self::fresh(settings, 0);
        let mut data = session.lock();
        if !data.dcs.contains_key(&id) {
            return Err(StringError::Datacenter(id));
        }
        for dc in data.dcs.values_mut() {
            // The other data centres' keys are agreed on when they are needed.
            dc.auth_key = (dc.id == id).then_some(*key);
        }
        data.home_dc = id;
        drop(data);
        Ok(session)
    }

    /// The session as such a line; `None` while it has no key.
    pub fn to_string_session(&self) -> Option<Zeroizing<String>> {
        let data = self.lock();
        let dc = data.dcs.get(&data.home_dc)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(263));
        bytes.push(u8::try_from(dc.id).ok()?);
        bytes.extend(dc.ipv4.ip().octets());
        bytes.extend(dc.ipv4.port().to_be_bytes());
        bytes.extend(dc.auth_key.as_ref()?);
        let mut line = Zeroizing::new(String::with_capacity(360));
        line.push(VERSION);
        engine::general_purpose::URL_SAFE.encode_string(&*bytes, &mut line);
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn settings() -> ConnectSettings {
        ConnectSettings {
            api_id: 1,
            api_hash: String::new(),
            device_model: String::new(),
            system_version: String::new(),
            app_version: String::new(),
            request_timeout: Duration::from_secs(1),
            datacenters: Vec::new(),
        }
    }

    fn line(dc: u8, key: [u8; AUTH_KEY_BYTES]) -> String {
        let mut bytes = vec![dc, 149, 154, 167, 41];
        bytes.extend(443_u16.to_be_bytes());
        bytes.extend(key);
        format!("1{}", engine::general_purpose::URL_SAFE.encode(bytes))
    }

    #[test]
    fn a_line_of_telethon_goes_round() {
        let text = line(2, [7; AUTH_KEY_BYTES]);
        assert_eq!(text.len(), 353);
        for text in [text.clone(), format!("  {text}\n"), text.trim_end_matches('=').to_owned()] {
            let session = AccountSession::from_string(&text, &settings()).expect("a session");
            assert_eq!(session.home_dc(), 2);
            assert_eq!(session.home_key(), Some([7; AUTH_KEY_BYTES]));
        }
        let session = AccountSession::from_string(&text, &settings()).expect("a session");
        assert_eq!(session.to_string_session().expect("a key").as_str(), text);
    }

    #[test]
    fn what_is_no_session_says_why() {
        let read = |text: &str| AccountSession::from_string(text, &settings()).expect_err("refused");
        let good = line(2, [7; AUTH_KEY_BYTES]);
        assert_eq!(read(" "), StringError::Empty);
        assert_eq!(read(&good[1..]), StringError::Version);
        assert_eq!(read("1не base64"), StringError::Base64);
        assert_eq!(read(&good[..301]), StringError::Length(225));
        assert_eq!(read(&line(9, [7; AUTH_KEY_BYTES])), StringError::Datacenter(9));
        assert_eq!(read(&line(2, [0; AUTH_KEY_BYTES])), StringError::EmptyKey);
        assert!(matches!(read(&format!("1{}", "A".repeat(5000))), StringError::Length(_)));
    }

    #[test]
    fn a_snapshot_goes_round_and_debug_shows_no_key() {
        let session =
            AccountSession::from_string(&line(4, [0xab; AUTH_KEY_BYTES]), &settings()).expect("read");
        let again = AccountSession::restore(&session.snapshot(), &settings()).expect("restored");
        assert_eq!(again.home_key(), Some([0xab; AUTH_KEY_BYTES]));
        assert_eq!(again.home_dc(), 4);
        assert!(!format!("{again:?}").contains("abab") && !format!("{again:?}").contains("171"));
        assert!(AccountSession::restore(b"{}", &settings()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_read_or_refused(text in "1?[A-Za-z0-9_=-]{0,400}") {
            let _ = AccountSession::from_string(&text, &settings());
        }
    }
}
