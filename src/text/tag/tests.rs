use super::*;

#[test]
fn hashes_are_those_of_the_old_system() {
    let check = |tags: &[&str], expected: &str| {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        assert_eq!(tags_hash(&tags), expected, "{tags:?}");
    };
    check(
        &[],
        "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
    );
}
