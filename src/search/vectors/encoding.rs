//! How an embedding becomes the bytes of a row, and what is kept of it in memory.
//!
//! Pure. A row is `[encoding id: u8][along: f32][scale: f32][code: i8; dim]`, little endian, 393 bytes for 384 dimensions.
//! The vector is brought to length 1 and split: `along` is its part in the model's common direction (see `cone`; none for
//! unknown models), the rest is divided by its own largest component over 127 and rounded. A question stays at 13 bits or
//! more ([`ScanQuery`]), so only the stored side is rounded, and only where texts differ. Measured on e5-small, the split
//! divides the error of a cosine by four at the same size.
//!
//! What texts are compared by is not the cosine itself but their likeness: the cosine once the common direction counts
//! [`COMMON_SHARE`] of itself. What all texts share tells none apart, yet makes four fifths of a vector. Measured on real posts
//! the likeness finds better than the cosine (see `src/ARCHITECTURE.md`); it follows from the stored row, so rows in memory
//! and questions are brought to it, and the rows on disk stay as they are.
//!
//! Invariant: an id means the same bytes for ever; a better encoding gets a new id.

use super::{cone, graph, sketch::SketchQuery};
use crate::search::Error;

/// No common direction: `along` is 0.
const PLAIN: u8 = 1;

/// Common direction of multilingual-e5-small.
const E5_SMALL: u8 = 2;

/// Bytes before the codes: id, along, scale.
const HEADER_BYTES: usize = 9;

const CODE_MAX: f32 = 127.0;

/// How much of the common direction counts in the likeness. Between 0.3 and 0.6 quality is the same.
const COMMON_SHARE: f32 = 0.4;

/// The encoding of one model's vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoding {
    id: u8,
    dim: usize,
    /// Of length 1; empty for none.
    cone: Vec<f32>,
}

/// A row's parts, as they are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RowParts<'a> {
    pub(super) along: f32,
    pub(super) scale: f32,
    pub(super) codes: &'a [u8],
}

impl Encoding {
    /// For vectors of `dim` components made by `model`.
    pub fn for_model(model: &str, dim: usize) -> Encoding {
        if model.contains("e5-small") && dim == cone::E5_SMALL.len() {
            let table: Vec<f32> = cone::E5_SMALL.iter().map(|x| f32::from(*x)).collect();
            let cone = unit(&table, dim).unwrap_or_default();
            return Encoding { id: E5_SMALL, dim, cone };
        }
        Encoding { id: PLAIN, dim, cone: Vec::new() }
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    /// What rows of this encoding begin with.
    pub fn id(&self) -> u8 {
        self.id
    }

    /// Whether what is common to all vectors is known and taken off, so that the rest points every way.
    pub(super) fn is_centred(&self) -> bool {
        !self.cone.is_empty()
    }

    /// Size of one stored row, bytes.
    pub fn row_bytes(&self) -> usize {
        HEADER_BYTES + self.dim
    }

    /// The bytes to store. The vector need not have length 1; components that are not numbers count as 0.
    ///
    /// # Errors
    /// [`Error::Dimension`] for a vector of another length.
    pub fn encode(&self, vector: &[f32]) -> Result<Vec<u8>, Error> {
        let (along, rest) = self.split(vector)?;
        let largest = rest.iter().fold(0.0f32, |max, x| max.max(x.abs()));
        let scale = largest / CODE_MAX;
        let mut row = Vec::with_capacity(self.row_bytes());
        row.push(self.id);
        row.extend_from_slice(&along.to_le_bytes());
        row.extend_from_slice(&scale.to_le_bytes());
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        row.extend(rest.iter().map(|x| (x * inverse).round().clamp(-CODE_MAX, CODE_MAX) as i8 as u8));
        Ok(row)
    }

    /// The vector back (of length 1), each component within half a step of what was encoded.
    ///
    /// # Errors
    /// [`Error::Row`] or [`Error::Dimension`] when the bytes are no row of this encoding.
    pub fn decode(&self, row: &[u8]) -> Result<Vec<f32>, Error> {
        let parts = self.parts_stored(row)?;
        let mut out: Vec<f32> = parts.codes.iter().map(|code| f32::from(*code as i8) * parts.scale).collect();
        for (x, c) in out.iter_mut().zip(&self.cone) {
            *x += parts.along * c;
        }
        Ok(out)
    }

    /// The vector as texts are compared by it: dot products of such vectors are likenesses.
    ///
    /// # Errors
    /// [`Error::Dimension`] for a vector of another length.
    pub fn compared(&self, vector: &[f32]) -> Result<Vec<f32>, Error> {
        let (along, mut rest) = self.split(vector)?;
        let (common, length) = self.brought(along);
        for x in &mut rest {
            *x /= length;
        }
        for (x, c) in rest.iter_mut().zip(&self.cone) {
            *x += common * c;
        }
        Ok(rest)
    }

    /// The row's parts, brought to what is compared.
    pub(super) fn parts<'a>(&self, row: &'a [u8]) -> Result<RowParts<'a>, Error> {
        let stored = self.parts_stored(row)?;
        let (along, length) = self.brought(stored.along);
        Ok(RowParts { along, scale: stored.scale / length, codes: stored.codes })
    }

    /// A unit vector's part along the common direction once that counts less, and the length by which the rest is divided.
    fn brought(&self, along: f32) -> (f32, f32) {
        if self.cone.is_empty() {
            return (along, 1.0);
        }
        let length = length_of(along);
        (COMMON_SHARE * along / length, length)
    }

    fn parts_stored<'a>(&self, row: &'a [u8]) -> Result<RowParts<'a>, Error> {
        let refused = |reason| Err(Error::Row { reason });
        let Some((&id, rest)) = row.split_first() else {
            return refused("empty");
        };
        if id != self.id {
            return refused("encoded for another model");
        }
        let Some((along, rest)) = rest.split_first_chunk::<4>() else {
            return refused("too short");
        };
        let Some((scale, codes)) = rest.split_first_chunk::<4>() else {
            return refused("too short");
        };
        if codes.len() != self.dim {
            return Err(Error::Dimension { expected: self.dim, found: codes.len() });
        }
        let (along, scale) = (f32::from_le_bytes(*along), f32::from_le_bytes(*scale));
        if !scale.is_finite() || scale < 0.0 || !along.is_finite() {
            return refused("scale is not a number");
        }
        Ok(RowParts { along, scale, codes })
    }

    /// The unit vector's part along the common direction, and the rest.
    fn split(&self, vector: &[f32]) -> Result<(f32, Vec<f32>), Error> {
        let mut rest = unit(vector, self.dim)?;
        let along = rest.iter().zip(&self.cone).map(|(x, c)| x * c).sum();
        for (x, c) in rest.iter_mut().zip(&self.cone) {
            *x -= along * c;
        }
        Ok((along, rest))
    }
}

