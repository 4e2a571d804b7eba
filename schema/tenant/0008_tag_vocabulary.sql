-- Tags that people have made one, and those that must stay. Times are unix milliseconds, UTC.

CREATE TABLE tag_merges (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    target_key  TEXT NOT NULL,                         -- as tags.key
    target_name TEXT NOT NULL,                         -- what the vocabulary calls it from then on
    made_at     INTEGER NOT NULL,
    made_by     TEXT NOT NULL,                         -- model::Actor
    posts       INTEGER NOT NULL,                      -- that bore one of the merged tags
    undone_at   INTEGER
) STRICT;

-- A merged tag stands for its merge's target, which may have been merged further. The target of a merge is no alias when the
-- merge is made, so there is no circle. Undoing a merge deletes its rows.
CREATE TABLE tag_aliases (
    key      TEXT PRIMARY KEY,
    name     TEXT NOT NULL,
    merge_id INTEGER NOT NULL REFERENCES tag_merges (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX tag_aliases_by_merge ON tag_aliases (merge_id);

-- Tags that cannot be merged into others.
CREATE TABLE tags_protected (
    key          TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    protected_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
