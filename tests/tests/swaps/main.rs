//! One version of an adapter follows another against the simulated exchanges, whose record says what was to be
//! published: nothing is missing, nothing comes twice, and whatever is wrong with a candidate never shows.
//!
//! MARKETPRISM_SWAPS says how often versions follow each other with each venue; by hand 200, one test after the other:
//! `MARKETPRISM_SWAPS=200 cargo test --release -p marketprism-tests --test swaps venues -- --nocapture --test-threads=1`.

mod files;
mod folder;
mod gaps;
mod killed;
mod order;
mod refused;
mod run;
mod venues;
