//! What comes from Telegram, in our words: the reader of exported files.
//!
//! May know `model`; knows neither the store nor the queue.

pub mod export;
