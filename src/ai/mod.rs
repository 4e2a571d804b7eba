//! Placeholder.

pub mod extractive;
pub mod question;
