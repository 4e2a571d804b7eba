//! The stored form of jobs, dead letters and claims, version 1.
//!
//! May know nothing of redb or of the order of work. All integers little-endian. A row that does not decode makes the whole
//! file count as damaged: the queue is derived, a guess would be worse than a refill. `tests/fixtures/queue/v1.redb` must
//! keep opening.
//!
//! Job:  `1, lane, flags, tenant 16, due_ms 8, created_ms 8, claim_seen 8, attempt 2, attempts_max 2, key_len 2, reason_len 2,
//! key, reason, payload`. Dead letter: the same, `due_ms` being the time it was given up. Claim: job ids, 8 bytes each.

use std::sync::Arc;

use jiff::Timestamp;

use super::types::{KEY_BYTES_MAX, Lane, REASON_BYTES_MAX};

/// Version byte of every job and dead-letter row.
const VERSION: u8 = 1;
const FLAG_SUSPECT: u8 = 1;
const HEAD_BYTES: usize = 3 + 16 + 8 * 3 + 2 * 4;

/// A job or dead letter as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub lane: Lane,
    pub tenant: u128,
    pub key: Arc<[u8]>,
    /// Not before; for a dead letter: when it was given up.
    pub due_ms: i64,
    pub created_ms: i64,
    /// The newest claim that `attempt` already counts.
    pub claim_seen: u64,
    pub attempt: u16,
    pub attempts_max: u16,
    /// The process died while this was claimed: it is handed out alone from now on.
    pub suspect: bool,
    pub reason: Box<str>,
    pub payload: Arc<[u8]>,
}

impl Record {
    /// Writes the row into `out`, replacing what was there.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&[VERSION, self.lane as u8, u8::from(self.suspect) * FLAG_SUSPECT]);
        out.extend_from_slice(&self.tenant.to_le_bytes());
        out.extend_from_slice(&self.due_ms.to_le_bytes());
        out.extend_from_slice(&self.created_ms.to_le_bytes());
        out.extend_from_slice(&self.claim_seen.to_le_bytes());
        out.extend_from_slice(&self.attempt.to_le_bytes());
        out.extend_from_slice(&self.attempts_max.to_le_bytes());
        // Both fit: keys are refused above KEY_BYTES_MAX, reasons are cut at REASON_BYTES_MAX.
        out.extend_from_slice(&(self.key.len() as u16).to_le_bytes());
        out.extend_from_slice(&(self.reason.len() as u16).to_le_bytes());
        out.extend_from_slice(&self.key);
        out.extend_from_slice(self.reason.as_bytes());
        out.extend_from_slice(&self.payload);
    }

    /// Reads a row; the error says what is wrong with it.
    pub(super) fn decode(row: &[u8]) -> Result<Record, &'static str> {
        let (head, mut rest) = row.split_at_checked(HEAD_BYTES).ok_or("row is too short")?;
        let mut head = Reader(head);
        let [version, lane, flags] = head.take::<3>()?;
        if version != VERSION {
            return Err("row has an unknown version");
        }
        let lane = Lane::from_u8(lane).ok_or("row has an unknown lane")?;
        let tenant = u128::from_le_bytes(head.take()?);
        let due_ms = instant_ms(i64::from_le_bytes(head.take()?))?;
        let created_ms = instant_ms(i64::from_le_bytes(head.take()?))?;
        let claim_seen = u64::from_le_bytes(head.take()?);
        let attempt = u16::from_le_bytes(head.take()?);
        let attempts_max = u16::from_le_bytes(head.take()?);
        let key_bytes = usize::from(u16::from_le_bytes(head.take()?));
        let reason_bytes = usize::from(u16::from_le_bytes(head.take()?));
        if key_bytes > KEY_BYTES_MAX || reason_bytes > REASON_BYTES_MAX {
            return Err("row has an oversized key or reason");
        }
        let mut part = |bytes| -> Result<&[u8], &'static str> {
            let (part, after) = rest.split_at_checked(bytes).ok_or("row is cut off")?;
            rest = after;
            Ok(part)
        };
        let key = part(key_bytes)?.into();
        let reason = std::str::from_utf8(part(reason_bytes)?).map_err(|_| "row has a garbled reason")?;
        Ok(Record {
            lane,
            tenant,
            key,
            due_ms,
            created_ms,
            claim_seen,
            attempt,
            attempts_max,
            suspect: flags & FLAG_SUSPECT != 0,
            reason: reason.into(),
            payload: rest.into(),
        })
    }
}

/// The row of one claim: the ids it handed out.
pub(super) fn claim_encode(ids: &[u64]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.to_le_bytes()).collect()
}

pub(super) fn claim_decode(row: &[u8]) -> Result<Vec<u64>, &'static str> {
    let (ids, rest) = row.as_chunks::<8>();
    if rest.is_empty() {
        Ok(ids.iter().map(|id| u64::from_le_bytes(*id)).collect())
    } else {
        Err("claim row is cut off")
    }
}

/// Cuts a reason to [`REASON_BYTES_MAX`] at a character.
pub(super) fn reason_cut(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)]
}

/// An instant from stored milliseconds that [`Record::decode`] or [`Timestamp::as_millisecond`] vouched for.
pub(super) fn instant(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn instant_ms(ms: i64) -> Result<i64, &'static str> {
    Timestamp::from_millisecond(ms).map(|_| ms).map_err(|_| "row has an impossible time")
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (part, rest) = self.0.split_first_chunk::<N>().ok_or("row is too short")?;
        self.0 = rest;
        Ok(*part)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record() -> impl Strategy<Value = Record> {
        let key = prop::collection::vec(any::<u8>(), 0..=KEY_BYTES_MAX);
        let payload = prop::collection::vec(any::<u8>(), 0..200);
        let times = (0..4_000_000_000_000_i64, -1_000_i64..1_000);
        (any::<(bool, bool, u128, u64, u16, u16)>(), key, ".{0,40}", payload, times).prop_map(
            |(
                (live, suspect, tenant, claim_seen, attempt, attempts_max),
                key,
                reason,
                payload,
                (due_ms, created_ms),
            )| Record {
                lane: if live { Lane::Live } else { Lane::Backfill },
                tenant,
                key: key.into(),
                due_ms,
                created_ms,
                claim_seen,
                attempt,
                attempts_max,
                suspect,
                reason: reason.into(),
                payload: payload.into(),
            },
        )
    }

    proptest! {
        #[test]
        fn record_reads_back(record in record()) {
            let mut row = b"left over".to_vec();
            record.encode(&mut row);
            prop_assert_eq!(Record::decode(&row), Ok(record));
        }

        #[test]
        fn rubbish_never_panics(row in prop::collection::vec(any::<u8>(), 0..200), version in 0..3_u8) {
            let _ = Record::decode(&row);
            let _ = Record::decode(&[&[version, version][..], &row].concat());
            let ids = claim_decode(&row);
            prop_assert_eq!(ids.is_ok(), row.len() % 8 == 0);
        }

        #[test]
        fn row_cut_before_its_payload_is_refused(record in record(), cut in any::<prop::sample::Index>()) {
            let mut row = Vec::new();
            record.encode(&mut row);
            let head = HEAD_BYTES + record.key.len() + record.reason.len();
            prop_assert!(Record::decode(&row[..cut.index(head)]).is_err());
        }
    }

    #[test]
    fn reason_is_cut_at_a_character() {
        assert_eq!(reason_cut(&"ж".repeat(600)).len(), REASON_BYTES_MAX);
        assert_eq!(reason_cut(&format!("a{}", "ж".repeat(600))).len(), REASON_BYTES_MAX - 1);
    }
}
