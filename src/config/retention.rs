//! How long what is kept, and when the rest goes.

use jiff::civil::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Check;

/// Longest anything is kept unless for ever, days.
pub const RETENTION_DAYS_MAX: u32 = 36_500;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRetention {
    /// When old data goes every day, `03:30` (UTC); empty: only when somebody asks.
    pub at: String,
    /// Posts, by when they were posted, unless a tenant or a channel says otherwise. Days; 0 keeps them for ever, here and below.
    pub posts_days: u32,
    /// Steps of logins lose the end of their address and all of the browser but its family.
    pub auth_pseudonymise_days: u32,
    /// Steps of logins go.
    pub auth_days: u32,
    /// The event log.
    pub events_days: u32,
    /// Questions with their answers, and what experiments noted of them.
    pub history_days: u32,
    /// What people said of answers.
    pub feedback_days: u32,
    /// Notices that were told.
    pub notices_days: u32,
    /// The system log.
    pub system_log_days: u32,
    /// The audit log.
    pub audit_days: u32,
    /// Dead letters.
    pub dead_letters_days: u32,
}

impl Default for RawRetention {
    fn default() -> Self {
        Self {
            at: "03:30".to_owned(),
            posts_days: 90,
            auth_pseudonymise_days: 30,
            auth_days: 90,
            events_days: 7,
            history_days: 90,
            feedback_days: 365,
            notices_days: 90,
            system_log_days: 30,
            audit_days: 365,
            dead_letters_days: 30,
        }
    }
}

/// The checked values; `None` is for ever.
#[derive(Debug, Clone)]
pub struct Retention {
    pub at: Option<Time>,
    pub posts_days: Option<u32>,
    pub auth_pseudonymise_days: Option<u32>,
    pub auth_days: Option<u32>,
    pub events_days: Option<u32>,
    pub history_days: Option<u32>,
    pub feedback_days: Option<u32>,
    pub notices_days: Option<u32>,
    pub system_log_days: Option<u32>,
    pub audit_days: Option<u32>,
    pub dead_letters_days: Option<u32>,
}

pub(super) fn check(c: &mut Check<'_>, raw: &RawRetention) -> Retention {
    let mut days = |key: &str, value: u32| {
        c.within(&format!("retention.{key}"), value, 0, RETENTION_DAYS_MAX);
        (value > 0).then_some(value)
    };
    let mut retention = Retention {
        at: None,
        posts_days: days("posts_days", raw.posts_days),
        auth_pseudonymise_days: days("auth_pseudonymise_days", raw.auth_pseudonymise_days),
        auth_days: days("auth_days", raw.auth_days),
        events_days: days("events_days", raw.events_days),
        history_days: days("history_days", raw.history_days),
        feedback_days: days("feedback_days", raw.feedback_days),
        notices_days: days("notices_days", raw.notices_days),
        system_log_days: days("system_log_days", raw.system_log_days),
        audit_days: days("audit_days", raw.audit_days),
        dead_letters_days: days("dead_letters_days", raw.dead_letters_days),
    };
    retention.at = c.time_of_day("retention.at", &raw.at);
    retention
}