/// A question, ready for the scan: likeness = `along` · row's along + `factor` · row's scale · integer dot product.
#[derive(Debug, Clone)]
pub(super) struct ScanQuery {
    /// Padded with zeros to the rows' width.
    pub(super) codes: Vec<i16>,
    pub(super) along: f32,
    pub(super) factor: f32,
    /// The question as a point of the graph.
    pub(super) point: Vec<u8>,
    pub(super) sketch: SketchQuery,
    /// The unit vector's part along the common direction, and what its rest was divided by; `None` where there is none.
    common: Option<(f32, f32)>,
}

impl ScanQuery {
    /// # Errors
    /// [`Error::Dimension`] for a vector of another length.
    pub(super) fn new(encoding: &Encoding, vector: &[f32], width: usize) -> Result<ScanQuery, Error> {
        let (full, mut rest) = encoding.split(vector)?;
        let (along, length) = encoding.brought(full);
        for x in &mut rest {
            *x /= length;
        }
        // The widest codes with which no row can overflow the scan's i32: 127 · Σ|code| < 2^31. A question's sum of
        // components is at most √dim, so this leaves 13 bits or more.
        let sum: f32 = rest.iter().map(|x| x.abs()).sum();
        let largest = rest.iter().fold(0.0f32, |max, x| max.max(x.abs()));
        let step = (sum * CODE_MAX / (i32::MAX as f32 * 0.99)).max(largest / f32::from(i16::MAX));
        let inverse = if step > 0.0 { 1.0 / step } else { 0.0 };
        let mut codes: Vec<i16> = rest.iter().map(|x| (x * inverse) as i16).collect();
        codes.resize(width, 0);
        let row = encoding.encode(vector)?;
        let parts = encoding.parts(&row)?;
        Ok(ScanQuery {
            codes,
            along,
            factor: step,
            sketch: SketchQuery::new(&rest, along, width),
            common: encoding.is_centred().then_some((full, length)),
            point: graph::point(parts.along, parts.scale, parts.codes.iter().copied()),
        })
    }

    #[inline]
    pub(super) fn likeness(&self, along: f32, scale: f32, sum: i32) -> f32 {
        self.along * along + self.factor * scale * sum as f32
    }

    /// The cosine of the vectors as the model made them, from a row's likeness and its part along the common direction.
    pub(super) fn cosine(&self, along: f32, likeness: f32) -> f32 {
        let Some((full, length)) = self.common else {
            return likeness;
        };
        let square = along * along;
        let row_full = along.signum()
            * (square / (COMMON_SHARE * COMMON_SHARE + (1.0 - COMMON_SHARE * COMMON_SHARE) * square)).sqrt();
        full * row_full + length * length_of(row_full) * (likeness - self.along * along)
    }
}

/// Length of a unit vector once the common direction, of which it has `along`, counts less. Never 0.
fn length_of(along: f32) -> f32 {
    (1.0 - (1.0 - COMMON_SHARE * COMMON_SHARE) * along.clamp(-1.0, 1.0).powi(2)).sqrt()
}

