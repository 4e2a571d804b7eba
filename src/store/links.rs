//! Links of posts, each with the key by which other posts with the same page are found.
//!
//! Every writer of `post_links` comes through here. Rows of before there were keys get theirs from the sweep; doing it twice changes
//! nothing.

use rusqlite::{Transaction, params};

use super::{Error, TenantStore};
use crate::{
    model::{Link, PostId},
    text::link_key,
};

impl TenantStore {
    /// Gives links of before there were keys theirs; how many there were, at most `limit`.
    pub fn link_keys_fill(&self, limit: usize) -> Result<usize, Error> {
        // Looked for by a reader: mostly there is nothing to do.
        let links = self.db.read(|db| {
            let sql = "SELECT post_id, position, url FROM post_links WHERE page_key IS NULL LIMIT ?1";
            let mut statement = db.prepare_cached(sql)?;
            let rows =
                statement.query_map([limit as i64], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            Ok(rows.collect::<rusqlite::Result<Vec<(i64, i64, String)>>>()?)
        })?;
        let count = links.len();
        if count > 0 {
            self.db.write(move |tx| {
                let sql = "UPDATE post_links SET page_key = ?4
                           WHERE post_id = ?1 AND position = ?2 AND url = ?3 AND page_key IS NULL";
                let mut update = tx.prepare_cached(sql)?;
                for (post, position, url) in &links {
                    update.execute(params![post, position, url, key(url)])?;
                }
                Ok(())
            })?;
        }
        Ok(count)
    }
}

/// Puts links at the end of those a post has.
pub(super) fn links_append(tx: &Transaction<'_>, post: PostId, links: &[Link]) -> Result<(), Error> {
    if links.is_empty() {
        return Ok(());
    }
    let mut insert = tx.prepare_cached(
        "INSERT INTO post_links (post_id, position, shown, url, page_key)
         SELECT ?1, coalesce(max(position), -1) + 1, ?2, ?3, ?4 FROM post_links WHERE post_id = ?1",
    )?;
    for link in links {
        insert.execute(params![post.0, link.text, link.url, key(&link.url)])?;
    }
    Ok(())
}

/// As it is stored: empty where there is none, so that it is not looked for again.
fn key(url: &str) -> Vec<u8> {
    link_key(url).map_or_else(Vec::new, Vec::from)
}
