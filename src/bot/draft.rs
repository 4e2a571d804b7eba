//! An answer that is still being written, shown as far as it has come: often enough to be followed, seldom enough for Telegram.

use std::time::{Duration, Instant};

/// Between two looks of an answer: a chat takes a message a second (core.telegram.org/bots/faq).
const SHOWN_EVERY: Duration = Duration::from_millis(1500);
/// What has so little to show is not shown yet, characters.
const CHARS_MIN: usize = 20;

/// What was written so far.
#[derive(Debug)]
pub(super) struct Draft {
    text: String,
    shown_at: Instant,
}

impl Draft {
    pub(super) fn new(now: Instant) -> Self {
        Self { text: String::new(), shown_at: now }
    }

    /// Takes a further piece; the whole so far, where it is time to show it.
    pub(super) fn push(&mut self, piece: &str, now: Instant) -> Option<&str> {
        self.text.push_str(piece);
        if now.duration_since(self.shown_at) < SHOWN_EVERY || self.text.trim().chars().count() < CHARS_MIN {
            return None;
        }
        self.shown_at = now;
        Some(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_shown_when_there_is_something_and_not_too_often() {
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        let mut draft = Draft::new(began);
        assert_eq!(
            draft.push("Метро откроют в мае, сообщил мэр.", at(100)),
            None,
            "an answer this fast is sent whole"
        );
        assert_eq!(draft.push(" Ещё", at(1600)), Some("Метро откроют в мае, сообщил мэр. Ещё"));
        assert_eq!(draft.push(" два", at(2000)), None);
        assert!(draft.push(" слова.", at(3200)).is_some());
        let mut short = Draft::new(began);
        assert_eq!(short.push("Да", at(5000)), None);
    }
}
