//! What a button carries: who it was made for and what it asks, in at most 64 bytes.
//!
//! A client can send any bytes as a button, and old messages keep their buttons for ever. So the person is compared, what cannot be
//! read is "out of date", and the ids in it are looked up as that person's own, every time.

use uuid::Uuid;

use crate::{
    i18n::Lang,
    model::{ChannelId, TenantId},
};

/// What Telegram takes, bytes.
pub(super) const CALLBACK_BYTES_MAX: usize = 64;

/// What a button asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callback {
    Menu,
    Help,
    Cancel,
    ChannelAdd,
    /// A page of the followed channels, from 0.
    Channels(u32),
    Channel(ChannelId),
    ChannelRefresh(ChannelId),
    /// Asks whether to stop following.
    ChannelRemove(ChannelId),
    ChannelRemoveSure(ChannelId),
    /// Asks how deep to read.
    ChannelDepth(ChannelId),
    /// How deep to read, days; 0 is everything.
    ChannelDepthSet(ChannelId, u32),
    Ask,
    Search,
    Tags,
    Settings,
    Languages,
    Language(Lang),
    Tenants,
    Tenant(TenantId),
    Privacy,
}

/// Why a button is not obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stale {
    /// It was made for somebody else.
    Foreign,
    /// It is of a version that is gone, or nonsense.
    Unknown,
}

impl Callback {
    /// As a button of this person carries it.
    pub(super) fn encode(self, telegram_id: i64) -> String {
        let what = match self {
            Callback::Menu => "menu".to_owned(),
            Callback::Help => "help".to_owned(),
            Callback::Cancel => "no".to_owned(),
            Callback::ChannelAdd => "add".to_owned(),
            Callback::Channels(page) => format!("list:{page}"),
            Callback::Channel(id) => format!("ch:{id}"),
            Callback::ChannelRefresh(id) => format!("chr:{id}"),
            Callback::ChannelRemove(id) => format!("rm:{id}"),
            Callback::ChannelRemoveSure(id) => format!("rmy:{id}"),
            Callback::ChannelDepth(id) => format!("dp:{id}"),
            Callback::ChannelDepthSet(id, days) => format!("dps:{id}:{days}"),
            Callback::Ask => "ask".to_owned(),
            Callback::Search => "find".to_owned(),
            Callback::Tags => "tags".to_owned(),
            Callback::Settings => "set".to_owned(),
            Callback::Languages => "langs".to_owned(),
            Callback::Language(lang) => format!("lang:{}", lang.code()),
            Callback::Tenants => "spaces".to_owned(),
            Callback::Tenant(id) => format!("space:{}", id.0.simple()),
            Callback::Privacy => "priv".to_owned(),
        };
        let data = format!("{telegram_id:x}.{what}");
        debug_assert!(data.len() <= CALLBACK_BYTES_MAX, "{data} is longer than Telegram takes");
        data
    }

    /// What this person's button asks.
    pub(super) fn decode(data: &str, telegram_id: i64) -> Result<Self, Stale> {
        let (person, what) = data.split_once('.').ok_or(Stale::Unknown)?;
        let person = i64::from_str_radix(person, 16).map_err(|_| Stale::Unknown)?;
        if person != telegram_id {
            return Err(Stale::Foreign);
        }
        let mut parts = what.split(':');
        let name = parts.next().unwrap_or_default();
        let arguments: Vec<&str> = parts.collect();
        Callback::read(name, &arguments).ok_or(Stale::Unknown)
    }

    fn read(name: &str, arguments: &[&str]) -> Option<Self> {
        let channel = |text: &str| text.parse().ok().map(ChannelId);
        Some(match (name, arguments) {
            ("menu", []) => Callback::Menu,
            ("help", []) => Callback::Help,
            ("no", []) => Callback::Cancel,
            ("add", []) => Callback::ChannelAdd,
            ("list", [page]) => Callback::Channels(page.parse().ok()?),
            ("ch", [id]) => Callback::Channel(channel(id)?),
            ("chr", [id]) => Callback::ChannelRefresh(channel(id)?),
            ("rm", [id]) => Callback::ChannelRemove(channel(id)?),
            ("rmy", [id]) => Callback::ChannelRemoveSure(channel(id)?),
            ("dp", [id]) => Callback::ChannelDepth(channel(id)?),
            ("dps", [id, days]) => Callback::ChannelDepthSet(channel(id)?, days.parse().ok()?),
            ("ask", []) => Callback::Ask,
            ("find", []) => Callback::Search,
            ("tags", []) => Callback::Tags,
            ("set", []) => Callback::Settings,
            ("langs", []) => Callback::Languages,
            ("lang", [code]) => Callback::Language(Lang::parse(code)?),
            ("spaces", []) => Callback::Tenants,
            ("space", [id]) => Callback::Tenant(TenantId(Uuid::parse_str(id).ok()?)),
            ("priv", []) => Callback::Privacy,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSON: i64 = 7_700_000_000_077;

    fn all() -> Vec<Callback> {
        let id = ChannelId(i64::MAX);
        vec![
            Callback::Menu,
            Callback::Help,
            Callback::Cancel,
            Callback::ChannelAdd,
            Callback::Channels(u32::MAX),
            Callback::Channel(id),
            Callback::ChannelRefresh(id),
            Callback::ChannelRemove(id),
            Callback::ChannelRemoveSure(id),
            Callback::ChannelDepth(id),
            Callback::ChannelDepthSet(id, u32::MAX),
            Callback::Ask,
            Callback::Search,
            Callback::Tags,
            Callback::Settings,
            Callback::Languages,
            Callback::Language(Lang::Ru),
            Callback::Language(Lang::En),
            Callback::Tenants,
            Callback::Tenant(TenantId(Uuid::from_u128(u128::MAX))),
            Callback::Privacy,
        ]
    }

    #[test]
    fn every_button_fits_and_comes_back_as_it_went() {
        for callback in all() {
            let data = callback.encode(PERSON);
            assert!(data.len() <= CALLBACK_BYTES_MAX, "{data}");
            assert_eq!(Callback::decode(&data, PERSON), Ok(callback), "{data}");
        }
    }

    #[test]
    fn a_button_of_somebody_else_or_of_nobody_is_not_obeyed() {
        let data = Callback::ChannelRemoveSure(ChannelId(1)).encode(PERSON);
        assert_eq!(Callback::decode(&data, PERSON + 1), Err(Stale::Foreign));
        for data in ["", ".", "menu", "7.menu.x", "zz.menu", "channel:view:77"] {
            assert!(Callback::decode(data, 7).is_err(), "{data}");
        }
        assert_eq!(Callback::decode("7.gone:1", 7), Err(Stale::Unknown));
        assert_eq!(Callback::decode("7.ch:1:2", 7), Err(Stale::Unknown));
    }
}
