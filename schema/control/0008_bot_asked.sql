-- What the buttons below an answer of the bot refer to: the question or search it answers. One row an update that asked.
CREATE TABLE bot_asked (
    update_id   INTEGER PRIMARY KEY,
    telegram_id INTEGER NOT NULL,                      -- who asked
    asked       TEXT NOT NULL,                         -- bot::Asked as JSON
    created_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX bot_asked_by_created_at ON bot_asked (created_at);
CREATE INDEX bot_asked_by_person ON bot_asked (telegram_id);
