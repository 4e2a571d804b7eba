//! Pages as sites write them, and as enemies do.

use super::*;
use crate::links::Address;

fn read(html: &str) -> Result<Page, Refusal> {
    let address = Address::parse("https://example.org/a", &[80, 443]).unwrap();
    page_read(&Fetched { address, html: true, charset: None, body: html.as_bytes().to_vec() })
}

#[test]
fn an_article_is_read_without_what_stands_around_it() {
    let paragraph = "Ледокол «Арктика» вышел из порта Мурманск и взял курс на восток; до весны он проведёт двенадцать караванов.";
    let page = read(&format!(
        r#"<!doctype html><html lang="ru-RU"><head><title>Ледокол вышел | Северный путь</title>
        <meta property="og:title" content="Ледокол &laquo;Арктика&raquo; вышел в море">
        <meta name="description" content="Зимняя навигация началась"><meta property="og:site_name" content="Северный путь">
        <style>p {{ color: red }}</style><script>if (a < b) document.write("<p>скрипт, который никто не должен читать никогда</p>")</script></head>
        <body><nav><ul><li>Главная страница нашего издания, новости и статьи</li></ul></nav>
        <article><h1>Ледокол вышел</h1><p>{paragraph}</p><h2>Что дальше</h2><p>{paragraph}<br>{paragraph}</p>
        <div class="more"><a href="/b">Читайте также: ещё одна длинная история о ледоколах и людях</a></div></article>
        <footer><p>Все права защищены, перепечатка только с письменного согласия редакции.</p></footer></body></html>"#
    ))
    .unwrap();
    assert_eq!(page.title, "Ледокол «Арктика» вышел в море");
    assert_eq!(page.description, "Зимняя навигация началась");
    assert_eq!(page.site, "Северный путь");
    assert_eq!(page.language.as_deref(), Some("ru"));
    assert_eq!(page.text, format!("Ледокол вышел\n{paragraph}\nЧто дальше\n{paragraph}\n{paragraph}"));
}

#[test]
fn a_page_of_no_article_gives_its_paragraphs() {
    let page = read("<title>T</title><div>Short</div><p>A paragraph that is long enough to be read as one.<p>And another one, which nobody closed, is read too.").unwrap();
    assert_eq!(page.title, "T");
    assert_eq!(
        page.text,
        "A paragraph that is long enough to be read as one.\nAnd another one, which nobody closed, is read too."
    );
    assert_eq!(read("<html><body><img src=a>"), Err(Refusal::Empty));
    assert_eq!(read(""), Err(Refusal::Empty));
}

#[test]
fn hostile_pages_take_no_more_than_their_bytes() {
    let attributes: String =
        (0..200_000).flat_map(|n| ["a".to_owned(), n.to_string(), "=1 ".to_owned()]).collect();
    for html in [
        "<div>".repeat(1_000_000),
        "<b><i>".repeat(300_000),
        "<table><tr><td>".repeat(200_000),
        "<p><font a>".repeat(300_000),
        "</p></div>".repeat(300_000),
        "<nav>".repeat(500_000),
        "<article>".repeat(500_000),
        format!("<div {attributes}>x</div>"),
        format!("<div a={}>", "x".repeat(5_000_000)),
        "&amp".repeat(1_000_000),
        "<!--".repeat(500_000),
        "<![CDATA[".repeat(300_000),
        "\0<\0".repeat(500_000),
        format!("<title>{}", "заголовок ".repeat(400_000)),
    ] {
        if let Ok(page) = read(&html) {
            assert!(
                page.text.chars().count() <= TEXT_CHARS_MAX && page.title.chars().count() <= LINE_CHARS_MAX
            );
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..2_000), html: bool) {
        let address = Address::parse("https://example.org/a", &[443]).unwrap();
        if let Ok(page) = page_read(&Fetched { address, html, charset: None, body }) {
            proptest::prop_assert!(page.text.chars().count() <= TEXT_CHARS_MAX);
        }
    }

    #[test]
    fn any_tags_are_read_or_refused(tags in proptest::collection::vec("</?(p|div|article|nav|title|script|a|h1|meta content=x name=description)>|текст[ а-я]{0,60}", 0..80)) {
        if let Ok(page) = read(&tags.concat()) {
            proptest::prop_assert!(!page.text.contains('<'));
        }
    }
}
