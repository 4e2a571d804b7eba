//! A web site of plain files: posts by channel and month, search in the browser, RSS. Works from a disk and from any web server.
//!
//! Asks nothing of anybody: every file it names is its own, and its policy forbids others. Text of posts is escaped everywhere; an
//! address becomes a link only where it is one of the web. Two exports of the same posts are the same, byte for byte.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use jiff::{Timestamp, tz::TimeZone};

use super::{
    Counts, Error, Export, PAGE, Progress, channel_slug, dir_make,
    markdown::is_web,
    minute_of, month_of,
    site_search::{SCRIPT, SearchFiles},
    to_file,
};
use crate::model::{Channel, Post, PostId};

/// Posts a feed has.
const FEED_POSTS: usize = 50;
/// Characters of a post that a feed's title takes.
const FEED_TITLE_CHARS: usize = 80;

const STYLE: &str = include_str!("site.css");
/// What pages may load: their own files, also from a disk, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self' file:; style-src 'self' file:; base-uri 'none'; \
                      form-action 'none'";

pub(super) fn write(export: &mut Export<'_>, dir: &Path) -> Result<Counts, Error> {
    let mut counts = Counts::new();
    let mut site = Site { dir, counts: &mut counts, search: SearchFiles::new(dir)? };
    site.file("style.css", STYLE)?;
    site.file("search.js", SCRIPT)?;
    let name = export.tenant.row().name.clone();
    let channels: Vec<Channel> = export.channels.values().cloned().collect();
    let mut list = String::new();
    let mut newest: Vec<(Timestamp, PostId)> = Vec::new();
    for channel in &channels {
        let months = site.channel(export, channel, &mut newest)?;
        let posts: usize = months.values().map(Vec::len).sum();
        let (slug, title) = (channel_slug(channel), escaped(&channel.title));
        let _ = write!(list, "<li><a href=\"c/{slug}/index.html\">{title}</a> <small>{posts}</small></li>");
        *site.counts.entry("channels").or_default() += 1;
    }
    newest.sort_unstable_by_key(|(at, id)| std::cmp::Reverse((*at, *id)));
    newest.truncate(FEED_POSTS);
    let ids: Vec<PostId> = newest.iter().map(|(_, id)| *id).collect();
    let posts = export.tenant.store().posts_load(&ids)?;
    let feed = feed(&name, &posts, |post| export.channels.get(&post.channel_id));
    site.file("feed.xml", &feed)?;
    let shards = site.search.finish()?;
    let body = format!(
        "<form id=\"search\" role=\"search\"><input id=\"query\" type=\"search\" autocomplete=\"off\" \
         placeholder=\"Search · Поиск\" aria-label=\"Search\"></form>\
         <p id=\"state\" role=\"status\"></p><ol id=\"hits\"></ol><ul class=\"channels\">{list}</ul>"
    );
    let scripts = format!("<script src=\"search.js\" data-shards=\"{shards}\" defer></script>");
    site.file("index.html", &page(&name, "", &body, &scripts))?;
    Ok(counts)
}

struct Site<'a> {
    dir: &'a Path,
    counts: &'a mut Counts,
    search: SearchFiles<'a>,
}

impl Site<'_> {
    fn file(&mut self, name: &str, text: &str) -> Result<(), Error> {
        *self.counts.entry("files").or_default() += 1;
        to_file(&self.dir.join(name), |out| out.text(text))
    }

    /// The pages of a channel; adds its newest posts to those of the whole site.
    fn channel(
        &mut self,
        export: &mut Export<'_>,
        channel: &Channel,
        newest: &mut Vec<(Timestamp, PostId)>,
    ) -> Result<BTreeMap<String, Vec<PostId>>, Error> {
        let slug = channel_slug(channel);
        dir_make(&self.dir.join("c").join(&slug))?;
        let places = export.tenant.store().post_places(channel.id)?;
        let recent = &places[places.len().saturating_sub(FEED_POSTS)..];
        newest.extend(recent.iter().map(|(id, at)| (*at, *id)));
        let ids: Vec<PostId> = recent.iter().rev().map(|(id, _)| *id).collect();
        let recent = export.tenant.store().posts_load(&ids)?;
        self.file(&format!("c/{slug}/feed.xml"), &feed(&channel.title, &recent, |_| Some(channel)))?;
        let mut months: BTreeMap<String, Vec<PostId>> = BTreeMap::new();
        for (id, at) in places {
            months.entry(month_of(at)).or_default().push(id);
        }
        let mut list = String::new();
        for (month, ids) in months.iter().rev() {
            self.month(export, channel, month, ids)?;
            let _ =
                write!(list, "<li><a href=\"{month}.html\">{month}</a> <small>{}</small></li>", ids.len());
        }
        let body = format!("<ul class=\"channels\">{list}</ul><p><a href=\"feed.xml\">RSS</a></p>");
        self.file(&format!("c/{slug}/index.html"), &page(&channel.title, "../../", &body, ""))?;
        Ok(months)
    }

    fn month(
        &mut self,
        export: &mut Export<'_>,
        channel: &Channel,
        month: &str,
        ids: &[PostId],
    ) -> Result<(), Error> {
        let address = format!("c/{}/{month}.html", channel_slug(channel));
        let mut body = String::new();
        for part in ids.chunks(PAGE) {
            for post in export.tenant.store().posts_load(part)? {
                body.push_str(&article(channel, &post));
                self.search.add(&address, channel, &post)?;
                *self.counts.entry("posts").or_default() += 1;
            }
        }
        let title = format!("{}, {month}", channel.title);
        self.file(&address, &page(&title, "../../", &body, ""))?;
        let done = self.counts.get("posts").copied().unwrap_or(0);
        (export.progress)(Progress::Export { done, total: export.total });
        Ok(())
    }
}

