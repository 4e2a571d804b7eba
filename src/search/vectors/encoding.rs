//! How an embedding becomes the bytes of a row, and what is kept of it in memory.
//!
//! Pure. A row is `[encoding id: u8][scale: f32 little endian][code: i8; dim]`: the vector is brought to length 1, divided by
//! its own largest component over 127, and rounded. 389 bytes for 384 dimensions. A question stays at 16 bits
//! ([`ScanQuery`]), so only the stored side is rounded.
//!
//! Invariant: an id means the same bytes for ever; a better encoding gets a new id and both are decoded.

use super::graph;
use crate::search::Error;

/// Rows of encoding 1 begin with this byte.
const SCALED_I8: u8 = 1;

/// Bytes before the codes: the id and the scale.
const HEADER_BYTES: usize = 5;

const CODE_MAX: f32 = 127.0;

/// The encoding of one model's vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    dim: usize,
}

impl Encoding {
    /// For vectors of `dim` components.
    pub fn new(dim: usize) -> Encoding {
        Encoding { dim }
    }

    pub fn dim(&self) -> usize {
        self.dim
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
        let unit = unit(vector, self.dim)?;
        let largest = unit.iter().fold(0.0f32, |max, x| max.max(x.abs()));
        let scale = largest / CODE_MAX;
        let mut row = Vec::with_capacity(self.row_bytes());
        row.push(SCALED_I8);
        row.extend_from_slice(&scale.to_le_bytes());
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        row.extend(
            unit.iter()
                .map(|x| (x * inverse).round().clamp(-CODE_MAX, CODE_MAX) as i8 as u8),
        );
        Ok(row)
    }

    /// The vector back, within half a step of what was encoded.
    ///
    /// # Errors
    /// [`Error::Row`] when the bytes are no row of this shape.
    pub fn decode(&self, row: &[u8]) -> Result<Vec<f32>, Error> {
        let (scale, codes) = self.parts(row)?;
        Ok(codes.iter().map(|code| f32::from(*code as i8) * scale).collect())
    }

    /// Scale and codes of a stored row.
    pub(super) fn parts<'a>(&self, row: &'a [u8]) -> Result<(f32, &'a [u8]), Error> {
        let Some((&id, rest)) = row.split_first() else {
            return Err(Error::Row { reason: "empty" });
        };
        if id != SCALED_I8 {
            return Err(Error::Row {
                reason: "unknown encoding",
            });
        }
        let Some((scale, codes)) = rest.split_first_chunk::<4>() else {
            return Err(Error::Row { reason: "too short" });
        };
        if codes.len() != self.dim {
            return Err(Error::Dimension {
                expected: self.dim,
                found: codes.len(),
            });
        }
        let scale = f32::from_le_bytes(*scale);
        if !scale.is_finite() || scale < 0.0 {
            return Err(Error::Row {
                reason: "scale is not a number",
            });
        }
        Ok((scale, codes))
    }
}

/// A question, ready for the scan.
#[derive(Debug, Clone)]
pub(super) struct ScanQuery {
    /// Padded with zeros to the rows' width.
    pub(super) codes: Vec<i16>,
    /// Cosine = `factor` · row scale · integer dot product.
    pub(super) factor: f32,
    /// The question as a point of the graph.
    pub(super) point: Vec<u8>,
}

impl ScanQuery {
    /// # Errors
    /// [`Error::Dimension`] for a vector of another length.
    pub(super) fn new(encoding: &Encoding, vector: &[f32], width: usize) -> Result<ScanQuery, Error> {
        let unit = unit(vector, encoding.dim)?;
        // The widest codes with which no row can overflow the scan's i32: 127 · Σ|code| < 2^31. A question's sum of
        // components is at most √dim, so this leaves 13 bits or more.
        let sum: f32 = unit.iter().map(|x| x.abs()).sum();
        let largest = unit.iter().fold(0.0f32, |max, x| max.max(x.abs()));
        let step = (sum * CODE_MAX / (i32::MAX as f32 * 0.99)).max(largest / f32::from(i16::MAX));
        let inverse = if step > 0.0 { 1.0 / step } else { 0.0 };
        let mut codes: Vec<i16> = unit.iter().map(|x| (x * inverse) as i16).collect();
        codes.resize(width, 0);
        let row = encoding.encode(vector)?;
        let (scale, row_codes) = encoding.parts(&row)?;
        Ok(ScanQuery {
            codes,
            factor: step,
            point: graph::point(scale, row_codes.iter().copied()),
        })
    }
}

/// Brought to length 1; a zero vector stays zero, as do components that are not finite.
fn unit(vector: &[f32], dim: usize) -> Result<Vec<f32>, Error> {
    if vector.len() != dim {
        return Err(Error::Dimension {
            expected: dim,
            found: vector.len(),
        });
    }
    let clean = |x: &f32| if x.is_finite() { *x } else { 0.0 };
    // Scaled by the largest component first, so that squares neither overflow nor vanish.
    let largest = vector.iter().map(clean).fold(0.0f32, |max, x| max.max(x.abs()));
    if largest == 0.0 {
        return Ok(vec![0.0; dim]);
    }
    let length = vector
        .iter()
        .map(clean)
        .map(|x| f64::from(x / largest).powi(2))
        .sum::<f64>()
        .sqrt() as f32;
    Ok(vector.iter().map(clean).map(|x| x / largest / length).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn odd_vectors_are_rows_too() {
        let encoding = Encoding::new(3);
        let decoded = |v: &[f32]| encoding.decode(&encoding.encode(v).unwrap()).unwrap();
        assert_eq!(decoded(&[0.0, 0.0, 0.0]), [0.0, 0.0, 0.0]);
        assert_eq!(decoded(&[f32::NAN, f32::INFINITY, 0.0]), [0.0, 0.0, 0.0]);
        assert!((decoded(&[f32::MAX, 0.0, 0.0])[0] - 1.0).abs() < 1e-6);
        assert!(matches!(
            encoding.encode(&[1.0]),
            Err(Error::Dimension {
                expected: 3,
                found: 1
            })
        ));
    }

    #[test]
    fn rows_of_another_shape_are_refused() {
        let encoding = Encoding::new(3);
        let row = encoding.encode(&[1.0, 2.0, 3.0]).unwrap();
        assert_eq!(row.len(), encoding.row_bytes());
        for bad in [&row[..0], &row[..3], &row[..7], &[9; 8][..]] {
            assert!(encoding.decode(bad).is_err(), "{bad:?}");
        }
        let mut bad = row;
        bad[1..5].copy_from_slice(&f32::NAN.to_le_bytes());
        assert!(encoding.decode(&bad).is_err());
    }

    proptest! {
        #[test]
        fn a_row_gives_its_vector_back(vector in proptest::collection::vec(-1.0f32..1.0, 16)) {
            let encoding = Encoding::new(16);
            let unit = unit(&vector, 16).unwrap();
            let back = encoding.decode(&encoding.encode(&vector).unwrap()).unwrap();
            for (a, b) in unit.iter().zip(&back) {
                prop_assert!((a - b).abs() <= 0.5 / 127.0 + 1e-6);
            }
        }
    }
}
