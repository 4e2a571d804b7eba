//! Measures of quality.

pub mod tags;
