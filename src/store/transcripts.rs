//! What people said, written down once for each recording. Goes with its person.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension as _, params};

use super::{Error, TenantStore};
use crate::model::MembershipId;

/// How long words of a recording are kept, so that sending it again costs nothing.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

impl TenantStore {
    pub fn transcript_find(&self, member: MembershipId, audio_hash: &[u8]) -> Result<Option<String>, Error> {
        self.db.read(|db| {
            let sql = "SELECT text FROM transcripts WHERE membership_id = ?1 AND audio_hash = ?2";
            Ok(db
                .prepare_cached(sql)?
                .query_row(params![member.0, audio_hash], |row| row.get(0))
                .optional()?)
        })
    }

    pub fn transcript_put(
        &self,
        member: MembershipId,
        audio_hash: Vec<u8>,
        text: String,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.db.write(move |tx| {
            let forget = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN).as_millisecond();
            tx.execute("DELETE FROM transcripts WHERE made_at < ?1", [forget])?;
            tx.prepare_cached(
                "INSERT INTO transcripts (membership_id, audio_hash, text, made_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET text = ?3, made_at = ?4",
            )?
            .execute(params![member.0, audio_hash, text, now.as_millisecond()])?;
            Ok(())
        })
    }
}
