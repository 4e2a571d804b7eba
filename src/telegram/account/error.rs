//! What can go wrong between an account and Telegram, in our words.
//!
//! Every error of a request comes through here, so nothing outside `telegram` reads Telegram's codes. Messages never hold keys,
//! tokens or phone numbers.

use grammers_mtsender::InvocationError;

/// Why a session is over for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Telegram does not know the key, or nobody is logged in with it.
    Unregistered,
    /// Ended from the phone's list of devices.
    Revoked,
    /// Not used for longer than the account allows.
    Expired,
    /// The account is deleted or banned.
    Deactivated,
    /// Used from two places at once, so Telegram ended it.
    Duplicated,
}

impl EndReason {
    /// The stable name, stored and shown.
    pub fn code(self) -> &'static str {
        match self {
            EndReason::Unregistered => "session_unregistered",
            EndReason::Revoked => "session_revoked",
            EndReason::Expired => "session_expired",
            EndReason::Deactivated => "account_deactivated",
            EndReason::Duplicated => "session_duplicated",
        }
    }

    /// What happened and what to do, for people.
    pub fn words(self) -> &'static str {
        match self {
            EndReason::Unregistered => "Telegram does not know this session any more; log in again",
            EndReason::Revoked => "the session was ended in Telegram's list of devices; log in again",
            EndReason::Expired => "the session was not used for too long and expired; log in again",
            EndReason::Deactivated => "the Telegram account is deleted or banned",
            EndReason::Duplicated => {
                "the session was used from two places at once, so Telegram ended it; log in again, and do not import it elsewhere"
            }
        }
    }
}

/// Why a request has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Telegram wants this method left alone for a while.
    #[error("Telegram asks to wait {seconds} s before {method} is called again")]
    FloodWait { method: &'static str, seconds: u32 },
    #[error("{}", .0.words())]
    Ended(EndReason),
    #[error("the account is protected by a password that was not given yet")]
    PasswordNeeded,
    #[error("the password is wrong")]
    PasswordWrong,
    /// The server knows nothing of the key a session is made of.
    #[error("Telegram does not know the session's key")]
    KeyUnknown,
    #[error("Telegram did not answer {method} within {seconds} s")]
    Timeout { method: &'static str, seconds: u64 },
    #[error("the connection to Telegram broke: {0}")]
    Disconnected(String),
    #[error("Telegram refused {method}: {name}")]
    Refused { method: &'static str, code: i32, name: String },
    #[error("Telegram answered {method} with something this version cannot read")]
    Unreadable { method: &'static str },
    /// The same key is in use by another connection of this process.
    #[error("the session is in use already")]
    InUse,
}

impl Error {
    /// Whether Telegram refused with this code (`CHANNEL_PRIVATE`).
    pub fn is_refusal(&self, wanted: &str) -> bool {
        matches!(self, Error::Refused { name, .. } if name == wanted)
    }

    /// Whether trying again over a fresh connection may help.
    pub fn is_broken_connection(&self) -> bool {
        matches!(self, Error::Disconnected(_) | Error::Timeout { .. })
    }
}

/// Sorts an error of the library.
pub(super) fn read(error: InvocationError, method: &'static str) -> Error {
    match error {
        InvocationError::Rpc(error) => read_rpc(error.code, &error.name, error.value, method),
        // The library does not show this error's type; its words hold the status.
        InvocationError::Transport(error) if error.to_string().contains("-404") => Error::KeyUnknown,
        InvocationError::Deserialize(_) => Error::Unreadable { method },
        other @ (InvocationError::Session(_)
        | InvocationError::Io(_)
        | InvocationError::Transport(_)
        | InvocationError::Dropped(_)
        | InvocationError::InvalidDc
        | InvocationError::Authentication(_)) => Error::Disconnected(other.to_string()),
    }
}

fn read_rpc(code: i32, name: &str, value: Option<u32>, method: &'static str) -> Error {
    match (code, name) {
        (420, _) => Error::FloodWait { method, seconds: value.unwrap_or(1) },
        (_, "AUTH_KEY_DUPLICATED") => Error::Ended(EndReason::Duplicated),
        (401, "SESSION_PASSWORD_NEEDED") => Error::PasswordNeeded,
        (401, "SESSION_REVOKED") => Error::Ended(EndReason::Revoked),
        (401, "SESSION_EXPIRED") => Error::Ended(EndReason::Expired),
        (401, "USER_DEACTIVATED" | "USER_DEACTIVATED_BAN") => Error::Ended(EndReason::Deactivated),
        (401, "AUTH_KEY_UNREGISTERED" | "AUTH_KEY_INVALID" | "AUTH_KEY_PERM_EMPTY") => {
            Error::Ended(EndReason::Unregistered)
        }
        (_, "PASSWORD_HASH_INVALID") => Error::PasswordWrong,
        _ => {
            let name = value.map_or_else(|| name.to_owned(), |value| format!("{name}_{value}"));
            Error::Refused { method, code, name }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_session_is_told_from_what_does_not() {
        let read = |code, name| read_rpc(code, name, None, "users.getUsers");
        assert_eq!(read(401, "SESSION_REVOKED"), Error::Ended(EndReason::Revoked));
        assert_eq!(read(406, "AUTH_KEY_DUPLICATED"), Error::Ended(EndReason::Duplicated));
        assert_eq!(read(401, "AUTH_KEY_UNREGISTERED"), Error::Ended(EndReason::Unregistered));
        assert_eq!(read(401, "SESSION_PASSWORD_NEEDED"), Error::PasswordNeeded);
        for (code, name) in [(400, "CHANNEL_PRIVATE"), (500, "RPC_CALL_FAIL"), (401, "SOMETHING_NEW")] {
            assert!(read(code, name).is_refusal(name), "{name}");
        }
        let wait = read_rpc(420, "FLOOD_WAIT", Some(17), "messages.getHistory");
        assert_eq!(wait, Error::FloodWait { method: "messages.getHistory", seconds: 17 });
    }
}
