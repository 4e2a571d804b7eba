-- Passkeys. Times are unix milliseconds, UTC.

-- A passkey belongs to a person, whatever tenants they belong to. No secret is here: the public key is in `credential`.
CREATE TABLE passkeys (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    telegram_id   INTEGER NOT NULL REFERENCES identities (telegram_id) ON DELETE CASCADE,
    user_handle   TEXT NOT NULL,                       -- uuid; what the authenticator knows the person by
    credential_id BLOB NOT NULL UNIQUE,
    credential    TEXT NOT NULL,                       -- JSON of the verifier: public key, flags
    counter       INTEGER NOT NULL,                    -- signatures made, where the authenticator counts; never goes back
    name          TEXT NOT NULL,                       -- what its owner calls it
    created_at    INTEGER NOT NULL,
    used_at       INTEGER,
    suspended_at  INTEGER                              -- its counter went back: there may be a copy of it
) STRICT;

CREATE INDEX passkeys_by_telegram_id ON passkeys (telegram_id, id);
