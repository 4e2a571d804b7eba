//! The table of every route: how it is asked, and what everybody reads.
//!
//! Sorted by subject, not by address. What the words of a row mean stands with [`Row`]; the world they are asked in is made by
//! the module above.

use serde_json::Value;

use super::bodies::{
    agreed, alert, alert_changed, dry_run, in_russian, keep_long, links_off, merge_dry, new_invite, news,
    no_ids, no_init_data, no_invite, no_link, no_models, no_passkey, no_refresh, no_speech, no_tenant, none,
    none_of_all, not_me, protect, qr_password, qr_token, query, remark, some_key, stale_flag, stale_role,
    stale_tier, week,
};

/// A route, how it is asked, and what each reads.
pub(super) struct Row {
    pub(super) method: &'static str,
    /// As in the document.
    pub(super) route: &'static str,
    /// As it is asked; `{post}`, `{user}`, `{session}`, `{invite}`, `{alert}` are those of the user who follows the marked channel.
    pub(super) path: &'static str,
    pub(super) body: fn() -> Value,
    /// Read by: user who follows the channel, user who does not, admin, admin of another tenant, operator.
    pub(super) people: [u16; 5],
    /// Read by API tokens of scope read, write, admin.
    pub(super) tokens: [u16; 3],
}

const fn row(
    route: (&'static str, &'static str, &'static str),
    body: fn() -> Value,
    people: [u16; 5],
    tokens: [u16; 3],
) -> Row {
    Row { method: route.0, route: route.1, path: route.2, body, people, tokens }
}

/// Everybody the same.
const fn all(status: u16) -> [u16; 5] {
    [status; 5]
}

/// What is asked for by its id and belongs to a channel: others of the tenant and other tenants find nothing.
const OF_CHANNEL: [u16; 5] = [200, 404, 404, 404, 404];
const TOKENS: [u16; 3] = [200, 200, 200];
const NO_TOKENS: [u16; 3] = [403, 403, 403];

/// A user by their id: themself and admins of the tenant; for the others there is none.
const OF_USER: [u16; 5] = [200, 404, 200, 404, 404];
/// A tenant's list: each admin reads their own tenant's.
const OF_ADMIN: [u16; 5] = [403, 403, 200, 200, 403];
/// One thing of the tenant, for admins.
const OF_USER_ADMIN: [u16; 5] = [403, 403, 200, 404, 403];
const ADMIN_TOKEN: [u16; 3] = [403, 403, 200];

pub(super) const ROWS: &[Row] = &[
    row(("GET", "/health", "/health"), none, all(200), TOKENS),
    row(("GET", "/health/auth", "/health/auth"), none, all(200), TOKENS),
    row(("GET", "/health/bot", "/health/bot"), none, all(200), TOKENS),
    row(("GET", "/ready", "/ready"), none, all(200), TOKENS),
    row(("POST", "/tg/bot/webhook", "/tg/bot/webhook"), none_of_all, all(403), NO_TOKENS),
    row(
        ("POST", "/api/auth/telegram-webapp", "/api/auth/telegram-webapp"),
        no_init_data,
        all(401),
        [401, 401, 401],
    ),
    row(("POST", "/api/auth/link", "/api/auth/link"), no_link, all(401), [401, 401, 401]),
    row(("POST", "/api/auth/refresh", "/api/auth/refresh"), no_refresh, all(401), [401, 401, 401]),
    row(("POST", "/api/auth/tenant", "/api/auth/tenant"), no_tenant, all(401), NO_TOKENS),
    row(("POST", "/api/auth/logout", "/api/auth/logout"), none, all(204), NO_TOKENS),
    row(("GET", "/api/auth/sessions", "/api/auth/sessions"), none, all(200), NO_TOKENS),
    row(("DELETE", "/api/auth/sessions", "/api/auth/sessions"), none, all(200), NO_TOKENS),
    row(
        ("DELETE", "/api/auth/sessions/{id}", "/api/auth/sessions/{session}"),
        none,
        [204, 404, 404, 404, 404],
        NO_TOKENS,
    ),
    // No public address is configured here.
    row(
        ("POST", "/api/auth/passkeys/register/start", "/api/auth/passkeys/register/start"),
        none,
        all(503),
        NO_TOKENS,
    ),
    row(
        ("POST", "/api/auth/passkeys/register/finish", "/api/auth/passkeys/register/finish"),
        no_passkey,
        all(503),
        NO_TOKENS,
    ),
    row(
        ("POST", "/api/auth/passkeys/login/start", "/api/auth/passkeys/login/start"),
        none,
        all(503),
        [503; 3],
    ),
    row(
        ("POST", "/api/auth/passkeys/login/finish", "/api/auth/passkeys/login/finish"),
        no_passkey,
        all(503),
        [503; 3],
    ),
    row(("GET", "/api/auth/passkeys", "/api/auth/passkeys"), none, all(200), NO_TOKENS),
    row(("DELETE", "/api/auth/passkeys/{id}", "/api/auth/passkeys/1"), none, all(404), NO_TOKENS),
    row(
        ("DELETE", "/api/admin/users/{user_id}/sessions", "/api/admin/users/{user}/sessions"),
        none,
        [403, 403, 200, 404, 403],
        [403, 403, 200],
    ),
    row(
        ("GET", "/api/operator/tenants", "/api/operator/tenants"),
        none,
        [403, 403, 403, 403, 200],
        NO_TOKENS,
    ),
    row(
        ("GET", "/api/operator/backups", "/api/operator/backups"),
        none,
        [403, 403, 403, 403, 200],
        NO_TOKENS,
    ),
    row(
        ("POST", "/api/operator/backups", "/api/operator/backups"),
        none,
        [403, 403, 403, 403, 202],
        NO_TOKENS,
    ),
    row(("GET", "/api/operator/health", "/api/operator/health"), none, [403, 403, 403, 403, 200], NO_TOKENS),
    row(("GET", "/api/users/me", "/api/users/me"), none, all(200), NO_TOKENS),
    row(("DELETE", "/api/users/me", "/api/users/me"), not_me, all(422), NO_TOKENS),
    // Nobody here has connected an account.
    row(("GET", "/api/users/me/account", "/api/users/me/account"), none, all(200), NO_TOKENS),
    row(("DELETE", "/api/users/me/account", "/api/users/me/account"), none, all(404), NO_TOKENS),
    row(("GET", "/api/users/me/settings", "/api/users/me/settings"), none, all(200), NO_TOKENS),
    row(("PUT", "/api/users/me/settings", "/api/users/me/settings"), in_russian, all(200), NO_TOKENS),
    row(("GET", "/api/users/me/export", "/api/users/me/export"), none, all(200), NO_TOKENS),
    // The user who follows the channel has the Telegram id 1.
    row(("GET", "/api/users/{id}", "/api/users/1"), none, OF_USER, NO_TOKENS),
    row(("GET", "/api/users/{id}/subscription", "/api/users/{user}/subscription"), none, OF_USER, NO_TOKENS),
    row(("POST", "/api/users/", "/api/users/"), no_invite, all(400), [400, 400, 400]),
    row(("GET", "/api/admin/users", "/api/admin/users"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/admin/users/{user_id}", "/api/admin/users/{user}"), none, OF_USER_ADMIN, ADMIN_TOKEN),
    row(
        ("PUT", "/api/admin/users/{user_id}/role", "/api/admin/users/{user}/role"),
        stale_role,
        [403, 403, 409, 404, 403],
        [403, 403, 409],
    ),
    row(
        ("PUT", "/api/admin/users/{user_id}/tier", "/api/admin/users/{user}/tier"),
        stale_tier,
        [403, 403, 409, 404, 403],
        [403, 403, 409],
    ),
    row(("GET", "/api/admin/invites", "/api/admin/invites"), none, OF_ADMIN, ADMIN_TOKEN),
    row(
        ("POST", "/api/admin/invites", "/api/admin/invites"),
        new_invite,
        [403, 403, 201, 201, 403],
        [403, 403, 201],
    ),
    row(
        ("GET", "/api/admin/invites/{code}", "/api/admin/invites/{invite}"),
        none,
        OF_USER_ADMIN,
        ADMIN_TOKEN,
    ),
    row(
        ("GET", "/api/admin/invites/{code}/usage", "/api/admin/invites/{invite}/usage"),
        none,
        OF_USER_ADMIN,
        ADMIN_TOKEN,
    ),
    row(
        ("GET", "/api/admin/invites/{code}/link", "/api/admin/invites/{invite}/link"),
        none,
        OF_USER_ADMIN,
        ADMIN_TOKEN,
    ),
    row(
        ("POST", "/api/admin/invites/{code}/revoke", "/api/admin/invites/{invite}/revoke"),
        none,
        [403, 403, 409, 404, 403],
        ADMIN_TOKEN,
    ),
    row(("GET", "/api/admin/jobs", "/api/admin/jobs"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/admin/dead-letters", "/api/admin/dead-letters"), none, OF_ADMIN, ADMIN_TOKEN),
    row(
        ("POST", "/api/admin/dead-letters/requeue", "/api/admin/dead-letters/requeue"),
        no_ids,
        OF_ADMIN,
        ADMIN_TOKEN,
    ),
    row(
        ("POST", "/api/admin/dead-letters/discard", "/api/admin/dead-letters/discard"),
        no_ids,
        OF_ADMIN,
        ADMIN_TOKEN,
    ),
    row(("GET", "/api/admin/stats", "/api/admin/stats"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/admin/links", "/api/admin/links"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("PUT", "/api/admin/links", "/api/admin/links"), links_off, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/admin/models", "/api/admin/models"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("PUT", "/api/admin/models", "/api/admin/models"), no_models, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/admin/models/spend", "/api/admin/models/spend"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/admin/models/providers", "/api/admin/models/providers"), none, OF_ADMIN, ADMIN_TOKEN),
    row(
        ("PUT", "/api/admin/models/keys/{provider}", "/api/admin/models/keys/openai"),
        some_key,
        [403, 403, 204, 204, 403],
        [403, 403, 204],
    ),
    row(
        ("DELETE", "/api/admin/models/keys/{provider}", "/api/admin/models/keys/openai"),
        none,
        [403, 403, 404, 404, 403],
        [403, 403, 404],
    ),
    row(
        ("POST", "/api/admin/models/test", "/api/admin/models/test"),
        no_speech,
        [403, 403, 404, 404, 403],
        [403, 403, 404],
    ),
    row(("POST", "/api/admin/models/retag", "/api/admin/models/retag"), dry_run, OF_ADMIN, ADMIN_TOKEN),
    row(
        ("POST", "/api/admin/models/retag/undo", "/api/admin/models/retag/undo"),
        none_of_all,
        OF_ADMIN,
        ADMIN_TOKEN,
    ),
    row(
        ("GET", "/api/operator/models/providers", "/api/operator/models/providers"),
        none,
        [403, 403, 403, 403, 200],
        NO_TOKENS,
    ),
    row(
        ("PUT", "/api/operator/models/keys/{provider}", "/api/operator/models/keys/openai"),
        some_key,
        [403, 403, 403, 403, 204],
        NO_TOKENS,
    ),
    row(
        ("DELETE", "/api/operator/models/keys/{provider}", "/api/operator/models/keys/openai"),
        none,
        [403, 403, 403, 403, 404],
        NO_TOKENS,
    ),
    row(
        ("POST", "/api/operator/models/test", "/api/operator/models/test"),
        no_speech,
        [403, 403, 403, 403, 404],
        NO_TOKENS,
    ),
    row(("GET", "/api/admin/retention", "/api/admin/retention"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("PUT", "/api/admin/retention", "/api/admin/retention"), keep_long, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/admin/flags", "/api/admin/flags"), none, OF_ADMIN, ADMIN_TOKEN),
    row(
        ("PUT", "/api/admin/flags/{flag}", "/api/admin/flags/vector_search"),
        stale_flag,
        [403, 403, 409, 409, 403],
        [403, 403, 409],
    ),
    row(("GET", "/api/operator/flags", "/api/operator/flags"), none, [403, 403, 403, 403, 200], NO_TOKENS),
    row(
        ("PUT", "/api/operator/flags/{flag}", "/api/operator/flags/vector_search"),
        stale_flag,
        [403, 403, 403, 403, 409],
        NO_TOKENS,
    ),
    row(("GET", "/api/admin/experiments", "/api/admin/experiments"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/admin/feedback", "/api/admin/feedback"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/admin/consents", "/api/admin/consents"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("POST", "/api/feedback", "/api/feedback"), remark, all(201), NO_TOKENS),
    row(("GET", "/api/alerts", "/api/alerts"), none, all(200), NO_TOKENS),
    row(("POST", "/api/alerts", "/api/alerts"), alert, all(201), NO_TOKENS),
    row(("POST", "/api/alerts/preview", "/api/alerts/preview"), alert, all(200), NO_TOKENS),
    row(("PUT", "/api/alerts/{id}", "/api/alerts/{alert}"), alert_changed, OF_CHANNEL, NO_TOKENS),
    row(("DELETE", "/api/alerts/{id}", "/api/alerts/{alert}"), none, [204, 404, 404, 404, 404], NO_TOKENS),
    row(("GET", "/api/alerts/{id}/matches", "/api/alerts/{alert}/matches"), none, OF_CHANNEL, NO_TOKENS),
    row(("GET", "/api/users/me/consents", "/api/users/me/consents"), none, all(200), NO_TOKENS),
    row(
        ("PUT", "/api/users/me/consents/{purpose}", "/api/users/me/consents/external_models"),
        agreed,
        all(204),
        NO_TOKENS,
    ),
    row(("GET", "/api/admin/audit", "/api/admin/audit"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/admin/auth-events", "/api/admin/auth-events"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/rag/history", "/api/rag/history"), none, all(200), TOKENS),
    row(("GET", "/api/rag/status/{id}", "/api/rag/status/{user}"), none, OF_USER, NO_TOKENS),
    row(("POST", "/tg/qr/start", "/tg/qr/start"), none_of_all, all(503), [503; 3]),
    row(("POST", "/tg/qr/init", "/tg/qr/init"), none_of_all, all(503), [503; 3]),
    row(("POST", "/tg/qr/password", "/tg/qr/password"), qr_password, all(401), [401; 3]),
    row(("POST", "/tg/qr/cancel", "/tg/qr/cancel"), qr_token, all(401), [401; 3]),
    row(("POST", "/tg/qr/exchange", "/tg/qr/exchange"), qr_token, all(401), [401; 3]),
    row(("GET", "/tg/qr/status/{qr_session_id}", "/tg/qr/status/{session}"), none, all(404), [404; 3]),
    row(("GET", "/tg/qr/png/{id}", "/tg/qr/png/{session}"), none, all(404), [404; 3]),
    row(("GET", "/tg/qr/events/{id}", "/tg/qr/events/{session}"), none, all(404), [404; 3]),
    row(("POST", "/api/tg/qr/start", "/api/tg/qr/start"), none_of_all, all(503), [503; 3]),
    row(("POST", "/api/tg/qr/init", "/api/tg/qr/init"), none_of_all, all(503), [503; 3]),
    row(("POST", "/api/tg/qr/password", "/api/tg/qr/password"), qr_password, all(401), [401; 3]),
    row(("POST", "/api/tg/qr/cancel", "/api/tg/qr/cancel"), qr_token, all(401), [401; 3]),
    row(("POST", "/api/tg/qr/exchange", "/api/tg/qr/exchange"), qr_token, all(401), [401; 3]),
    row(
        ("GET", "/api/tg/qr/status/{qr_session_id}", "/api/tg/qr/status/{session}"),
        none,
        all(404),
        [404; 3],
    ),
    row(("GET", "/api/tg/qr/png/{id}", "/api/tg/qr/png/{session}"), none, all(404), [404; 3]),
    row(("GET", "/api/tg/qr/events/{id}", "/api/tg/qr/events/{session}"), none, all(404), [404; 3]),
    row(("POST", "/qr-auth/start", "/qr-auth/start"), none_of_all, all(503), [503; 3]),
    row(("POST", "/qr-auth/init", "/qr-auth/init"), none_of_all, all(503), [503; 3]),
    row(("POST", "/qr-auth/password", "/qr-auth/password"), qr_password, all(401), [401; 3]),
    row(("POST", "/qr-auth/cancel", "/qr-auth/cancel"), qr_token, all(401), [401; 3]),
    row(("POST", "/qr-auth/exchange", "/qr-auth/exchange"), qr_token, all(401), [401; 3]),
    row(("GET", "/qr-auth/status/{qr_session_id}", "/qr-auth/status/{session}"), none, all(404), [404; 3]),
    row(("GET", "/qr-auth/png/{id}", "/qr-auth/png/{session}"), none, all(404), [404; 3]),
    row(("GET", "/qr-auth/events/{id}", "/qr-auth/events/{session}"), none, all(404), [404; 3]),
    row(("POST", "/api/search", "/api/search"), query, all(200), TOKENS),
    row(("POST", "/api/rag/query", "/api/rag/query"), query, all(200), TOKENS),
    row(("GET", "/api/posts", "/api/posts"), none, all(200), TOKENS),
    row(("GET", "/api/posts/{id}", "/api/posts/{post}"), none, OF_CHANNEL, TOKENS),
    row(("GET", "/api/saved", "/api/saved"), none, all(200), NO_TOKENS),
    row(("PUT", "/api/posts/{id}/saved", "/api/posts/{post}/saved"), none, OF_CHANNEL, NO_TOKENS),
    row(("DELETE", "/api/posts/{id}/saved", "/api/posts/{post}/saved"), none, all(204), NO_TOKENS),
    row(("GET", "/api/posts/{id}/trace", "/api/posts/{post}/trace"), none, OF_CHANNEL, TOKENS),
    row(("GET", "/api/posts/{id}/related", "/api/posts/{post}/related"), none, OF_CHANNEL, TOKENS),
    row(("GET", "/api/channels", "/api/channels"), none, all(200), TOKENS),
    row(("POST", "/api/channels", "/api/channels"), news, [200, 409, 409, 409, 409], NO_TOKENS),
    // Channel 2 is the marked one; the other tenant has no such.
    row(("GET", "/api/channels/{id}", "/api/channels/2"), none, OF_CHANNEL, TOKENS),
    row(("PATCH", "/api/channels/{id}", "/api/channels/2"), week, OF_CHANNEL, NO_TOKENS),
    row(("DELETE", "/api/channels/{id}", "/api/channels/2"), none, [204, 404, 404, 404, 404], NO_TOKENS),
    row(("GET", "/api/channels/{id}/ledger", "/api/channels/2/ledger"), none, OF_CHANNEL, TOKENS),
    row(
        ("POST", "/api/channels/{id}/backfill", "/api/channels/2/backfill"),
        week,
        [202, 404, 404, 404, 404],
        [403, 202, 202],
    ),
    row(
        ("GET", "/api/channels/users/{user_id}/channels", "/api/channels/users/{user}/channels"),
        none,
        [200, 404, 200, 404, 404],
        [404, 404, 200],
    ),
    row(
        ("POST", "/api/channels/users/{user_id}/channels", "/api/channels/users/{user}/channels"),
        news,
        [200, 404, 200, 404, 404],
        [403, 404, 200],
    ),
    // The admin's token, asked first, ends what the user's own request would end.
    row(
        (
            "DELETE",
            "/api/channels/users/{user_id}/channels/{channel_id}",
            "/api/channels/users/{user}/channels/2",
        ),
        none,
        all(404),
        [403, 404, 204],
    ),
    row(("GET", "/api/tags", "/api/tags"), none, all(200), TOKENS),
    // An admin who does not follow the channel does not see the post.
    row(
        ("POST", "/api/posts/{id}/retag", "/api/posts/{post}/retag"),
        dry_run,
        [403, 403, 404, 404, 403],
        [403, 403, 202],
    ),
    row(("POST", "/api/tags/merge", "/api/tags/merge"), merge_dry, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/tags/merges", "/api/tags/merges"), none, OF_ADMIN, ADMIN_TOKEN),
    row(
        ("DELETE", "/api/tags/merges/{id}", "/api/tags/merges/1"),
        none,
        [403, 403, 404, 404, 403],
        [403, 403, 404],
    ),
    row(("GET", "/api/tags/suggestions", "/api/tags/suggestions"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/tags/protected", "/api/tags/protected"), none, OF_ADMIN, ADMIN_TOKEN),
    row(
        ("PUT", "/api/tags/protected", "/api/tags/protected"),
        protect,
        [403, 403, 204, 204, 403],
        [403, 403, 204],
    ),
    row(("GET", "/api/demo/status", "/api/demo/status"), none, all(200), TOKENS),
];
