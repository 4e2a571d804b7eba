//! What the site's search reads: posts in files of bearable size, and the script that looks through them.
//!
//! The files are scripts that call one function, because a page opened from a disk may not read other files in any other way. They
//! are read one after another, and hits show before the last file is there.

use std::path::Path;

use serde_json::json;

use super::{Error, channel_slug, dir_make, minute_of, to_file};
use crate::model::{Channel, Post};

pub(super) const SCRIPT: &str = include_str!("site.js");
/// Bytes after which a file ends.
const SHARD_BYTES_MAX: usize = 1 << 20;
/// Characters of a post that can be found.
const TEXT_CHARS_MAX: usize = 4000;

/// The files under way.
pub(super) struct SearchFiles<'a> {
    dir: &'a Path,
    shards: usize,
    pending: String,
}

impl<'a> SearchFiles<'a> {
    pub(super) fn new(dir: &'a Path) -> Result<Self, Error> {
        dir_make(&dir.join("search"))?;
        Ok(Self { dir, shards: 0, pending: String::new() })
    }

    /// Makes a post findable at an address.
    pub(super) fn add(&mut self, address: &str, channel: &Channel, post: &Post) -> Result<(), Error> {
        let text: String = post.text.chars().take(TEXT_CHARS_MAX).collect();
        let row = json!([
            format!("{address}#p{}", post.message_id),
            channel_slug(channel),
            minute_of(post.posted_at),
            text,
            post.tags.join(" "),
        ]);
        if !self.pending.is_empty() {
            self.pending.push_str(",\n");
        }
        self.pending.push_str(&script_safe(&row.to_string()));
        if self.pending.len() >= SHARD_BYTES_MAX { self.flush() } else { Ok(()) }
    }

    /// Writes what is left; how many files there are.
    pub(super) fn finish(&mut self) -> Result<usize, Error> {
        if !self.pending.is_empty() {
            self.flush()?;
        }
        Ok(self.shards)
    }

    fn flush(&mut self) -> Result<(), Error> {
        let path = self.dir.join("search").join(format!("{}.js", self.shards));
        to_file(&path, |out| out.text(&format!("tgaPosts([\n{}\n]);\n", self.pending)))?;
        self.shards += 1;
        self.pending.clear();
        Ok(())
    }
}

/// JSON that is also JavaScript of every age, and ends no script element.
fn script_safe(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::script_safe;

    #[test]
    fn no_text_ends_the_script() {
        assert_eq!(script_safe("\"</script>\u{2028}\""), "\"\\u003c/script>\\u2028\"");
    }
}
