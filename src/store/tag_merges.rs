//! Merging tags, undoing that, and tags that must not be merged.
//!
//! A merge is one transaction: the aliases, and the rows that join the posts to the vocabulary. A post keeps the forms of its
//! text, so nothing of it is told or indexed anew, and undoing computes the same rows again from those forms.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde::Serialize;

use super::{
    Error, TenantStore,
    control::{timestamp, timestamp_maybe},
    posts::json_list,
    tags::{TagForm, alias_target, post_tags, post_tags_join},
};
use crate::{
    model::{PostId, Stage},
    text::tag_key,
};

/// A merge about to be made.
#[derive(Debug, Clone)]
pub struct NewTagMerge {
    pub from: Vec<TagForm>,
    pub into: TagForm,
    /// `model::Actor` as text.
    pub made_by: String,
    pub now: Timestamp,
    /// Only look what it would do.
    pub dry_run: bool,
}

/// A tag that was merged, and how many posts bore it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MergedTag {
    pub tag: String,
    pub posts: u64,
}

/// What a merge did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagsMerged {
    /// `None` for a dry run.
    pub id: Option<i64>,
    pub into: String,
    pub from: Vec<MergedTag>,
    /// Posts that bore one of them.
    pub posts: usize,
}

/// A merge of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagMerge {
    pub id: i64,
    pub into: String,
    /// What stands for it; empty once it is undone.
    pub from: Vec<String>,
    pub posts: u64,
    pub made_at: Timestamp,
    pub made_by: String,
    pub undone_at: Option<Timestamp>,
}

/// A tag of the vocabulary as suggestions look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagUse {
    pub id: i64,
    pub name: String,
    pub posts: u64,
    pub protected: bool,
}

/// How many posts have both of two tags, by their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagPair {
    pub a: i64,
    pub b: i64,
    pub posts: u64,
}

impl TenantStore {
    /// The most used tags on at least so many posts, and how many posts each two of them share.
    pub fn tag_pairs(&self, posts_min: u64, tags_max: usize) -> Result<(Vec<TagUse>, Vec<TagPair>), Error> {
        self.db.read(|db| {
            let sql = "SELECT tags.id, name, count(*) AS used, EXISTS (SELECT 1 FROM tags_protected p WHERE p.key = tags.key)
                       FROM post_tags JOIN tags ON tags.id = tag_id GROUP BY tag_id HAVING used >= ?1
                       ORDER BY used DESC, name LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let used: Vec<TagUse> = statement
                .query_map(params![posts_min as i64, tags_max as i64], |row| {
                    let posts: i64 = row.get(2)?;
                    Ok(TagUse { id: row.get(0)?, name: row.get(1)?, posts: posts as u64, protected: row.get(3)? })
                })?
                .collect::<rusqlite::Result<_>>()?;
            let ids = json_list(used.iter().map(|tag| tag.id));
            let sql = "SELECT a.tag_id, b.tag_id, count(*) AS both FROM post_tags a
                       JOIN post_tags b ON b.post_id = a.post_id AND b.tag_id > a.tag_id
                       WHERE a.tag_id IN (SELECT value FROM json_each(?1)) AND b.tag_id IN (SELECT value FROM json_each(?1))
                       GROUP BY a.tag_id, b.tag_id HAVING both >= ?2";
            let mut statement = db.prepare_cached(sql)?;
            let pairs = statement
                .query_map(params![ids, posts_min as i64], |row| {
                    let posts: i64 = row.get(2)?;
                    Ok(TagPair { a: row.get(0)?, b: row.get(1)?, posts: posts as u64 })
                })?
                .collect::<rusqlite::Result<_>>()?;
            Ok((used, pairs))
        })
    }

    /// Makes tags one. Refused for a protected tag and for one that stands for another already.
    pub fn tags_merge(&self, merge: NewTagMerge) -> Result<TagsMerged, Error> {
        self.db.write(move |tx| tags_merge(tx, &merge))
    }

    /// Undoes a merge; returns how many posts went back. `None` if there is no such merge.
    pub fn tags_merge_undo(&self, id: i64, now: Timestamp) -> Result<Option<usize>, Error> {
        self.db.write(move |tx| tags_merge_undo(tx, id, now))
    }

