//! The few values of S3's answers: the text between a pair of tags. Pure and total; what is not there is absent.

/// The text of the first element of this name.
pub(super) fn value(text: &str, name: &str) -> Option<String> {
    values(text, name).into_iter().next()
}

/// The texts of all elements of this name; an element with others inside comes with them, to be asked further.
pub(super) fn values(text: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(&open) {
        let Some((inside, next)) = after.split_once(&close) else { break };
        found.push(if inside.contains('<') { inside.to_owned() } else { unescaped(inside) });
        rest = next;
    }
    found
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_and_their_absence_is_no_error() {
        let text = "<R><Contents><Key>a&amp;b</Key><Size>3</Size></Contents><Contents><Key>c</Key></Contents><N/></R>";
        let keys: Vec<_> = values(text, "Contents").iter().map(|entry| value(entry, "Key")).collect();
        assert_eq!(keys, [Some("a&b".to_owned()), Some("c".to_owned())]);
        assert_eq!(value(text, "Size").as_deref(), Some("3"));
        assert_eq!(value(text, "N"), None);
        assert_eq!(values("<Key>cut", "Key"), Vec::<String>::new());
        assert_eq!(unescaped(&escaped("<a>&\"")), "<a>&\"");
    }
}
