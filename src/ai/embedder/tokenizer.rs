//! Text to token ids: the `SentencePiece` unigram model of XLM-RoBERTa, best segmentation by Viterbi.
//!
//! Pieces stay in one blob; they are found through an open-addressing table of ids (2 MB for 250,000 pieces) and a bit
//! set of the hashes of all their prefixes, which ends the search for longer pieces early. A false hit of the bit set
//! costs one more look-up, never a wrong answer.

use super::format::Parsed;

/// The longest piece that is accepted, in bytes; the known model's longest has 48.
pub(super) const PIECE_BYTES_MAX: usize = 256;
/// Look-ups for one piece before a table is called degenerate: a file made so that hashes collide is refused, not slow.
const PROBES_MAX: usize = 512;
/// What an unknown character costs below the worst piece.
const UNKNOWN_PENALTY: f32 = 10.0;
/// Stands for a space, and opens the text.
const SPACE_MARK: char = '\u{2581}';

/// The tokenizer as the file has it.
pub(super) struct Vocabulary {
    pub(super) offsets: Vec<u32>,
    pub(super) scores: Vec<f32>,
    pub(super) blob: Vec<u8>,
    /// Character to its replacement (possibly nothing), sorted.
    pub(super) map: Vec<(char, Vec<char>)>,
    pub(super) bos: u32,
    pub(super) eos: u32,
    pub(super) unk: u32,
}

/// A token and where it begins in the text that was given, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextToken {
    pub(super) id: u32,
    pub(super) start: usize,
}

pub(super) struct Tokenizer {
    vocabulary: Vocabulary,
    /// Piece id + 1, 0 = free; power-of-two length.
    table: Vec<u32>,
    prefixes: PrefixSet,
    unknown_score: f32,
    piece_bytes_max: usize,
}

impl Tokenizer {
    pub(super) fn new(vocabulary: Vocabulary) -> Parsed<Self> {
        let pieces = vocabulary.scores.len();
        let end = vocabulary.blob.len();
        let ordered = vocabulary.offsets.windows(2).all(|pair| pair[0] <= pair[1]);
        if !ordered || vocabulary.offsets.last().is_none_or(|last| *last as usize > end) {
            return Err("the piece offsets do not fit the piece texts".to_owned());
        }
        let lowest = vocabulary.scores.iter().copied().fold(f32::MAX, f32::min);
        let mut tokenizer = Self {
            table: vec![0; (pieces * 2).next_power_of_two()],
            prefixes: PrefixSet::new(end),
            unknown_score: lowest - UNKNOWN_PENALTY,
            piece_bytes_max: 1,
            vocabulary,
        };
        for id in 0..pieces {
            tokenizer.piece_add(id)?;
        }
        Ok(tokenizer)
    }

    pub(super) fn bos(&self) -> u32 {
        self.vocabulary.bos
    }

    pub(super) fn eos(&self) -> u32 {
        self.vocabulary.eos
    }

    /// Tokens of `prefix` followed by `text`, without bos and eos. Tokens of the prefix start at 0.
    pub(super) fn tokens(&self, prefix: &str, text: &str) -> Vec<TextToken> {
        let marked = self.mark(prefix, text);
        self.segment(&marked)
    }

    fn piece(&self, id: usize) -> &[u8] {
        let offsets = &self.vocabulary.offsets;
        &self.vocabulary.blob[offsets[id] as usize..offsets[id + 1] as usize]
    }

