//! What a button carries: who it was made for, as which membership, and what it asks, in at most 64 bytes.
//!
//! A client can send any bytes as a button, and old messages keep their buttons for ever. So the person is compared, what cannot be
//! read is "out of date", and the ids in it are looked up as that person's own, every time. Ids count within a space (its database
//! numbers from 1), so a button that has one is good only with the membership it was made for.

use uuid::Uuid;

use crate::{
    i18n::Lang,
    model::{AlertId, ChannelId, MembershipId, TenantId},
};

/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;
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
    /// More on what the person asked with an update.
    Asked(i64, Refine),
    /// Whether an answer, by its number in the history, was good.
    Rate(Uuid, bool),
    Alerts,
    AlertNew,
    Alert(AlertId),
    /// What it found lately.
    AlertFound(AlertId),
    /// Tells nothing for so many days; 0: tells again.
    AlertMute(AlertId, u32),
    /// Shows the hours in which it tells nothing, and what there is to choose.
    AlertQuiet(AlertId),
    /// Tells nothing between two minutes of the day; `None`: no such hours.
    AlertQuietSet(AlertId, Option<(u16, u16)>),
    /// Asks for hours in words.
    AlertQuietAsk(AlertId),
    /// Whether other words of the same meaning count.
    AlertMeaning(AlertId, bool),
    AlertDelete(AlertId),
    /// Below a find: tells nothing for a day, and the find stays to be read.
    AlertHush(AlertId),
    /// Below a find: its alert's settings, in a message of their own.
    AlertBelow(AlertId),
    Tags,
    Settings,
    /// A link that signs in in a browser.
    Browser,
    Subscription,
    Feedback,
    Export,
    /// Asks whether to delete everything.
    DeleteMe,
    /// Deletes this membership.
    DeleteMeSure(MembershipId),
    Admin,
    AdminInvite,
    /// A page of the tenant's people, from 0.
    AdminUsers(u32),
    AdminStats,
    Languages,
    Language(Lang),
    Tenants,
    Tenant(TenantId),
    Privacy,
    /// What goes to models outside, and whether the person agrees.
    Models,
    /// Agrees, or takes it back.
    ModelsAgree(bool),
}

/// How a person goes on from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refine {
    /// A page of further posts, from 0.
    More(u32),
    /// Asks which channel.
    Channels,
    Channel(ChannelId),
    Week,
    Alert,
}

