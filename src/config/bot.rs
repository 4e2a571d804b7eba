//! `[bot]`: the token, where the Bot API is, where this service is reached.

use url::Url;

use super::{Check, RawBot, Secret, secret};

/// Telegram's own Bot API.
pub(super) const API_URL: &str = "https://api.telegram.org";
/// Longest webhook secret Telegram takes, characters.
const WEBHOOK_SECRET_MAX: usize = 256;

#[derive(Debug, Clone)]
pub struct Bot {
    pub token: Option<Secret>,
    /// Known with the token, or given where there is none.
    pub id: Option<i64>,
    pub telegram_key: [u8; 32],
    /// Where the Bot API is.
    pub api_url: Url,
    /// Where people and Telegram reach this service; without it the bot asks for updates itself.
    pub public_url: Option<Url>,
    /// The Mini App that buttons open: the one of this service, unless told. Without an address there are no such buttons.
    pub app_url: Option<Url>,
    /// What Telegram sends with every update, in place of the one derived from the token.
    pub webhook_secret: Option<Secret>,
}

/// Where the Mini App is under the service's own address.
const APP_PATH: &str = "app";

/// `server_url` is where browsers reach the service.
pub(super) fn check(c: &mut Check<'_>, raw: &mut RawBot, server_url: Option<&Url>) -> Bot {
    let token = c.secret("bot.token", &mut raw.token, &raw.token_file);
    let in_token = token.as_ref().and_then(|token| token.expose().split_once(':')?.0.parse::<i64>().ok());
    if token.is_some() && in_token.is_none_or(|id| id <= 0) {
        c.problem("bot.token", "is no bot token", "copy it whole from @BotFather: 123456789:AA…");
    }
    if raw.id < 0 {
        c.problem("bot.id", format!("is {}", raw.id), "write the number before the colon of the bot's token");
    }
    let key = secret::hex_32(&raw.telegram_key);
    if key.is_none() {
        c.problem("bot.telegram_key", "is no key", "write 64 hexadecimal digits");
    }
    let id = in_token.or((raw.id > 0).then_some(raw.id));
    let public_url = (!raw.public_url.is_empty()).then(|| c.base_url("bot.public_url", &raw.public_url));
    let public_url = public_url.flatten();
    let app_url = (!raw.app_url.is_empty()).then(|| c.base_url("bot.app_url", &raw.app_url)).flatten();
    for (key, url) in [("bot.public_url", &public_url), ("bot.app_url", &app_url)] {
        if url.as_ref().is_some_and(|url| url.scheme() != "https") {
            c.problem(key, "is not https", "Telegram sends updates and opens Mini Apps over https only");
        }
    }
    let own_app = || {
        let base =
            [server_url, public_url.as_ref()].into_iter().flatten().find(|url| url.scheme() == "https");
        let base = base?.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}/{APP_PATH}")).ok()
    };
    let app_url = app_url.or_else(own_app);
    let webhook_secret = c.secret("bot.webhook_secret", &mut raw.webhook_secret, &raw.webhook_secret_file);
    let plain = |secret: &Secret| {
        let text = secret.expose();
        text.len() <= WEBHOOK_SECRET_MAX
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    if webhook_secret.as_ref().is_some_and(|secret| !plain(secret)) {
        let hint = "take up to 256 letters, digits, _ and -: openssl rand -hex 32; or leave it empty";
        c.problem("bot.webhook_secret", "has signs Telegram does not take", hint);
    }
    Bot {
        token,
        id,
        telegram_key: key.unwrap_or_default(),
        api_url: c.base_url("bot.api_url", &raw.api_url).unwrap_or_else(default_api),
        public_url,
        app_url,
        webhook_secret,
    }
}

fn default_api() -> Url {
    Url::parse(API_URL).expect("Telegram's address is one")
}

impl Check<'_> {
    /// An address other addresses are made from: `http` or `https`, without a query.
    pub(super) fn base_url(&mut self, key: &str, value: &str) -> Option<Url> {
        let parsed = Url::parse(value.trim_end_matches('/')).ok();
        let good = parsed.filter(|url| {
            matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none()
        });
        if good.is_none() {
            self.problem(
                key,
                format!("`{value}` is no address"),
                "write it like https://assistant.example.org",
            );
        }
        good
    }
}
