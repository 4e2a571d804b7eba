//! Accounts: one supervised connection each, what is asked over it, and logging in.
//!
//! Knows the session and `lifecycle`; knows nothing of tenants or the store. Types of the `MTProto` library end here.

mod channels;
mod client;
mod connection;
mod error;
mod login;
mod settings;
mod updates;

pub use client::{
    Answer, ChannelAddress, HistoryAsk, Resolution, ResolvedChannel, TelegramClient, UserProfile,
};
pub use connection::{Connection, ConnectionState};
pub use error::{EndReason, Error};
pub use login::{LoginClient, LoginStep};
pub use settings::{AUTH_KEY_BYTES, ConnectSettings, Datacenter, SECRET_BYTES};
pub use updates::AccountEvent;
