//! How fast the bot may write: one message a second to a chat, thirty a second in all, and silence when Telegram asks for it.
//!
//! Pure; time is an argument. Counted over a sliding second, so no second of any clock sees more. In memory: after a restart the
//! first second is counted from nothing, and Telegram's own refusal is obeyed. Bounded by what may be sent within a second.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

/// Between two messages to one chat.
pub const CHAT_PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// Messages within a second, all chats together.
pub const PER_SECOND_MAX: usize = 30;
const SECOND: SignedDuration = SignedDuration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When each chat that was written to may be written to again.
    chats: HashMap<i64, Timestamp>,
    /// When the last messages went, oldest first.
    sent: VecDeque<Timestamp>,
    /// Telegram asked for silence until then.
    silent_until: Option<Timestamp>,
}

impl Pace {
    /// Chats that must not be written to at `now`.
    pub(super) fn resting(&mut self, now: Timestamp) -> Vec<i64> {
        self.chats.retain(|_, free| *free > now);
        self.chats.keys().copied().collect()
    }

    /// How many messages may go at `now`, each to another chat that does not rest.
    pub(super) fn room(&mut self, now: Timestamp) -> usize {
        if self.silent_until.is_some_and(|until| until > now) {
            return 0;
        }
        while self.sent.front().is_some_and(|at| later(*at, SECOND) <= now) {
            self.sent.pop_front();
        }
        PER_SECOND_MAX.saturating_sub(self.sent.len())
    }

    /// A message goes to this chat.
    pub(super) fn note(&mut self, chat: i64, now: Timestamp) {
        self.chats.insert(chat, later(now, CHAT_PAUSE));
        self.sent.push_back(now);
    }

    /// Telegram asks to wait.
    pub(super) fn silence(&mut self, until: Timestamp) {
        self.silent_until = self.silent_until.max(Some(until));
    }

    /// When something that waits at `now` only for the pace may go: when the silence ends, the second has room, a chat is free.
    pub(super) fn next(&mut self, now: Timestamp) -> Timestamp {
        let silence = self.silent_until.filter(|until| *until > now);
        let full = (self.room(now) == 0).then(|| self.sent.front().map(|at| later(*at, SECOND))).flatten();
        silence
            .into_iter()
            .chain(full)
            .max()
            .or_else(|| self.chats.values().copied().filter(|free| *free > now).min())
            .unwrap_or(now)
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + ms).unwrap()
    }

    #[test]
    fn a_chat_rests_a_second_and_a_second_holds_thirty() {
        let mut pace = Pace::default();
        for chat in 0..30 {
            assert!(pace.room(at(0)) > 0);
            pace.note(chat, at(0));
        }
        assert_eq!(pace.room(at(999)), 0);
        assert_eq!(pace.next(at(5)), at(1000));
        assert_eq!(pace.resting(at(999)).len(), 30);
        assert_eq!((pace.room(at(1000)), pace.resting(at(1000)).len()), (30, 0));
    }

    #[test]
    fn a_silence_holds_everybody() {
        let mut pace = Pace::default();
        pace.silence(at(7000));
        pace.silence(at(3000));
        assert_eq!((pace.room(at(6999)), pace.next(at(0))), (0, at(7000)));
        assert_eq!(pace.room(at(7000)), 30);
    }
}
