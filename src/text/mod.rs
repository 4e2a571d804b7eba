//! Text, treated in one way everywhere: index, query and tagger call the same functions, so a word found by one is
//! found by all.
//!
//! Pure functions over `&str`; knows nothing else of ours and does no I/O.
//!
//! Two forms of a text exist. The **normalised** form ([`normalise`]) is what is stored and shown: NFC, without zero-width
//! and bidi control characters. Tags are substrings of it. The **folded** form ([`fold`]) is what is compared: lower case, ё→е.
//! A [`Token`] points into the normalised text by byte offsets.

mod normalise;
mod stem;
mod token;

pub use normalise::{fold, normalise};
pub use stem::stem;
pub use token::{Token, TokenKind, tokens};
