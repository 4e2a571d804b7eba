//! What the bot answers, as data: texts with styles, buttons with what they do. Rendered in one place, so a test reads every text.
//!
//! A reply becomes bodies: HTML with a keyboard, as they lie in the rows that the sender makes true.

use serde::{Deserialize, Serialize};

use super::{
    callback::Callback,
    rich::{MESSAGE_UNITS_MAX, Rich},
};
use crate::model::{MembershipId, TenantId};

/// Messages one reply may take; what is longer is cut there.
const MESSAGES_MAX: usize = 5;

/// Where a reply is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    New,
    /// In place of the message that bore the button.
    Instead(i32),
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) text: Rich,
    pub(super) buttons: Vec<Vec<Button>>,
    pub(super) place: Place,
    /// Sent with the words as its caption.
    pub(super) document: Option<Document>,
    /// As whom its buttons are pressed; `None`: in the space that is chosen then.
    pub(super) member: Option<MembershipId>,
}

/// A file that is made when it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Document {
    /// Everything that is kept of the person in this tenant, as JSON.
    Export { tenant: TenantId },
}

/// A button below a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Button {
    pub(super) label: String,
    pub(super) does: Does,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Does {
    Call(Callback),
    /// Opens the Mini App at this address.
    App(String),
}

impl Reply {
    pub(super) fn new(text: Rich) -> Self {
        Self { text, buttons: Vec::new(), place: Place::New, document: None, member: None }
    }

    pub(super) fn row(mut self, row: Vec<Button>) -> Self {
        if !row.is_empty() {
            self.buttons.push(row);
        }
        self
    }

    pub(super) fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Binds its buttons to a membership.
    pub(super) fn of(mut self, member: MembershipId) -> Self {
        self.member = Some(member);
        self
    }

    /// The bodies that show it to this person; the buttons stand below the last.
    pub(super) fn bodies(&self, telegram_id: i64) -> Vec<Body> {
        let mut texts = self.text.messages(MESSAGE_UNITS_MAX);
        texts.truncate(MESSAGES_MAX);
        let last = texts.len().saturating_sub(1);
        let keyboard: Vec<Vec<Key>> = self
            .buttons
            .iter()
            .map(|row| row.iter().map(|button| Key::of(button, telegram_id, self.member)).collect())
            .collect();
        let body = |(at, html): (usize, String)| {
            let keyboard = if at == last { keyboard.clone() } else { Vec::new() };
            let document = if at == last { self.document } else { None };
            Body { html, keyboard, document }
        };
        texts.into_iter().enumerate().map(body).collect()
    }
}

impl Button {
    pub(super) fn call(label: String, callback: Callback) -> Self {
        Self { label, does: Does::Call(callback) }
    }
}

/// What one message shows, as it is kept until Telegram has taken it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Body {
    pub(super) html: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) keyboard: Vec<Vec<Key>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) document: Option<Document>,
}

/// A button as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) text: String,
    #[serde(flatten)]
    pub(super) does: KeyDoes,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeyDoes {
    CallbackData(String),
    WebApp(String),
}

impl Key {
    fn of(button: &Button, telegram_id: i64, member: Option<MembershipId>) -> Self {
        let does = match &button.does {
            Does::Call(callback) => KeyDoes::CallbackData(callback.encode(telegram_id, member)),
            Does::App(address) => KeyDoes::WebApp(address.clone()),
        };
        Self { text: button.label.clone(), does }
    }
}
