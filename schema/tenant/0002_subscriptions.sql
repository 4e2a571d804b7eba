-- Who follows which channel. A user sees the posts of these channels and of no others; the last one to leave stops the reading.
CREATE TABLE subscriptions (
    membership_id INTEGER NOT NULL,                    -- control.db memberships.id
    channel_id    INTEGER NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    depth_days    INTEGER,                             -- how far back this user wants to read; NULL = everything there is
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (membership_id, channel_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX subscriptions_by_channel ON subscriptions (channel_id);
