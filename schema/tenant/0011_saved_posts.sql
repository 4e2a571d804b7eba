-- Posts that people keep. Times are unix milliseconds, UTC.

CREATE TABLE saved_posts (
    membership_id INTEGER NOT NULL,                    -- control.db memberships.id
    post_id       INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    saved_at      INTEGER NOT NULL,
    PRIMARY KEY (membership_id, post_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX saved_posts_by_post ON saved_posts (post_id);
