//! The only integration binary.

mod damage;
mod kill;
mod support_faults;
