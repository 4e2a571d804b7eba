-- What users asked and were answered, and how many questions they asked today. Times are unix milliseconds, UTC.

CREATE TABLE rag_history (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    query_id      TEXT NOT NULL UNIQUE,                -- uuid
    membership_id INTEGER,                             -- control.db memberships.id; NULL: asked with an API token
    asked_at      INTEGER NOT NULL,
    query         TEXT NOT NULL,
    intent        TEXT NOT NULL,
    provider      TEXT NOT NULL,
    result        TEXT NOT NULL,                       -- JSON, as it was answered
    took_ms       INTEGER NOT NULL
) STRICT;

CREATE INDEX rag_history_by_member ON rag_history (membership_id, id);
CREATE INDEX rag_history_by_date ON rag_history (asked_at);

-- The posts an answer quotes: whoever removes a post finds the answers that hold its words.
CREATE TABLE rag_history_posts (
    history_id INTEGER NOT NULL REFERENCES rag_history (id) ON DELETE CASCADE,
    post_id    INTEGER NOT NULL,
    PRIMARY KEY (history_id, post_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX rag_history_posts_by_post ON rag_history_posts (post_id);

-- One row a user; a new day begins it anew.
CREATE TABLE question_counts (
    membership_id INTEGER PRIMARY KEY,
    day           INTEGER NOT NULL,                    -- days since 1970-01-01, UTC
    count         INTEGER NOT NULL
) STRICT;