/// A button that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pressed {
    pub(super) asks: Callback,
    /// As whom, of the memberships of who presses; `None`: in the space they chose.
    pub(super) member: Option<MembershipId>,
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
    pub(super) fn encode(self, telegram_id: i64, member: Option<MembershipId>) -> String {
        let data = match member {
            Some(member) => format!("{telegram_id:x}-{:x}.{}", member.0, self.words()),
            None => format!("{telegram_id:x}.{}", self.words()),
        };
        debug_assert!(data.len() <= CALLBACK_BYTES_MAX, "{data} is longer than Telegram takes");
        data
    }

    fn words(self) -> String {
        match self {
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
            Callback::Asked(update, Refine::More(page)) => format!("q:{update}:m:{page}"),
            Callback::Asked(update, Refine::Channels) => format!("q:{update}:cs"),
            Callback::Asked(update, Refine::Channel(id)) => format!("q:{update}:c:{id}"),
            Callback::Asked(update, Refine::Week) => format!("q:{update}:w"),
            Callback::Asked(update, Refine::Alert) => format!("q:{update}:a"),
            Callback::Rate(query, good) => format!("{}:{}", if good { "up" } else { "down" }, query.simple()),
            Callback::Alerts => "als".to_owned(),
            Callback::AlertNew => "aln".to_owned(),
            Callback::Alert(id) => format!("al:{id}"),
            Callback::AlertFound(id) => format!("alf:{id}"),
            Callback::AlertMute(id, days) => format!("alm:{id}:{days}"),
            Callback::AlertQuiet(id) => format!("alq:{id}"),
            Callback::AlertQuietSet(id, Some((from, until))) => format!("alqs:{id}:{from}:{until}"),
            Callback::AlertQuietSet(id, None) => format!("alqs:{id}:no"),
            Callback::AlertQuietAsk(id) => format!("alqa:{id}"),
            Callback::AlertMeaning(id, on) => format!("alw:{id}:{}", u8::from(on)),
            Callback::AlertDelete(id) => format!("ald:{id}"),
            Callback::AlertHush(id) => format!("alh:{id}"),
            Callback::AlertBelow(id) => format!("alb:{id}"),
            Callback::Browser => "web".to_owned(),
            Callback::Subscription => "sub".to_owned(),
            Callback::Feedback => "fb".to_owned(),
            Callback::Export => "exp".to_owned(),
            Callback::DeleteMe => "del".to_owned(),
            Callback::DeleteMeSure(id) => format!("dely:{id}"),
            Callback::Admin => "adm".to_owned(),
            Callback::AdminInvite => "admi".to_owned(),
            Callback::AdminUsers(page) => format!("admu:{page}"),
            Callback::AdminStats => "adms".to_owned(),
            Callback::Tags => "tags".to_owned(),
            Callback::Settings => "set".to_owned(),
            Callback::Languages => "langs".to_owned(),
            Callback::Language(lang) => format!("lang:{}", lang.code()),
            Callback::Tenants => "spaces".to_owned(),
            Callback::Tenant(id) => format!("space:{}", id.0.simple()),
            Callback::Privacy => "priv".to_owned(),
            Callback::Models => "mod".to_owned(),
            Callback::ModelsAgree(given) => format!("mody:{}", u8::from(given)),
        }
    }

    /// What this person's button asks.
    pub(super) fn decode(data: &str, telegram_id: i64) -> Result<Pressed, Stale> {
        let (who, what) = data.split_once('.').ok_or(Stale::Unknown)?;
        let (person, member) = match who.split_once('-') {
            Some((person, member)) => (person, Some(member)),
            None => (who, None),
        };
        let number = |text: &str| i64::from_str_radix(text, 16).map_err(|_| Stale::Unknown);
        let person = number(person)?;
        let member = member.map(number).transpose()?.map(MembershipId);
        if person != telegram_id {
            return Err(Stale::Foreign);
        }
        let mut parts = what.split(':');
        let name = parts.next().unwrap_or_default();
        let arguments: Vec<&str> = parts.collect();
        let asks = Callback::read(name, &arguments).ok_or(Stale::Unknown)?;
        if member.is_none() && asks.names_a_row() {
            // Of a version that did not say of which space.
            return Err(Stale::Unknown);
        }
        Ok(Pressed { asks, member })
    }

    /// Whether it has an id that counts within one space only.
    fn names_a_row(self) -> bool {
        match self {
            Callback::Channel(_)
            | Callback::ChannelRefresh(_)
            | Callback::ChannelRemove(_)
            | Callback::ChannelRemoveSure(_)
            | Callback::ChannelDepth(_)
            | Callback::ChannelDepthSet(..)
            | Callback::Asked(_, Refine::Channel(_))
            | Callback::Alert(_)
            | Callback::AlertFound(_)
            | Callback::AlertMute(..)
            | Callback::AlertQuiet(_)
            | Callback::AlertQuietSet(..)
            | Callback::AlertQuietAsk(_)
            | Callback::AlertMeaning(..)
            | Callback::AlertDelete(_)
            | Callback::AlertHush(_)
            | Callback::AlertBelow(_) => true,
            Callback::Menu
            | Callback::Help
            | Callback::Cancel
            | Callback::ChannelAdd
            | Callback::Channels(_)
            | Callback::Ask
            | Callback::Search
            | Callback::Asked(_, Refine::More(_) | Refine::Channels | Refine::Week | Refine::Alert)
            | Callback::Rate(..)
            | Callback::Alerts
            | Callback::AlertNew
            | Callback::Tags
            | Callback::Settings
            | Callback::Browser
            | Callback::Subscription
            | Callback::Feedback
            | Callback::Export
            | Callback::DeleteMe
            | Callback::DeleteMeSure(_)
            | Callback::Admin
            | Callback::AdminInvite
            | Callback::AdminUsers(_)
            | Callback::AdminStats
            | Callback::Languages
            | Callback::Language(_)
            | Callback::Tenants
            | Callback::Tenant(_)
            | Callback::Privacy
            | Callback::Models
            | Callback::ModelsAgree(_) => false,
        }
    }

    fn read(name: &str, arguments: &[&str]) -> Option<Self> {
        let channel = |text: &str| text.parse().ok().map(ChannelId);
        let alert = |text: &str| text.parse().ok().map(AlertId);
        let update = |text: &str| text.parse::<i64>().ok();
        let on = |text: &str| match text {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        };
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
            ("q", [id, "m", page]) => Callback::Asked(update(id)?, Refine::More(page.parse().ok()?)),
            ("q", [id, "cs"]) => Callback::Asked(update(id)?, Refine::Channels),
            ("q", [id, "c", of]) => Callback::Asked(update(id)?, Refine::Channel(channel(of)?)),
            ("q", [id, "w"]) => Callback::Asked(update(id)?, Refine::Week),
            ("q", [id, "a"]) => Callback::Asked(update(id)?, Refine::Alert),
            ("up", [query]) => Callback::Rate(Uuid::parse_str(query).ok()?, true),
            ("down", [query]) => Callback::Rate(Uuid::parse_str(query).ok()?, false),
            ("als", []) => Callback::Alerts,
            ("aln", []) => Callback::AlertNew,
            ("al", [id]) => Callback::Alert(alert(id)?),
            ("alf", [id]) => Callback::AlertFound(alert(id)?),
            ("alm", [id, days]) => Callback::AlertMute(alert(id)?, days.parse().ok()?),
            ("alq", [id]) => Callback::AlertQuiet(alert(id)?),
            ("alqs", [id, "no"]) => Callback::AlertQuietSet(alert(id)?, None),
            ("alqs", [id, from, until]) => Callback::AlertQuietSet(alert(id)?, Some(hours(from, until)?)),
            ("alqa", [id]) => Callback::AlertQuietAsk(alert(id)?),
            ("alw", [id, meaning]) => Callback::AlertMeaning(alert(id)?, on(meaning)?),
            ("ald", [id]) => Callback::AlertDelete(alert(id)?),
            ("alh", [id]) => Callback::AlertHush(alert(id)?),
            ("alb", [id]) => Callback::AlertBelow(alert(id)?),
            ("web", []) => Callback::Browser,
            ("sub", []) => Callback::Subscription,
            ("fb", []) => Callback::Feedback,
            ("exp", []) => Callback::Export,
            ("del", []) => Callback::DeleteMe,
            ("dely", [id]) => Callback::DeleteMeSure(MembershipId(id.parse().ok()?)),
            ("adm", []) => Callback::Admin,
            ("admi", []) => Callback::AdminInvite,
            ("admu", [page]) => Callback::AdminUsers(page.parse().ok()?),
            ("adms", []) => Callback::AdminStats,
            ("tags", []) => Callback::Tags,
            ("set", []) => Callback::Settings,
            ("langs", []) => Callback::Languages,
            ("lang", [code]) => Callback::Language(Lang::parse(code)?),
            ("spaces", []) => Callback::Tenants,
            ("space", [id]) => Callback::Tenant(TenantId(Uuid::parse_str(id).ok()?)),
            ("priv", []) => Callback::Privacy,
            ("mod", []) => Callback::Models,
            ("mody", [given]) => Callback::ModelsAgree(on(given)?),
            _ => return None,
        })
    }
}

