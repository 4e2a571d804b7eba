//! SQL that loads into `PostgreSQL`: the tables of the system this one replaces, embeddings with `pgvector` where it is installed.
//!
//! Plain statements in one transaction, so `psql -f` loads all of it or nothing. Channels and posts have the same ids whoever
//! exports them, and what is there already stays, so the dumps of several tenants load into one database. Text is quoted with
//! standard strings; a NUL, which `PostgreSQL` cannot store, is left out.

use std::fmt::Write as _;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Counts, Error, Export, Out, PAGE, channel_uuid, post_uuid, uuid_of};
use crate::{
    app::{Indexes, tenants::rfc3339},
    model::Channel,
    search::Encoding,
    store::{ExportedEnrichment, ExportedMessage, Member, MemberFilter, VectorRow},
};

const SCHEMA: &str = include_str!("postgres.sql");
/// Rows of one INSERT.
const ROWS_MAX: usize = 200;
/// Bytes after which an INSERT ends, however few rows it has.
const STATEMENT_BYTES_MAX: usize = 1 << 20;

pub(super) fn write(export: &mut Export<'_>, out: &mut Out<'_>) -> Result<Counts, Error> {
    let mut counts = Counts::new();
    out.text("BEGIN;\nSET LOCAL client_encoding = 'UTF8';\nSET LOCAL standard_conforming_strings = on;\n\n")?;
    out.text(SCHEMA)?;
    let tenant = export.tenant.row().clone();
    let mut rows = Rows::new("tenants", "id, name, created_at", "id", &mut counts);
    rows.add(out, &[uuid(tenant.id.0), text(&tenant.name), at(tenant.created_at)])?;
    rows.end(out)?;
    people(export, out, &mut counts)?;
    channels(export, out, &mut counts)?;
    messages(export, out, &mut counts)?;
    questions(export, out, &mut counts)?;
    vectors(export, out, &mut counts)?;
    out.text("\nCOMMIT;\n")?;
    Ok(counts)
}

/// One table's rows, gathered into statements of bearable size.
struct Rows<'a> {
    head: String,
    tail: String,
    table: &'static str,
    counts: &'a mut Counts,
    pending: usize,
    statement: String,
}

impl<'a> Rows<'a> {
    fn new(table: &'static str, columns: &str, key: &str, counts: &'a mut Counts) -> Self {
        counts.entry(table).or_default();
        let tail = if key.is_empty() { String::new() } else { format!("\nON CONFLICT ({key}) DO NOTHING") };
        let head = format!("INSERT INTO {table} ({columns}) VALUES\n");
        Self { head, tail, table, counts, pending: 0, statement: String::new() }
    }

