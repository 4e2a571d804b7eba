//! Quiet hours of an alert: which it has, a few to choose from, and others as people write them (`22-7`, `22:30 – 07:00`).
//!
//! They are of the alert's own time zone, which every text here names with the time that it is there.

use jiff::tz::TimeZone;

use super::{Dialogue, Inside, Outcome, alerts, start};
use crate::{
    app::{
        Error,
        alerts::{AlertView, QuietHours},
    },
    bot::{
        callback::Callback,
        reply::{Button, Place, Reply},
        rich::Rich,
    },
    i18n::Value,
    model::{AlertId, MembershipId},
};

/// Hours to choose from, whole ones by the clock.
const PRESETS: [(u16, u16); 3] = [(22, 7), (23, 8), (0, 9)];
/// What people write between two times: a hyphen, or what a keyboard makes of it.
const DASHES: [char; 6] = ['-', '\u{2010}', '\u{2011}', '\u{2013}', '\u{2014}', '\u{2212}'];
/// As much of what was written is said back, characters.
const SAID_CHARS_MAX: usize = 40;

/// The hours an alert has, and what there is to choose.
pub(super) fn choose(inside: &Inside<'_>, id: AlertId) -> Result<Outcome, Error> {
    let alert = match inside.access.tenant.alert_get(inside.member.id, id) {
        Ok(alert) => alert,
        Err(Error::NotFound(_)) => return alerts::gone(inside),
        Err(error) => return Err(error),
    };
    let now = match &alert.quiet {
        Some(quiet) => {
            let hours = [("from", (&quiet.from).into()), ("until", (&quiet.until).into())];
            inside.lang.tx("quiet-now", &hours)
        }
        None => inside.t("quiet-none"),
    };
    let text = Rich::new()
        .bold(inside.t("button-quiet"))
        .gap()
        .text(inside.lang.tx("quiet-what", &[("name", alerts::name(&alert).into())]))
        .gap()
        .text(now)
        .line()
        .text(inside.lang.tx("quiet-zone", &clock(inside, &alert)));
    let marked = |is_chosen: bool, label: String, hours: Option<(u16, u16)>| {
        let label = if is_chosen { format!("✓ {label}") } else { label };
        Button::call(label, Callback::AlertQuietSet(id, hours))
    };
    let presets = PRESETS.map(|(from, until)| {
        let hours = (from * 60, until * 60);
        let is_chosen = alert.quiet == Some(QuietHours::of(hours.0, hours.1));
        marked(is_chosen, format!("{from}–{until}"), Some(hours))
    });
    let reply = inside.reply(text).row(presets.into()).row(vec![
        inside.button("button-quiet-other", Callback::AlertQuietAsk(id)),
        marked(alert.quiet.is_none(), inside.t("button-quiet-off"), None),
    ]);
    Ok(Outcome::reply(reply.row(vec![inside.button("button-back", Callback::Alert(id))])))
}

pub(super) fn set(inside: &Inside<'_>, id: AlertId, hours: Option<(u16, u16)>) -> Result<Outcome, Error> {
    let quiet = hours.map(|(from, until)| QuietHours::of(from, until));
    alerts::adjust(inside, id, "alert-changed", |input| input.quiet = quiet)
}

/// Asks for hours in words.
pub(super) fn ask(inside: &Inside<'_>, id: AlertId) -> Result<Outcome, Error> {
    match inside.access.tenant.alert_get(inside.member.id, id) {
        Ok(alert) => {
            let zone = inside.lang.tx("quiet-zone", &clock(inside, &alert));
            Ok(asked(inside, id, format!("{} {zone}", inside.t("quiet-ask"))))
        }
        Err(Error::NotFound(_)) => alerts::gone(inside),
        Err(error) => Err(error),
    }
}

fn asked(inside: &Inside<'_>, id: AlertId, words: String) -> Outcome {
    let waits = Dialogue::QuietHours(id, inside.member.id);
    Outcome::reply(start::asking_words(inside, words)).waiting(waits)
}

/// Hours in words, or what should be some. `member`: who was asked, who may have left that space meanwhile.
pub(super) fn said(
    inside: &Inside<'_>,
    (id, member): (AlertId, MembershipId),
    text: &str,
) -> Result<Outcome, Error> {
    if member != inside.member.id {
        return Ok(gone(inside));
    }
    let (from, until) = match hours_of(text) {
        Ok(hours) => hours,
        Err(unread) => return Ok(asked(inside, id, unread.words(inside, text))),
    };
    let quiet = QuietHours::of(from, until);
    let tenant = &inside.access.tenant;
    match inside.app.alert_adjust(tenant, member, id, |input| input.quiet = Some(quiet)) {
        Ok(alert) => {
            let first = Rich::new().text(inside.t("alert-changed")).gap();
            Ok(Outcome::reply(alerts::described(inside, &alert, first).at(Place::New)))
        }
        Err(Error::NotFound(_)) => Ok(gone(inside)),
        Err(error) => Err(error),
    }
}

