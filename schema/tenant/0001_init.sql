-- tenant.db: everything one tenant owns. No row names a tenant, because nothing else is in the file.
-- Times are unix milliseconds, UTC.

-- Facts about the file itself: `tenant_id` (the directory it belongs in), `vector_model` (the model whose vectors answer searches).
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE channels (
    id          INTEGER PRIMARY KEY,
    telegram_id INTEGER UNIQUE,                        -- the -100… form; unknown for some imports
    username    TEXT UNIQUE COLLATE NOCASE,            -- without @
    title       TEXT NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

-- One row a message. The messages of an album share `grouped_id`; the first that arrived leads it, the others point to it
-- with `lead_id`, have no life of their own in the pipeline and are found as part of the lead.
CREATE TABLE posts (
    id             INTEGER PRIMARY KEY,
    channel_id     INTEGER NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    message_id     INTEGER NOT NULL,
    posted_at      INTEGER NOT NULL,
    stage          INTEGER NOT NULL,                   -- model::Stage
    revision       INTEGER NOT NULL DEFAULT 0,         -- grows when the content changes; work done on an older one is dropped
    vector_model   INTEGER NOT NULL DEFAULT 0,         -- models.id of the vectors it has; 0 = none yet
    content_hash   BLOB NOT NULL,                      -- 16 bytes over what an edit can change; decides new / updated / duplicate
    text           TEXT NOT NULL,                      -- normalised
    language       TEXT,
    media          TEXT,
    author         TEXT,
    grouped_id     INTEGER,
    lead_id        INTEGER REFERENCES posts (id) ON DELETE CASCADE,
    reply_to       INTEGER,
    forwarded_from TEXT,
    views          INTEGER,
    forwards       INTEGER,
    replies        INTEGER,
    reactions      TEXT,                               -- JSON [{emoji, count}]
    edited_at      INTEGER,
    ingested_at    INTEGER NOT NULL,
    deleted_at     INTEGER,                            -- tombstone: gone from every list, index and answer
    UNIQUE (channel_id, message_id)
) STRICT;

CREATE INDEX posts_unfinished ON posts (id) WHERE stage < 4 AND deleted_at IS NULL;
CREATE INDEX posts_by_date    ON posts (posted_at) WHERE lead_id IS NULL AND deleted_at IS NULL;
CREATE INDEX posts_by_model   ON posts (vector_model, posted_at) WHERE lead_id IS NULL AND deleted_at IS NULL;
CREATE INDEX posts_album      ON posts (channel_id, grouped_id) WHERE grouped_id IS NOT NULL;
CREATE INDEX posts_lead       ON posts (lead_id) WHERE lead_id IS NOT NULL;

-- Links of a post in reading order; `shown` is empty where the address itself is shown.
CREATE TABLE post_links (
    post_id  INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    shown    TEXT NOT NULL,
    url      TEXT NOT NULL,
    PRIMARY KEY (post_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE post_enrichment (
    post_id     INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    kind        TEXT NOT NULL CHECK (kind IN ('tags', 'links', 'vision', 'ocr', 'language', 'story')),
    provider    TEXT NOT NULL,
    params_hash TEXT,
    data        TEXT NOT NULL,                         -- JSON, by kind
    status      TEXT NOT NULL CHECK (status IN ('ok', 'partial', 'error')),
    error       TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,                      -- an equal result does not touch it
    PRIMARY KEY (post_id, kind)
) STRICT, WITHOUT ROWID;

-- The vocabulary: variants of one tag (case, inflection) share a key of stems.
CREATE TABLE tags (
    id   INTEGER PRIMARY KEY,
    key  TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL                                 -- the form that is shown
) STRICT;

CREATE TABLE post_tags (
    post_id INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    tag_id  INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    PRIMARY KEY (post_id, tag_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX post_tags_by_tag ON post_tags (tag_id, post_id);

-- Embedding models that have made vectors here.
CREATE TABLE models (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,                   -- name@content hash
    dimensions INTEGER NOT NULL
) STRICT;

CREATE TABLE post_vectors (
    post_id  INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    model_id INTEGER NOT NULL REFERENCES models (id),
    chunk    INTEGER NOT NULL,
    data     BLOB NOT NULL,                            -- search::encode
    PRIMARY KEY (post_id, model_id, chunk)
) STRICT, WITHOUT ROWID;

-- The public event log, written in the transaction of the change it tells of. A row names the post; what the event says of it
-- (text, urls, tags) is read from the post when the event is delivered, so the log stays small.
CREATE TABLE outbox_events (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    event       INTEGER NOT NULL,                      -- model::Event
    occurred_at INTEGER NOT NULL,
    post_id     INTEGER,
    data        TEXT                                   -- JSON; what cannot be read from the post
) STRICT;
