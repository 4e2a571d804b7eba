-- Backups that were made here, and whether they could be restored when that was last tried. A backup that lies in its place without
-- a row was made elsewhere. Times are unix milliseconds, UTC.
CREATE TABLE backups (
    name        TEXT PRIMARY KEY,                      -- the file's
    created_at  INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    tenants     INTEGER NOT NULL,
    posts       INTEGER NOT NULL,
    pause_us    INTEGER NOT NULL,                      -- how long writers were held up
    elapsed_ms  INTEGER NOT NULL,
    verified_at INTEGER,                               -- when it was last restored in a scratch directory
    problem     TEXT                                   -- why that failed; NULL: it did not
) STRICT;

-- Retention asks for the oldest that still name whole addresses.
CREATE INDEX telegram_auth_events_whole ON telegram_auth_events (at) WHERE pseudonymised_at IS NULL;
CREATE INDEX system_log_by_at ON system_log (at);
CREATE INDEX audit_log_by_at ON audit_log (at);
