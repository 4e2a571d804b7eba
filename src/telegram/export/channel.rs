//! Whose posts these are: the channel as the file names it, and the spellings of a channel's name and id.
//!
//! Pure. Ids leave here in the Bot API's form, -100 followed by the bare id (core.telegram.org/api/bots/ids); Telegram
//! Desktop writes bare ones.

/// A channel as a file names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceChannel {
    /// In the `-100…` form.
    pub telegram_id: Option<i64>,
    /// Without `@`.
    pub username: Option<String>,
    /// Never empty: the name or the id where the file has no title.
    pub title: String,
    pub kind: ChannelKind,
}

/// What kind of chat the file says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    PublicChannel,
    PrivateChannel,
    PublicSupergroup,
    PrivateSupergroup,
    /// The file does not say: JSONL, and exports without a type.
    Unstated,
}

impl ChannelKind {
    /// Reads the `type` of a chat in `result.json`; `None` for chats that are no channels (personal chats, bots, small groups).
    pub(super) fn from_export(kind: &str) -> Option<Self> {
        match kind {
            "public_channel" => Some(Self::PublicChannel),
            "private_channel" => Some(Self::PrivateChannel),
            "public_supergroup" => Some(Self::PublicSupergroup),
            "private_supergroup" => Some(Self::PrivateSupergroup),
            _ => None,
        }
    }
}

/// -100 and twelve zeros: what lies between a bare channel id and the Bot API's.
const CHANNEL_ID_BASE: i64 = -1_000_000_000_000;

/// A bare channel id in the `-100…` form; an id that has a sign already stays. `None` for zero and what no id can be.
pub(super) fn id_marked(id: i64) -> Option<i64> {
    match id {
        0 => None,
        id if id < 0 => Some(id),
        id => CHANNEL_ID_BASE.checked_sub(id),
    }
}

/// One spelling of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ChannelRef {
    /// In the `-100…` form.
    Id(i64),
    /// Without `@`; not checked against Telegram's rules for names.
    Name(String),
}

impl ChannelRef {
    /// Reads `@name`, `name`, `https://t.me/name/7`, `t.me/s/name`, `t.me/c/123/7`, `-100123`, `123`. `None` when blank.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let address = link_path(text);
        if let Some(path) = address {
            let mut parts = path.split(['/', '?']).filter(|part| !part.is_empty());
            return match (parts.next()?, parts.next()) {
                ("s", Some(name)) => Some(Self::Name(name.to_owned())),
                ("c", Some(id)) => match id.parse().ok().and_then(id_marked) {
                    Some(id) => Some(Self::Id(id)),
                    None => Some(Self::Name(text.to_owned())),
                },
                (name, _) => Some(Self::Name(name.trim_start_matches('@').to_owned())),
            };
        }
        let name = text.trim_start_matches('@').trim();
        if let Some(id) = name.parse().ok().and_then(id_marked) {
            return Some(Self::Id(id));
        }
        (!name.is_empty()).then(|| Self::Name(name.to_owned()))
    }
}

/// What follows the host of an address at Telegram.
fn link_path(text: &str) -> Option<&str> {
    let text = strip_prefix_any_case(text, &["https://", "http://"]).unwrap_or(text);
    let text = strip_prefix_any_case(text, &["www."]).unwrap_or(text);
    strip_prefix_any_case(text, &["t.me/", "telegram.me/", "telegram.dog/"])
}

fn strip_prefix_any_case<'t>(text: &'t str, prefixes: &[&str]) -> Option<&'t str> {
    prefixes.iter().find_map(|prefix| {
        let head = text.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
    })
}

/// Whether Telegram would take this as a public name: 4 to 32 Latin letters, digits and underscores, a letter first.
pub(super) fn is_username(name: &str) -> bool {
    (4..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether two titles are the same to a person who types one of them.
pub(super) fn title_eq(left: &str, right: &str) -> bool {
    left.trim().to_lowercase() == right.trim().to_lowercase()
}

impl SourceChannel {
    /// Whether `wanted` names this channel by id, public name or title.
    pub(super) fn is_called(&self, wanted: &str) -> bool {
        if title_eq(&self.title, wanted) {
            return true;
        }
        match ChannelRef::parse(wanted) {
            Some(ChannelRef::Id(id)) => self.telegram_id == Some(id),
            Some(ChannelRef::Name(name)) => title_eq(self.username.as_deref().unwrap_or(&self.title), &name),
            None => false,
        }
    }

    /// Title and id, for a message to a person.
    pub(super) fn label(&self) -> String {
        match self.telegram_id {
            Some(id) => format!("{:?} ({id})", self.title),
            None => format!("{:?}", self.title),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&ChannelRef>) {
        assert_eq!(ChannelRef::parse(text).as_ref(), expected, "{text:?}");
    }

    #[test]
    fn spellings_of_a_channel() {
        let name = |name: &str| ChannelRef::Name(name.to_owned());
        for text in [
            "durov",
            "@durov",
            " @durov ",
            "t.me/durov",
            "https://t.me/durov/7",
            "HTTP://T.ME/durov",
            "https://www.t.me/durov?x=1",
            "t.me/s/durov",
            "t.me/s/durov/12",
            "telegram.me/durov",
        ] {
            check(text, Some(&name("durov")));
        }
        for text in ["t.me/c/123/4", "123", "-1000000000123"] {
            check(text, Some(&ChannelRef::Id(-1_000_000_000_123)));
        }
        check("", None);
        check(" @ ", None);
        check("t.me/", None);
        for text in ["Новости", "99999999999999999999", "+abc"] {
            check(text, Some(&name(text)));
        }
    }

    #[test]
    fn ids_get_their_mark() {
        assert_eq!(id_marked(2_447_843_635), Some(-1_002_447_843_635));
        assert_eq!(id_marked(-1_002_447_843_635), Some(-1_002_447_843_635));
        assert_eq!(id_marked(-77), Some(-77));
        assert_eq!(id_marked(0), None);
        assert_eq!(id_marked(i64::MAX), None);
        assert_eq!(id_marked(i64::MIN), Some(i64::MIN));
    }
}