    fn piece_add(&mut self, id: usize) -> Parsed<()> {
        let range = self.vocabulary.offsets[id] as usize..self.vocabulary.offsets[id + 1] as usize;
        let len = range.len();
        if len > PIECE_BYTES_MAX {
            return Err(format!("piece {id} has {len} bytes; up to {PIECE_BYTES_MAX} can be read"));
        }
        if len == 0 {
            return Ok(());
        }
        self.piece_bytes_max = self.piece_bytes_max.max(len);
        let mut hash = Hash::default();
        for (at, byte) in self.vocabulary.blob[range.clone()].iter().enumerate() {
            // A prefix counts where the next byte begins a character: the search asks only there.
            if at > 0 && byte & 0xc0 != 0x80 {
                self.prefixes.insert(hash);
            }
            hash.add(*byte);
        }
        self.prefixes.insert(hash);
        let mask = self.table.len() - 1;
        let mut slot = hash.slot() & mask;
        for _ in 0..PROBES_MAX {
            match self.table[slot] {
                0 => {
                    self.table[slot] = id as u32 + 1;
                    return Ok(());
                }
                // Of equal pieces the first counts.
                taken if self.piece(taken as usize - 1) == &self.vocabulary.blob[range.clone()] => {
                    return Ok(());
                }
                _ => slot = (slot + 1) & mask,
            }
        }
        Err("its pieces collide in the look-up table".to_owned())
    }

    fn find(&self, bytes: &[u8], hash: Hash) -> Option<u32> {
        let mask = self.table.len() - 1;
        let mut slot = hash.slot() & mask;
        loop {
            let id = self.table[slot].checked_sub(1)?;
            if self.piece(id as usize) == bytes {
                return Some(id);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Applies the character map, joins runs of spaces, marks spaces.
    fn mark(&self, prefix: &str, text: &str) -> Marked {
        let mut marked = Marked::with_capacity(prefix.len() + text.len() + 4);
        let characters = prefix.chars().map(|character| (0, character)).chain(text.char_indices());
        let mut last_space = false;
        let mut first = true;
        let mut put = |start: usize, character: char| {
            let space = character == ' ';
            if first && !space {
                marked.push(0, SPACE_MARK);
            }
            if !(space && last_space) {
                marked.push(start, if space { SPACE_MARK } else { character });
            }
            first = false;
            last_space = space;
        };
        for (start, character) in characters {
            match self.vocabulary.map.binary_search_by_key(&character, |(from, _)| *from) {
                Ok(found) => self.vocabulary.map[found].1.iter().for_each(|to| put(start, *to)),
                Err(_) => put(start, character),
            }
        }
        if first {
            marked.push(0, SPACE_MARK);
        }
        marked.ends.push(marked.text.len());
        marked
    }

    fn segment(&self, marked: &Marked) -> Vec<TextToken> {
        let bytes = marked.text.as_bytes();
        let length = marked.starts.len();
        // Best score of a segmentation that ends before character i, and its last piece.
        let mut best = vec![f32::NEG_INFINITY; length + 1];
        let mut last = vec![(self.vocabulary.unk, 0usize); length + 1];
        best[0] = 0.0;
        for from in 0..length {
            let score = best[from];
            let begin = marked.ends[from];
            let mut hash = Hash::default();
            let mut at = begin;
            for to in from + 1..=length {
                let end = marked.ends[to];
                if end - begin > self.piece_bytes_max {
                    break;
                }
                while at < end {
                    hash.add(bytes[at]);
                    at += 1;
                }
                if !self.prefixes.may_contain(hash) {
                    break;
                }
                if let Some(id) = self.find(&bytes[begin..end], hash)
                    && id != self.vocabulary.unk
                {
                    let candidate = score + self.vocabulary.scores[id as usize];
                    if candidate > best[to] {
                        best[to] = candidate;
                        last[to] = (id, from);
                    }
                }
            }
            let candidate = score + self.unknown_score;
            if candidate > best[from + 1] {
                best[from + 1] = candidate;
                last[from + 1] = (self.vocabulary.unk, from);
            }
        }
        let mut tokens = Vec::new();
        let mut at = length;
        while at > 0 {
            let (id, from) = last[at];
            tokens.push(TextToken { id, start: marked.starts[from] });
            at = from;
        }
        tokens.reverse();
        tokens
    }
}

/// The text as the model sees it, with the way back.
struct Marked {
    text: String,
    /// Byte in `text` where each character begins; one more than there are characters once finished.
    ends: Vec<usize>,
    /// Byte in the given text each character came from.
    starts: Vec<usize>,
}

impl Marked {
    fn with_capacity(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            ends: Vec::with_capacity(bytes),
            starts: Vec::with_capacity(bytes),
        }
    }

    fn push(&mut self, start: usize, character: char) {
        self.ends.push(self.text.len());
        self.starts.push(start);
        self.text.push(character);
    }
}

/// FNV-1a, because it grows a byte at a time: the hash of each prefix comes for free.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    #[inline]
    fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }

