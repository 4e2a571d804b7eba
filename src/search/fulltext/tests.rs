//! The index against small posts: what is found, in what order, and what happens to damaged files.

use proptest::prelude::*;

use super::*;
use crate::{
    model::{ChannelId, ChannelSet, Link},
    text::tag_key,
};

struct Fixture {
    dir: tempfile::TempDir,
    index: FullText,
}

#[derive(Clone, Default)]
struct Sample {
    text: &'static str,
    tags: Vec<String>,
    links: Vec<Link>,
    author: Option<&'static str>,
}

fn text(text: &'static str) -> Sample {
    Sample { text, ..Sample::default() }
}

/// Post n (from 1) is in channel n % 2, posted at n · 100.
fn fixture(samples: &[Sample]) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let index = FullText::open(dir.path(), FullTextSettings::default()).unwrap();
    let documents: Vec<Document<'_>> = samples
        .iter()
        .zip(1i64..)
        .map(|(sample, id)| Document {
            post_id: PostId(id),
            channel_id: ChannelId(id % 2),
            posted_at: id * 100,
            text: sample.text,
            links: &sample.links,
            pages: &[],
            tags: &sample.tags,
            author: sample.author,
            language: Some("ru"),
        })
        .collect();
    index.upsert(&documents).unwrap();
    index.commit(Some("7")).unwrap();
    Fixture { dir, index }
}

fn everything() -> Filter {
    Filter::channels(ChannelSet::All)
}

fn found(index: &FullText, query: &str, filter: &Filter) -> Vec<i64> {
    let found = index.search(&Query::parse(query), filter, 10).unwrap();
    assert_eq!(found.total, found.hits.len() as u64, "{query}");
    found.hits.iter().map(|hit| hit.post_id.0).collect()
}

fn check(samples: &[Sample], query: &str, expected: &[i64]) {
    assert_eq!(found(&fixture(samples).index, query, &everything()), expected, "{query}");
}

#[test]
fn words_are_found_in_any_form_and_the_exact_form_first() {
    let posts = [text("Банк повысил ставки"), text("Ставка осталась прежней"), text("Погода в Москве")];
    check(&posts, "ставка", &[2, 1]);
    check(&posts, "СТАВКИ", &[1, 2]);
    check(&posts, "ничего", &[]);
    check(&[text("Ёлка зелёная")], "елка", &[1]);
    check(&[text("The releases are out")], "release", &[1]);
}

#[test]
fn more_words_and_nearer_words_rank_higher() {
    let posts = [
        text("ключевая роль команды и высокая ставка на победу в этом сезоне"),
        text("ставка по вкладам выросла в этом году снова и снова"),
        text("сегодня ключевая ставка выросла до нового значения в этом году"),
    ];
    assert_eq!(found(&fixture(&posts).index, "ключевая ставка", &everything())[..2], [3, 1]);
}

#[test]
fn signs_limit_the_result() {
    let posts = [
        text("умный дом и новая ключевая ставка"),
        text("ставка новая, ключевая для рынка"),
        Sample {
            tags: vec!["Искусственный интеллект".to_owned(), "rust".to_owned()],
            ..text("ставка на роботов")
        },
        text("подборка ставка #rust"),
    ];
    check(&posts, "\"ключевая ставка\"", &[1]);
    check(&posts, "ставка -ключевая", &[3, 4]);
    check(&posts, "ставка -\"ключевая ставка\" -#rust", &[2]);
    check(&posts, "#rust", &[4, 3]);
    check(&posts, "#искусственный_интеллект", &[3]);
    check(&posts, "\"ставка дом\" -роботов -рынка", &[1, 4]);
    check(&posts, "-ставка", &[]);
}

#[test]
fn links_tags_and_authors_are_searchable() {
    let posts = [
        Sample {
            links: vec![Link {
                text: "отчёт регулятора".to_owned(),
                url: "https://example.com/report".to_owned(),
            }],
            ..text("подробности по ссылке")
        },
        Sample { author: Some("Иван Петров"), ..text("колонка") },
    ];
    check(&posts, "регулятор", &[1]);
    check(&posts, "example.com", &[1]);
    check(&posts, "петров", &[2]);
}

#[test]
fn a_typo_is_forgiven_only_where_the_word_is_unknown() {
    let posts = [text("новости о нейросетях"), text("нейроны и мозг")];
    check(&posts, "нейросетьях", &[1]);
    check(&posts, "нейрсети", &[1]);
    check(&posts, "мозх", &[]);
}

