-- Alerts: saved searches that tell their owner of new posts, and the posts each found. Times are unix milliseconds, UTC.
CREATE TABLE alerts (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    membership_id INTEGER NOT NULL,
    query         TEXT NOT NULL,                       -- as it was typed; '': tags alone
    by_meaning    INTEGER NOT NULL CHECK (by_meaning IN (0, 1)),
    tags          TEXT NOT NULL,                       -- JSON array in order; a post carries all of them
    channels      TEXT NOT NULL,                       -- JSON array of channel ids in order; []: all that the person follows
    quiet_from    INTEGER,                             -- minute of the day in `zone`; NULL: never quiet
    quiet_until   INTEGER,
    zone          TEXT NOT NULL,                       -- IANA name
    per_day_max   INTEGER NOT NULL,                    -- told a day of `zone` at most
    muted_until   INTEGER,                             -- nothing found before this is told
    version       INTEGER NOT NULL DEFAULT 1,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    UNIQUE (membership_id, query, tags, channels)
) STRICT;

CREATE TABLE alert_matches (
    alert_id   INTEGER NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    post_id    INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    matched_at INTEGER NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('due', 'told', 'held')),  -- held: kept to be looked at, not told
    due_at     INTEGER NOT NULL,                       -- not told before: the quiet hours
    told_at    INTEGER,
    PRIMARY KEY (alert_id, post_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_matches_due ON alert_matches (due_at) WHERE state = 'due';
CREATE INDEX alert_matches_by_post ON alert_matches (post_id);
