//! The modules that every screen needs, sent as one file.
//!
//! A slow phone works as long on each file that is asked for as on ten kilobytes of script, so those that are always needed go together
//! as `start.js`. Their sources stay modules: each becomes a function that gives what it exports, after all that it imports, and
//! whoever imports one of them imports `start.js`. Only the part of the language is read that these sources keep to: an import is one
//! row, an export begins one.

use std::collections::BTreeMap;

/// What goes together, each after what it imports; the last begins the app.
const TOGETHER: [&str; 9] = [
    "dom.js",
    "words.js",
    "telegram.js",
    "session.js",
    "api.js",
    "parts.js",
    "screens.js",
    "router.js",
    START,
];
/// The name they are sent by.
const START: &str = "start.js";

/// Puts the modules together in these files, and leads every import of one of them to it.
pub(super) fn put(files: &mut BTreeMap<&'static str, Vec<u8>>) {
    let sources = TOGETHER.map(|name| files.remove(name).unwrap_or_default());
    let whole: String = sources.iter().map(|source| module(&String::from_utf8_lossy(source))).collect();
    files.insert(START, whole.into_bytes());
    let script = |name: &str| name.rsplit('.').next() == Some("js");
    for (_, bytes) in files.iter_mut().filter(|(name, _)| script(name)) {
        *bytes = led(&String::from_utf8_lossy(bytes)).into_bytes();
    }
}

/// A module as a function, with what it exports known to those after it and to other files.
fn module(source: &str) -> String {
    let (mut names, mut body) = (Vec::new(), String::with_capacity(source.len()));
    for row in source.lines().filter(|row| !row.starts_with("import ")) {
        let row = row.strip_prefix("export ").inspect(|rest| names.push(declared(rest))).unwrap_or(row);
        body.push_str(row);
        body.push('\n');
    }
    let names = names.join(", ");
    format!("const {{ {names} }} = (() => {{\n{body}return {{ {names} }};\n}})();\nexport {{ {names} }};\n")
}

/// The name that `const x = …`, `class X …` or `async function x(…` declares.
fn declared(row: &str) -> &str {
    let mut words = row.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.find(|word| !["async", "const", "let", "function", "class"].contains(word)).unwrap_or_default()
}

/// The same script with its imports of what went together led there.
fn led(script: &str) -> String {
    TOGETHER.iter().fold(script.to_owned(), |script, name| {
        ["./", "../"].iter().fold(script, |script, up| {
            script.replace(&format!("from \"{up}{name}\""), &format!("from \"{up}{START}\""))
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{START, TOGETHER, put};

    #[test]
    fn modules_become_one_and_imports_lead_to_it() {
        let mut files: BTreeMap<&'static str, Vec<u8>> =
            TOGETHER.iter().map(|name| (*name, Vec::new())).collect();
        files.insert("dom.js", b"// Nodes.\nexport const h = 1;\nconst own = 2;\n".to_vec());
        files.insert(
            "api.js",
            b"import { h } from \"./dom.js\";\n\nexport async function ask(n) {\n  return n + h;\n}\nexport class Failure extends Error {}\n".to_vec(),
        );
        files.insert(
            "screens/me.js",
            b"import { ask } from \"../api.js\";\nimport { x } from \"./x.js\";\n".to_vec(),
        );
        put(&mut files);
        assert_eq!(files.keys().copied().collect::<Vec<_>>(), ["screens/me.js", START]);
        let text = |name: &str| String::from_utf8(files[name].clone()).unwrap();
        assert_eq!(
            text("screens/me.js"),
            "import { ask } from \"../start.js\";\nimport { x } from \"./x.js\";\n"
        );
        let whole = text(START);
        assert!(whole.starts_with(
            "const { h } = (() => {\n// Nodes.\nconst h = 1;\nconst own = 2;\nreturn { h };\n})();\nexport { h };\n"
        ));
        assert!(whole.contains("return { ask, Failure };\n})();\nexport { ask, Failure };\n"), "{whole}");
        assert!(!whole.contains("import "), "{whole}");
    }
}
