-- control.db: who exists. Times are unix milliseconds, UTC.

CREATE TABLE tenants (
    id         TEXT PRIMARY KEY,                       -- uuid; the name of its directory under tenants/
    slug       TEXT NOT NULL UNIQUE COLLATE NOCASE,    -- what people type
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- One Telegram user of this installation, whatever tenants they belong to.
CREATE TABLE identities (
    id          INTEGER PRIMARY KEY,
    telegram_id INTEGER NOT NULL UNIQUE,
    created_at  INTEGER NOT NULL
) STRICT;

-- One identity in one tenant; its id is the API's user_id.
CREATE TABLE memberships (
    id          INTEGER PRIMARY KEY,
    tenant_id   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    identity_id INTEGER NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    role        TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
    tier        TEXT NOT NULL DEFAULT 'free',
    version     INTEGER NOT NULL DEFAULT 1,            -- grows with every change; a stale one is refused
    created_at  INTEGER NOT NULL,
    UNIQUE (tenant_id, identity_id)
) STRICT;

-- A token is shown once; only its SHA-256 is kept.
CREATE TABLE api_tokens (
    id           INTEGER PRIMARY KEY,
    tenant_id    TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    hash         BLOB NOT NULL UNIQUE,
    scope        TEXT NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER
) STRICT;

-- Choices made at run time that belong to the installation (the embedding model in use, …).
CREATE TABLE settings (
    key        TEXT PRIMARY KEY,
    value      TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- What the appliance did on its own: rebuilds, repairs, retention runs.
CREATE TABLE system_log (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    level   TEXT NOT NULL CHECK (level IN ('info', 'warn', 'error')),
    message TEXT NOT NULL,
    data    TEXT
) STRICT;
