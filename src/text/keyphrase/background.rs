//! How common words are at large: what a fresh tenant cannot know yet.
//!
//! Pure. The table `background.txt` was counted over 11,337 posts of 12 public Russian channels (news, IT, science): for
//! each stem the median of its share of posts over the channels, so that one channel's favourite subject is no common
//! word, rounded down to five levels. A line that is a number opens a level; the stems below it have that share.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The share of texts that is assumed of a stem outside the table.
const SHARE_UNLISTED: f32 = 0.0005;

static SHARES: LazyLock<HashMap<&'static str, f32>> = LazyLock::new(|| {
    let mut shares = HashMap::new();
    let mut level = SHARE_UNLISTED;
    for piece in include_str!("background.txt").split_whitespace() {
        if let Ok(share) = piece.parse() {
            level = share;
        } else {
            shares.insert(piece, level);
        }
    }
    shares
});

/// The share of texts that hold a stem.
pub(super) fn share(stem: &str) -> f32 {
    SHARES.get(stem).copied().unwrap_or(SHARE_UNLISTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_are_listed() {
        assert!(share("год") > 0.05);
        assert!(share("нов") > share("нейросет"));
        assert!(SHARES.len() > 500);
    }
}
