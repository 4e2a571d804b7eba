//! Sessions of signed-in members and their refresh tokens.
//!
//! A refresh token is good once. Marking it used and storing its successor is one transaction, so of two that come at the same
//! time one is the reuse, and reuse ends the session. A session that goes over to another tenant of its person stays the same
//! session with the same family of tokens, so an old one is known as reused there too. Tokens are kept as SHA-256 only.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use uuid::Uuid;

use super::{
    Control, Error,
    audit::{NewAudit, audit_insert},
    auth_events::{NewAuthEvent, auth_event_insert},
    control::{timestamp, timestamp_maybe},
    members::{Member, member_find, member_of, named},
};
use crate::model::{MembershipId, TenantId};

/// How somebody signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignInMethod {
    /// The Mini App's `initData`.
    Webapp,
    /// A Telegram login by QR code.
    Qr,
    Passkey,
    /// A link from the bot, good once.
    Link,
}

impl SignInMethod {
    pub const ALL: [SignInMethod; 4] =
        [SignInMethod::Webapp, SignInMethod::Qr, SignInMethod::Passkey, SignInMethod::Link];

    pub fn name(self) -> &'static str {
        match self {
            SignInMethod::Webapp => "webapp",
            SignInMethod::Qr => "qr",
            SignInMethod::Passkey => "passkey",
            SignInMethod::Link => "link",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        SignInMethod::ALL.into_iter().find(|method| method.name() == name)
    }
}

/// A session's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: Uuid,
    pub membership_id: MembershipId,
    pub method: SignInMethod,
    pub user_agent: Option<String>,
    pub ip: Option<String>,
    pub created_at: Timestamp,
    pub used_at: Timestamp,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// What presenting a refresh token came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    Done(Box<(Session, Member)>),
    /// No such token, or its session has ended.
    Unknown,
    /// It was used before; its session, now revoked.
    Reused(Session),
    /// The person does not belong to the tenant their session was to go to; the token is still good.
    Stranger,
}

/// Where a session goes when its token is exchanged: another tenant of the same person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionMove {
    /// The session that asks; the token has to be its own.
    pub session: Uuid,
    pub tenant: TenantId,
    /// What is recorded; the membership is filled in here.
    pub event: NewAuthEvent,
}

const COLUMNS: &str = "SELECT id, membership_id, method, user_agent, ip, created_at, used_at, expires_at, revoked_at FROM sessions";

impl Control {
    /// Stores a session with its first refresh token. `proof` is what was exchanged for it: `false`, and nothing stored, if
    /// it was exchanged before. Proofs used before `proofs_after` are forgotten, sessions that ended before then as well.
    pub fn session_insert(
        &self,
        session: Session,
        refresh: [u8; 32],
        proof: Option<[u8; 32]>,
        proofs_after: Timestamp,
    ) -> Result<bool, Error> {
        self.0.write(move |tx| session_insert(tx, &session, &refresh, proof.as_ref(), proofs_after))
    }

    /// The session that is in force, with its member.
    pub fn session_find(&self, id: Uuid, now: Timestamp) -> Result<Option<(Session, Member)>, Error> {
        self.0.read(|db| session_find(db, id, now))
    }

