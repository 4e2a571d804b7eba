//! What the appliance does.

pub mod eval;
