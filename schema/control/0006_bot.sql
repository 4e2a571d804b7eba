-- The bot: what Telegram sent, what is to be shown in each chat, what each person chose. Times are unix milliseconds, UTC.
-- The bot talks to people in private, so a chat's id is the person's Telegram id.

-- One row an update, written before Telegram hears that it arrived. A handled one stays without its body, so that its copy is known.
CREATE TABLE bot_updates (
    update_id   INTEGER PRIMARY KEY,
    telegram_id INTEGER NOT NULL,                      -- who caused it; 0: nobody in particular
    body        TEXT,                                  -- as Telegram sent it; NULL once handled
    state       TEXT NOT NULL CHECK (state IN ('due', 'done', 'dead')),
    attempt     INTEGER NOT NULL DEFAULT 0,            -- counted before the work, so one that kills the process reaches its limit
    due_at      INTEGER NOT NULL,
    reason      TEXT,                                  -- why it failed last
    received_at INTEGER NOT NULL
) STRICT;

CREATE INDEX bot_updates_due ON bot_updates (telegram_id, update_id) WHERE state = 'due';
CREATE INDEX bot_updates_by_received_at ON bot_updates (received_at);

-- What a message in a chat is to show. The sender makes it so: sends it, or edits it when it is there already; edits that come
-- while one waits replace what waits. `slot` names the message within its chat, so asking twice shows it once.
CREATE TABLE bot_messages (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    telegram_id INTEGER NOT NULL,
    slot        TEXT NOT NULL,
    message_id  INTEGER,                               -- Telegram's, once it is there
    body        TEXT,                                  -- bot::Body; NULL once shown
    revision    INTEGER NOT NULL DEFAULT 1,            -- grows with each new body
    lane        INTEGER NOT NULL CHECK (lane IN (0, 1)),         -- 0: answers, 1: notices; answers go first
    state       TEXT NOT NULL CHECK (state IN ('due', 'shown', 'dead', 'dropped')),
    attempt     INTEGER NOT NULL DEFAULT 0,
    due_at      INTEGER NOT NULL,
    reason      TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    UNIQUE (telegram_id, slot)
) STRICT;

CREATE INDEX bot_messages_due ON bot_messages (lane, id) WHERE state = 'due';
CREATE INDEX bot_messages_due_by_chat ON bot_messages (telegram_id, lane, id) WHERE state = 'due';
CREATE INDEX bot_messages_by_message ON bot_messages (telegram_id, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX bot_messages_by_updated_at ON bot_messages (updated_at);

-- What the bot knows of a person beside their memberships.
CREATE TABLE bot_chats (
    telegram_id INTEGER PRIMARY KEY,
    language    TEXT,                                  -- chosen; NULL: the client's
    tenant_id   TEXT REFERENCES tenants (id) ON DELETE SET NULL,  -- chosen, where they belong to several
    dialogue    TEXT,                                  -- bot::Dialogue as JSON: what the bot waits for
    stopped_at  INTEGER,                               -- they blocked the bot: nothing is sent until they write again
    updated_at  INTEGER NOT NULL
) STRICT;