    fn slot(self) -> usize {
        (self.0 ^ (self.0 >> 32)) as usize
    }
}

/// One bit a prefix: no false misses.
struct PrefixSet {
    bits: Vec<u64>,
}

impl PrefixSet {
    fn new(blob_bytes: usize) -> Self {
        // Four bits a byte of pieces keeps false hits rare.
        let words = (blob_bytes / 16).next_power_of_two().max(16);
        Self { bits: vec![0; words] }
    }

    fn place(&self, hash: Hash) -> (usize, u64) {
        let mixed = hash.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        ((mixed >> 6) as usize & (self.bits.len() - 1), 1 << (mixed & 63))
    }

    fn insert(&mut self, hash: Hash) {
        let (word, bit) = self.place(hash);
        self.bits[word] |= bit;
    }

    fn may_contain(&self, hash: Hash) -> bool {
        let (word, bit) = self.place(hash);
        self.bits[word] & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(pieces: &[(&str, f32)]) -> Vocabulary {
        let mut offsets = vec![0];
        let mut blob = Vec::new();
        for (piece, _) in pieces {
            blob.extend(piece.as_bytes());
            offsets.push(blob.len() as u32);
        }
        Vocabulary {
            offsets,
            scores: pieces.iter().map(|(_, score)| *score).collect(),
            blob,
            map: vec![('\t', vec![' ']), ('\u{ad}', vec![]), ('№', vec!['N', 'o'])],
            bos: 0,
            eos: 0,
            unk: 0,
        }
    }

    const PIECES: [(&str, f32); 9] = [
        ("<unk>", 0.0),
        ("\u{2581}", -3.0),
        ("\u{2581}но", -2.0),
        ("новость", -2.0),
        ("\u{2581}новости", -4.0),
        ("вости", -2.5),
        ("No", -1.0),
        ("новость", -0.1),
        ("о", -5.0),
    ];

    fn check(text: &str, expected: &[(u32, usize)]) {
        let tokenizer = Tokenizer::new(vocabulary(&PIECES)).unwrap();
        let tokens = tokenizer.tokens("", text);
        let tokens: Vec<_> = tokens.into_iter().map(|token| (token.id, token.start)).collect();
        assert_eq!(tokens, expected, "{text:?}");
    }

    #[test]
    fn takes_the_best_segmentation() {
        check("", &[(1, 0)]);
        // One piece of -4 beats -2 and -2.5.
        check("новости", &[(4, 0)]);
        // The second piece of the same text, though likelier, is never used.
        check("новость", &[(1, 0), (3, 0)]);
        check("но", &[(2, 0)]);
    }

    #[test]
    fn maps_characters_and_joins_spaces() {
        check("№", &[(1, 0), (6, 0)]);
        check("но\t \u{ad} но", &[(2, 0), (2, 4)]);
        check(" но", &[(2, 0)]);
    }

    #[test]
    fn an_unknown_character_is_one_unknown_token() {
        check("ы", &[(1, 0), (0, 0)]);
        check("оы", &[(1, 0), (8, 0), (0, 2)]);
    }

    #[test]
    fn refuses_what_it_cannot_hold() {
        let refused = |vocabulary: Vocabulary| Tokenizer::new(vocabulary).err().unwrap();
        let longest = "x".repeat(PIECE_BYTES_MAX);
        assert!(Tokenizer::new(vocabulary(&[(&longest, 0.0)])).is_ok());
        let longer = "x".repeat(PIECE_BYTES_MAX + 1);
        assert!(refused(vocabulary(&[(&longer, 0.0)])).contains("257 bytes"));
        let mut unordered = vocabulary(&PIECES);
        unordered.offsets.swap(1, 3);
        assert!(refused(unordered).contains("offsets"));
        let mut beyond = vocabulary(&PIECES);
        beyond.blob.pop();
        assert!(refused(beyond).contains("offsets"));
    }
}