    fn add(&mut self, out: &mut Out<'_>, values: &[String]) -> Result<(), Error> {
        self.statement.push_str(if self.pending == 0 { &self.head } else { ",\n" });
        let _ = write!(self.statement, "({})", values.join(", "));
        self.pending += 1;
        *self.counts.entry(self.table).or_default() += 1;
        if self.pending >= ROWS_MAX || self.statement.len() >= STATEMENT_BYTES_MAX {
            self.end(out)?;
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) -> Result<(), Error> {
        if self.pending > 0 {
            out.text(&self.statement)?;
            out.text(&self.tail)?;
            out.text(";\n")?;
        }
        self.pending = 0;
        self.statement.clear();
        Ok(())
    }
}

fn people(export: &Export<'_>, out: &mut Out<'_>, counts: &mut Counts) -> Result<(), Error> {
    let members = members(export)?;
    let mut rows = Rows::new("identities", "id, telegram_id, created_at", "id", counts);
    for member in &members {
        rows.add(
            out,
            &[uuid(identity(member)), number(Some(member.profile.telegram_id)), at(member.created_at)],
        )?;
    }
    rows.end(out)?;
    let columns =
        "id, tenant_id, telegram_id, identity_id, username, first_name, last_name, created_at, tier, role";
    let mut rows = Rows::new("users", columns, "id", counts);
    for member in &members {
        let profile = &member.profile;
        rows.add(
            out,
            &[
                uuid(user(export, member.id.0)),
                uuid(export.tenant.id().0),
                number(Some(profile.telegram_id)),
                uuid(identity(member)),
                maybe(profile.username.as_deref()),
                maybe(profile.first_name.as_deref()),
                maybe(profile.last_name.as_deref()),
                at(member.created_at),
                text(member.tier.name()),
                text(member.role.name()),
            ],
        )?;
    }
    rows.end(out)
}

fn members(export: &Export<'_>) -> Result<Vec<Member>, Error> {
    let mut members: Vec<Member> = Vec::new();
    loop {
        let filter = MemberFilter::default();
        let (page, _) = export.app.control.member_list(export.tenant.id(), &filter, PAGE, members.len())?;
        let is_last = page.len() < PAGE;
        members.extend(page);
        if is_last {
            return Ok(members);
        }
    }
}

fn identity(member: &Member) -> Uuid {
    uuid_of("identity", &member.profile.telegram_id.to_string())
}

fn user(export: &Export<'_>, member: i64) -> Uuid {
    uuid_of("user", &format!("{} {member}", export.tenant.id()))
}

fn channels(export: &Export<'_>, out: &mut Out<'_>, counts: &mut Counts) -> Result<(), Error> {
    let columns = "id, tg_channel_id, username, title, tga_id";
    let mut rows = Rows::new("channels", columns, "id", counts);
    for channel in export.channels.values() {
        rows.add(
            out,
            &[
                uuid(channel_uuid(channel)),
                number(channel.telegram_id),
                maybe(channel.username.as_deref()),
                text(&channel.title.chars().take(500).collect::<String>()),
                number(Some(channel.id.0)),
            ],
        )?;
    }
    rows.end(out)?;
    let known: std::collections::BTreeSet<i64> = members(export)?.iter().map(|member| member.id.0).collect();
    let mut rows =
        Rows::new("user_channel", "user_id, channel_id, subscribed_at", "user_id, channel_id", counts);
    for subscription in export.tenant.store().subscription_export()? {
        let Some(channel) = export.channels.get(&subscription.channel) else { continue };
        if known.contains(&subscription.member.0) {
            rows.add(
                out,
                &[
                    uuid(user(export, subscription.member.0)),
                    uuid(channel_uuid(channel)),
                    at(subscription.created_at),
                ],
            )?;
        }
    }
    rows.end(out)
}

fn messages(export: &mut Export<'_>, out: &mut Out<'_>, counts: &mut Counts) -> Result<(), Error> {
    let columns = "id, channel_id, telegram_message_id, content, media_urls, posted_at, telegram_post_url, has_media, \
                   yyyymm, created_at, is_processed, views_count, forwards_count, reactions_count, replies_count, \
                   is_pinned, is_edited, edited_at, post_author, reply_to_message_id, grouped_id, forward_from_name, \
                   content_hash, link_count, enrichment_status, tga_id";
    let mut posts = Rows::new("posts", columns, "id", counts);
    export.messages(&mut |channel, message| posts.add(out, &post_row(channel, message)))?;
    posts.end(out)?;
    let columns = "post_id, kind, provider, params_hash, data, status, error, created_at, updated_at";
    let mut enrichments = Rows::new("post_enrichment", columns, "post_id, kind", counts);
    export.messages(&mut |channel, message| {
        let post = post_uuid(channel, message.message_id);
        message.enrichments.iter().try_for_each(|found| enrichments.add(out, &enrichment_row(post, found)))
    })?;
    enrichments.end(out)?;
    let columns = "post_id, reaction_type, reaction_value, count";
    let key = "post_id, reaction_type, reaction_value";
    let mut reactions = Rows::new("post_reactions", columns, key, counts);
    export.messages(&mut |channel, message| {
        let post = post_uuid(channel, message.message_id);
        reaction_list(message).into_iter().try_for_each(|(kind, value, count)| {
            reactions.add(out, &[uuid(post), text(kind), text(&value), number(Some(count))])
        })
    })?;
    reactions.end(out)
}

fn post_row(channel: &Channel, message: &ExportedMessage) -> [String; 26] {
    let urls: Vec<&str> = message.links.iter().map(|link| link.url.as_str()).collect();
    let reactions: i64 = reaction_list(message).iter().map(|(_, _, count)| count).sum();
    [
        uuid(post_uuid(channel, message.message_id)),
        uuid(channel_uuid(channel)),
        number(Some(message.message_id)),
        text(&message.text),
        json(&serde_json::json!(urls).to_string()),
        at(message.posted_at),
        maybe(channel.permalink(message.message_id).as_deref()),
        boolean(message.media.is_some()),
        super::month_of(message.posted_at).replace('-', ""),
        at(message.ingested_at),
        boolean(message.is_indexed),
        number(Some(message.views.unwrap_or(0))),
        number(Some(message.forwards.unwrap_or(0))),
        number(Some(reactions)),
        number(Some(message.replies.unwrap_or(0))),
        boolean(message.pinned),
        boolean(message.edited_at.is_some()),
        message.edited_at.map_or_else(null, at),
        maybe(message.author.as_deref()),
        number(message.reply_to),
        number(message.grouped_id),
        maybe(message.forwarded_from.as_deref()),
        text(&message.content_hash),
        number(Some(message.links.len() as i64)),
        text(if message.is_indexed || message.is_member { "indexed" } else { "pending" }),
        number(Some(message.id.0)),
    ]
}

fn enrichment_row(post: Uuid, found: &ExportedEnrichment) -> [String; 9] {
    // The names the other system has for the same things.
    let kind = match found.kind.as_str() {
        "links" => "crawl",
        "ocr" => "vision_ocr",
        "language" => "classify",
        "story" => "general",
        same => same,
    };
    let data = match kind {
        "tags" => format!("{{\"tags\": {}}}", found.data),
        _ => found.data.clone(),
    };
    [
        uuid(post),
        text(kind),
        text(&found.provider),
        maybe(found.params_hash.as_deref()),
        json(&data),
        text(&found.status),
        maybe(found.error.as_deref()),
        at(found.created_at),
        at(found.updated_at),
    ]
}

/// Kind, value, count.
fn reaction_list(message: &ExportedMessage) -> Vec<(&'static str, String, i64)> {
    let stored = message.reactions.as_deref().unwrap_or("[]");
    let reactions: Vec<crate::model::Reaction> = serde_json::from_str(stored).unwrap_or_default();
    let named = reactions.into_iter().map(|reaction| match reaction.emoji.strip_prefix("custom:") {
        Some(id) => ("custom_emoji", id.to_owned(), reaction.count),
        None if reaction.emoji == "paid" => ("paid", String::new(), reaction.count),
        None => ("emoji", reaction.emoji, reaction.count),
    });
    named.collect()
}

fn questions(export: &Export<'_>, out: &mut Out<'_>, counts: &mut Counts) -> Result<(), Error> {
    let known: std::collections::BTreeSet<i64> = members(export)?.iter().map(|member| member.id.0).collect();
    let columns = "id, user_id, query_text, query_type, intent, confidence, response_text, sources_count, \
                   processing_time_ms, created_at";
    let mut rows = Rows::new("rag_query_history", columns, "id", counts);
    let mut after = 0;
    loop {
        let page = export.tenant.store().question_export(after, PAGE)?;
        let Some(last) = page.last() else { return rows.end(out) };
        after = last.id;
        for question in &page {
            let result: serde_json::Value = serde_json::from_str(&question.result).unwrap_or_default();
            let by = question.member.filter(|member| known.contains(&member.0));
            rows.add(
                out,
                &[
                    uuid(uuid_of("question", &question.query_id)),
                    by.map_or_else(null, |member| uuid(user(export, member.0))),
                    text(&question.query),
                    text("text"),
                    text(&question.intent),
                    result["confidence"].as_f64().map_or_else(null, |value| value.to_string()),
                    maybe(result["answer"].as_str()),
                    number(Some(result["sources"].as_array().map_or(0, Vec::len) as i64)),
                    number(Some(question.took_ms)),
                    at(question.asked_at),
                ],
            )?;
        }
    }
}

/// The vectors of the model in use. They come through a table of text, because the type of the column is known only there.
fn vectors(export: &Export<'_>, out: &mut Out<'_>, counts: &mut Counts) -> Result<(), Error> {
    let store = export.tenant.store();
    let found = match Indexes::vector_model(store)? {
        Some(name) => store.model_find(&name)?.map(|(row, dimensions)| (name, row, dimensions)),
        None => None,
    };
    let dimensions = found.as_ref().map_or(1, |(_, _, dimensions)| *dimensions);
    out.text(&VECTORS_BEFORE.replace("{dimensions}", &dimensions.to_string()))?;
    if let Some((name, row, dimensions)) = found {
        let encoding = Encoding::for_model(&name, dimensions);
        let mut rows = Rows::new("tga_vectors", "post_id, model, chunk, embedding", "", counts);
        let mut failed = None;
        let places = places(export)?;
        store.vectors_each(row, &mut |vector| {
            if failed.is_none() {
                failed = vector_add(&mut rows, out, &places, &encoding, &name, &vector).err();
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        rows.end(out)?;
    }
    let moved = counts.remove("tga_vectors").unwrap_or(0);
    counts.insert("post_embeddings", moved);
    out.text(VECTORS_AFTER)
}

/// The id of each post's vectors.
fn places(export: &Export<'_>) -> Result<std::collections::HashMap<i64, Uuid>, Error> {
    let mut places = std::collections::HashMap::new();
    let mut after = crate::model::PostId(0);
    loop {
        let page = export.tenant.store().message_export(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(places) };
        after = last.id;
        for message in &page {
            if let Some(channel) = export.channels.get(&message.channel) {
                places.insert(message.id.0, post_uuid(channel, message.message_id));
            }
        }
    }
}

fn vector_add(
    rows: &mut Rows<'_>,
    out: &mut Out<'_>,
    places: &std::collections::HashMap<i64, Uuid>,
    encoding: &Encoding,
    model: &str,
    vector: &VectorRow,
) -> Result<(), Error> {
    let Some(post) = places.get(&vector.post.0) else { return Ok(()) };
    let values: Vec<String> =
        encoding.decode(&vector.data)?.iter().map(|value| format!("{value:.6}")).collect();
    let chunk = i64::from(vector.chunk);
    rows.add(out, &[uuid(*post), text(model), number(Some(chunk)), text(&format!("[{}]", values.join(",")))])
}

const VECTORS_BEFORE: &str = "
DO $tga$
BEGIN
    BEGIN
        CREATE EXTENSION IF NOT EXISTS vector;
    EXCEPTION WHEN OTHERS THEN
        RAISE NOTICE 'pgvector is not installed here: embeddings are kept as real[]';
    END;
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS post_embeddings (
             post_id uuid NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
             model text NOT NULL,
             chunk integer NOT NULL,
             embedding %s NOT NULL,
             PRIMARY KEY (post_id, model, chunk))',
        CASE WHEN to_regtype('vector') IS NULL THEN 'real[]' ELSE 'vector({dimensions})' END);
END
$tga$;
CREATE TEMP TABLE tga_vectors (post_id uuid, model text, chunk integer, embedding text) ON COMMIT DROP;
";

const VECTORS_AFTER: &str = "
DO $tga$
BEGIN
    IF to_regtype('vector') IS NULL THEN
        INSERT INTO post_embeddings
            SELECT post_id, model, chunk, translate(embedding, '[]', '{}')::real[] FROM tga_vectors
            ON CONFLICT DO NOTHING;
    ELSE
        EXECUTE 'INSERT INTO post_embeddings
            SELECT post_id, model, chunk, embedding::vector FROM tga_vectors ON CONFLICT DO NOTHING';
        EXECUTE 'CREATE INDEX IF NOT EXISTS post_embeddings_nearest
            ON post_embeddings USING hnsw (embedding vector_cosine_ops)';
    END IF;
END
$tga$;
";

fn null() -> String {
    "NULL".to_owned()
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\0', "").replace('\'', "''"))
}

fn maybe(value: Option<&str>) -> String {
    value.map_or_else(null, text)
}

/// JSON text without the one escape `jsonb` refuses.
fn json(value: &str) -> String {
    text(&value.replace("\\u0000", ""))
}

fn number(value: Option<i64>) -> String {
    value.map_or_else(null, |value| value.to_string())
}

fn boolean(value: bool) -> String {
    value.to_string()
}

fn uuid(value: Uuid) -> String {
    format!("'{value}'")
}

fn at(value: Timestamp) -> String {
    format!("'{}'", rfc3339(value))
}
