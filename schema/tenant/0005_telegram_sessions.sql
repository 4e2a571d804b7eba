-- Telegram sessions of members, sealed. One in use a member; the others are history without their keys.
CREATE TABLE telegram_sessions (
    id            TEXT PRIMARY KEY,                    -- uuid
    membership_id INTEGER NOT NULL,                    -- control.db memberships.id
    telegram_id   INTEGER NOT NULL,
    dc            INTEGER NOT NULL,                    -- the data centre the account lives on
    state         TEXT NOT NULL CHECK (state IN ('active', 'paused', 'revoked', 'replaced')),
    reason        TEXT,                                -- why it is not active: session_revoked, paused_by_operator, …
    login_id      TEXT,                                -- the login it came from; NULL: imported
    sealed        BLOB,                                -- age; NULL once the session is over
    key_id        TEXT,                                -- the key that sealed it
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    CHECK ((sealed IS NULL) = (state IN ('revoked', 'replaced')))
) STRICT;

CREATE UNIQUE INDEX telegram_sessions_in_use ON telegram_sessions (membership_id)
    WHERE state IN ('active', 'paused');
CREATE INDEX telegram_sessions_by_login ON telegram_sessions (login_id);
