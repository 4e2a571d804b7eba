//! Text, treated in one way everywhere: index, query and tagger call the same functions, so a word found by one is
//! found by all.
//!
//! Pure functions over `&str`; knows nothing else of ours and does no I/O, so a crash can leave nothing behind. No
//! function fails and none panics, whatever the input.
//!
//! Two forms of a text exist. The **normalised** form ([`normalise()`]) is what is stored and shown: NFC, without zero-width
//! and bidi control characters. Tags are substrings of it. The **folded** form ([`fold`]) is what is compared: lower case,
//! ё→е. Byte offsets ([`Token`], [`Term`], [`sentences`]) point into the normalised text.

mod address;
mod chars;
mod keyphrase;
mod language;
mod link;
mod normalise;
mod sentence;
mod stem;
mod stop_word;
mod tag;
mod term;
mod token;

pub use keyphrase::{DocumentFrequency, Keyphrase, NoDocuments, keyphrases};
pub use language::{Language, language};
pub use link::{LINK_KEY_BYTES, link_key, link_untrack};
pub use normalise::{fold, normalise};
pub use sentence::sentences;
pub use stem::stem;
pub use stop_word::stop_word;
pub use tag::{
    Rejected, Rejection, TAG_CHARS_MAX, TAG_WORDS_MAX, TAGS_PER_POST_MAX, tag_key, tags_checked, tags_hash,
};
pub use term::{TERM_BYTES_MAX, Term, terms};
pub use token::{Token, TokenKind, tokens};
