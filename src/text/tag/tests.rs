//! Tags: which phrases may be one, how they are compared, and the hash of a list.

use super::*;

#[test]
fn hashes_are_those_of_the_old_system() {
    let check = |tags: &[&str], expected: &str| {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        assert_eq!(tags_hash(&tags), expected, "{tags:?}");
    };
    check(&[], "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945");
    check(&["тег1", "тег2"], "089c416f3ecc00458ff3a03e58f979da2810121676a221e59163e4d5ec821c04");
    check(&["тег2", "тег1", "тег2", ""], "089c416f3ecc00458ff3a03e58f979da2810121676a221e59163e4d5ec821c04");
    check(&["a\"b\\", "б"], "0d3b0b3f39171fd2d33135bdf81cc0a97e3e6ebca3c14b7ba5479df3c5e2c1ec");
}

#[test]
fn rules() {
    let text =
        "Газпром нефть открыла хаб в Омске. ИИ и нейросети, экономика; раз два три четыре; а б в г д е ж";
    let check = |tags: &[&str], kept: &[&str], reasons: &[Rejection]| {
        let (found, refused) = tags_checked(text, tags.iter().map(|tag| (*tag).to_owned()));
        assert_eq!(found, kept, "{tags:?}");
        assert_eq!(refused.iter().map(|tag| tag.reason).collect::<Vec<_>>(), reasons, "{tags:?}");
    };
    check(&["газпром НЕФТЬ", "ии"], &["Газпром нефть", "ИИ"], &[]);
    check(&["Роснефть", "экономика", "—"], &[], &[Rejection::NotInText, Rejection::Banned, Rejection::Empty]);
    check(&["раз два три четыре"], &[], &[Rejection::TooLong]);
    check(&["нейросети", "#Нейросети"], &["нейросети"], &[Rejection::Duplicate]);
    check(
        &["Газпром", "хаб", "Омске", "ИИ", "нейросети", "нефть"],
        &["Газпром", "хаб", "Омске", "ИИ", "нейросети"],
        &[Rejection::TooMany],
    );
}

#[test]
fn variants_share_a_key() {
    assert_eq!(tag_key("Ключевой ставки"), tag_key("ключевая ставка"));
    assert_eq!(tag_key("#Нейросети"), tag_key("нейросеть"));
    assert_ne!(tag_key("ИИ"), tag_key("и"));
}
