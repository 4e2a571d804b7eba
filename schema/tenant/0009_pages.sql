-- Pages that posts link to, each once by its canonical address, and what was read there. A page that no post links to any more
-- goes with the last that did.
CREATE TABLE pages (
    id          INTEGER PRIMARY KEY,
    url         TEXT NOT NULL UNIQUE,
    status      TEXT NOT NULL CHECK (status IN ('due', 'read', 'refused', 'failed')),
    reason      TEXT,                                  -- links::Error::name, where it was not read
    final_url   TEXT,                                  -- where its redirects ended
    title       TEXT NOT NULL DEFAULT '',
    description TEXT NOT NULL DEFAULT '',
    site        TEXT NOT NULL DEFAULT '',
    text        TEXT NOT NULL DEFAULT '',
    language    TEXT,
    attempts    INTEGER NOT NULL DEFAULT 0,
    due_at      INTEGER,                               -- when it is asked for; NULL once settled
    fetched_at  INTEGER
) STRICT;

CREATE INDEX pages_due ON pages (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX pages_fetched ON pages (fetched_at) WHERE fetched_at IS NOT NULL;

CREATE TABLE post_pages (
    post_id  INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    page_id  INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE,
    PRIMARY KEY (post_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX post_pages_by_page ON post_pages (page_id, post_id);

CREATE TRIGGER page_orphaned AFTER DELETE ON post_pages BEGIN
    DELETE FROM pages WHERE id = OLD.page_id AND NOT EXISTS (SELECT 1 FROM post_pages WHERE page_id = OLD.page_id);
END;

CREATE TRIGGER page_unlinked AFTER UPDATE OF page_id ON post_pages BEGIN
    DELETE FROM pages WHERE id = OLD.page_id AND NOT EXISTS (SELECT 1 FROM post_pages WHERE page_id = OLD.page_id);
END;
