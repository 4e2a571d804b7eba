//! Pages that posts link to: which are due, what was read there.
//!
//! A page is one row by its address however many posts link to it. When one is read, the posts that link to it go back to the
//! stage before tagging in the same transaction, so a crash leaves either a page that is still due or posts that the sweep finds.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::{Error, TenantStore};
use crate::model::{LinkedPage, PostId, Stage};

/// Letters of a page's text that count for its posts' tags and in their index.
const INDEXED_CHARS: i64 = 4_000;

/// A page to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePage {
    pub id: i64,
    pub url: String,
    /// How often it was asked for already.
    pub attempts: u32,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageOutcome {
    Read {
        final_url: String,
        title: String,
        description: String,
        site: String,
        text: String,
        language: Option<String>,
    },
    /// Not asked for, because of what its address is or what its site wants.
    Refused { reason: &'static str },
    /// Given up.
    Failed { reason: &'static str },
    /// To be asked for again.
    Later { reason: &'static str, due: Timestamp },
    /// To be asked for later; this was no attempt.
    Postponed { due: Timestamp },
}

/// How many pages there are, by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct PageCounts {
    pub due: u64,
    pub read: u64,
    pub refused: u64,
    pub failed: u64,
}

impl TenantStore {
    /// Pages whose time has come, the longest due first.
    pub fn page_due_list(&self, now: Timestamp, limit: usize) -> Result<Vec<DuePage>, Error> {
        self.db.read(|db| {
            let sql =
                "SELECT id, url, attempts FROM pages WHERE due_at <= ?1 ORDER BY due_at, id DESC LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(params![now.as_millisecond(), limit as i64], |row| {
                Ok(DuePage { id: row.get(0)?, url: row.get(1)?, attempts: row.get::<_, i64>(2)? as u32 })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// When the next page is due.
    pub fn page_next_due(&self) -> Result<Option<Timestamp>, Error> {
        self.db.read(|db| {
            let due: Option<i64> = db
                .prepare_cached("SELECT min(due_at) FROM pages WHERE due_at IS NOT NULL")?
                .query_row([], |row| row.get(0))?;
            Ok(due.and_then(|ms| Timestamp::from_millisecond(ms).ok()))
        })
    }

    /// How many pages were asked for since then.
    pub fn page_count_since(&self, since: Timestamp) -> Result<u64, Error> {
        self.db.read(|db| {
            let sql = "SELECT count(*) FROM pages WHERE fetched_at >= ?1";
            Ok(db.prepare_cached(sql)?.query_row([since.as_millisecond()], |row| row.get::<_, i64>(0))?
                as u64)
        })
    }

    pub fn page_counts(&self) -> Result<PageCounts, Error> {
        self.db.read(|db| {
            let sql = "SELECT count(*) FILTER (WHERE status = 'due'), count(*) FILTER (WHERE status = 'read'),
                count(*) FILTER (WHERE status = 'refused'), count(*) FILTER (WHERE status = 'failed') FROM pages";
            Ok(db.prepare_cached(sql)?.query_row([], |row| {
                let count = |column| row.get::<_, i64>(column).map(|n| n as u64);
                Ok(PageCounts { due: count(0)?, read: count(1)?, refused: count(2)?, failed: count(3)? })
            })?)
        })
    }

    /// What was read behind a post's links.
    pub fn post_pages(&self, post: PostId) -> Result<Vec<LinkedPage>, Error> {
        self.db.read(|db| post_pages(db, post))
    }

    /// Settles pages; returns the posts to be worked on again.
    pub fn pages_settle(&self, pages: Vec<(i64, PageOutcome)>, now: Timestamp) -> Result<Vec<PostId>, Error> {
        self.db.write(move |tx| {
            let mut advance = Vec::new();
            for (id, outcome) in &pages {
                if page_settle(tx, *id, outcome, now)? {
                    advance.extend(posts_retag(tx, *id)?);
                }
            }
            Ok(advance)
        })
    }

    /// Sends posts with links that are past enriching back to it, newest first; for links of posts that came before fetching was
    /// switched on. Returns those to be queued.
    pub fn posts_unenriched_reset(&self, since: Timestamp, limit: usize) -> Result<Vec<PostId>, Error> {
        self.db.write(move |tx| {
            let sql = "UPDATE posts SET stage = ?1 WHERE id IN (
                           SELECT id FROM posts WHERE posted_at >= ?2 AND lead_id IS NULL AND deleted_at IS NULL AND stage > ?1
                           AND EXISTS (SELECT 1 FROM post_links WHERE post_id = posts.id)
                           AND NOT EXISTS (SELECT 1 FROM post_pages WHERE post_id = posts.id)
                           ORDER BY posted_at DESC LIMIT ?3)
                       RETURNING id";
            let mut statement = tx.prepare_cached(sql)?;
            let rows = statement
                .query_map(params![Stage::Tagged as i64, since.as_millisecond(), limit as i64], |row| row.get(0).map(PostId))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

/// Whether there is something new to read.
fn page_settle(tx: &Transaction<'_>, id: i64, outcome: &PageOutcome, now: Timestamp) -> Result<bool, Error> {
    let now = now.as_millisecond();
    match outcome {
        PageOutcome::Read { final_url, title, description, site, text, language } => {
            let sql = "UPDATE pages SET status = 'read', reason = NULL, final_url = ?2, title = ?3, description = ?4, site = ?5,
                text = ?6, language = ?7, attempts = attempts + 1, due_at = NULL, fetched_at = ?8 WHERE id = ?1 AND status = 'due'";
            let changed = tx.prepare_cached(sql)?.execute(params![
                id,
                final_url,
                title,
                description,
                site,
                text,
                language,
                now
            ])?;
            return Ok(changed > 0);
        }
        PageOutcome::Refused { reason } => page_end(tx, id, "refused", reason, now)?,
        PageOutcome::Failed { reason } => page_end(tx, id, "failed", reason, now)?,
        PageOutcome::Later { reason, due } => {
            let sql = "UPDATE pages SET reason = ?2, due_at = ?3, attempts = attempts + 1, fetched_at = ?4 WHERE id = ?1 AND status = 'due'";
            tx.prepare_cached(sql)?.execute(params![id, reason, due.as_millisecond(), now])?;
        }
        PageOutcome::Postponed { due } => {
            let sql = "UPDATE pages SET due_at = ?2 WHERE id = ?1 AND status = 'due'";
            tx.prepare_cached(sql)?.execute(params![id, due.as_millisecond()])?;
        }
    }
    Ok(false)
}

fn page_end(tx: &Transaction<'_>, id: i64, status: &str, reason: &str, now: i64) -> Result<(), Error> {
    let sql =
        "UPDATE pages SET status = ?2, reason = ?3, attempts = attempts + 1, due_at = NULL, fetched_at = ?4
        WHERE id = ?1 AND status = 'due'";
    tx.prepare_cached(sql)?.execute(params![id, status, reason, now])?;
    Ok(())
}

/// Sends the posts that link to a page back to tagging, unless they stand before it.
fn posts_retag(tx: &Transaction<'_>, page: i64) -> Result<Vec<PostId>, Error> {
    let sql = "UPDATE posts SET stage = ?2 WHERE id IN (SELECT post_id FROM post_pages WHERE page_id = ?1)
        AND stage > ?2 AND deleted_at IS NULL RETURNING id";
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement.query_map(params![page, Stage::Parsed as i64], |row| row.get(0).map(PostId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Notes which pages a post links to, in order; those it linked to before and does no more are left.
pub(super) fn post_pages_put(
    tx: &Transaction<'_>,
    post: PostId,
    urls: &[String],
    now: Timestamp,
) -> Result<(), Error> {
    let before: i64 = tx
        .prepare_cached("SELECT count(*) FROM post_pages WHERE post_id = ?1")?
        .query_row([post.0], |row| row.get(0))?;
    for (position, url) in urls.iter().enumerate() {
        tx.prepare_cached("INSERT OR IGNORE INTO pages (url, status, due_at) VALUES (?1, 'due', ?2)")?
            .execute(params![url, now.as_millisecond()])?;
        let sql = "INSERT INTO post_pages (post_id, position, page_id) SELECT ?1, ?2, id FROM pages WHERE url = ?3
            ON CONFLICT (post_id, position) DO UPDATE SET page_id = excluded.page_id WHERE page_id <> excluded.page_id";
        tx.prepare_cached(sql)?.execute(params![post.0, position as i64, url])?;
    }
    if before > urls.len() as i64 {
        tx.prepare_cached("DELETE FROM post_pages WHERE post_id = ?1 AND position >= ?2")?
            .execute(params![post.0, urls.len() as i64])?;
    }
    Ok(())
}

/// What was read behind a post's links, in their order.
pub(super) fn post_pages(db: &Connection, post: PostId) -> Result<Vec<LinkedPage>, Error> {
    let sql = "SELECT coalesce(final_url, url), title, description, site, substr(text, 1, ?2) FROM post_pages
        JOIN pages ON pages.id = page_id WHERE post_id = ?1 AND status = 'read' ORDER BY position";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params![post.0, INDEXED_CHARS], |row| {
        Ok(LinkedPage {
            url: row.get(0)?,
            title: row.get(1)?,
            description: row.get(2)?,
            site: row.get(3)?,
            text: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
