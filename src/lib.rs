#![doc = include_str!("ARCHITECTURE.md")]
//!
//! The module list. Who may import whom is a table in `tests/it/layering.rs`.

pub mod ai;
pub mod app;
pub mod bot;
pub mod cli;
pub mod clock;
pub mod config;
pub mod fail;
pub mod http;
pub mod i18n;
pub mod job;
pub mod lifecycle;
pub mod links;
pub mod model;
pub mod pipeline;
pub mod queue;
pub mod s3;
pub mod seal;
pub mod search;
pub mod store;
pub mod telegram;
pub mod text;
pub mod tls;
