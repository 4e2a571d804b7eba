//! Posts that belong with a post: forwards of the same original, links to the same page, shared tags.
//!
//! Everything is found by an index and bounded: of each forward, page and tag the newest posts are looked at and no more. Posts of
//! channels the caller may not see are passed over where they are found, so they neither show nor count.

use std::collections::BTreeMap;

use rusqlite::{Connection, ToSql, named_params};
use serde::{Deserialize, Serialize};

use super::{Error, TenantStore, posts::json_list};
use crate::model::{ChannelSet, PostId};

/// Posts looked at of one forward, page or tag.
pub const RELATED_LOOKED_AT: usize = 1000;
/// A page that more posts link to stands below every post of a channel and says nothing of them.
pub const LINK_POSTS_MAX: usize = 20;
/// Messages of an album, pages and tags of a post that are looked at.
const PARTS_MAX: i64 = 100;

/// Why a post belongs with another.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// One is a forward of the other, or both are of the same post.
    Forward,
    /// Both link to the same page.
    Link,
    /// They share tags.
    Tags,
}

/// A post that belongs with another, and why: the strongest first, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    pub post: PostId,
    pub why: Vec<Relation>,
}

/// What speaks for one post.
#[derive(Default)]
struct Found {
    forward: bool,
    link: bool,
    /// A shared tag counts the more the fewer posts have it.
    tags: f64,
    posted_at: i64,
}

/// Messages of the post: its own, and of an album the others.
const OWN: &str = "SELECT posts.id, json_extract(forward_origin, '$.channel'), json_extract(forward_origin, '$.message_id'),
        telegram_id, message_id
    FROM posts JOIN channels ON channels.id = channel_id
    WHERE (posts.id = :post OR lead_id = :post) AND deleted_at IS NULL LIMIT :parts";
/// The rest of a query that found messages as `near (id)`: the posts they belong to, of the caller's channels.
const VISIBLE: &str =
    "SELECT coalesce(posts.lead_id, posts.id), posts.posted_at FROM near JOIN posts ON posts.id = near.id
    WHERE posts.deleted_at IS NULL AND coalesce(posts.lead_id, posts.id) <> :post
      AND (:channels IS NULL OR posts.channel_id IN (SELECT value FROM json_each(:channels)))
    LIMIT :max";
/// Forwards of message `:message` of channel `:channel`.
const FORWARDS: &str = "SELECT id FROM posts WHERE forward_origin IS NOT NULL
    AND json_extract(forward_origin, '$.channel') = :channel AND json_extract(forward_origin, '$.message_id') = :message
    ORDER BY id DESC LIMIT :looked_at";
/// That message itself.
const ORIGINAL: &str =
    "SELECT posts.id FROM channels JOIN posts ON posts.channel_id = channels.id AND message_id = :message
    WHERE telegram_id = :channel LIMIT :looked_at";
const PAGES: &str = "SELECT DISTINCT page_key FROM post_links
    WHERE post_id IN (SELECT value FROM json_each(:own)) AND length(page_key) > 0 LIMIT :parts";
const BY_PAGE: &str = "SELECT DISTINCT post_id AS id FROM post_links WHERE page_key = :key ORDER BY post_id DESC LIMIT :looked_at";
const TAGS: &str = "SELECT tag_id FROM post_tags WHERE post_id = :post LIMIT :parts";
const BY_TAG: &str =
    "SELECT post_id AS id FROM post_tags WHERE tag_id = :key ORDER BY post_id DESC LIMIT :looked_at";

impl TenantStore {
    /// Up to `limit` posts of these channels that belong with a post: forwards first, then links, then tags; of equals the newer.
    pub fn related_list(
        &self,
        post: PostId,
        channels: &ChannelSet,
        limit: usize,
    ) -> Result<Vec<Related>, Error> {
        let channels = match channels {
            ChannelSet::All => None,
            ChannelSet::Only(set) => Some(json_list(set)),
        };
        self.db.read(|db| {
            let mut search = Search { db, post, channels, found: BTreeMap::new() };
            let own = search.forwards()?;
            search.links(&own)?;
            search.tags()?;
            Ok(search.best(limit))
        })
    }
}

struct Search<'a> {
    db: &'a Connection,
    post: PostId,
    /// JSON; `None`: all.
    channels: Option<String>,
    found: BTreeMap<i64, Found>,
}

