-- QR logins: what was asked, how far they came. A row outlives its login by a day, so that whoever asks late hears how it ended.
CREATE TABLE login_tickets (
    id            TEXT PRIMARY KEY,                    -- uuid, the API's qr_session_id
    status        TEXT NOT NULL,                       -- model::LoginStatus
    reason        TEXT,
    telegram_id   INTEGER,                             -- who must scan; NULL: whoever has the invite
    tenant_id     TEXT,                                -- asked for; at the end the one they are in
    membership_id INTEGER,
    invite_code   TEXT,
    password_hint TEXT,
    ip            TEXT,
    user_agent    TEXT,
    proof         BLOB,                                -- fingerprint of the initData an existing session was reused for
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    exchanged_at  INTEGER                              -- the session token was exchanged; it is good once
) STRICT;

CREATE INDEX login_tickets_by_status ON login_tickets (status);