fn page(title: &str, up: &str, body: &str, scripts: &str) -> String {
    let title = escaped(title);
    let home = if up.is_empty() { String::new() } else { format!("<a href=\"{up}index.html\">← </a>") };
    format!(
        "<!doctype html>\n<html><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"referrer\" content=\"no-referrer\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"{up}style.css\">\
         <link rel=\"alternate\" type=\"application/rss+xml\" href=\"feed.xml\">{scripts}</head>\
         <body><h1>{home}{title}</h1>\n{body}\n</body></html>\n"
    )
}

fn article(channel: &Channel, post: &Post) -> String {
    let at = minute_of(post.posted_at);
    let mut out = format!("<article id=\"p{}\"><header>", post.message_id);
    let _ = match channel.permalink(post.message_id) {
        Some(link) => write!(out, "<a href=\"{}\" rel=\"noreferrer noopener\">{at}</a>", escaped(&link)),
        None => write!(out, "{at}"),
    };
    if let Some(author) = &post.author {
        let _ = write!(out, " · {}", escaped(author));
    }
    let _ = write!(out, "</header><div class=\"text\">{}</div>", escaped(&post.text));
    let links: Vec<_> = post.links.iter().filter(|link| is_web(&link.url)).collect();
    if !links.is_empty() {
        out.push_str("<ul class=\"links\">");
        for link in links {
            let shown = if link.text.is_empty() { &link.url } else { &link.text };
            let (url, shown) = (escaped(&link.url), escaped(shown));
            let _ =
                write!(out, "<li><a href=\"{url}\" rel=\"noreferrer noopener nofollow\">{shown}</a></li>");
        }
        out.push_str("</ul>");
    }
    if !post.tags.is_empty() {
        let tags: Vec<String> =
            post.tags.iter().map(|tag| format!("<span>{}</span>", escaped(tag))).collect();
        let _ = write!(out, "<footer>{}</footer>", tags.join(" "));
    }
    out.push_str("</article>\n");
    out
}

/// RSS 2.0. A post is known by its address at Telegram; it links there, or, without one, nowhere.
fn feed<'a>(title: &str, posts: &[Post], channel_of: impl Fn(&Post) -> Option<&'a Channel>) -> String {
    let title = escaped(title);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\"><channel><title>{title}</title>\
         <link>https://t.me/</link><description>{title}</description>\n"
    );
    for post in posts {
        let Some(channel) = channel_of(post) else { continue };
        let first = post.text.lines().next().unwrap_or_default();
        let short: String = first.chars().take(FEED_TITLE_CHARS).collect();
        let at = post.posted_at.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
        let link = channel.permalink(post.message_id).map(|link| format!("<link>{}</link>", escaped(&link)));
        let _ = writeln!(
            out,
            "<item><title>{}</title>{}<guid isPermaLink=\"false\">{}</guid><pubDate>{at}</pubDate>\
             <description>{}</description></item>",
            escaped(&short),
            link.unwrap_or_default(),
            super::post_uuid(channel, post.message_id),
            // A feed's description is HTML in text: escaped twice, so that it stays text.
            escaped(&escaped(&post.text)),
        );
    }
    out.push_str("</channel></rss>\n");
    out
}

/// Text for HTML and XML, in elements and attributes alike; signs XML cannot hold are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn text_stays_text_in_elements_and_attributes() {
        assert_eq!(
            escaped("<img src=x onerror='a' b=\"c\"> &"),
            "&lt;img src=x onerror=&#39;a&#39; b=&quot;c&quot;&gt; &amp;"
        );
        assert_eq!(escaped("a\u{0}\u{8}b\nc"), "ab\nc");
    }
}
