-- Reading channels through a user's own account: what was read, what is missing and why, and what the account may do.

ALTER TABLE posts ADD COLUMN media_info TEXT;          -- JSON {mime, size_bytes, duration_ms, name}
ALTER TABLE posts ADD COLUMN via_bot TEXT;
ALTER TABLE posts ADD COLUMN forward_origin TEXT;      -- JSON {channel, username, message_id, posted_at}
ALTER TABLE posts ADD COLUMN reply_to_channel INTEGER; -- the -100… id of the channel that reply_to stands in, if another
ALTER TABLE posts ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;

CREATE INDEX posts_deleted ON posts (channel_id, message_id) WHERE deleted_at IS NOT NULL;

-- Where the reading of a channel stands. The position is the ledger: it moves in the transaction that stores the posts.
CREATE TABLE channel_reading (
    channel_id    INTEGER PRIMARY KEY REFERENCES channels (id) ON DELETE CASCADE,
    depth_days    INTEGER NOT NULL DEFAULT 0,          -- the deepest that any follower wanted; 1000000 = everything
    floor_id      INTEGER,                             -- the oldest message wanted; NULL = not looked up for this depth yet
    top_id        INTEGER NOT NULL DEFAULT 0,          -- the newest message the server told of
    revisit_below INTEGER,                             -- a second look is under way and goes on below this id; NULL = none
    revisit_until INTEGER,                             -- where it ends
    checked_at    INTEGER,                             -- when the server was last asked for the newest message
    joined        INTEGER NOT NULL DEFAULT 0,          -- the reading account is a member: the server tells it of new posts
    reader        INTEGER,                             -- the membership whose account read it last
    problem       TEXT,                                -- why it cannot be read; NULL = it can
    problem_at    INTEGER
) STRICT;

-- The ledger: ranges of message ids, neighbours of one kind merged. kind 0: the server was asked about every id of the range and
-- what it has is stored; 1: of these, service messages; 2: of these, messages Telegram forbids to show. An id that was asked
-- about, has no post and is of no other kind is deleted.
CREATE TABLE ledger_ranges (
    channel_id INTEGER NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    kind       INTEGER NOT NULL,
    first_id   INTEGER NOT NULL,
    last_id    INTEGER NOT NULL,
    PRIMARY KEY (channel_id, kind, first_id)
) STRICT, WITHOUT ROWID;

-- Under which hash an account may name a channel; differs from account to account.
CREATE TABLE channel_peers (
    membership_id INTEGER NOT NULL,
    telegram_id   INTEGER NOT NULL,
    access_hash   INTEGER NOT NULL,
    joined        INTEGER NOT NULL,
    resolved_at   INTEGER NOT NULL,
    PRIMARY KEY (membership_id, telegram_id)
) STRICT, WITHOUT ROWID;

-- Telegram told this account not to call this method before `until`.
CREATE TABLE flood_waits (
    membership_id INTEGER NOT NULL,
    method        TEXT NOT NULL,
    until         INTEGER NOT NULL,
    PRIMARY KEY (membership_id, method)
) STRICT, WITHOUT ROWID;

-- How often an account did what is counted by the day (days since 1970).
CREATE TABLE account_usage (
    membership_id INTEGER NOT NULL,
    kind          TEXT NOT NULL,
    day           INTEGER NOT NULL,
    count         INTEGER NOT NULL,
    PRIMARY KEY (membership_id, kind, day)
) STRICT, WITHOUT ROWID;
