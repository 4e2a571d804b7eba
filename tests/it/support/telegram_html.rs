//! Telegram's rules of HTML in messages, checked by other code than the one that writes it.
//!
//! A strict reader: known tags only, properly nested, each closed; `pre` and `code` hold nothing but text (and `pre` one `code`); a
//! quotation holds no quotation, a link no link; known entities only. It says what a person sees.

/// Tags that hold other tags.
const MARKS: [&str; 8] = ["b", "i", "u", "s", "tg-spoiler", "blockquote", "a", "pre"];

/// Reads a message's HTML: the visible text, or what is wrong with it.
pub(crate) fn visible(html: &str) -> Result<String, String> {
    let mut text = String::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = html;
    while let Some(c) = rest.chars().next() {
        match c {
            '<' => {
                let end = rest.find('>').ok_or("a tag has no end")?;
                tag(&rest[1..end], &mut open)?;
                rest = &rest[end + 1..];
            }
            '>' => return Err("a bare >".to_owned()),
            '&' => {
                let end = rest.find(';').ok_or("a bare &")?;
                text.push(entity(&rest[1..end])?);
                rest = &rest[end + 1..];
            }
            c => {
                text.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    match open.pop() {
        Some(name) => Err(format!("<{name}> is not closed")),
        None => Ok(text),
    }
}

/// How Telegram counts a text.
pub(crate) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn entity(name: &str) -> Result<char, String> {
    match name {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        other => Err(format!("no entity &{other};")),
    }
}

fn tag(inside: &str, open: &mut Vec<String>) -> Result<(), String> {
    if let Some(name) = inside.strip_prefix('/') {
        return match open.pop() {
            Some(last) if last == name => Ok(()),
            Some(last) => Err(format!("</{name}> closes <{last}>")),
            None => Err(format!("</{name}> closes nothing")),
        };
    }
    let (name, attribute) = inside.split_once(' ').unwrap_or((inside, ""));
    let parent = open.last().map(String::as_str);
    if parent == Some("code") || (parent == Some("pre") && name != "code") {
        return Err(format!("<{name}> stands in code"));
    }
    if name != "code" && !MARKS.contains(&name) {
        return Err(format!("no tag <{name}>"));
    }
    let nested = |outer: &str| open.iter().any(|other| other == outer);
    if matches!(name, "blockquote" | "a") && nested(name) {
        return Err(format!("<{name}> stands in itself"));
    }
    // Code is part of a quotation at most, a block of code of nothing.
    let holds_code = open.iter().all(|outer| outer == "blockquote" || outer == "pre");
    if name == "code" && !holds_code || name == "pre" && !open.is_empty() {
        return Err(format!("<{name}> stands in {open:?}"));
    }
    match (name, attribute) {
        ("a", attribute) => {
            let address = attribute.strip_prefix("href=\"").and_then(|value| value.strip_suffix('"'));
            let address = address.ok_or("a link has no address")?;
            let address = address.replace("&amp;", "&").replace("&quot;", "\"");
            let scheme = address.split(':').next().unwrap_or_default();
            if !["http", "https", "tg", "mailto", "tel"].contains(&scheme.to_lowercase().as_str()) {
                return Err(format!("a link leads to {address}"));
            }
        }
        ("code", attribute) if attribute.starts_with("class=\"language-") && parent == Some("pre") => {}
        (_, "") => {}
        (_, attribute) => return Err(format!("<{name}> has {attribute}")),
    }
    open.push(name.to_owned());
    Ok(())
}

#[test]
fn the_checker_refuses_what_telegram_refuses() {
    assert_eq!(visible("<b>a<i>&lt;</i></b>&amp;").as_deref(), Ok("a<&"));
    for broken in [
        "<b>a",
        "a</b>",
        "<b><i>a</b></i>",
        "<x>a</x>",
        "a & b",
        "&nbsp;",
        "<code><b>a</b></code>",
        "<b><code>a</code></b>",
        "<a>a</a>",
        "<a href=\"javascript:a\">a</a>",
        "a > b",
        "<pre><b>a</b></pre>",
        "<b><pre>a</pre></b>",
    ] {
        assert!(visible(broken).is_err(), "{broken}");
    }
}
