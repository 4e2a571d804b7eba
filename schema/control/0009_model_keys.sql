-- Keys of model providers that the operator entered, sealed. What the configuration names comes before them.
CREATE TABLE model_keys (
    provider   TEXT PRIMARY KEY,                       -- model::Provider
    key_id     TEXT NOT NULL,                          -- the sealing key
    sealed     BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
