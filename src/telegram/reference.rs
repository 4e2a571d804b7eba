//! What people write when they mean a channel: `@name`, a link, a number, an invite.
//!
//! Pure; asks nobody whether the channel exists. Names keep the case they were written in and are compared without it.

use std::fmt;

/// Longest text that is looked at, characters.
const REFERENCE_CHARS_MAX: usize = 512;
/// A public name's length, characters: Telegram gives 5 to 32, and sells some of 4.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 4..=32;
/// An invite's length, characters.
const INVITE_CHARS: std::ops::RangeInclusive<usize> = 8..=64;
/// What Telegram's ids of channels begin with in the form that bots and exports use.
const CHANNEL_ID_BASE: i64 = 1_000_000_000_000;
/// Channel ids end below this (core.telegram.org/api/bots/ids).
const CHANNEL_BARE_MAX: i64 = 997_852_516_352;
/// Hosts that lead to Telegram.
const HOSTS: [&str; 3] = ["t.me", "telegram.me", "telegram.dog"];
/// First parts of a `t.me` address that are no channel's name.
const RESERVED: [&str; 24] = [
    "addemoji",
    "addlist",
    "addstickers",
    "addtheme",
    "bg",
    "boost",
    "call",
    "confirmphone",
    "contact",
    "giftcode",
    "invoice",
    "iv",
    "login",
    "m",
    "msg",
    "nft",
    "passport",
    "proxy",
    "setlanguage",
    "share",
    "socks",
    "stars",
    "telegrampassport",
    "web",
];

/// A channel as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelReference {
    /// A public name without `@`, in the case it was written in.
    Name(String),
    /// The `-100…` id.
    Id(i64),
    /// The secret part of an invite link. Whoever has it can join: it is never logged.
    Invite(String),
}

impl fmt::Display for ChannelReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChannelReference::Name(name) => write!(f, "@{name}"),
            ChannelReference::Id(id) => write!(f, "{id}"),
            ChannelReference::Invite(_) => f.write_str("the invite link"),
        }
    }
}

/// Why a text names no channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    #[error("no channel is named; write @name, a t.me link, or an id that begins with -100")]
    Empty,
    #[error("that is too long for a channel; write @name, a t.me link, or an id that begins with -100")]
    TooLong,
    #[error("`{0}` is no link to Telegram; links to channels begin with t.me/")]
    OtherSite(String),
    #[error(
        "`{0}` is no channel's name; names have {min} to {max} Latin letters, digits and _, and begin with a letter",
        min = NAME_CHARS.start(), max = NAME_CHARS.end()
    )]
    BadName(String),
    #[error("`{0}` is no channel's id; ids of channels begin with -100, as in -1001234567890")]
    BadId(String),
    #[error("that link leads to {0}, not to a channel")]
    NotAChannel(&'static str),
    #[error("that invite link is broken; copy it again, whole")]
    BadInvite,
}

/// The `-100…` form of a channel's bare id.
pub fn channel_id(bare: i64) -> Option<i64> {
    (1..=CHANNEL_BARE_MAX).contains(&bare).then(|| -CHANNEL_ID_BASE - bare)
}

/// The bare id in a `-100…` id.
pub fn channel_bare_id(id: i64) -> Option<i64> {
    let bare = id.checked_add(CHANNEL_ID_BASE)?.checked_neg()?;
    (1..=CHANNEL_BARE_MAX).contains(&bare).then_some(bare)
}

impl std::str::FromStr for ChannelReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let text =
            text.trim().trim_matches(['\u{200b}', '\u{200e}', '\u{200f}', '\u{feff}', '<', '>']).trim();
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        if text.chars().count() > REFERENCE_CHARS_MAX {
            return Err(ReferenceError::TooLong);
        }
        if let Some(name) = text.strip_prefix('@') {
            return name_checked(name);
        }
        if let Some(rest) =
            strip_prefix_any_case(text, "tg://").or_else(|| strip_prefix_any_case(text, "tg:"))
        {
            return from_tg_link(rest);
        }
        let bare = strip_prefix_any_case(text, "https://").or_else(|| strip_prefix_any_case(text, "http://"));
        if let Some(path) = telegram_path(bare.unwrap_or(text)) {
            return path.and_then(|path| from_path(&path));
        }
        if bare.is_some() || text.contains(['/', '.']) {
            return Err(ReferenceError::OtherSite(shown(text)));
        }
        if text.starts_with(['-', '+']) || text.chars().all(|c| c.is_ascii_digit()) {
            return from_number(text);
        }
        name_checked(text)
    }
}

fn from_number(text: &str) -> Result<ChannelReference, ReferenceError> {
    if let Some(hash) = text.strip_prefix('+') {
        // As it stands at the end of an invite link.
        return invite_checked(hash);
    }
    let id = text.parse::<i64>().ok().filter(|id| channel_bare_id(*id).is_some());
    id.map(ChannelReference::Id).ok_or_else(|| ReferenceError::BadId(shown(text)))
}