    /// A member's sessions that are in force, the last used first.
    pub fn session_list(&self, member: MembershipId, now: Timestamp) -> Result<Vec<Session>, Error> {
        self.0.read(|db| {
            let sql = format!(
                "{COLUMNS} WHERE membership_id = ?1 AND revoked_at IS NULL AND expires_at > ?2
                 ORDER BY used_at DESC, id"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map(params![member.0, now.as_millisecond()], session_from_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Exchanges a refresh token for `next`; the session is then good until `expires_at`, and in another tenant if it is `going`.
    pub fn session_refresh(
        &self,
        given: [u8; 32],
        next: [u8; 32],
        now: Timestamp,
        expires_at: Timestamp,
        going: Option<SessionMove>,
    ) -> Result<Refreshed, Error> {
        self.0.write(move |tx| session_refresh(tx, &given, &next, now, expires_at, going.as_ref()))
    }

    /// Ends a member's session; `false` if it is not theirs or has ended.
    pub fn session_revoke(
        &self,
        member: MembershipId,
        id: Uuid,
        now: Timestamp,
        reason: &'static str,
    ) -> Result<bool, Error> {
        self.0.write(move |tx| {
            let sql = "UPDATE sessions SET revoked_at = ?3, revoked_reason = ?4
                       WHERE id = ?1 AND membership_id = ?2 AND revoked_at IS NULL AND expires_at > ?3";
            Ok(tx.execute(sql, params![id.to_string(), member.0, now.as_millisecond(), reason])? > 0)
        })
    }

    /// Ends all of a member's sessions but `except`, with a line in the audit log where an admin does it; how many.
    pub fn session_revoke_all(
        &self,
        member: MembershipId,
        except: Option<Uuid>,
        now: Timestamp,
        reason: &'static str,
        audit: Option<NewAudit>,
    ) -> Result<usize, Error> {
        self.0.write(move |tx| {
            let sql = "UPDATE sessions SET revoked_at = ?2, revoked_reason = ?3
                       WHERE membership_id = ?1 AND revoked_at IS NULL AND expires_at > ?2 AND id IS NOT ?4";
            let except = except.map(|id| id.to_string());
            if let Some(audit) = &audit {
                audit_insert(tx, audit)?;
            }
            Ok(tx.execute(sql, params![member.0, now.as_millisecond(), reason, except])?)
        })
    }
}

fn session_insert(
    tx: &Transaction<'_>,
    session: &Session,
    refresh: &[u8; 32],
    proof: Option<&[u8; 32]>,
    proofs_after: Timestamp,
) -> Result<bool, Error> {
    let horizon = proofs_after.as_millisecond();
    tx.prepare_cached("DELETE FROM proofs_used WHERE used_at < ?1")?.execute([horizon])?;
    tx.prepare_cached("DELETE FROM sessions WHERE expires_at < ?1")?.execute([horizon])?;
    if let Some(proof) = proof {
        let sql = "INSERT INTO proofs_used (fingerprint, used_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        let stored = tx
            .prepare_cached(sql)?
            .execute(params![proof.as_slice(), session.created_at.as_millisecond()])?;
        if stored == 0 {
            return Ok(false);
        }
    }
    tx.prepare_cached(
        "INSERT INTO sessions (id, membership_id, method, user_agent, ip, created_at, used_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        session.id.to_string(),
        session.membership_id.0,
        session.method.name(),
        session.user_agent,
        session.ip,
        session.created_at.as_millisecond(),
        session.used_at.as_millisecond(),
        session.expires_at.as_millisecond(),
    ])?;
    refresh_insert(tx, refresh, session.id, session.created_at)?;
    Ok(true)
}

fn refresh_insert(tx: &Transaction<'_>, hash: &[u8; 32], session: Uuid, now: Timestamp) -> Result<(), Error> {
    tx.prepare_cached("INSERT INTO refresh_tokens (hash, session_id, created_at) VALUES (?1, ?2, ?3)")?
        .execute(params![hash.as_slice(), session.to_string(), now.as_millisecond()])?;
    Ok(())
}

fn session_refresh(
    tx: &Transaction<'_>,
    given: &[u8; 32],
    next: &[u8; 32],
    now: Timestamp,
    expires_at: Timestamp,
    going: Option<&SessionMove>,
) -> Result<Refreshed, Error> {
    let sql = "SELECT session_id, used_at IS NOT NULL FROM refresh_tokens WHERE hash = ?1";
    let found: Option<(String, bool)> = tx
        .prepare_cached(sql)?
        .query_row([given.as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((id, used)) = found else { return Ok(Refreshed::Unknown) };
    let id = Uuid::parse_str(&id).map_err(|_| Error::Internal("a session's id is no uuid".to_owned()))?;
    let Some((session, member)) = session_find(tx, id, now)? else { return Ok(Refreshed::Unknown) };
    let at = now.as_millisecond();
    if used {
        let sql = "UPDATE sessions SET revoked_at = ?2, revoked_reason = 'refresh_reused' WHERE id = ?1";
        tx.prepare_cached(sql)?.execute(params![id.to_string(), at])?;
        return Ok(Refreshed::Reused(session));
    }
    let member = match going {
        None => member,
        Some(going) if going.session != id => return Ok(Refreshed::Unknown),
        Some(going) => match session_go(tx, going, &member)? {
            Some(there) => there,
            None => return Ok(Refreshed::Stranger),
        },
    };
    tx.prepare_cached("UPDATE refresh_tokens SET used_at = ?2 WHERE hash = ?1")?
        .execute(params![given.as_slice(), at])?;
    refresh_insert(tx, next, id, now)?;
    tx.prepare_cached("UPDATE sessions SET used_at = ?2, expires_at = ?3 WHERE id = ?1")?
        .execute(params![id.to_string(), at, expires_at.as_millisecond()])?;
    let session = Session { membership_id: member.id, used_at: now, expires_at, ..session };
    Ok(Refreshed::Done(Box::new((session, member))))
}

/// Makes a session that of the same person in another tenant; `None`, and nothing done, if they do not belong to it.
fn session_go(tx: &Transaction<'_>, going: &SessionMove, member: &Member) -> Result<Option<Member>, Error> {
    let Some(there) = member_of(tx, going.tenant, member.profile.telegram_id)? else { return Ok(None) };
    tx.prepare_cached("UPDATE sessions SET membership_id = ?2 WHERE id = ?1")?
        .execute(params![going.session.to_string(), there.id.0])?;
    auth_event_insert(tx, &NewAuthEvent { membership_id: Some(there.id), ..going.event.clone() })?;
    Ok(Some(there))
}

fn session_find(db: &Connection, id: Uuid, now: Timestamp) -> Result<Option<(Session, Member)>, Error> {
    let sql = format!("{COLUMNS} WHERE id = ?1 AND revoked_at IS NULL AND expires_at > ?2");
    let found = db
        .prepare_cached(&sql)?
        .query_row(params![id.to_string(), now.as_millisecond()], session_from_row)
        .optional()?;
    let Some(session) = found else { return Ok(None) };
    Ok(member_find(db, session.membership_id)?.map(|member| (session, member)))
}

fn session_from_row(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: named(row, 0, |text| Uuid::parse_str(text).ok())?,
        membership_id: MembershipId(row.get(1)?),
        method: named(row, 2, SignInMethod::parse)?,
        user_agent: row.get(3)?,
        ip: row.get(4)?,
        created_at: timestamp(row, 5)?,
        used_at: timestamp(row, 6)?,
        expires_at: timestamp(row, 7)?,
        revoked_at: timestamp_maybe(row, 8)?,
    })
}
