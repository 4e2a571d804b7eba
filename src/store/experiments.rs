//! Which variant of an experiment made which answer, and what people made of it.
//!
//! The unit is the person, because variants are given to people: one who asks a hundred times counts once.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{Error, TenantStore};
use crate::model::{Experiment, MembershipId, Outcome, Variant};

/// A variant in figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariantCounts {
    pub variant: Variant,
    pub people: u64,
    pub answers: u64,
    /// People with each outcome, at least once.
    pub outcomes: Vec<(Outcome, u64)>,
}

impl TenantStore {
    /// Notes by which variant an answer was made.
    pub fn exposure_add(
        &self,
        query_id: String,
        member: MembershipId,
        experiment: Experiment,
        variant: Variant,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.db.write(move |tx| {
            tx.prepare_cached(
                "INSERT OR IGNORE INTO experiment_exposures (query_id, membership_id, experiment, variant, asked_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                query_id,
                member.0,
                experiment.name(),
                variant.name(),
                now.as_millisecond()
            ])?;
            Ok(())
        })
    }

    /// An experiment in figures; a question within `follow_up_ms` after an answer is a follow-up.
    pub fn experiment_counts(
        &self,
        experiment: Experiment,
        follow_up_ms: i64,
    ) -> Result<Vec<VariantCounts>, Error> {
        self.db.read(|db| {
            let mut exposed: HashMap<String, (i64, i64)> = HashMap::new();
            let sql = "SELECT variant, count(DISTINCT membership_id), count(*) FROM experiment_exposures
                       WHERE experiment = ?1 GROUP BY variant";
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query([experiment.name()])?;
            while let Some(row) = rows.next()? {
                exposed.insert(row.get(0)?, (row.get(1)?, row.get(2)?));
            }
            let mut outcomes: HashMap<(Outcome, String), u64> = HashMap::new();
            for outcome in Outcome::ALL {
                for (variant, people) in outcome_counts(db, experiment, outcome, follow_up_ms)? {
                    outcomes.insert((outcome, variant), people);
                }
            }
            let counts = Variant::ALL.into_iter().map(|variant| {
                let name = variant.name().to_owned();
                let (people, answers) = exposed.get(&name).copied().unwrap_or_default();
                let of = |outcome| outcomes.get(&(outcome, name.clone())).copied().unwrap_or(0);
                VariantCounts {
                    variant,
                    people: people as u64,
                    answers: answers as u64,
                    outcomes: Outcome::ALL.into_iter().map(|outcome| (outcome, of(outcome))).collect(),
                }
            });
            Ok(counts.collect())
        })
    }
}

/// How many people of each variant had an outcome.
fn outcome_counts(
    db: &Connection,
    experiment: Experiment,
    outcome: Outcome,
    follow_up_ms: i64,
) -> Result<Vec<(String, u64)>, Error> {
    let rated =
        "EXISTS (SELECT 1 FROM feedback f WHERE f.query_id = e.query_id AND f.membership_id = e.membership_id
        AND f.rating =";
    let condition = match outcome {
        Outcome::FeedbackUp => format!("{rated} 'up') AND ?2 IS NOT NULL"),
        Outcome::FeedbackDown => format!("{rated} 'down') AND ?2 IS NOT NULL"),
        Outcome::FollowUp => "EXISTS (SELECT 1 FROM rag_history h WHERE h.membership_id = e.membership_id
            AND h.asked_at > e.asked_at AND h.asked_at <= e.asked_at + ?2)"
            .to_owned(),
    };
    let sql = format!(
        "SELECT variant, count(DISTINCT membership_id) FROM experiment_exposures e
         WHERE experiment = ?1 AND {condition} GROUP BY variant"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(params![experiment.name(), follow_up_ms], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)? as u64))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
