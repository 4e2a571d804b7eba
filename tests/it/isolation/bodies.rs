//! What is sent with the questions of the table: as little as a route reads, or what it refuses in a way that tells who may ask.

use serde_json::{Value, json};

pub(super) fn none() -> Value {
    Value::Null
}

pub(super) fn query() -> Value {
    json!({ "query": "ледокол порт" })
}

pub(super) fn news() -> Value {
    json!({ "channel": "@NEWS" })
}

pub(super) fn week() -> Value {
    json!({ "depth_days": 7 })
}

pub(super) fn no_init_data() -> Value {
    json!({ "init_data": "hash=00" })
}

/// A login begun without anything; here no account can connect, which is said first.
pub(super) fn none_of_all() -> Value {
    json!({})
}

pub(super) fn qr_token() -> Value {
    json!({ "session_token": "nonsense" })
}

pub(super) fn qr_password() -> Value {
    json!({ "session_token": "nonsense", "password": "nonsense" })
}

pub(super) fn no_link() -> Value {
    json!({ "token": "nonsense" })
}

pub(super) fn no_refresh() -> Value {
    json!({ "refresh_token": "tgr_00" })
}

pub(super) fn no_tenant() -> Value {
    json!({ "tenant_id": "0192f0c1-2d3e-7abc-8def-0123456789ab", "refresh_token": "tgr_00" })
}

pub(super) fn no_passkey() -> Value {
    json!({ "challenge_id": "0192f0c1-2d3e-4abc-8def-0123456789ab", "credential": {} })
}

pub(super) fn no_invite() -> Value {
    json!({ "telegram_id": 99, "invite_code": "ABCDEFGHIJ12" })
}

pub(super) fn not_me() -> Value {
    json!({ "confirm": 77 })
}

pub(super) fn new_invite() -> Value {
    json!({ "uses_limit": 3 })
}

pub(super) fn stale_role() -> Value {
    json!({ "role": "admin", "version": 77 })
}

pub(super) fn stale_tier() -> Value {
    json!({ "tier": "pro", "version": 77 })
}

pub(super) fn stale_flag() -> Value {
    json!({ "percent": 50, "version": 77 })
}

pub(super) fn alert() -> Value {
    json!({ "query": "ледокол порт" })
}

pub(super) fn alert_changed() -> Value {
    json!({ "alert": { "query": "ледокол" }, "version": 1 })
}

pub(super) fn remark() -> Value {
    json!({ "comment": "Хорошо" })
}

pub(super) fn agreed() -> Value {
    json!({ "given": true })
}

pub(super) fn dry_run() -> Value {
    json!({ "dry_run": true })
}

pub(super) fn no_models() -> Value {
    json!({ "enabled": false })
}

pub(super) fn some_key() -> Value {
    json!({ "key": "sk-nobody" })
}

/// Not configured here, so nobody outside is asked.
pub(super) fn no_speech() -> Value {
    json!({ "provider": "speech" })
}

pub(super) fn merge_dry() -> Value {
    json!({ "from": ["судно"], "into": "корабль", "dry_run": true })
}

pub(super) fn protect() -> Value {
    json!({ "tag": "порт", "protected": true })
}

pub(super) fn no_ids() -> Value {
    json!({ "ids": [] })
}

pub(super) fn keep_long() -> Value {
    json!({ "posts_days": 365 })
}

pub(super) fn in_russian() -> Value {
    json!({ "language": "ru" })
}

pub(super) fn links_off() -> Value {
    json!({ "enabled": false })
}
