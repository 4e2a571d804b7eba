//! The catalogues of texts: both languages hold the same keys with the same variables, and each key is used.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::{Path, PathBuf},
};

use tga::{
    i18n::{Lang, Part},
    model::AuditAction,
};

/// Where texts are used.
const USERS: [&str; 3] = ["rs", "js", "html"];

/// All parts of a language.
fn source(lang: Lang) -> String {
    Part::ALL.map(|part| lang.source(part)).join("\n")
}

/// Every key with the variables that stand in it.
fn catalogue(lang: Lang) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut key = String::new();
    for row in source(lang).lines().filter(|row| !row.starts_with('#')) {
        if let Some((name, _)) = row.split_once(" =").filter(|_| row.starts_with(char::is_alphabetic)) {
            name.clone_into(&mut key);
            assert!(
                found.insert(key.clone(), BTreeSet::new()).is_none(),
                "{key} is twice in {}",
                lang.code()
            );
        }
        let names = row
            .split('$')
            .skip(1)
            .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>());
        found.entry(key.clone()).or_default().extend(names);
    }
    found.remove("");
    found
}

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|extension| USERS.iter().any(|known| extension == *known)) {
            out.push(path);
        }
    }
}

#[test]
fn both_languages_say_the_same_things() {
    let (ru, en) = (catalogue(Lang::Ru), catalogue(Lang::En));
    assert!(ru.len() > 50, "the catalogue is not where it is looked for");
    let differ = |a: &BTreeMap<String, BTreeSet<String>>, b: &BTreeMap<String, BTreeSet<String>>| {
        a.iter()
            .filter(|(key, variables)| b.get(*key) != Some(variables))
            .map(|(key, _)| key.clone())
            .collect::<Vec<_>>()
    };
    assert!(
        differ(&ru, &en).is_empty() && differ(&en, &ru).is_empty(),
        "{:?} {:?}",
        differ(&ru, &en),
        differ(&en, &ru)
    );
}

#[test]
fn every_text_is_used() {
    let mut files = Vec::new();
    for dir in ["src", "webapp/app"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(dir), &mut files);
    }
    let code: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let quoted: HashSet<&str> = code.split('"').collect();
    let catalogues = Lang::ALL.map(source).concat();
    let unused: Vec<String> = catalogue(Lang::Ru)
        .into_keys()
        .filter(|key| !quoted.contains(key.as_str()) && !catalogues.contains(&format!("{{ {key} }}")))
        .collect();
    assert!(unused.is_empty(), "nothing uses {unused:?}");
}

#[test]
fn every_action_of_the_audit_log_has_its_words_in_the_app() {
    let screen = Path::new(env!("CARGO_MANIFEST_DIR")).join("webapp/app/admin/events.js");
    let code = std::fs::read_to_string(screen).unwrap();
    for action in AuditAction::ALL {
        assert!(code.contains(&format!("{}: \"admin-act-", action.name())), "{} is shown raw", action.name());
    }
}

#[test]
fn every_text_can_be_made() {
    for lang in Lang::ALL {
        for (key, variables) in catalogue(lang) {
            let mut values: Vec<(&str, tga::i18n::Value<'_>)> = vec![("n", 5_i64.into())];
            values
                .extend(variables.iter().filter(|name| *name != "n").map(|name| (name.as_str(), "x".into())));
            let text = lang.tx(&key, &values);
            assert!(!text.is_empty() && !text.contains('{') && !text.contains('$'), "{key}: {text}");
        }
    }
}
