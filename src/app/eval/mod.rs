//! Measures of quality.

pub mod retrieval;
pub mod tags;
