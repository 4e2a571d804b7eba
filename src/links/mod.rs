//! Pages that posts link to: whether an address may be fetched, fetching it, and what a person would read there.
//!
//! Everything here is written by strangers: the address, where its name resolves to, where it redirects, every byte of the
//! answer. May know `model` and `text`; not posts, stores or tenants, and not the clock (who calls says what time it is).
//!
//! Invariants: a connection is made only to an address that [`Guard`] has seen and let through, whatever the name resolved to a
//! moment earlier or later; every amount (time, redirects, bytes sent, bytes unpacked, letters kept) has a named limit; reading a
//! page takes time and memory in proportion to its bytes, however it is nested, and cannot overflow a stack. Nothing is kept
//! between calls but connections' settings, so a crash loses nothing.

mod address;
mod charset;
mod error;
mod fetch;
mod guard;
mod page;
mod robots;

pub use self::{
    address::{Address, URL_BYTES_MAX},
    error::{Error, Refusal},
    fetch::{Fetched, Fetcher, Lookup, RobotsBook, Settings},
    guard::{Guard, own_addresses},
    page::{Page, TEXT_CHARS_MAX, page_read},
    robots::{ROBOTS_BYTES_MAX, Robots},
};
