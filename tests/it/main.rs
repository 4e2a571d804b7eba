//! The only integration binary.

mod damage;
mod disk;
mod kill;
mod support_faults;
