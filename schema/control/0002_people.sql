-- People: profiles, invites and how they were used, what happened at logins, what administrators did.
-- Times are unix milliseconds, UTC.

-- Nothing had written to these two yet, so they are made anew: an id must never come back to mean somebody else
-- (AUTOINCREMENT), because tokens, logs and receipts name it.
DROP TABLE memberships;
DROP TABLE identities;

-- One Telegram user of this installation, whatever tenants they belong to. The names are what Telegram last said.
CREATE TABLE identities (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    telegram_id INTEGER NOT NULL UNIQUE,
    username    TEXT,                                  -- without @
    first_name  TEXT,
    last_name   TEXT,
    language    TEXT,                                  -- as the client reports it: ru, en, pt-br
    search_key  TEXT NOT NULL DEFAULT '',              -- the three names folded, for looking people up
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

-- One identity in one tenant; its id is the API's user_id.
CREATE TABLE memberships (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id      TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    identity_id    INTEGER NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    role           TEXT NOT NULL CHECK (role IN ('user', 'admin')),
    tier           TEXT NOT NULL,                      -- model::Tier
    version        INTEGER NOT NULL DEFAULT 1,         -- grows with every change; a stale one is refused
    created_at     INTEGER NOT NULL,
    last_active_at INTEGER,
    UNIQUE (tenant_id, identity_id)
) STRICT;

CREATE INDEX memberships_by_identity ON memberships (identity_id);

CREATE TABLE invites (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    code         TEXT NOT NULL UNIQUE CHECK (length(code) = 12),
    tenant_id    TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    role         TEXT NOT NULL CHECK (role IN ('user', 'admin')),
    uses_limit   INTEGER NOT NULL CHECK (uses_limit >= 0),     -- 0: no limit
    uses_count   INTEGER NOT NULL DEFAULT 0 CHECK (uses_count >= 0),
    notes        TEXT,
    created_by   TEXT NOT NULL,                        -- model::Actor
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER,
    CHECK (uses_limit = 0 OR uses_count <= uses_limit)
) STRICT;

CREATE INDEX invites_by_tenant ON invites (tenant_id, id);

-- How a membership came to be: one row a login that let somebody in. Unconfirmed until the Telegram session is stored; then
-- it stays as the record of the invite's use. Taking it back returns the use.
CREATE TABLE admissions (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    login_id           TEXT NOT NULL UNIQUE,           -- the login that asked; asking twice admits once
    invite_id          INTEGER REFERENCES invites (id) ON DELETE CASCADE,          -- NULL: open registration
    membership_id      INTEGER REFERENCES memberships (id) ON DELETE SET NULL,     -- NULL: the person has left
    tenant_made        INTEGER NOT NULL CHECK (tenant_made IN (0, 1)),
    admitted_at        INTEGER NOT NULL,
    confirmed_at       INTEGER
) STRICT;

CREATE INDEX admissions_by_invite ON admissions (invite_id, id);
CREATE INDEX admissions_by_membership ON admissions (membership_id);
CREATE INDEX admissions_unconfirmed ON admissions (admitted_at) WHERE confirmed_at IS NULL;

-- Every step of every login, also of those that led nowhere.
CREATE TABLE telegram_auth_events (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    at               INTEGER NOT NULL,
    event            TEXT NOT NULL,                    -- model::AuthEventKind
    login_id         TEXT,
    tenant_id        TEXT REFERENCES tenants (id) ON DELETE CASCADE,
    membership_id    INTEGER REFERENCES memberships (id) ON DELETE SET NULL,
    telegram_id      INTEGER,
    reason           TEXT,
    ip               TEXT,
    user_agent       TEXT,
    pseudonymised_at INTEGER
) STRICT;

CREATE INDEX telegram_auth_events_by_at ON telegram_auth_events (at);
CREATE INDEX telegram_auth_events_by_tenant ON telegram_auth_events (tenant_id, id);
CREATE INDEX telegram_auth_events_by_telegram_id ON telegram_auth_events (telegram_id);

-- What administrators and operators did. It outlives the tenant it tells of.
CREATE TABLE audit_log (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    tenant_id  TEXT,                                   -- NULL: the installation
    actor      TEXT NOT NULL,                          -- model::Actor
    action     TEXT NOT NULL,                          -- model::AuditAction
    target     TEXT NOT NULL,                          -- what it was done to: an invite's code, user:7, a job's id
    data       TEXT,                                   -- JSON: what it was and what it became
    request_id TEXT,
    ip         TEXT
) STRICT;

CREATE INDEX audit_log_by_tenant ON audit_log (tenant_id, id);
