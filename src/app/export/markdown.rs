//! Markdown: a directory a channel, a file a month, posts in the order they were posted.
//!
//! Post text is written so that nothing in it is markup: what looks like a heading in a post is text in the file.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use super::{Counts, Error, Export, PAGE, Progress, channel_slug, dir_make, minute_of, month_of, to_file};
use crate::model::{Channel, Post, PostId};

pub(super) fn write(export: &mut Export<'_>, dir: &Path) -> Result<Counts, Error> {
    let channels: Vec<Channel> = export.channels.values().cloned().collect();
    let mut counts = Counts::from([("channels", channels.len() as u64)]);
    let mut index = format!("# {}\n\n", escaped(&export.tenant.row().name));
    for channel in &channels {
        let slug = channel_slug(channel);
        dir_make(&dir.join(&slug))?;
        let mut months: BTreeMap<String, Vec<PostId>> = BTreeMap::new();
        for (id, at) in export.tenant.store().post_places(channel.id)? {
            months.entry(month_of(at)).or_default().push(id);
        }
        let _ = writeln!(index, "## {}\n", escaped(&channel.title));
        for (month, ids) in &months {
            let _ = writeln!(index, "- [{month}]({slug}/{month}.md), {} posts", ids.len());
            to_file(&dir.join(&slug).join(format!("{month}.md")), |out| {
                out.text(&format!("# {}, {month}\n\n", escaped(&channel.title)))?;
                for page in ids.chunks(PAGE) {
                    for post in export.tenant.store().posts_load(page)? {
                        out.text(&entry(channel, &post))?;
                    }
                }
                Ok(())
            })?;
            *counts.entry("files").or_default() += 1;
            let posts = counts.entry("posts").or_default();
            *posts += ids.len() as u64;
            (export.progress)(Progress::Export { done: *posts, total: export.total });
        }
        index.push('\n');
    }
    to_file(&dir.join("index.md"), |out| out.text(&index))?;
    *counts.entry("files").or_default() += 1;
    Ok(counts)
}

fn entry(channel: &Channel, post: &Post) -> String {
    let at = minute_of(post.posted_at);
    let mut out = match channel.permalink(post.message_id) {
        Some(link) => format!("## [{at}]({link})\n\n"),
        None => format!("## {at}\n\n"),
    };
    for line in post.text.lines() {
        // Two spaces keep the line break.
        let _ = writeln!(out, "{}  ", escaped(line));
    }
    out.push('\n');
    for link in post.links.iter().filter(|link| is_web(&link.url)) {
        let shown = if link.text.is_empty() { &link.url } else { &link.text };
        // Angle brackets keep an address with parentheses whole.
        let url = link.url.replace('<', "%3C").replace('>', "%3E").replace([' ', '\n'], "%20");
        let _ = writeln!(out, "- [{}](<{url}>)", escaped(shown));
    }
    if !post.tags.is_empty() {
        let tags: Vec<String> = post.tags.iter().map(|tag| escaped(tag)).collect();
        let _ = writeln!(out, "\nTags: {}", tags.join(", "));
    }
    out.push('\n');
    out
}

/// Addresses that a reader may follow; no script and no file of theirs.
pub(super) fn is_web(url: &str) -> bool {
    let start: String = url.chars().take(8).collect::<String>().to_lowercase();
    start.starts_with("https://") || start.starts_with("http://")
}

/// Text in which nothing is markup (`CommonMark`: any ASCII punctuation may be escaped).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let indent = text.len() - text.trim_start().len();
    for (at, c) in text.char_indices() {
        let leads = at == indent && matches!(c, '#' | '>' | '+' | '-' | '=' | '~' | '|' | ':');
        let in_number = matches!(c, '.' | ')')
            && at > indent
            && text[indent..at].bytes().all(|byte| byte.is_ascii_digit());
        if leads || in_number || matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '&' | '!' | '~' | '|')
        {
            out.push('\\');
        }
        // Spaces at the start would make it code.
        if at < indent {
            out.push_str("&nbsp;");
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{escaped, is_web};

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(escaped("# no heading"), "\\# no heading");
        assert_eq!(escaped("1. no list"), "1\\. no list");
        assert_eq!(escaped("a <b>*bold*</b> [x](y)"), "a \\<b>\\*bold\\*\\</b> \\[x\\](y)");
        assert_eq!(escaped("    no code"), "&nbsp;&nbsp;&nbsp;&nbsp;no code");
        assert_eq!(escaped("рост на 1.5"), "рост на 1.5");
    }

    #[test]
    fn only_the_web_is_linked() {
        assert!(is_web("https://example.org") && is_web("HTTP://example.org"));
        assert!(!is_web("javascript:alert(1)") && !is_web("file:///etc/passwd") && !is_web("tg://resolve"));
    }
}
