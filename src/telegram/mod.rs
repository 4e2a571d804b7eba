//! What comes from Telegram, in our words: accounts and their sessions, the names of channels, messages and events, exported files.
//!
//! May know `model` and `lifecycle`; knows neither the store nor the queue.

pub mod account;
mod event;
pub mod export;
mod message;
mod reference;
pub mod session;

pub use event::{ChannelChange, ChannelEvent, event_read};
pub use message::{MessageContent, PeerNames, ServerMessage, message_channel_id, message_read};
pub use reference::{ChannelReference, ReferenceError, channel_bare_id, channel_id};
