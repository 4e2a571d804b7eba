-- What the owner of an account is to be told once, by whatever way there is (the bot). Written with the change it tells of.
CREATE TABLE notices (
    id            INTEGER PRIMARY KEY,
    membership_id INTEGER NOT NULL,                    -- who is told
    kind          TEXT NOT NULL CHECK (kind IN ('session_ended', 'session_paused', 'channel_paused')),
    subject       TEXT NOT NULL,                       -- the session's uuid, or the channel's id
    reason        TEXT NOT NULL,                       -- a stable code: session_revoked, private, …
    created_at    INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,                    -- not told before: what mends itself meanwhile is taken back
    sent_at       INTEGER                              -- NULL = not told yet
) STRICT;

-- The same thing waits once.
CREATE UNIQUE INDEX notices_waiting ON notices (membership_id, kind, subject) WHERE sent_at IS NULL;