/// The path of an address at Telegram, `name.t.me` turned into `t.me/name`; `None` for other hosts.
fn telegram_path(address: &str) -> Option<Result<String, ReferenceError>> {
    let end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let host = address[..end].to_ascii_lowercase();
    let host = host.strip_suffix(":443").unwrap_or(&host);
    let host = host.strip_prefix("www.").unwrap_or(host);
    let rest = &address[end..];
    if HOSTS.contains(&host) {
        return Some(Ok(rest.to_owned()));
    }
    let name = HOSTS.iter().find_map(|known| host.strip_suffix(known)?.strip_suffix('.'))?;
    let name = &address[address.to_ascii_lowercase().find(name)?..][..name.len()];
    Some(name_checked(name).map(|_| format!("/{name}{rest}")))
}

/// `/name/7?single`, `/s/name`, `/c/123/7`, `/+hash`, `/joinchat/hash`.
fn from_path(path: &str) -> Result<ChannelReference, ReferenceError> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let Some(first) = parts.next() else {
        return Err(ReferenceError::NotAChannel("Telegram itself"));
    };
    let second = parts.next();
    match (first.to_ascii_lowercase().as_str(), second) {
        ("s", Some(name)) => name_checked(name),
        ("c", Some(id)) => id_checked(id),
        ("joinchat", Some(hash)) => invite_checked(hash),
        ("joinchat", None) => Err(ReferenceError::BadInvite),
        (word, _) if RESERVED.binary_search(&word).is_ok() => {
            Err(ReferenceError::NotAChannel(if word == "addlist" {
                "a folder of chats: add its channels one by one"
            } else {
                "something else of Telegram's"
            }))
        }
        _ => match first
            .strip_prefix('+')
            .or_else(|| first.strip_prefix("%2B"))
            .or_else(|| first.strip_prefix("%2b"))
        {
            Some(hash) => invite_checked(hash),
            None => name_checked(first),
        },
    }
}

/// `resolve?domain=name&post=7`, `join?invite=hash`, `privatepost?channel=123&post=7`.
fn from_tg_link(rest: &str) -> Result<ChannelReference, ReferenceError> {
    let (action, query) = rest.trim_start_matches('/').split_once('?').unwrap_or((rest, ""));
    let value = |key: &str| {
        query.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.eq_ignore_ascii_case(key).then_some(value)
        })
    };
    match action.trim_end_matches('/').to_ascii_lowercase().as_str() {
        "resolve" => match (value("domain"), value("phone")) {
            (Some(name), _) => name_checked(name),
            (None, Some(_)) => Err(ReferenceError::NotAChannel("a person")),
            (None, None) => Err(ReferenceError::NotAChannel("nothing")),
        },
        "join" => invite_checked(value("invite").unwrap_or_default()),
        "privatepost" => id_checked(value("channel").unwrap_or_default()),
        "addlist" => Err(ReferenceError::NotAChannel("a folder of chats: add its channels one by one")),
        _ => Err(ReferenceError::NotAChannel("something else of Telegram's")),
    }
}

/// The bare id of a private channel, as in `t.me/c/123`.
fn id_checked(bare: &str) -> Result<ChannelReference, ReferenceError> {
    let id = bare.parse().ok().filter(|_| bare.bytes().all(|b| b.is_ascii_digit())).and_then(channel_id);
    id.map(ChannelReference::Id).ok_or_else(|| ReferenceError::BadId(shown(bare)))
}

fn name_checked(name: &str) -> Result<ChannelReference, ReferenceError> {
    let fits = NAME_CHARS.contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fits { Ok(ChannelReference::Name(name.to_owned())) } else { Err(ReferenceError::BadName(shown(name))) }
}

fn invite_checked(hash: &str) -> Result<ChannelReference, ReferenceError> {
    if hash.len() >= 5 && hash.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ReferenceError::NotAChannel("a person's phone number"));
    }
    let fits = INVITE_CHARS.contains(&hash.len())
        && hash.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if fits { Ok(ChannelReference::Invite(hash.to_owned())) } else { Err(ReferenceError::BadInvite) }
}

