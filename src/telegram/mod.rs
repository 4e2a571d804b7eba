//! What comes from Telegram, in our words: the reader of exported files, the names of channels, messages and events of an account.
//!
//! May know `model`; knows neither the store nor the queue.

mod event;
pub mod export;
mod message;
mod reference;

pub use event::{ChannelChange, ChannelEvent, event_read};
pub use message::{MessageContent, PeerNames, ServerMessage, message_channel_id, message_read};
pub use reference::{ChannelReference, ReferenceError, channel_bare_id, channel_id};