/// Two different minutes of the day.
fn hours(from: &str, until: &str) -> Option<(u16, u16)> {
    let minute = |text: &str| text.parse::<u16>().ok().filter(|minute| *minute < DAY_MINUTES);
    let (from, until) = (minute(from)?, minute(until)?);
    (from != until).then_some((from, until))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSON: i64 = 7_700_000_000_077;
    const MEMBER: MembershipId = MembershipId(999_999_999_999);

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
            Callback::Asked(i64::MAX, Refine::More(u32::MAX)),
            Callback::Asked(i64::MAX, Refine::Channels),
            Callback::Asked(i64::MAX, Refine::Channel(ChannelId(9_999_999_999))),
            Callback::Asked(i64::MAX, Refine::Week),
            Callback::Asked(i64::MAX, Refine::Alert),
            Callback::Rate(Uuid::from_u128(u128::MAX), true),
            Callback::Rate(Uuid::from_u128(u128::MAX), false),
            Callback::Alerts,
            Callback::AlertNew,
            Callback::Alert(AlertId(i64::MAX)),
            Callback::AlertFound(AlertId(i64::MAX)),
            Callback::AlertMute(AlertId(i64::MAX), u32::MAX),
            Callback::AlertQuiet(AlertId(i64::MAX)),
            Callback::AlertQuietSet(AlertId(i64::MAX), Some((DAY_MINUTES - 1, DAY_MINUTES - 2))),
            Callback::AlertQuietSet(AlertId(i64::MAX), None),
            Callback::AlertQuietAsk(AlertId(i64::MAX)),
            Callback::AlertMeaning(AlertId(i64::MAX), false),
            Callback::AlertDelete(AlertId(i64::MAX)),
            Callback::AlertHush(AlertId(i64::MAX)),
            Callback::AlertBelow(AlertId(i64::MAX)),
            Callback::Browser,
            Callback::Subscription,
            Callback::Feedback,
            Callback::Export,
            Callback::DeleteMe,
            Callback::DeleteMeSure(MembershipId(i64::MAX)),
            Callback::Admin,
            Callback::AdminInvite,
            Callback::AdminUsers(u32::MAX),
            Callback::AdminStats,
            Callback::Tags,
            Callback::Settings,
            Callback::Languages,
            Callback::Language(Lang::Ru),
            Callback::Language(Lang::En),
            Callback::Tenants,
            Callback::Tenant(TenantId(Uuid::from_u128(u128::MAX))),
            Callback::Privacy,
            Callback::Models,
            Callback::ModelsAgree(true),
            Callback::ModelsAgree(false),
        ]
    }

    #[test]
    fn every_button_fits_and_comes_back_as_it_went() {
        for callback in all() {
            let data = callback.encode(PERSON, Some(MEMBER));
            assert!(data.len() <= CALLBACK_BYTES_MAX, "{data}");
            let pressed = Pressed { asks: callback, member: Some(MEMBER) };
            assert_eq!(Callback::decode(&data, PERSON), Ok(pressed), "{data}");
            // Without a membership it is a button of a stranger, or an old one: good where no row is named.
            let expected = if callback.names_a_row() {
                Err(Stale::Unknown)
            } else {
                Ok(Pressed { member: None, ..pressed })
            };
            assert_eq!(Callback::decode(&callback.encode(PERSON, None), PERSON), expected, "{data}");
        }
    }

    #[test]
    fn a_button_of_somebody_else_or_of_nobody_is_not_obeyed() {
        let data = Callback::ChannelRemoveSure(ChannelId(1)).encode(PERSON, Some(MEMBER));
        assert_eq!(Callback::decode(&data, PERSON + 1), Err(Stale::Foreign));
        for data in ["", ".", "menu", "7.menu.x", "zz.menu", "7-zz.menu", "7-1-1.menu", "channel:view:77"] {
            assert!(Callback::decode(data, 7).is_err(), "{data}");
        }
        assert_eq!(Callback::decode("7.gone:1", 7), Err(Stale::Unknown));
        assert_eq!(Callback::decode("7.ch:1:2", 7), Err(Stale::Unknown));
        // No hours of a day, or none at all between them.
        for hours in ["1440:0", "0:1440", "60:60", "-1:60", "60", "1:2:3"] {
            assert_eq!(Callback::decode(&format!("7-1.alqs:1:{hours}"), 7), Err(Stale::Unknown), "{hours}");
        }
    }
}