fn strip_prefix_any_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// The beginning of what was written, for a message.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<ChannelReference, ReferenceError> {
        text.parse()
    }

    #[test]
    fn every_form_of_a_public_name_is_read() {
        for text in [
            "@Rust_News",
            "Rust_News",
            "  Rust_News\n",
            "https://t.me/Rust_News",
            "HTTPS://T.ME/Rust_News/",
            "http://telegram.me/Rust_News/123?single",
            "t.me/s/Rust_News",
            "https://t.me/s/Rust_News/7?before=9#x",
            "www.t.me/Rust_News/7/8",
            "telegram.dog/Rust_News",
            "Rust_News.t.me/7",
            "https://Rust_News.t.me",
            "tg://resolve?domain=Rust_News&post=7",
            "tg:resolve?post=7&domain=Rust_News",
            "TG://RESOLVE/?DOMAIN=Rust_News",
            "\u{200b}@Rust_News\u{feff}",
            "<https://t.me/Rust_News>",
        ] {
            assert_eq!(read(text), Ok(ChannelReference::Name("Rust_News".to_owned())), "{text}");
        }
    }

    #[test]
    fn ids_and_invites_are_read() {
        for text in ["-1001465826763", "t.me/c/1465826763/12", "tg://privatepost?channel=1465826763&post=12"]
        {
            assert_eq!(read(text), Ok(ChannelReference::Id(-1_001_465_826_763)), "{text}");
        }
        for text in [
            "https://t.me/+AbCd_efGH-123456",
            "t.me/joinchat/AbCd_efGH-123456",
            "tg://join?invite=AbCd_efGH-123456",
            "+AbCd_efGH-123456",
            "https://t.me/%2BAbCd_efGH-123456",
        ] {
            let invite = read(text).unwrap();
            assert_eq!(invite, ChannelReference::Invite("AbCd_efGH-123456".to_owned()), "{text}");
            assert!(!invite.to_string().contains("AbCd"), "an invite is a secret");
        }
    }

    #[test]
    fn what_names_no_channel_says_why() {
        let err = |text: &str| read(text).unwrap_err();
        for text in ["", "   ", "@ "] {
            assert!(matches!(err(text), ReferenceError::Empty | ReferenceError::BadName(_)), "{text}");
        }
        for text in ["@a", "@новости", "1abcd", "@bad-name", "@with space", "a b", "@x'y\"z", "@"] {
            assert!(matches!(err(text), ReferenceError::BadName(_)), "{text}: {:?}", err(text));
        }
        for text in
            ["1465826763", "-146582", "-100", "-1000", "t.me/c/x/1", "t.me/c/-5", "-99999999999999999999"]
        {
            assert!(matches!(err(text), ReferenceError::BadId(_)), "{text}: {:?}", err(text));
        }
        for text in
            ["https://example.org/name", "example.org", "https://nott.me/name", "https://t.me.evil.org/name"]
        {
            assert!(matches!(err(text), ReferenceError::OtherSite(_)), "{text}: {:?}", err(text));
        }
        for text in [
            "t.me",
            "t.me/",
            "t.me/addlist/xyz",
            "t.me/share/url?url=x",
            "t.me/+79991234567",
            "tg://settings",
        ] {
            assert!(matches!(err(text), ReferenceError::NotAChannel(_)), "{text}: {:?}", err(text));
        }
        for text in ["t.me/joinchat", "t.me/+a", "t.me/+abc'defghi", "tg://join"] {
            assert_eq!(err(text), ReferenceError::BadInvite, "{text}");
        }
        assert_eq!(err(&"a".repeat(600)), ReferenceError::TooLong);
    }

    #[test]
    fn reserved_words_are_sorted_for_the_search() {
        assert!(RESERVED.is_sorted());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_never_panics(text in ".{0,80}") {
            let _ = read(&text);
        }

        #[test]
        fn any_link_is_read_or_refused_and_never_panics(
            text in "(https?://|tg://|tg:)?(www\\.)?(t\\.me|telegram\\.me|x\\.t\\.me|resolve|join)?[/?+@a-z=0-9%._-]{0,40}"
        ) {
            if let Ok(ChannelReference::Name(name)) = read(&text) {
                prop_assert!(NAME_CHARS.contains(&name.len()));
            }
        }

        #[test]
        fn a_name_is_the_same_in_every_form(name in "[a-zA-Z][a-zA-Z0-9_]{4,31}", message in 1_i32..) {
            prop_assume!(!RESERVED.contains(&name.to_lowercase().as_str()) && !name.eq_ignore_ascii_case("joinchat"));
            let expected = Ok(ChannelReference::Name(name.clone()));
            for form in [
                format!("@{name}"),
                name.clone(),
                format!("https://t.me/{name}/{message}"),
                format!("t.me/s/{name}"),
                format!("tg://resolve?domain={name}&post={message}"),
            ] {
                prop_assert_eq!(&read(&form), &expected, "{}", form);
            }
        }

        #[test]
        fn ids_go_round(bare in 1..=CHANNEL_BARE_MAX) {
            let id = channel_id(bare).unwrap();
            prop_assert_eq!(channel_bare_id(id), Some(bare));
            prop_assert_eq!(read(&id.to_string()), Ok(ChannelReference::Id(id)));
            prop_assert_eq!(read(&format!("t.me/c/{bare}/1")), Ok(ChannelReference::Id(id)));
        }

        #[test]
        fn other_numbers_are_no_channels(id in prop::num::i64::ANY) {
            prop_assert_eq!(channel_bare_id(id).and_then(channel_id).is_some(), channel_bare_id(id).is_some());
        }
    }
}
