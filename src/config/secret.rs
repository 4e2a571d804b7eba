//! Secrets of the configuration: given in place or as a file, checked for strength, never shown.

use zeroize::Zeroizing;

use super::Check;

/// What `config print` and every log shows of a secret.
const HIDDEN: &str = "***";
/// Shortest secret that is taken, bytes.
const SECRET_BYTES_MIN: usize = 32;

/// A secret; its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(value: &str) -> Self {
        Self(Zeroizing::new(value.to_owned()))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// 32 bytes of 64 hexadecimal digits.
pub(super) fn hex_32(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut out = [0; 32];
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(out)
}

impl Check<'_> {
    /// The secret given as a value or as the name of a file; the value is hidden from here on.
    pub(super) fn secret(&mut self, key: &str, value: &mut String, file: &str) -> Option<Secret> {
        let secret = self.provider_key(key, value, file)?;
        if secret.expose().len() < SECRET_BYTES_MIN {
            self.problem(
                key,
                format!("has {} characters; a guess could hit it", secret.expose().len()),
                &format!("take at least {SECRET_BYTES_MIN} from a random source: openssl rand -hex 32"),
            );
        }
        Some(secret)
    }

    /// The same for a key that somebody else made, of whatever length.
    pub(super) fn provider_key(&mut self, key: &str, value: &mut String, file: &str) -> Option<Secret> {
        let given = std::mem::take(value);
        match (given.as_str(), file) {
            ("", "") => None,
            (given, "") => {
                HIDDEN.clone_into(value);
                Some(Secret::new(given.trim()))
            }
            ("", file) => match std::fs::read_to_string(file) {
                Ok(text) => Some(Secret::new(Zeroizing::new(text).trim())),
                Err(error) => {
                    let problem = format!("{file} cannot be read: {error}");
                    self.problem(&format!("{key}_file"), problem, "check the path and its permissions");
                    None
                }
            },
            (_, _) => {
                HIDDEN.clone_into(value);
                self.problem(key, format!("is given twice, here and in {key}_file"), "keep one of the two");
                None
            }
        }
    }
}