    /// Merges, the newest first, and how many there are.
    pub fn tag_merge_list(&self, limit: usize, offset: usize) -> Result<(Vec<TagMerge>, u64), Error> {
        self.db.read(|db| {
            let mut merges = merge_page(db, limit, offset)?;
            let mut aliases =
                db.prepare_cached("SELECT name FROM tag_aliases WHERE merge_id = ?1 ORDER BY key")?;
            for merge in &mut merges {
                merge.from =
                    aliases.query_map([merge.id], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            }
            let total: i64 =
                db.prepare_cached("SELECT count(*) FROM tag_merges")?.query_row([], |row| row.get(0))?;
            Ok((merges, total as u64))
        })
    }

    /// Protects a tag, or lets it go; `false` if nothing changed.
    pub fn tag_protect(&self, tag: TagForm, protect: bool, now: Timestamp) -> Result<bool, Error> {
        self.db.write(move |tx| {
            let changed = if protect {
                let sql =
                    "INSERT OR IGNORE INTO tags_protected (key, name, protected_at) VALUES (?1, ?2, ?3)";
                tx.execute(sql, params![tag.key, tag.form, now.as_millisecond()])?
            } else {
                tx.execute("DELETE FROM tags_protected WHERE key = ?1", [tag.key])?
            };
            Ok(changed > 0)
        })
    }

    /// The protected tags.
    pub fn tag_protected_list(&self) -> Result<Vec<String>, Error> {
        self.db.read(|db| {
            let mut statement = db.prepare_cached("SELECT name FROM tags_protected ORDER BY key")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Sets posts back to before their tags; the pipeline makes them anew. Those not tagged yet are left alone. Returns which.
    pub fn posts_retag(&self, posts: Vec<PostId>) -> Result<Vec<PostId>, Error> {
        self.db.write(move |tx| {
            let mut set_back = Vec::new();
            for post in posts {
                let sql = "UPDATE posts SET stage = ?2, revision = revision + 1
                           WHERE id = ?1 AND stage >= ?3 AND lead_id IS NULL AND deleted_at IS NULL RETURNING revision";
                let parameters = params![post.0, Stage::Parsed as i64, Stage::Tagged as i64];
                let revision: Option<i64> =
                    tx.prepare_cached(sql)?.query_row(parameters, |row| row.get(0)).optional()?;
                if let Some(revision) = revision {
                    // The text is the same: what a model made of it still holds, and is not paid for again.
                    let sql = "UPDATE model_tags SET revision = ?2 WHERE post_id = ?1 AND revision = ?2 - 1";
                    tx.prepare_cached(sql)?.execute([post.0, revision])?;
                    set_back.push(post);
                }
            }
            Ok(set_back)
        })
    }
}

fn tags_merge(tx: &Transaction<'_>, merge: &NewTagMerge) -> Result<TagsMerged, Error> {
    let into = alias_target(tx, &merge.into)?;
    let mut from = Vec::new();
    for (place, tag) in merge.from.iter().enumerate() {
        let is_repeated = merge.from.iter().take(place).any(|other| other.key == tag.key);
        if tag.key == into.key || is_repeated {
            continue;
        }
        merge_allowed(tx, tag, &into)?;
        let sql = "SELECT count(*) FROM post_tags JOIN tags ON tags.id = tag_id WHERE key = ?1";
        let posts: i64 = tx.prepare_cached(sql)?.query_row([&tag.key], |row| row.get(0))?;
        from.push((tag, posts as u64));
    }
    if from.is_empty() {
        return Err(Error::Conflict(format!(
            "all of them are {} already; there is nothing to merge",
            into.form
        )));
    }
    let keys: Vec<&str> = from.iter().map(|(tag, _)| tag.key.as_str()).collect();
    let posts = posts_bearing(tx, &keys)?;
    let shown = from.iter().map(|(tag, posts)| MergedTag { tag: tag.form.clone(), posts: *posts }).collect();
    let mut merged = TagsMerged { id: None, into: into.form.clone(), from: shown, posts: posts.len() };
    if merge.dry_run {
        return Ok(merged);
    }
    let at = merge.now.as_millisecond();
    let id = tx
        .prepare_cached(
            "INSERT INTO tag_merges (target_key, target_name, made_at, made_by, posts) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .insert(params![into.key, into.form, at, merge.made_by, posts.len() as i64])?;
    for (tag, _) in from {
        tx.prepare_cached("INSERT INTO tag_aliases (key, name, merge_id) VALUES (?1, ?2, ?3)")?
            .execute(params![tag.key, tag.form, id])?;
    }
    posts_rejoin(tx, &posts)?;
    // From now on the vocabulary shows it as it was written here.
    tx.execute("UPDATE tags SET name = ?2 WHERE key = ?1", params![into.key, into.form])?;
    tags_clean(tx)?;
    merged.id = Some(id);
    Ok(merged)
}

fn merge_allowed(tx: &Transaction<'_>, tag: &TagForm, into: &TagForm) -> Result<(), Error> {
    let known = "SELECT 1 FROM tags_protected WHERE key = ?1";
    if tx.prepare_cached(known)?.query_row([&tag.key], |_| Ok(())).optional()?.is_some() {
        return Err(Error::Conflict(format!("{} is protected; let it go first", tag.form)));
    }
    let target = alias_target(tx, tag)?;
    if target.key != tag.key {
        let target = if target.key == into.key { &into.form } else { &target.form };
        return Err(Error::Conflict(format!("{} is merged into {target} already", tag.form)));
    }
    Ok(())
}

fn tags_merge_undo(tx: &Transaction<'_>, id: i64, now: Timestamp) -> Result<Option<usize>, Error> {
    let sql = "SELECT target_key, target_name, undone_at IS NOT NULL FROM tag_merges WHERE id = ?1";
    let found: Option<(String, String, bool)> = tx
        .prepare_cached(sql)?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((key, form, undone)) = found else { return Ok(None) };
    if undone {
        return Err(Error::Conflict(format!("merge {id} is undone already")));
    }
    // The target itself may stand for another by now.
    let target = alias_target(tx, &TagForm { form, key })?;
    let posts = posts_bearing(tx, &[&target.key])?;
    tx.execute("DELETE FROM tag_aliases WHERE merge_id = ?1", [id])?;
    tx.execute("UPDATE tag_merges SET undone_at = ?2 WHERE id = ?1", params![id, now.as_millisecond()])?;
    let changed = posts_rejoin(tx, &posts)?;
    tags_clean(tx)?;
    Ok(Some(changed))
}

/// The posts that bear one of these tags.
fn posts_bearing(db: &Connection, keys: &[&str]) -> Result<Vec<PostId>, Error> {
    let sql = "SELECT DISTINCT post_id FROM post_tags JOIN tags ON tags.id = tag_id
               WHERE key IN (SELECT value FROM json_each(?1)) ORDER BY post_id";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([json_list(keys)], |row| row.get(0).map(PostId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Joins posts to the tags that their forms stand for now; returns how many of them that changed.
fn posts_rejoin(tx: &Transaction<'_>, posts: &[PostId]) -> Result<usize, Error> {
    let mut changed = 0;
    for post in posts {
        let forms = post_tags(tx, *post)?;
        let forms: Vec<TagForm> =
            forms.into_iter().map(|form| TagForm { key: tag_key(&form), form }).collect();
        changed += usize::from(post_tags_join(tx, *post, &forms)?);
    }
    Ok(changed)
}

/// Forgets tags that stand on no post, but for merged ones: undone, they shall have the name they had.
fn tags_clean(tx: &Transaction<'_>) -> Result<(), Error> {
    let sql = "DELETE FROM tags WHERE NOT EXISTS (SELECT 1 FROM post_tags WHERE tag_id = tags.id)
               AND key NOT IN (SELECT key FROM tag_aliases)";
    tx.execute(sql, [])?;
    Ok(())
}

fn merge_page(db: &Connection, limit: usize, offset: usize) -> Result<Vec<TagMerge>, Error> {
    let sql = "SELECT id, target_name, posts, made_at, made_by, undone_at FROM tag_merges
               ORDER BY id DESC LIMIT ?1 OFFSET ?2";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params![limit as i64, offset as i64], |row| {
        Ok(TagMerge {
            id: row.get(0)?,
            into: row.get(1)?,
            from: Vec::new(),
            posts: row.get::<_, i64>(2)? as u64,
            made_at: timestamp(row, 3)?,
            made_by: row.get(4)?,
            undone_at: timestamp_maybe(row, 5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
