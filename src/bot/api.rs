//! The Bot API, in our words: what can be asked of it, and what its refusals mean for us.
//!
//! The only file that sends. The token is in no error and no log line of ours: causes are named, addresses left out.

use std::time::Duration;

use futures_util::StreamExt as _;
use teloxide::{
    ApiError, Bot, RequestError,
    net::Download as _,
    payloads::{
        AnswerCallbackQuerySetters as _, EditMessageTextSetters as _, SendDocumentSetters as _,
        SendMessageSetters as _, SetMyCommandsSetters as _, SetWebhookSetters as _,
    },
    requests::Requester as _,
    types::{
        AllowedUpdate, BotCommand, CallbackQueryId, ChatId, FileId, InlineKeyboardButton,
        InlineKeyboardButtonKind, InlineKeyboardMarkup, InputFile, LinkPreviewOptions, MessageId, ParseMode,
        WebAppInfo,
    },
};
use url::Url;

use super::reply::{Body, Key, KeyDoes};

/// Connections Telegram may open for updates at once.
const WEBHOOK_CONNECTIONS: u8 = 40;
/// What the bot wants to hear of.
const WANTED: [AllowedUpdate; 3] =
    [AllowedUpdate::Message, AllowedUpdate::CallbackQuery, AllowedUpdate::MyChatMember];

/// The Bot API as one bot.
#[derive(Debug, Clone)]
pub(super) struct Api(Bot);

/// Why Telegram did not do it, as far as we act on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// Too fast: nothing may be sent for so long.
    Wait(Duration),
    /// Nothing reaches Telegram, or it does not know this bot: true of every message alike, so of none a failed try.
    Unreachable(String),
    /// Not now: the network, or Telegram itself.
    Later(String),
    /// The person blocked the bot or is gone.
    Stopped,
    /// Nothing is to be done any more: it looks like that already, or the message is gone.
    Over,
    /// It will never do this.
    Refused(String),
}

/// What Telegram knows of our webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Webhook {
    /// Empty: none.
    pub(super) url: String,
    pub(super) last_error: Option<String>,
    pub(super) pending: u32,
}

impl Api {
    pub(super) fn new(token: &str, api_url: &Url) -> Self {
        Self(Bot::new(token).set_api_url(api_url.clone()))
    }

    /// The bot's username.
    pub(super) async fn me(&self) -> Result<String, Failure> {
        let me = self.0.get_me().await.map_err(failure)?;
        Ok(me.user.username.unwrap_or_default())
    }

    pub(super) async fn send(&self, chat: i64, body: &Body) -> Result<i32, Failure> {
        let mut request = self
            .0
            .send_message(ChatId(chat), body.html.clone())
            .parse_mode(ParseMode::Html)
            .link_preview_options(no_preview());
        if let Some(keyboard) = keyboard(body) {
            request = request.reply_markup(keyboard);
        }
        Ok(request.await.map_err(failure)?.id.0)
    }

    /// Sends a file with the message's words as its caption.
    pub(super) async fn send_file(
        &self,
        chat: i64,
        body: &Body,
        name: &str,
        file: Vec<u8>,
    ) -> Result<i32, Failure> {
        let mut request = self
            .0
            .send_document(ChatId(chat), InputFile::memory(file).file_name(name.to_owned()))
            .caption(body.html.clone())
            .parse_mode(ParseMode::Html);
        if let Some(keyboard) = keyboard(body) {
            request = request.reply_markup(keyboard);
        }
        Ok(request.await.map_err(failure)?.id.0)
    }

    pub(super) async fn edit(&self, chat: i64, message: i32, body: &Body) -> Result<(), Failure> {
        let mut request = self
            .0
            .edit_message_text(ChatId(chat), MessageId(message), body.html.clone())
            .parse_mode(ParseMode::Html)
            .link_preview_options(no_preview());
        if let Some(keyboard) = keyboard(body) {
            request = request.reply_markup(keyboard);
        }
        request.await.map(drop).map_err(failure)
    }

