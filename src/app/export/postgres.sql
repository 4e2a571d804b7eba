-- The tables of the system that Telegram Assistant replaces, as far as there is something to put into them.
-- Channels and posts are shared by all tenants there; who sees which is in user_channel.

CREATE TABLE IF NOT EXISTS tenants (
    id         uuid PRIMARY KEY,
    name       varchar(255) NOT NULL CHECK (length(name) > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    settings   jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE IF NOT EXISTS identities (
    id          uuid PRIMARY KEY,
    telegram_id bigint NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    meta        jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE IF NOT EXISTS users (
    id             uuid PRIMARY KEY,
    tenant_id      uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    telegram_id    bigint NOT NULL,
    identity_id    uuid NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    username       varchar(255),
    first_name     varchar(255),
    last_name      varchar(255),
    created_at     timestamptz NOT NULL DEFAULT now(),
    last_active_at timestamptz,
    settings       jsonb NOT NULL DEFAULT '{}',
    tier           varchar(20) NOT NULL DEFAULT 'free',
    role           varchar(20) NOT NULL DEFAULT 'user' CHECK (role IN ('admin', 'user')),
    version        integer NOT NULL DEFAULT 1,
    UNIQUE (tenant_id, identity_id)
);

CREATE TABLE IF NOT EXISTS channels (
    id              uuid PRIMARY KEY,
    tg_channel_id   bigint UNIQUE,
    username        varchar(255),
    title           varchar(500) NOT NULL,
    is_active       boolean NOT NULL DEFAULT true,
    last_message_at timestamptz,
    last_parsed_at  timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    settings        jsonb NOT NULL DEFAULT '{}',
    tga_id          bigint                               -- the row it came from
);

CREATE TABLE IF NOT EXISTS user_channel (
    user_id       uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    channel_id    uuid NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    subscribed_at timestamptz NOT NULL DEFAULT now(),
    is_active     boolean NOT NULL DEFAULT true,
    settings      jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (user_id, channel_id)
);

CREATE TABLE IF NOT EXISTS posts (
    id                  uuid PRIMARY KEY,
    channel_id          uuid NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    telegram_message_id bigint NOT NULL,
    content             text,
    media_urls          jsonb NOT NULL DEFAULT '[]',      -- the addresses in the text
    posted_at           timestamptz,
    telegram_post_url   text,
    has_media           boolean NOT NULL DEFAULT false,
    yyyymm              integer,
    created_at          timestamptz NOT NULL DEFAULT now(),
    is_processed        boolean NOT NULL DEFAULT false,
    views_count         bigint NOT NULL DEFAULT 0,
    forwards_count      bigint NOT NULL DEFAULT 0,
    reactions_count     bigint NOT NULL DEFAULT 0,
    replies_count       bigint NOT NULL DEFAULT 0,
    engagement_score    real GENERATED ALWAYS AS ((ln(1 + views_count::float8) + 2 * ln(1 + reactions_count::float8)
        + 3 * ln(1 + forwards_count::float8) + ln(1 + replies_count::float8))::real) STORED,
    is_pinned           boolean NOT NULL DEFAULT false,
    is_edited           boolean NOT NULL DEFAULT false,
    edited_at           timestamptz,
    post_author         text,
    reply_to_message_id bigint,
    grouped_id          bigint,
    forward_from_name   text,
    source              varchar(20) NOT NULL DEFAULT 'channel' CHECK (source IN ('channel', 'group', 'dm', 'persona')),
    content_hash        varchar(64),
    link_count          integer NOT NULL DEFAULT 0,
    enrichment_status   varchar(20) NOT NULL DEFAULT 'pending'
        CHECK (enrichment_status IN ('pending', 'tagged', 'enriched', 'indexed', 'failed', 'skipped')),
    tga_id              bigint,                           -- the row it came from
    UNIQUE (channel_id, telegram_message_id)
);
CREATE INDEX IF NOT EXISTS posts_by_date ON posts (posted_at);
CREATE INDEX IF NOT EXISTS posts_by_album ON posts (channel_id, grouped_id) WHERE grouped_id IS NOT NULL;

CREATE TABLE IF NOT EXISTS post_enrichment (
    post_id     uuid NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    kind        varchar(20) NOT NULL CHECK (kind IN ('vision', 'vision_ocr', 'crawl', 'tags', 'classify', 'general')),
    provider    varchar(64),
    params_hash varchar(64),
    data        jsonb NOT NULL DEFAULT '{}',
    status      varchar(20) NOT NULL DEFAULT 'ok' CHECK (status IN ('ok', 'partial', 'error')),
    error       text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (post_id, kind)
);

-- With counts, which the other system did not keep.
CREATE TABLE IF NOT EXISTS post_reactions (
    post_id        uuid NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    reaction_type  varchar(20) NOT NULL CHECK (reaction_type IN ('emoji', 'custom_emoji', 'paid')),
    reaction_value varchar(64) NOT NULL,
    count          bigint NOT NULL,
    PRIMARY KEY (post_id, reaction_type, reaction_value)
);

CREATE TABLE IF NOT EXISTS rag_query_history (
    id                 uuid PRIMARY KEY,
    user_id            uuid REFERENCES users (id) ON DELETE CASCADE,
    query_text         text NOT NULL,
    query_type         varchar(20) NOT NULL DEFAULT 'text',
    intent             varchar(50),
    confidence         double precision,
    response_text      text,
    sources_count      integer NOT NULL DEFAULT 0,
    processing_time_ms bigint,
    created_at         timestamptz NOT NULL DEFAULT now()
);

