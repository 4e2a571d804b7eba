//! Taking somebody out of the databases so that nothing of them is left in the files.
//!
//! Which tables hold something of a person is read from the schema: every table with a column `membership_id` (and, once the
//! identity itself goes, `telegram_id`), so a table that is added later is not forgotten. Deleted rows leave traces
//! in the file and its log: `compact` takes them away (`scrub`), and a due erasure is remembered until it has.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{
    Control, Error, TenantStore,
    audit::{NewAudit, audit_insert},
    members::{admin_is_last, member_find, member_remove},
    posts::json_list,
    retention::answers_withdraw,
};
use crate::model::{ChannelId, Event, MembershipId, PostId, TenantId};

/// What a key of `settings` begins with that remembers an erasure whose files are not cleaned yet.
const DUE: &str = "erasure_due:";

/// Its value once the rows are gone, and the posts from the indexes.
const FILES_ONLY: &str = "files";

/// An erasure that is not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErasureDue {
    pub tenant: TenantId,
    pub member: MembershipId,
    /// The indexes are done.
    pub files_only: bool,
}

/// What left a tenant with its member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberErased {
    /// Rows about the member alone.
    pub rows: usize,
    /// Channels nobody follows any more, and their posts.
    pub channels: Vec<ChannelId>,
    pub posts: Vec<PostId>,
}

/// Whether a membership went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberGone {
    Gone {
        rows: usize,
    },
    Absent,
    /// Others would be left without an admin.
    LastAdmin,
}

impl Control {
    /// Deletes a membership, what hangs on it, and the identity when it was its last. The erasure is due from then on.
    pub fn member_erase(
        &self,
        tenant: TenantId,
        id: MembershipId,
        now: Timestamp,
        audit: NewAudit,
    ) -> Result<MemberGone, Error> {
        self.0.write(move |tx| member_erase(tx, tenant, id, now, &audit))
    }

    /// Erasures whose files are not written anew yet.
    pub fn erasure_due_list(&self) -> Result<Vec<ErasureDue>, Error> {
        self.0.read(|db| {
            let sql = "SELECT key, value FROM settings WHERE key LIKE ?1 || '%'";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([DUE], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let rows: Vec<(String, String)> = rows.collect::<rusqlite::Result<_>>()?;
            let due = rows.iter().filter_map(|(key, value)| {
                let (tenant, member) = key.strip_prefix(DUE)?.split_once(':')?;
                Some(ErasureDue {
                    tenant: tenant.parse().ok()?,
                    member: MembershipId(member.parse().ok()?),
                    files_only: value == FILES_ONLY,
                })
            });
            Ok(due.collect())
        })
    }

    /// Nothing of an erasure is left to do but the files of the databases.
    pub fn erasure_files_due(&self, tenant: TenantId, id: MembershipId) -> Result<(), Error> {
        self.0.write(move |tx| {
            let sql = "UPDATE settings SET value = ?2 WHERE key = ?1";
            tx.execute(sql, params![due_key(tenant, id), FILES_ONLY])?;
            Ok(())
        })
    }

    /// The files are written anew.
    pub fn erasure_done(&self, tenant: TenantId, id: MembershipId) -> Result<(), Error> {
        self.0.write(move |tx| {
            tx.execute("DELETE FROM settings WHERE key = ?1", [due_key(tenant, id)])?;
            Ok(())
        })
    }

    /// Leaves nothing in the file of what was deleted from it; writers go on meanwhile.
    pub fn compact(&self) -> Result<(), Error> {
        self.0.compact()
    }
}

impl TenantStore {
    /// Deletes everything of a member, with the channels that nobody else follows; the caller takes the posts out of the
    /// indexes. Doing it again does nothing.
    pub fn member_erase(&self, id: MembershipId, now: Timestamp) -> Result<MemberErased, Error> {
        self.db.write(move |tx| {
            let mut erased = channels_erase(tx, id, now)?;
            erased.rows = rows_erase(tx, "membership_id", id.0, &[])?;
            tx.execute("UPDATE channel_reading SET reader = NULL WHERE reader = ?1", [id.0])?;
            Ok(erased)
        })
    }

