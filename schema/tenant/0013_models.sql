-- Models outside the box: what they were used for, the tenant's own keys, the tags they made, voice they wrote down.

-- What was used, a row a day (days since 1970, UTC). What is held belongs to questions under way; a crash leaves it held.
CREATE TABLE model_spending (
    day          INTEGER NOT NULL,
    feature      TEXT NOT NULL,                        -- model::ModelFeature
    provider     TEXT NOT NULL,                        -- model::Provider
    model        TEXT NOT NULL,
    calls        INTEGER NOT NULL DEFAULT 0,
    tokens_in    INTEGER NOT NULL DEFAULT 0,
    tokens_out   INTEGER NOT NULL DEFAULT 0,
    money_micros INTEGER NOT NULL DEFAULT 0,           -- millionths of the currency
    tokens_held  INTEGER NOT NULL DEFAULT 0,
    money_held   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (day, feature, provider, model)
) STRICT, WITHOUT ROWID;

-- Of which share of which cap the admins were warned, once a period.
CREATE TABLE model_warnings (
    period    TEXT NOT NULL,                           -- 2026-11-21 or 2026-11
    cap       TEXT NOT NULL,                           -- tokens or money
    percent   INTEGER NOT NULL,
    warned_at INTEGER NOT NULL,
    PRIMARY KEY (period, cap, percent)
) STRICT, WITHOUT ROWID;

CREATE TABLE model_keys (
    provider   TEXT PRIMARY KEY,                       -- model::Provider
    key_id     TEXT NOT NULL,                          -- the sealing key
    sealed     BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A post's tags by a model, and whether they are still to be made. They count while the post has this revision.
CREATE TABLE model_tags (
    post_id        INTEGER PRIMARY KEY REFERENCES posts (id) ON DELETE CASCADE,
    revision       INTEGER NOT NULL,                   -- of the post they were made of
    state          TEXT NOT NULL CHECK (state IN ('due', 'done', 'skipped', 'failed', 'undone')),
    text_hash      BLOB NOT NULL,                      -- equal texts are asked about once
    model          TEXT,                               -- provider/model
    prompt_version TEXT,
    tags           TEXT,                               -- JSON [{form, key, start, end}], bytes of the text
    attempts       INTEGER NOT NULL DEFAULT 0,
    due_at         INTEGER,
    reason         TEXT,                               -- why it failed or was skipped
    made_at        INTEGER NOT NULL
) STRICT;

CREATE INDEX model_tags_due ON model_tags (due_at) WHERE state = 'due';
CREATE INDEX model_tags_text ON model_tags (text_hash) WHERE state = 'done';

-- What somebody said, by the recording's hash.
CREATE TABLE transcripts (
    membership_id INTEGER NOT NULL,
    audio_hash    BLOB NOT NULL,                       -- SHA-256
    text          TEXT NOT NULL,
    made_at       INTEGER NOT NULL,
    PRIMARY KEY (membership_id, audio_hash)
) STRICT, WITHOUT ROWID;

-- Notices tell of budgets as well; which kinds there are is the code's matter from here on.
CREATE TABLE notices_next (
    id            INTEGER PRIMARY KEY,
    membership_id INTEGER NOT NULL,                    -- who is told
    kind          TEXT NOT NULL,                       -- store::NoticeKind
    subject       TEXT NOT NULL,                       -- the session's uuid, the channel's id, a budget's period
    reason        TEXT NOT NULL,                       -- a stable code: session_revoked, private, …
    created_at    INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,                    -- not told before: what mends itself meanwhile is taken back
    sent_at       INTEGER                              -- NULL = not told yet
) STRICT;
INSERT INTO notices_next SELECT id, membership_id, kind, subject, reason, created_at, due_at, sent_at FROM notices;
DROP TABLE notices;
ALTER TABLE notices_next RENAME TO notices;

-- The same thing waits once.
CREATE UNIQUE INDEX notices_waiting ON notices (membership_id, kind, subject) WHERE sent_at IS NULL;
