-- Signing in: sessions, their refresh tokens, what was exchanged already. Times are unix milliseconds, UTC.

-- A member signed in on one device. Its refresh tokens are a family: one that is used twice ends the session.
CREATE TABLE sessions (
    id             TEXT PRIMARY KEY,                   -- uuid; `sid` of its access tokens
    membership_id  INTEGER NOT NULL REFERENCES memberships (id) ON DELETE CASCADE,
    method         TEXT NOT NULL,                      -- store::SignInMethod
    user_agent     TEXT,
    ip             TEXT,
    created_at     INTEGER NOT NULL,
    used_at        INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,                   -- moves on with every refresh
    revoked_at     INTEGER,
    revoked_reason TEXT
) STRICT;

CREATE INDEX sessions_by_membership ON sessions (membership_id, id);
CREATE INDEX sessions_by_expires_at ON sessions (expires_at);

-- Only the SHA-256 of a refresh token is kept. A used one stays as long as its session, so that its reuse is seen.
CREATE TABLE refresh_tokens (
    hash       BLOB PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

-- Proofs that were exchanged for a session and must not be again: the fingerprint of initData, kept while it could still be young
-- enough.
CREATE TABLE proofs_used (
    fingerprint BLOB PRIMARY KEY,
    used_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX proofs_used_by_used_at ON proofs_used (used_at);

-- The channels a token is narrowed to, as a JSON array of ids; NULL: all of the tenant's.
ALTER TABLE api_tokens ADD COLUMN channels TEXT;
