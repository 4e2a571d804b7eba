//! The only integration binary: the appliance from outside, through its own doors.
//!
//! One file a subject; `support` is the harness. Nothing here sleeps: time is a `ManualClock`, and processes are waited for on a
//! condition. A file of this directory that is not named here fails `layering`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::too_many_lines,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "a test fails by panicking, says what it skipped, and a table of cases is best read whole"
)]

mod account_limits;
mod acme;
mod alerts;
mod ask;
mod auth;
mod backups;
mod backups_crash;
mod backups_indexes;
mod backups_place;
mod bot;
mod bot_account;
mod bot_alerts;
mod bot_delivery;
mod bot_markdown;
mod bot_models;
mod bot_process;
mod bot_sending;
mod bot_spaces;
mod bot_voice;
mod cli;
mod cli_people;
mod damage;
mod demo_page;
mod disk;
mod docs;
mod e2e_world;
mod erasure;
mod eval;
mod exports;
mod flags;
mod golden;
mod health;
mod http;
mod i18n;
mod import;
mod invites;
mod isolation;
mod kill;
mod layering;
mod ledger;
mod limits;
mod links;
mod login;
mod members;
mod miniapp;
mod model_answers;
mod model_injections;
mod model_tags;
mod models;
mod monitoring;
mod notices;
mod outside_bytes;
mod owner;
mod passkeys;
mod pipeline;
mod providers;
mod reading;
mod reading_crash;
mod redaction;
mod related;
mod retention;
mod salutespeech;
mod saved_posts;
mod sealed;
mod search;
mod seed_commands;
mod stored;
mod subscriptions;
mod support;
mod support_faults;
mod systemd;
mod tag_merges;
mod tags;
mod telegram_account;
mod telegram_dc;
mod telegram_service;
mod telegram_sessions;
mod telethon;
mod tenants;
mod tls;
mod transfer;
mod vectors_outside;
