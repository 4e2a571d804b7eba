//! The scorer: what a candidate shows, and what each trait weighs.
//!
//! Pure; the weights are a table of constants.

use super::DocumentFrequency;
use super::background;
use super::candidate::Candidate;
use super::shape::Shape;

/// The number of traits.
pub(super) const TRAITS: usize = 24;

/// What a candidate shows, each roughly between 0 and 1.
pub(super) struct Traits(pub(super) [f32; TRAITS]);

/// Scores the candidates of one text.
pub(super) struct Scorer<'a> {
    corpus: &'a dyn DocumentFrequency,
    documents: f32,
    /// The text's length in tokens.
    length: f32,
}

/// A corpus of fewer texts says less about a word than the built-in table.
const DOCUMENTS_TELLING: f32 = 1000.0;

/// From so many texts on, a tag must be known to the corpus.
const DOCUMENTS_CONVERGING: f32 = 500.0;

/// In how many texts a word must occur to become a tag.
const WORD_TEXTS_MIN: u64 = 4;

/// In how many texts each word of a phrase must occur; the phrase itself occurs in fewer.
const PHRASE_TEXTS_MIN: u64 = 20;

fn flag(set: bool) -> f32 {
    f32::from(u8::from(set))
}

impl Traits {
    pub(super) fn of(candidate: &Candidate, scorer: &Scorer<'_>) -> Self {
        let count = candidate.count as f32;
        let share = |part: u32| part as f32 / count;
        let (rarity, known, hashtag) = scorer.commonness(&candidate.key);
        let letters = candidate.place.len() as f32;
        let latin = candidate.shape == Shape::Latin;
        let name = share(candidate.names);
        Self([
            count.ln(),
            ((1 + candidate.first) as f32).ln() / 5.0,
            candidate.first as f32 / scorer.length,
            (candidate.last - candidate.first) as f32 / scorer.length,
            flag(candidate.leading > 0),
            name,
            flag(candidate.names > 0),
            share(candidate.capitals) * flag(candidate.names == 0),
            share(candidate.acronyms),
            flag(candidate.quoted > 0),
            flag(candidate.hashtags > 0),
            share(candidate.inside),
            flag(latin),
            flag(candidate.shape == Shape::Noun),
            flag(candidate.shape == Shape::Adjective) * (1.0 - name),
            flag(candidate.shape == Shape::Verb) * (1.0 - name),
            flag(candidate.words == 2),
            flag(candidate.words == 3),
            flag(letters < 5.0),
            letters.min(30.0) / 20.0,
            rarity,
            rarity * rarity,
            known,
            hashtag,
        ])
    }

    /// The probability that an author would choose it.
    pub(super) fn score(&self) -> f32 {
        let sum: f32 = BIAS + self.0.iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum::<f32>();
        1.0 / (1.0 + (-sum).exp())
    }
}

impl<'a> Scorer<'a> {
    pub(super) fn new(corpus: &'a dyn DocumentFrequency, tokens: usize) -> Self {
        Self { corpus, documents: corpus.documents() as f32, length: tokens.max(1) as f32 }
    }

    /// How rare the key is (0 common, 1 unseen), whether the corpus has it often enough for a tag to be shared, and
    /// whether the corpus uses it as a hashtag.
    fn commonness(&self, key: &str) -> (f32, f32, f32) {
        let mut share = 1.0_f32;
        let mut fewest = u64::MAX;
        for stem in key.split(' ') {
            let at_large = background::share(stem);
            let here = if self.documents > 0.0 { self.corpus.frequency(stem) } else { 0 };
            let mixed = (here as f32 + at_large * DOCUMENTS_TELLING) / (self.documents + DOCUMENTS_TELLING);
            share = share.min(mixed);
            fewest = fewest.min(here);
        }
        let rarity = -share.max(1e-5).log10() / 5.0;
        let known = if self.documents > 0.0 { (1.0 + fewest.min(100) as f32).ln() / 5.0 } else { 0.3 };
        let hashtag =
            self.documents > 0.0 && self.corpus.frequency(&format!("#{}", key.replace(' ', "_"))) > 0;
        (rarity, known, flag(hashtag))
    }

    /// Whether a tag of this key can be met again: in a corpus that is large enough to tell, its rarest stem occurs in
    /// several texts. Keeps the vocabulary of tags from growing with every post.
    pub(super) fn is_shared(&self, key: &str) -> bool {
        if self.documents < DOCUMENTS_CONVERGING {
            return true;
        }
        let needed = if key.contains(' ') { PHRASE_TEXTS_MIN } else { WORD_TEXTS_MIN };
        key.split(' ').all(|stem| self.corpus.frequency(stem) >= needed)
    }
}

// How the weights were obtained: logistic regression (L2, C = 0.05) over the candidates of 3,200 post bodies that are not
// in the evaluation file, a candidate being right if it occurs in the post's own headline (which is cut off). Half of the
// posts were counted without a corpus, half with the document frequencies of the other posts. Hashtags were left out of
// the training: the posts whose hashtags occur verbatim are the evaluation file, the others are biased against names.
const BIAS: f32 = -1.403;
const WEIGHTS: [f32; TRAITS] = [
    0.716, -2.226, 0.547, 1.234, 0.035, 0.393, 0.336, -0.249, -0.397, 0.302, 0.251, -0.333, -0.027, -0.045,
    -0.097, -0.562, -0.547, -0.919, -0.402, -0.412, -0.094, 0.131, 0.140, 0.387,
];
