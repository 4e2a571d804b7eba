-- Feature flags, and how much waited in the queue. Times are unix milliseconds, UTC.

-- Who has a flag: the nearest rule decides, a user's before a tenant's before the installation's; without any the code's default.
CREATE TABLE flag_rules (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    flag          TEXT NOT NULL,                       -- model::Flag
    tenant_id     TEXT REFERENCES tenants (id) ON DELETE CASCADE,              -- NULL: the installation
    membership_id INTEGER REFERENCES memberships (id) ON DELETE CASCADE,       -- NULL: the whole tenant
    percent       INTEGER NOT NULL CHECK (percent BETWEEN 0 AND 100),
    version       INTEGER NOT NULL,                    -- grows with every change; a stale one is refused
    updated_at    INTEGER NOT NULL,
    updated_by    TEXT NOT NULL                        -- model::Actor
) STRICT;

CREATE UNIQUE INDEX flag_rules_once ON flag_rules (flag, coalesce(tenant_id, ''), coalesce(membership_id, 0));

-- The most that waited within an hour; no row: nothing did.
CREATE TABLE queue_samples (
    tenant_id TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    hour      INTEGER NOT NULL,                        -- hours since 1970
    waiting   INTEGER NOT NULL,
    dead      INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, hour)
) STRICT, WITHOUT ROWID;
