//! The demo tenant: the bundled posts, moved in time so that the newest is from yesterday.
//!
//! The dates move by whole days, so hours and weekly rhythm stay; a demo opened again on a later day keeps the posts it has.

use std::{fmt::Write as _, path::PathBuf, sync::Arc};

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde::Deserialize;
use serde_json::Value;

use super::{App, Error, Tenant, imports::ImportOptions, imports::ImportProgress, imports::ImportReport};

/// The bundled corpus, one post a line in the import format.
const POSTS: &str = include_str!("demo/posts.jsonl");
const QUESTIONS: &str = include_str!("demo/questions.json");
/// The demo tenant's name and slug.
pub const TENANT: &str = "demo";
/// The key in the tenant's meta under which the demo remembers how far it moved the dates, in days.
const SHIFT_META: &str = "demo_shift_days";

#[derive(Deserialize)]
struct Questions {
    r#try: Vec<String>,
}

/// The questions to show to somebody new.
pub fn questions_to_try() -> Vec<String> {
    serde_json::from_str::<Questions>(QUESTIONS).map(|questions| questions.r#try).unwrap_or_default()
}

impl App {
    /// The demo tenant with its posts imported; importing again changes nothing.
    pub fn demo_tenant(
        &self,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<(Arc<Tenant>, ImportReport), Error> {
        let row = match self.control.tenant_find(TENANT)? {
            Some(row) => row,
            None => self.tenant_create(TENANT)?,
        };
        let tenant = self.tenant_open(&row)?;
        let days = if let Some(days) = tenant.store.meta_find(SHIFT_META)?.and_then(|days| days.parse().ok())
        {
            days
        } else {
            let days = shift_days(POSTS, self.now());
            tenant.store.meta_put(SHIFT_META, days.to_string())?;
            days
        };
        let path = self.demo_file(days)?;
        let report = self.import(&tenant, &path, &ImportOptions::default(), progress)?;
        Ok((tenant, report))
    }

    fn demo_file(&self, days: i64) -> Result<PathBuf, Error> {
        let path = self.config.data_dir.join("demo.jsonl");
        std::fs::write(&path, shifted(POSTS, days)).map_err(|error| Error::io("write", &path, error))?;
        Ok(path)
    }
}

fn date_of(line: &str) -> Option<Timestamp> {
    serde_json::from_str::<Value>(line).ok()?.get("date")?.as_str()?.parse().ok()
}

/// Whole days from the newest post to the day before `now`.
fn shift_days(posts: &str, now: Timestamp) -> i64 {
    let newest = posts.lines().filter_map(date_of).max().unwrap_or(now);
    let yesterday = now.saturating_sub(24.hours()).unwrap_or(now);
    yesterday.duration_since(newest).as_hours().div_euclid(24)
}

/// The posts with every date moved.
fn shifted(posts: &str, days: i64) -> String {
    let by = SignedDuration::from_hours(days * 24);
    let mut out = String::with_capacity(posts.len());
    for line in posts.lines() {
        let Ok(mut post) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        if let Some(date) = date_of(line) {
            post["date"] = Value::String(date.saturating_add(by).unwrap_or(date).to_string());
        }
        let _ = writeln!(out, "{post}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_demo_post_is_from_yesterday_whatever_the_day() {
        for now in ["2026-11-22T09:00:00Z", "2027-03-01T00:30:00Z", "2026-01-01T12:00:00Z"] {
            let now: Timestamp = now.parse().unwrap();
            let moved = shifted(POSTS, shift_days(POSTS, now));
            let newest = moved.lines().filter_map(date_of).max().unwrap();
            let age = now.duration_since(newest).as_hours();
            assert!((24..48).contains(&age), "{now}: newest is {age} h old");
            assert_eq!(moved.lines().count(), POSTS.lines().count());
        }
    }

    #[test]
    fn there_are_questions_to_try() {
        assert_eq!(questions_to_try().len(), 3);
    }
}