    /// Leaves nothing in the file of what was deleted from it; writers go on meanwhile.
    pub fn compact(&self) -> Result<(), Error> {
        self.db.compact()
    }
}

fn due_key(tenant: TenantId, id: MembershipId) -> String {
    format!("{DUE}{tenant}:{id}")
}

fn member_erase(
    tx: &Transaction<'_>,
    tenant: TenantId,
    id: MembershipId,
    now: Timestamp,
    audit: &NewAudit,
) -> Result<MemberGone, Error> {
    let Some(member) = member_find(tx, id)?.filter(|member| member.tenant_id == tenant) else {
        return Ok(MemberGone::Absent);
    };
    let sql = "SELECT count(*) FROM memberships WHERE tenant_id = ?1";
    let members: i64 = tx.query_row(sql, [tenant.to_string()], |row| row.get(0))?;
    if members > 1 && admin_is_last(tx, &member)? {
        return Ok(MemberGone::LastAdmin);
    }
    // An invite's record keeps its line, without the person.
    let mut rows = rows_erase(tx, "membership_id", id.0, &["admissions"])?;
    member_remove(tx, id)?;
    let telegram_id = member.profile.telegram_id;
    let sql = "SELECT 1 FROM identities WHERE telegram_id = ?1";
    let stays = tx.query_row(sql, [telegram_id], |_| Ok(())).optional()?.is_some();
    if !stays {
        rows += rows_erase(tx, "telegram_id", telegram_id, &["identities"])?;
    }
    tx.execute("UPDATE audit_log SET ip = NULL WHERE actor = ?1", [format!("member:{id}")])?;
    tx.execute(
        "INSERT OR REPLACE INTO settings (key, value, updated_at) VALUES (?1, '', ?2)",
        params![due_key(tenant, id), now.as_millisecond()],
    )?;
    audit_insert(tx, audit)?;
    Ok(MemberGone::Gone { rows: rows + 1 })
}

/// Deletes the rows of every table that names this person in `column`.
fn rows_erase(tx: &Transaction<'_>, column: &str, id: i64, except: &[&str]) -> Result<usize, Error> {
    let mut rows = 0;
    for table in tables_with(tx, column)?.iter().filter(|table| !except.contains(&table.as_str())) {
        rows += tx.execute(&format!("DELETE FROM \"{table}\" WHERE {column} = ?1"), [id])?;
    }
    Ok(rows)
}

pub(super) fn tables_with(db: &Connection, column: &str) -> Result<Vec<String>, Error> {
    let sql = "SELECT s.name FROM sqlite_schema s JOIN pragma_table_info(s.name) c
        WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND c.name = ?1 ORDER BY s.name";
    let mut statement = db.prepare(sql)?;
    let rows = statement.query_map([column], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Deletes the channels that only this member follows, their posts and the tags that stood on no other.
fn channels_erase(tx: &Transaction<'_>, id: MembershipId, now: Timestamp) -> Result<MemberErased, Error> {
    let mut statement = tx.prepare(
        "SELECT channel_id FROM subscriptions mine WHERE membership_id = ?1 AND NOT EXISTS
             (SELECT 1 FROM subscriptions WHERE channel_id = mine.channel_id AND membership_id <> ?1)",
    )?;
    let channels: Vec<ChannelId> =
        statement.query_map([id.0], |row| row.get(0).map(ChannelId))?.collect::<rusqlite::Result<_>>()?;
    if channels.is_empty() {
        return Ok(MemberErased::default());
    }
    let list = json_list(&channels);
    let here = "channel_id IN (SELECT value FROM json_each(?1))";
    let sql = format!("SELECT id FROM posts WHERE {here} AND lead_id IS NULL AND deleted_at IS NULL");
    let mut statement = tx.prepare(&sql)?;
    let posts: Vec<PostId> =
        statement.query_map([&list], |row| row.get(0).map(PostId))?.collect::<rusqlite::Result<_>>()?;
    answers_withdraw(tx, &posts)?;
    tx.execute(
        &format!(
            "INSERT INTO outbox_events (event, occurred_at, post_id, data)
             SELECT ?2, ?3, id, '{{\"reason\":\"channel_left\"}}' FROM posts
             WHERE {here} AND lead_id IS NULL AND deleted_at IS NULL"
        ),
        params![list, Event::PostsDeleted as i64, now.as_millisecond()],
    )?;
    tx.execute("DELETE FROM channels WHERE id IN (SELECT value FROM json_each(?1))", [&list])?;
    tx.execute("DELETE FROM tags WHERE NOT EXISTS (SELECT 1 FROM post_tags WHERE tag_id = tags.id)", [])?;
    Ok(MemberErased { rows: 0, channels, posts })
}