    /// What a file that somebody sent holds; refused where it has more than `bytes_max`.
    pub(super) async fn file(&self, id: &str, bytes_max: usize) -> Result<Vec<u8>, Failure> {
        let file = self.0.get_file(FileId(id.to_owned())).await.map_err(failure)?;
        if file.size as usize > bytes_max {
            return Err(Failure::Refused(format!("the file has more than {bytes_max} bytes")));
        }
        let mut bytes = Vec::new();
        let mut pieces = self.0.download_file_stream(&file.path);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| Failure::Later("Telegram: the file broke off".to_owned()))?;
            if bytes.len() + piece.len() > bytes_max {
                return Err(Failure::Refused(format!("the file has more than {bytes_max} bytes")));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// Ends the button's waiting sign, with a few words where there are any.
    pub(super) async fn answer_callback(&self, id: &str, words: Option<&str>) -> Result<(), Failure> {
        let mut request = self.0.answer_callback_query(CallbackQueryId(id.to_owned()));
        if let Some(words) = words {
            request = request.text(words);
        }
        request.await.map(drop).map_err(failure)
    }

    pub(super) async fn webhook(&self) -> Result<Webhook, Failure> {
        let info = self.0.get_webhook_info().await.map_err(failure)?;
        Ok(Webhook {
            url: info.url.map(String::from).unwrap_or_default(),
            last_error: info.last_error_message,
            pending: info.pending_update_count,
        })
    }

    pub(super) async fn webhook_set(&self, url: &Url, secret: &str) -> Result<(), Failure> {
        let request = self
            .0
            .set_webhook(url.clone())
            .secret_token(secret.to_owned())
            .max_connections(WEBHOOK_CONNECTIONS)
            .allowed_updates(WANTED);
        request.await.map(drop).map_err(failure)
    }

    pub(super) async fn webhook_delete(&self) -> Result<(), Failure> {
        self.0.delete_webhook().await.map(drop).map_err(failure)
    }

    /// The menu of commands, as pairs of name and words, for a language (`None`: for everybody else).
    pub(super) async fn commands_set(
        &self,
        language: Option<&str>,
        commands: &[(&str, String)],
    ) -> Result<(), Failure> {
        let commands: Vec<BotCommand> =
            commands.iter().map(|(name, words)| BotCommand::new(*name, words.clone())).collect();
        let mut request = self.0.set_my_commands(commands);
        if let Some(language) = language {
            request = request.language_code(language.to_owned());
        }
        request.await.map(drop).map_err(failure)
    }
}

/// The kinds of update the bot wants, as the Bot API names them.
pub(super) fn wanted() -> Vec<String> {
    let names = WANTED.iter().map(|kind| serde_json::to_value(kind).unwrap_or_default());
    names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

fn no_preview() -> LinkPreviewOptions {
    LinkPreviewOptions {
        is_disabled: true,
        url: None,
        prefer_small_media: false,
        prefer_large_media: false,
        show_above_text: false,
    }
}

fn keyboard(body: &Body) -> Option<InlineKeyboardMarkup> {
    if body.keyboard.is_empty() {
        return None;
    }
    let rows = body.keyboard.iter().map(|row| row.iter().filter_map(button).collect::<Vec<_>>());
    Some(InlineKeyboardMarkup::new(rows))
}

/// A button whose address cannot be read is left out.
fn button(key: &Key) -> Option<InlineKeyboardButton> {
    let kind = match &key.does {
        KeyDoes::CallbackData(data) => InlineKeyboardButtonKind::CallbackData(data.clone()),
        KeyDoes::WebApp(address) => {
            InlineKeyboardButtonKind::WebApp(WebAppInfo { url: address.parse().ok()? })
        }
    };
    Some(InlineKeyboardButton::new(key.text.clone(), kind))
}

fn failure(error: RequestError) -> Failure {
    match error {
        RequestError::RetryAfter(seconds) => Failure::Wait(seconds.duration()),
        RequestError::Network(cause) => {
            if cause.is_connect() {
                return Failure::Unreachable("Telegram: cannot be reached".to_owned());
            }
            let what = if cause.is_timeout() { "timed out" } else { "the connection broke" };
            Failure::Later(format!("Telegram: {what}"))
        }
        RequestError::InvalidJson { .. } => Failure::Later("Telegram: the answer cannot be read".to_owned()),
        RequestError::Io(_) => Failure::Later("Telegram: a file cannot be read".to_owned()),
        RequestError::MigrateToChatId(_) => Failure::Refused("the chat became another one".to_owned()),
        RequestError::Api(error) => refusal(&error),
    }
}

fn refusal(error: &ApiError) -> Failure {
    let words = if let ApiError::Unknown(words) = error { words.clone() } else { error.to_string() };
    let stopped = matches!(
        error,
        ApiError::BotBlocked
            | ApiError::UserDeactivated
            | ApiError::ChatNotFound
            | ApiError::CantInitiateConversation
            | ApiError::CantTalkWithBots
    );
    let over = matches!(
        error,
        ApiError::MessageNotModified
            | ApiError::MessageToEditNotFound
            | ApiError::MessageCantBeEdited
            | ApiError::MessageIdInvalid
    );
    if *error == ApiError::InvalidToken {
        Failure::Unreachable(words)
    } else if stopped || words.starts_with("Forbidden") {
        Failure::Stopped
    } else if over || words.contains("message is not modified") {
        Failure::Over
    } else if words.starts_with("Bad Request") {
        Failure::Refused(words)
    } else if matches!(error, ApiError::Unknown(_)) {
        // Internal Server Error, Bad Gateway and the like.
        Failure::Later(words)
    } else {
        Failure::Refused(words)
    }
}
