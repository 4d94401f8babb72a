//! Every metric, with its unit: made from the board when somebody asks, so that counting costs the sessions nothing and
//! asking never waits for an adapter. Names that the Python collector's dashboards and alerts read are kept.

mod adapters;
mod books;
mod connecting;
mod daemon;
mod family;
mod publishing;
mod requests;
mod streams;
mod swaps;

use prometheus::{Encoder, TextEncoder};

use crate::process::ProcessFigures;
use crate::record::{Bundles, Missing};
use crate::status::Board;
use family::Families;

/// Media type of [`text`].
pub const MEDIA_TYPE: &str = prometheus::TEXT_FORMAT;

/// Figures of one kind that are told apart by subject or symbol; the rest is told together or not at all, so that the
/// answer stays bounded however much is configured.
const SERIES_MAX: usize = 2_000;

/// What is kept on disk, as far as it counts something.
#[derive(Clone, Default)]
pub struct Kept {
    /// The bundles of faults.
    pub bundles: Option<Bundles>,
    /// What recordings lack.
    pub recording: Option<Missing>,
}

/// All metrics in the text format of Prometheus.
///
/// # Errors
/// When the encoder refuses a metric, which no input should bring about.
pub fn text(board: &Board, kept: &Kept) -> Result<Vec<u8>, prometheus::Error> {
    let sessions = board.sessions();
    let mut families = Families::default();
    publishing::add(&mut families, &sessions);
    books::add(&mut families, &sessions);
    streams::add(&mut families, &sessions);
    requests::add(&mut families, &sessions);
    adapters::add(&mut families, &sessions);
    connecting::add(&mut families, &board.attempts());
    swaps::add(&mut families, board, &sessions);
    daemon::add_kept(&mut families, kept);
    daemon::add(&mut families, board, ProcessFigures::read().as_ref());
    let mut text = Vec::with_capacity(1 << 16);
    TextEncoder::new().encode(&families.finish(), &mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
