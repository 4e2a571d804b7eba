//! The only integration binary.

mod kill;
mod support_faults;
