//! Small corpora, one property each.

use std::collections::BTreeSet;

use super::*;

/// What holds for every answer, whatever the input.
pub(super) fn assert_invariants(answer: &Answer, sources: &[Source<'_>], settings: &Settings) {
    assert!((0.0..=1.0).contains(&answer.confidence));
    assert!(
        answer.text.chars().all(|c| c == '\n' || !c.is_control()),
        "{:?}",
        answer.text
    );
    assert!(answer.text.chars().count() <= settings.answer_chars_max);
    if answer.abstained {
        assert!(answer.used.is_empty());
        return;
    }
    let used: BTreeSet<usize> = answer.used.iter().map(|cited| cited.n).collect();
    assert_eq!(used.len(), answer.used.len(), "no source twice");
    let checked = citation::check(&answer.text, &used);
    assert_eq!(
        checked.text, answer.text,
        "an answer passes its own check unchanged"
    );
    assert_eq!(checked.cited.iter().copied().collect::<BTreeSet<_>>(), used);
    for cited in &answer.used {
        let source = &sources[cited.n - 1];
        assert_eq!(source.post_id, cited.post_id);
        assert_eq!(&source.text[cited.ranges[0].clone()], cited.quote);
        assert!(
            cited
                .ranges
                .iter()
                .all(|range| source.text.get(range.clone()).is_some())
        );
    }
}
