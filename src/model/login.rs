//! The steps of a login, and why somebody is not let in.

use serde::{Deserialize, Serialize};

/// A step of a login, as `telegram_auth_events` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthEventKind {
    QrStarted,
    QrShown,
    QrScanned,
    PasswordRequired,
    Authorized,
    Failed,
    Expired,
    Cancelled,
    Revoked,
}

impl AuthEventKind {
    pub const ALL: [AuthEventKind; 9] = [
        AuthEventKind::QrStarted,
        AuthEventKind::QrShown,
        AuthEventKind::QrScanned,
        AuthEventKind::PasswordRequired,
        AuthEventKind::Authorized,
        AuthEventKind::Failed,
        AuthEventKind::Expired,
        AuthEventKind::Cancelled,
        AuthEventKind::Revoked,
    ];

    pub fn name(self) -> &'static str {
        match self {
            AuthEventKind::QrStarted => "qr_started",
            AuthEventKind::QrShown => "qr_shown",
            AuthEventKind::QrScanned => "qr_scanned",
            AuthEventKind::PasswordRequired => "password_required",
            AuthEventKind::Authorized => "authorized",
            AuthEventKind::Failed => "failed",
            AuthEventKind::Expired => "expired",
            AuthEventKind::Cancelled => "cancelled",
            AuthEventKind::Revoked => "revoked",
        }
    }

    pub fn parse(name: &str) -> Option<AuthEventKind> {
        AuthEventKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How far a QR login has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginStatus {
    Pending,
    AwaitingScan,
    Scanned,
    PasswordRequired,
    Authorized,
    Failed,
    Expired,
    Cancelled,
}

impl LoginStatus {
    pub const ALL: [LoginStatus; 8] = [
        LoginStatus::Pending,
        LoginStatus::AwaitingScan,
        LoginStatus::Scanned,
        LoginStatus::PasswordRequired,
        LoginStatus::Authorized,
        LoginStatus::Failed,
        LoginStatus::Expired,
        LoginStatus::Cancelled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            LoginStatus::Pending => "pending",
            LoginStatus::AwaitingScan => "awaiting_scan",
            LoginStatus::Scanned => "scanned",
            LoginStatus::PasswordRequired => "password_required",
            LoginStatus::Authorized => "authorized",
            LoginStatus::Failed => "failed",
            LoginStatus::Expired => "expired",
            LoginStatus::Cancelled => "cancelled",
        }
    }

    pub fn parse(name: &str) -> Option<LoginStatus> {
        LoginStatus::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether nothing will follow.
    pub fn is_final(self) -> bool {
        match self {
            LoginStatus::Pending
            | LoginStatus::AwaitingScan
            | LoginStatus::Scanned
            | LoginStatus::PasswordRequired => false,
            LoginStatus::Authorized | LoginStatus::Failed | LoginStatus::Expired | LoginStatus::Cancelled => {
                true
            }
        }
    }

    /// The nearest of the five that clients of the old API know.
    #[must_use]
    pub fn compat(self) -> LoginStatus {
        match self {
            LoginStatus::Pending | LoginStatus::AwaitingScan => LoginStatus::Pending,
            LoginStatus::Scanned | LoginStatus::PasswordRequired => LoginStatus::Scanned,
            LoginStatus::Authorized => LoginStatus::Authorized,
            LoginStatus::Expired => LoginStatus::Expired,
            LoginStatus::Failed | LoginStatus::Cancelled => LoginStatus::Failed,
        }
    }
}

/// Why somebody without a membership is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    #[error("an invite code is needed; ask whoever runs this installation for one")]
    InviteRequired,
    #[error("no such invite code; check its twelve letters and digits")]
    InviteUnknown,
    #[error("this invite has expired; ask for a new one")]
    InviteExpired,
    #[error("this invite was revoked; ask for a new one")]
    InviteRevoked,
    #[error("this invite has been used as often as it may be; ask for a new one")]
    InviteExhausted,
    #[error("this installation takes no new people")]
    RegistrationClosed,
}

impl Refusal {
    /// The stable code of API answers and login reasons.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::InviteRequired => "invite_required",
            Refusal::InviteUnknown => "invite_unknown",
            Refusal::InviteExpired => "invite_expired",
            Refusal::InviteRevoked => "invite_revoked",
            Refusal::InviteExhausted => "invite_exhausted",
            Refusal::RegistrationClosed => "registration_closed",
        }
    }
}

/// How far an invite has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InviteStatus {
    Active,
    Revoked,
    Expired,
    Exhausted,
}

impl InviteStatus {
    pub const ALL: [InviteStatus; 4] =
        [InviteStatus::Active, InviteStatus::Revoked, InviteStatus::Expired, InviteStatus::Exhausted];

    pub fn name(self) -> &'static str {
        match self {
            InviteStatus::Active => "active",
            InviteStatus::Revoked => "revoked",
            InviteStatus::Expired => "expired",
            InviteStatus::Exhausted => "exhausted",
        }
    }

    pub fn parse(name: &str) -> Option<InviteStatus> {
        InviteStatus::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Why an invite in this state lets nobody in.
    pub fn refusal(self) -> Option<Refusal> {
        match self {
            InviteStatus::Active => None,
            InviteStatus::Revoked => Some(Refusal::InviteRevoked),
            InviteStatus::Expired => Some(Refusal::InviteExpired),
            InviteStatus::Exhausted => Some(Refusal::InviteExhausted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for kind in AuthEventKind::ALL {
            assert_eq!(AuthEventKind::parse(kind.name()), Some(kind));
        }
        for status in LoginStatus::ALL {
            assert_eq!(LoginStatus::parse(status.name()), Some(status));
        }
        for status in InviteStatus::ALL {
            assert_eq!(InviteStatus::parse(status.name()), Some(status));
        }
    }
}