impl Search<'_> {
    /// Posts that are forwards of the same, or one of the other. Returns the post's messages.
    fn forwards(&mut self) -> Result<Vec<i64>, Error> {
        let mut own = Vec::new();
        let mut originals: Vec<(i64, i64)> = Vec::new();
        let mut statement = self.db.prepare_cached(OWN)?;
        let mut rows = statement.query(named_params! {":post": self.post.0, ":parts": PARTS_MAX})?;
        while let Some(row) = rows.next()? {
            own.push(row.get(0)?);
            // A forward names the first place of a post however often it was forwarded on.
            let places: [(Option<i64>, Option<i64>); 2] =
                [(row.get(1)?, row.get(2)?), (row.get(3)?, row.get(4)?)];
            originals.extend(places.into_iter().filter_map(|(channel, message)| channel.zip(message)));
        }
        for (channel, message) in originals {
            for sql in [FORWARDS, ORIGINAL] {
                let place = named_params! {":channel": channel, ":message": message};
                for (id, posted_at) in self.near(sql, place, RELATED_LOOKED_AT)? {
                    self.note(id, posted_at).forward = true;
                }
            }
        }
        Ok(own)
    }

    /// Posts that link to a page this one links to.
    fn links(&mut self, own: &[i64]) -> Result<(), Error> {
        let mut statement = self.db.prepare_cached(PAGES)?;
        let rows = statement
            .query_map(named_params! {":own": json_list(own), ":parts": PARTS_MAX}, |row| row.get(0))?;
        let pages: Vec<Vec<u8>> = rows.collect::<rusqlite::Result<_>>()?;
        for page in pages {
            let near = self.near(BY_PAGE, named_params! {":key": page}, LINK_POSTS_MAX)?;
            if near.len() < LINK_POSTS_MAX {
                for (id, posted_at) in near {
                    self.note(id, posted_at).link = true;
                }
            }
        }
        Ok(())
    }

    fn tags(&mut self) -> Result<(), Error> {
        let mut statement = self.db.prepare_cached(TAGS)?;
        let rows = statement
            .query_map(named_params! {":post": self.post.0, ":parts": PARTS_MAX}, |row| row.get(0))?;
        let tags: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
        for tag in tags {
            let near = self.near(BY_TAG, named_params! {":key": tag}, RELATED_LOOKED_AT)?;
            let weight = 1.0 / near.len().max(1) as f64;
            for (id, posted_at) in near {
                self.note(id, posted_at).tags += weight;
            }
        }
        Ok(())
    }

    /// The posts of the messages a query finds, of the caller's channels and without the post itself; when each was posted.
    fn near(&self, sql: &str, keys: &[(&str, &dyn ToSql)], max: usize) -> Result<BTreeMap<i64, i64>, Error> {
        let mut statement = self.db.prepare_cached(&near_sql(sql))?;
        let (looked_at, max) = (RELATED_LOOKED_AT as i64, max as i64);
        let asked: &[(&str, &dyn ToSql)] = named_params! {
            ":post": self.post.0, ":channels": self.channels, ":looked_at": looked_at, ":max": max
        };
        let all = [asked, keys].concat();
        let rows = statement.query_map(all.as_slice(), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn note(&mut self, id: i64, posted_at: i64) -> &mut Found {
        self.found.entry(id).or_insert(Found { posted_at, ..Found::default() })
    }

    fn best(self, limit: usize) -> Vec<Related> {
        let mut found: Vec<(i64, Found)> = self.found.into_iter().collect();
        found.sort_by(|(a_id, a), (b_id, b)| {
            (b.forward, b.link)
                .cmp(&(a.forward, a.link))
                .then(b.tags.total_cmp(&a.tags))
                .then((b.posted_at, b_id).cmp(&(a.posted_at, a_id)))
        });
        let related = |(id, found): (i64, Found)| {
            let reasons = [
                (found.forward, Relation::Forward),
                (found.link, Relation::Link),
                (found.tags > 0.0, Relation::Tags),
            ];
            let why = reasons.into_iter().filter_map(|(holds, relation)| holds.then_some(relation)).collect();
            Related { post: PostId(id), why }
        };
        found.into_iter().take(limit).map(related).collect()
    }
}

fn near_sql(sql: &str) -> String {
    format!("WITH near (id) AS MATERIALIZED ({sql}) {VISIBLE}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::migrate::{Schema, TENANT, migrate};

    fn migrated(migrations: &'static [&'static str], db: &mut Connection) {
        migrate(db, Path::new("tenant.db"), Schema { name: TENANT.name, migrations }).unwrap();
    }

    #[test]
    fn everything_is_found_by_an_index() {
        let mut db = Connection::open_in_memory().unwrap();
        migrated(TENANT.migrations, &mut db);
        let near = [FORWARDS, ORIGINAL, BY_PAGE, BY_TAG].map(near_sql);
        for sql in [OWN, PAGES, TAGS].into_iter().chain(near.iter().map(String::as_str)) {
            let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let mut rows = statement.raw_query();
            let mut plan: Vec<String> = Vec::new();
            while let Some(row) = rows.next().unwrap() {
                plan.push(row.get(3).unwrap());
            }
            assert!(plan.iter().any(|step| step.starts_with("SEARCH")), "{sql}\n{plan:#?}");
            for step in &plan {
                let table = ["SCAN posts", "SCAN post_links", "SCAN post_tags", "SCAN channels"];
                assert!(!table.iter().any(|scan| step.starts_with(scan)), "{sql}\n{plan:#?}");
            }
        }
    }

    #[test]
    fn links_of_before_there_were_keys_get_theirs_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tenant.db");
        let before = TENANT.migrations.iter().position(|sql| sql.contains("page_key")).unwrap();
        let mut db = Connection::open(&path).unwrap();
        migrated(&TENANT.migrations[..before], &mut db);
        db.execute_batch(
            "INSERT INTO channels (id, title, created_at) VALUES (1, 'news', 0);
             INSERT INTO posts (id, channel_id, message_id, posted_at, stage, content_hash, text, ingested_at)
                 VALUES (1, 1, 1, 0, 4, x'00', 'a', 0), (2, 1, 2, 0, 4, x'00', 'b', 0), (3, 1, 3, 0, 4, x'00', 'c', 0);
             INSERT INTO post_links (post_id, position, shown, url) VALUES
                 (1, 0, '', 'https://example.org/a?utm_source=tg'), (1, 1, '', 'https://t.me/news'),
                 (2, 0, '', 'http://www.example.org/a/'), (3, 0, '', 'https://example.org/b');",
        )
        .unwrap();
        drop(db);
        let store = TenantStore::open(dir.path(), crate::model::TenantId(uuid::Uuid::new_v4())).unwrap();
        let related = || store.related_list(PostId(1), &ChannelSet::All, 10).unwrap();
        assert!(related().is_empty());
        assert_eq!((store.link_keys_fill(3).unwrap(), store.link_keys_fill(3).unwrap()), (3, 1));
        assert_eq!(related(), [Related { post: PostId(2), why: vec![Relation::Link] }]);
        assert_eq!(store.link_keys_fill(3).unwrap(), 0, "one that is no page is not looked at again");
    }

    #[test]
    fn keys_that_were_longer_once_join_with_those_of_today() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tenant.db");
        let before = TENANT.migrations.iter().position(|sql| sql.contains("substr(page_key")).unwrap();
        let mut db = Connection::open(&path).unwrap();
        migrated(&TENANT.migrations[..before], &mut db);
        db.execute_batch(
            "INSERT INTO channels (id, title, created_at) VALUES (1, 'news', 0);
             INSERT INTO posts (id, channel_id, message_id, posted_at, stage, content_hash, text, ingested_at)
                 VALUES (1, 1, 1, 0, 4, x'00', 'a', 0), (2, 1, 2, 0, 4, x'00', 'b', 0);
             INSERT INTO post_links (post_id, position, shown, url, page_key) VALUES
                 (1, 0, '', 'https://example.org/a', NULL), (2, 0, '', 'http://www.example.org/a/', NULL);",
        )
        .unwrap();
        let mut long = Vec::from(crate::text::link_key("https://example.org/a").unwrap());
        long.extend([7; 8]);
        db.execute("UPDATE post_links SET page_key = ?1 WHERE post_id = 1", [long]).unwrap();
        drop(db);
        let store = TenantStore::open(dir.path(), crate::model::TenantId(uuid::Uuid::new_v4())).unwrap();
        assert_eq!(store.link_keys_fill(3).unwrap(), 1);
        let related = store.related_list(PostId(1), &ChannelSet::All, 10).unwrap();
        assert_eq!(related, [Related { post: PostId(2), why: vec![Relation::Link] }]);
    }
}