#[test]
fn filters_add_up() {
    let tagged = Sample { tags: vec!["Наука".to_owned()], ..text("пост") };
    let posts = [text("пост"), text("пост"), tagged.clone(), tagged, text("пост")];
    let fixture = fixture(&posts);
    let only = |ids: &[i64]| ChannelSet::Only(ids.iter().copied().map(ChannelId).collect());
    let check = |filter: Filter, expected: &[i64]| {
        assert_eq!(found(&fixture.index, "пост", &filter), expected, "{filter:?}");
        let matching = fixture.index.posts_matching(&filter).unwrap();
        let expected: BTreeSet<PostId> = expected.iter().copied().map(PostId).collect();
        assert_eq!(matching, expected, "{filter:?}");
    };
    check(everything(), &[5, 4, 3, 2, 1]);
    check(Filter::channels(only(&[1])), &[5, 3, 1]);
    check(Filter::channels(only(&[])), &[]);
    check(Filter::channels(only(&[77])), &[]);
    let narrow = Filter { since: Some(200), until: Some(400), ..everything() };
    check(narrow.clone(), &[3, 2]);
    check(Filter { tags: vec![vec![tag_key("#науки")]], ..narrow.clone() }, &[3]);
    let tags = vec![vec![tag_key("знание"), tag_key("наука")]];
    check(Filter { tags, ..narrow.clone() }, &[3]);
    let tags = vec![vec![tag_key("знание")], vec![tag_key("наука")]];
    check(Filter { tags, ..narrow }, &[]);
}

#[test]
fn adding_again_replaces_and_removing_removes() {
    let Fixture { dir, index } = fixture(&[text("первый"), text("второй"), text("третий")]);
    let document = Document {
        post_id: PostId(2),
        channel_id: ChannelId(0),
        posted_at: 5,
        text: "изменённый",
        links: &[],
        pages: &[],
        tags: &[],
        author: None,
        language: None,
    };
    index.upsert(&[document, document]).unwrap();
    index.remove(&[PostId(3), PostId(99)]).unwrap();
    assert_eq!(index.documents(), 3, "nothing shows before the commit");
    index.commit(None).unwrap();
    assert_eq!(index.watermark().as_deref(), Some("7"), "kept");
    assert_eq!(index.documents(), 2);
    assert_eq!(found(&index, "изменённый", &everything()), [2]);
    assert!(found(&index, "второй", &everything()).is_empty());
    assert!(index.contains(PostId(2)).unwrap() && !index.contains(PostId(3)).unwrap());
    let drift = index.verify([PostId(1), PostId(4)]).unwrap();
    assert_eq!(drift, Drift { missing: vec![PostId(4)], extra: vec![PostId(2)] });
    index.close_writer();
    drop(index);
    let again = FullText::open(dir.path(), FullTextSettings::default()).unwrap();
    assert_eq!(again.watermark().as_deref(), Some("7"));
    assert_eq!(again.documents(), 2);
    assert!(again.bytes_on_disk().unwrap() > 0);
}

#[test]
fn scores_of_given_posts_are_those_of_the_search() {
    let fixture = fixture(&[text("ставка растёт"), text("ставка"), text("погода")]);
    let query = Query::parse("ставка");
    let all = fixture.index.search(&query, &everything(), 10).unwrap().hits;
    let ids: Vec<PostId> = (1..=3).map(PostId).collect();
    assert_eq!(fixture.index.score(&query, &everything(), &ids).unwrap(), all);
    assert_eq!(fixture.index.score(&query, &everything(), &ids[..1]).unwrap().len(), 1);
    assert!(fixture.index.score(&query, &everything(), &[]).unwrap().is_empty());
    assert_eq!(fixture.index.document_frequency(&crate::text::stem("ставка")).unwrap(), 2);
}

#[test]
fn a_writer_lock_of_a_dead_process_is_free() {
    let Fixture { dir, index } = fixture(&[text("слово")]);
    drop(index);
    fs::write(dir.path().join(".tantivy-writer.lock"), b"").unwrap();
    let index = FullText::open(dir.path(), FullTextSettings::default()).unwrap();
    index.remove(&[PostId(1)]).unwrap();
    index.commit(Some("8")).unwrap();
    assert_eq!(index.documents(), 0);
    // A living one is not.
    let other = FullText::open(dir.path(), FullTextSettings::default()).unwrap();
    assert!(matches!(other.remove(&[PostId(1)]), Err(Error::Busy { .. })));
    index.close_writer();
    other.remove(&[PostId(1)]).unwrap();
}

