//! Every error code there is: one closed table for all faces.
//!
//! A code is a promise to programs: once released it never changes its name, status or meaning. The table is printed into the
//! API's document and into `schema/error_codes.md`; a golden test keeps both equal to it.

use std::fmt::Write as _;

/// Makes the enum and its table in one place.
macro_rules! codes {
    ($($variant:ident = $name:literal, $status:literal, $meaning:literal;)+) => {
        /// The stable name of a kind of failure, in API answers, JSON output of the CLI and metrics.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[schema(example = "not_found")]
        pub enum ErrorCode {
            $(#[doc = $meaning] $variant,)+
        }

        impl ErrorCode {
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$variant),+];

            /// As it is written: `snake_case`.
            pub fn name(self) -> &'static str {
                match self { $(ErrorCode::$variant => $name,)+ }
            }

            /// The HTTP status it comes with.
            pub fn status(self) -> u16 {
                match self { $(ErrorCode::$variant => $status,)+ }
            }

            /// What it says, for the documentation.
            pub fn meaning(self) -> &'static str {
                match self { $(ErrorCode::$variant => $meaning,)+ }
            }
        }
    };
}

codes! {
    InviteRequired = "invite_required", 400, "Somebody new needs an invite code.";
    InviteUnknown = "invite_unknown", 400, "There is no such invite code.";
    InviteExpired = "invite_expired", 400, "The invite has expired.";
    InviteRevoked = "invite_revoked", 400, "The invite was revoked.";
    InviteExhausted = "invite_exhausted", 400, "The invite has been used as often as it may be.";
    Unauthorized = "unauthorized", 401, "Nobody who may ask: the credential is missing, unknown, expired or revoked.";
    InitDataInvalid = "init_data_invalid", 401, "Telegram did not make this `initData` for this bot.";
    InitDataStale = "init_data_stale", 401, "The `initData` is too old.";
    InitDataFuture = "init_data_future", 401, "The `initData` is from a time that has not come yet.";
    InitDataReplayed = "init_data_replayed", 401, "The `initData` was exchanged for a session already.";
    RefreshInvalid = "refresh_invalid", 401, "The refresh token is unknown, expired or revoked.";
    RefreshReused = "refresh_reused", 401, "The refresh token was used before; its session has been ended.";
    Forbidden = "forbidden", 403, "Known, and not allowed to do this.";
    RegistrationClosed = "registration_closed", 403, "The installation takes no new people.";
    TierLimitExceeded = "tier_limit_exceeded", 403, "The user's tier allows no more; `max` and `current` say how many.";
    NotFound = "not_found", 404, "There is no such thing, or it belongs to somebody else.";
    MethodNotAllowed = "method_not_allowed", 405, "The address does not take this method.";
    Conflict = "conflict", 409, "It contradicts what is stored already, or somebody changed it meanwhile.";
    TenantRequired = "tenant_required", 409, "Several tenants are possible; `error.tenants` lists them.";
    TelegramSessionRequired = "telegram_session_required", 409, "The user's Telegram account is not connected: log in by QR code.";
    UriTooLong = "uri_too_long", 414, "The address with its query is too long.";
    BodyTooLarge = "body_too_large", 413, "The body is larger than `server.body_bytes_max`.";
    InvalidRequest = "invalid_request", 422, "The request cannot be understood; the message names the field.";
    ConfigInvalid = "config_invalid", 422, "The configuration has problems; the message lists all of them.";
    ImportFailed = "import_failed", 422, "The file is no export that can be read.";
    AccountLimited = "account_limited", 429, "The Telegram account must not ask more now; `retry_after_s` says when.";
    RateLimited = "rate_limited", 429, "Too many requests; `Retry-After` says when to try again.";
    Internal = "internal", 500, "A fault of the service; its log has the cause under the request id.";
    Io = "io", 500, "The system refused a file.";
    Store = "store", 500, "A database call failed.";
    DatabaseDamaged = "database_damaged", 500, "A database file is damaged.";
    DatabaseNewer = "database_newer", 500, "A database was written by a newer version.";
    DatabaseMissing = "database_missing", 500, "A database file is gone.";
    TenantMoved = "tenant_moved", 500, "A tenant's directory bears another tenant's name.";
    Queue = "queue", 500, "The queue of jobs failed.";
    Index = "index", 500, "A search index failed.";
    Model = "model", 500, "An embedding or language model failed.";
    Unavailable = "unavailable", 503, "Not now; it will be possible again.";
    LoginUnfinished = "login_unfinished", 409, "The login has not come to its end, or did not succeed.";
    LoginExchanged = "login_exchanged", 409, "The login's session token was exchanged already.";
    LoginOver = "login_over", 410, "The login has come to its end.";
    LoginsBusy = "logins_busy", 429, "Too many logins are under way.";
    TelegramNotConfigured = "telegram_not_configured", 503, "No application id for Telegram is configured.";
    BotNotConfigured = "bot_not_configured", 503, "No bot is configured, so Telegram's word cannot be checked.";
    LinkInvalid = "link_invalid", 401, "The sign-in link is unknown, expired, or was used already: ask the bot for a new one.";
    PasskeyRefused = "passkey_refused", 401, "The passkey is unknown, or its answer does not prove anything.";
    PasskeyChallengeOver = "passkey_challenge_over", 410, "The challenge is unknown, was answered already or has expired: start again.";
    PasskeysNotConfigured = "passkeys_not_configured", 503, "No public address is configured that passkeys could be bound to.";
    VoiceTooLong = "voice_too_long", 422, "The recording is longer than may be written down.";
    VoiceOff = "voice_off", 403, "Voice messages are not written down for this person.";
    BudgetExceeded = "budget_exceeded", 403, "The tenant's budget for models is used up.";
    DiskFull = "disk_full", 503, "The disk is full; nothing acknowledged is lost.";
    ReadOnly = "read_only", 503, "The file system is read-only.";
    QueueFull = "queue_full", 503, "Too many jobs wait already.";
    BackupInvalid = "backup_invalid", 422, "The backup is damaged, not whole, or for keys that are not here; nothing was changed.";
    DataDirInUse = "data_dir_in_use", 503, "Another process has the data directory.";
}

impl ErrorCode {
    pub fn parse(name: &str) -> Option<ErrorCode> {
        ErrorCode::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// The whole table as Markdown.
    pub fn table() -> String {
        let mut out = "| code | status | meaning |\n|---|---|---|\n".to_owned();
        for code in ErrorCode::ALL {
            let _ = writeln!(out, "| `{}` | {} | {} |", code.name(), code.status(), code.meaning());
        }
        out
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;

    #[test]
    fn a_code_is_written_the_same_everywhere() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::json!(code), code.name());
            assert_eq!(ErrorCode::parse(code.name()), Some(*code));
        }
    }

    /// The document once listed the names of the code instead of those that are sent.
    #[test]
    fn the_document_lists_the_codes_that_are_sent() {
        let schema = serde_json::to_value(<ErrorCode as utoipa::PartialSchema>::schema()).unwrap();
        let listed: Vec<&str> =
            schema["enum"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let sent: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(listed, sent);
    }
}