/// The alert went while the bot waited.
fn gone(inside: &Inside<'_>) -> Outcome {
    let list = vec![inside.button("button-alerts", Callback::Alerts)];
    Outcome::reply(Reply::new(Rich::new().text(inside.t("alert-gone"))).row(list))
}

/// The zone of an alert's hours, and what time it is there.
fn clock(inside: &Inside<'_>, alert: &AlertView) -> [(&'static str, Value<'static>); 2] {
    let zone = TimeZone::get(&alert.zone).unwrap_or(TimeZone::UTC);
    let now = inside.app.now().to_zoned(zone).strftime("%H:%M").to_string();
    [("zone", alert.zone.clone().into()), ("now", now.into())]
}

/// Why hours could not be read.
#[derive(Debug, PartialEq, Eq)]
enum Unread {
    /// Not two times.
    Form,
    /// There is no such time.
    Time(String),
    /// They end where they begin.
    Nothing,
}

impl Unread {
    /// What is wrong, and how it is right.
    fn words(self, inside: &Inside<'_>, text: &str) -> String {
        let said: String = text.trim().chars().take(SAID_CHARS_MAX).collect();
        match self {
            Unread::Form => inside.lang.tx("quiet-unread", &[("said", said.into())]),
            Unread::Time(time) => inside.lang.tx("quiet-no-time", &[("time", time.into())]),
            Unread::Nothing => inside.lang.tx("quiet-nothing", &[("said", said.into())]),
        }
    }
}

/// Two times of the day as minutes: `HH[:MM]-HH[:MM]`.
fn hours_of(text: &str) -> Result<(u16, u16), Unread> {
    let (from, until) = text.split_once(DASHES).ok_or(Unread::Form)?;
    let (from, until) = (minute_of(from.trim())?, minute_of(until.trim())?);
    if from == until { Err(Unread::Nothing) } else { Ok((from, until)) }
}

/// `HH`, `HH:MM` or `HH.MM` as a minute of the day; 24 is midnight.
fn minute_of(text: &str) -> Result<u16, Unread> {
    let (hours, minutes) = text.split_once([':', '.']).unwrap_or((text, "00"));
    let number = |digits: &str| {
        let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|_| are_digits && digits.len() <= 2)
    };
    match (number(hours), number(minutes).filter(|_| minutes.len() == 2)) {
        (Some(24), Some(0)) => Ok(0),
        (Some(hours @ 0..24), Some(minutes @ 0..60)) => Ok(hours * 60 + minutes),
        (Some(_), Some(_)) => Err(Unread::Time(text.to_owned())),
        (None, _) | (_, None) => Err(Unread::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_as_people_write_them() {
        let night = Ok((22 * 60, 7 * 60));
        for text in
            ["22-7", "22:00-07:00", " 22 – 7 ", "22:00—7:00", "22.00 - 07.00", "22\u{2212}07", "22\u{2011}7"]
        {
            assert_eq!(hours_of(text), night, "{text}");
        }
        assert_eq!(hours_of("22:30-07:05"), Ok((22 * 60 + 30, 7 * 60 + 5)));
        assert_eq!(hours_of("0-9"), Ok((0, 9 * 60)));
        assert_eq!(hours_of("21-24"), Ok((21 * 60, 0)));
        assert_eq!(hours_of("23:59-0:00"), Ok((23 * 60 + 59, 0)));
    }

    #[test]
    fn what_are_no_hours_is_said_to_be_none_and_why() {
        let forms = [
            "",
            "-",
            "22",
            "22-",
            "-7",
            "22:3-7",
            "22:-7",
            "222-7",
            "22-7-9",
            "+2-7",
            "22:00:00-7",
            "10pm-7am",
            "с десяти до семи",
            "22-7 по Москве",
        ];
        for text in forms {
            assert_eq!(hours_of(text), Err(Unread::Form), "{text}");
        }
        for (text, time) in [("25-7", "25"), ("22-7:60", "7:60"), ("24:01-7", "24:01"), ("99.99-1", "99.99")]
        {
            assert_eq!(hours_of(text), Err(Unread::Time(time.to_owned())), "{text}");
        }
        for text in ["7-7", "7:00-7", "0-24"] {
            assert_eq!(hours_of(text), Err(Unread::Nothing), "{text}");
        }
    }
}