/// A writer that dies between the file of its removals and its commit leaves that file. The next one counts from the last
/// commit, so it comes to the same name, which tantivy refuses.
#[test]
fn the_files_of_a_commit_that_never_came_are_no_obstacle() {
    let names = |dir: &Path| -> Vec<std::ffi::OsString> {
        let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        let left =
            files.filter(|file| file.extension() == Some("del".as_ref()) || file.ends_with(".managed.json"));
        left.map(|file| file.file_name().unwrap().to_owned()).collect()
    };
    let fixture = fixture(&[text("Ледокол вышел"), text("Ледокол вернулся")]);
    fixture.index.close_writer();
    let dying = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture.dir.path()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dying.path().join(entry.file_name())).unwrap();
    }
    let index = FullText::open(dying.path(), FullTextSettings::default()).unwrap();
    index.remove(&[PostId(1)]).unwrap();
    index.commit(None).unwrap();
    assert_eq!(names(dying.path()).len(), 2, "the commit writes a file of removals");
    for name in names(dying.path()) {
        fs::copy(dying.path().join(&name), fixture.dir.path().join(&name)).unwrap();
    }
    let index = FullText::open(fixture.dir.path(), FullTextSettings::default()).unwrap();
    assert_eq!(found(&index, "ледокол", &everything()).len(), 2);
    index.remove(&[PostId(1)]).unwrap();
    index.commit(None).unwrap();
    assert_eq!(found(&index, "ледокол", &everything()), [2]);
}

#[test]
fn damage_is_told_from_a_newer_format() {
    let check = |name: &str, change: &dyn Fn(&mut Vec<u8>), corrupt: bool| {
        let Fixture { dir, index } = fixture(&[text("слово за слово"), text("ещё пост")]);
        drop(index);
        let is_it = |path: &Path| path.to_string_lossy().ends_with(name);
        let path = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| is_it(path))
            .unwrap();
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
        let error = FullText::open(dir.path(), FullTextSettings::default()).unwrap_err();
        assert!(error.needs_rebuild(), "{name}: {error}");
        assert_eq!(matches!(error, Error::Corrupt { .. }), corrupt, "{name}: {error}");
    };
    let halve = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    let empty = |bytes: &mut Vec<u8>| bytes.clear();
    for part in [".term", ".idx", ".fast", ".pos", ".fieldnorm", "meta.json"] {
        check(part, &halve, true);
        check(part, &empty, true);
    }
    check(".idx", &|bytes| bytes[1] ^= 0x40, true);
    check(".fast", &|bytes| bytes[0] ^= 0x01, true);
    check("format", &|bytes| *bytes = b"999".to_vec(), false);
    check("format", &|bytes| *bytes = b"0".to_vec(), true);
    check("format", &|bytes| *bytes = b"one".to_vec(), true);
}

#[test]
fn a_missing_segment_or_format_file_is_damage() {
    for name in [".term", "format"] {
        let Fixture { dir, index } = fixture(&[text("слово")]);
        drop(index);
        for entry in fs::read_dir(dir.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().ends_with(name) {
                fs::remove_file(path).unwrap();
            }
        }
        let error = FullText::open(dir.path(), FullTextSettings::default()).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{name}: {error}");
    }
}

#[test]
fn scattered_segments_become_one() {
    let Fixture { dir: _dir, index } = fixture(&[text("первый пост")]);
    assert!(!index.merge_if_scattered().unwrap(), "one segment is whole");
    for id in 2..=6 {
        let document = Document {
            post_id: PostId(id),
            channel_id: ChannelId(0),
            posted_at: id,
            text: "следующий пост",
            links: &[],
            pages: &[],
            tags: &[],
            author: None,
            language: None,
        };
        index.upsert(&[document]).unwrap();
        index.commit(None).unwrap();
    }
    assert!(index.segments().unwrap() > 1);
    assert!(index.merge_if_scattered().unwrap());
    // The merge is tantivy's own thread's work.
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while index.segments().unwrap() > 1 && std::time::Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert_eq!(index.segments().unwrap(), 1);
    assert!(!index.merge_if_scattered().unwrap());
    index.commit(Some("8")).unwrap();
    assert_eq!(index.documents(), 6);
    assert_eq!(found(&index, "следующий", &everything()).len(), 5);
}

#[test]
fn limits_hold() {
    let many: Vec<Sample> = (0..12).map(|_| text("слово")).collect();
    let fixture = fixture(&many);
    let query = Query::parse("слово");
    let found = fixture.index.search(&query, &everything(), 5).unwrap();
    assert_eq!((found.hits.len(), found.total), (5, 12));
    let none = fixture.index.search(&query, &everything(), 0).unwrap();
    assert_eq!((none.hits.len(), none.total), (0, 12));
    let most = fixture.index.search(&query, &everything(), usize::MAX).unwrap();
    assert_eq!(most.hits.len(), 12);
    let long = "слово разное ".repeat(compose::QUERY_TERMS_MAX * 3);
    assert_eq!(fixture.index.search(&Query::words(&long), &everything(), 5).unwrap().total, 12);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_query_is_an_error(queries in proptest::collection::vec(".{0,80}|[-\"#a-zа-я :*()~^\\[\\]{}]{0,60}", 8)) {
        let fixture = fixture(&[text("слово a-b \"цитата\" #тег https://t.me/x"), text("another post")]);
        for query in queries {
            let query = Query::parse(&query);
            prop_assert!(fixture.index.search(&query, &everything(), 10).is_ok());
        }
    }
}