/// Brought to length 1; a zero vector stays zero, as do components that are not finite.
fn unit(vector: &[f32], dim: usize) -> Result<Vec<f32>, Error> {
    if vector.len() != dim {
        return Err(Error::Dimension { expected: dim, found: vector.len() });
    }
    let clean = |x: &f32| if x.is_finite() { *x } else { 0.0 };
    // Scaled by the largest component first, so that squares neither overflow nor vanish.
    let largest = vector.iter().map(clean).fold(0.0f32, |max, x| max.max(x.abs()));
    if largest == 0.0 {
        return Ok(vec![0.0; dim]);
    }
    let length = vector.iter().map(clean).map(|x| f64::from(x / largest).powi(2)).sum::<f64>().sqrt() as f32;
    Ok(vector.iter().map(clean).map(|x| x / largest / length).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn odd_vectors_are_rows_too() {
        let encoding = Encoding::for_model("any", 3);
        let decoded = |v: &[f32]| encoding.decode(&encoding.encode(v).unwrap()).unwrap();
        assert_eq!(decoded(&[0.0, 0.0, 0.0]), [0.0, 0.0, 0.0]);
        assert_eq!(decoded(&[f32::NAN, f32::INFINITY, 0.0]), [0.0, 0.0, 0.0]);
        assert!((decoded(&[f32::MAX, 0.0, 0.0])[0] - 1.0).abs() < 1e-6);
        assert!(matches!(encoding.encode(&[1.0]), Err(Error::Dimension { expected: 3, found: 1 })));
    }

    #[test]
    fn rows_of_another_shape_are_refused() {
        let encoding = Encoding::for_model("any", 3);
        let row = encoding.encode(&[1.0, 2.0, 3.0]).unwrap();
        assert_eq!(row.len(), encoding.row_bytes());
        for bad in [&row[..0], &row[..3], &row[..11], &[9; 12][..]] {
            assert!(encoding.decode(bad).is_err(), "{bad:?}");
        }
        let mut bad = row;
        bad[5..9].copy_from_slice(&f32::NAN.to_le_bytes());
        assert!(encoding.decode(&bad).is_err());
    }

    #[test]
    fn the_common_direction_is_kept_exactly() {
        let encoding = Encoding::for_model("multilingual-e5-small", 384);
        assert_eq!((encoding.id(), encoding.row_bytes()), (E5_SMALL, 393));
        let vector: Vec<f32> = (0u16..384)
            .map(|i| f32::from(cone::E5_SMALL[usize::from(i)]) + f32::from(i * 37 % 101) - 50.0)
            .collect();
        let row = encoding.encode(&vector).unwrap();
        let (back, exact) = (encoding.decode(&row).unwrap(), unit(&vector, 384).unwrap());
        let along = |v: &[f32]| v.iter().zip(&encoding.cone).map(|(a, b)| a * b).sum::<f32>();
        assert!((along(&exact) - encoding.parts_stored(&row).unwrap().along).abs() < 1e-6);
        assert!(back.iter().zip(&exact).all(|(a, b)| (a - b).abs() < 6e-4));
        assert!(matches!(Encoding::for_model("other", 384).decode(&row), Err(Error::Row { .. })));
    }

    #[test]
    fn likeness_weakens_the_common_direction_and_gives_the_cosine_back() {
        let encoding = Encoding::for_model("multilingual-e5-small", 384);
        let vector = |seed: i32| -> Vec<f32> {
            let own = |i: i32| f32::from((i * seed % 101) as i16) - 50.0;
            (0..384i32).map(|i| f32::from(cone::E5_SMALL[i as usize]) + own(i)).collect()
        };
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let (a, b) = (vector(37), vector(53));
        let query = ScanQuery::new(&encoding, &a, 384).unwrap();
        let row = encoding.encode(&b).unwrap();
        let parts = encoding.parts(&row).unwrap();
        let sum =
            parts.codes.iter().zip(&query.codes).map(|(x, y)| i32::from(*x as i8) * i32::from(*y)).sum();
        let likeness = query.likeness(parts.along, parts.scale, sum);
        let compared = |v: &[f32]| encoding.compared(v).unwrap();
        assert!((dot(&compared(&a), &compared(&a)) - 1.0).abs() < 1e-4);
        assert!((dot(&compared(&a), &compared(&b)) - likeness).abs() < 1e-3);
        let cosine = dot(&unit(&a, 384).unwrap(), &unit(&b, 384).unwrap());
        assert!((query.cosine(parts.along, likeness) - cosine).abs() < 1e-3);
        assert!(likeness < cosine, "{likeness} {cosine}");
    }

    proptest! {
        #[test]
        fn a_row_gives_its_vector_back(vector in proptest::collection::vec(-1.0f32..1.0, 16)) {
            let encoding = Encoding::for_model("any", 16);
            let unit = unit(&vector, 16).unwrap();
            let back = encoding.decode(&encoding.encode(&vector).unwrap()).unwrap();
            for (a, b) in unit.iter().zip(&back) {
                prop_assert!((a - b).abs() <= 0.5 / 127.0 + 1e-6);
            }
        }
    }
}
