-- What people say of answers, what they agreed to, and what experiments showed them. Times are unix milliseconds, UTC.

CREATE TABLE feedback (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    membership_id INTEGER NOT NULL,                    -- control.db memberships.id
    query_id      TEXT,                                -- the answer it is about; NULL: in general
    rating        TEXT CHECK (rating IN ('up', 'down')),
    comment       TEXT,
    created_at    INTEGER NOT NULL,
    CHECK (rating IS NOT NULL OR comment IS NOT NULL),
    UNIQUE (membership_id, query_id)
) STRICT;

CREATE INDEX feedback_by_date ON feedback (created_at);
CREATE INDEX feedback_by_query ON feedback (query_id) WHERE query_id IS NOT NULL;

-- A row a consent that was given; the open one is in force.
CREATE TABLE consents (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    membership_id INTEGER NOT NULL,
    purpose       TEXT NOT NULL,                       -- model::ConsentPurpose
    given_at      INTEGER NOT NULL,
    revoked_at    INTEGER
) STRICT;

CREATE UNIQUE INDEX consents_in_force ON consents (membership_id, purpose) WHERE revoked_at IS NULL;

-- Which variant of an experiment an answer was made by. Outcomes are counted from feedback and history.
CREATE TABLE experiment_exposures (
    query_id      TEXT PRIMARY KEY,
    membership_id INTEGER NOT NULL,
    experiment    TEXT NOT NULL,                       -- model::Experiment
    variant       TEXT NOT NULL,                       -- model::Variant
    asked_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX experiment_exposures_by_variant ON experiment_exposures (experiment, variant, membership_id);
