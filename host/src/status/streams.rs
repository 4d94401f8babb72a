//! How the streams of an instrument stand, by the judgement of its adapter.

use super::session::InstrumentStatus;
use crate::sandbox::contract::{StreamReport, StreamState};
use crate::wire::{DataType, Transport};

/// The word for a stream's state in pages and metrics.
pub const fn stream_state_name(state: StreamState) -> &'static str {
    match state {
        StreamState::Asked => "asked",
        StreamState::Live => "live",
        StreamState::Silent => "silent",
        StreamState::Refused => "refused",
    }
}

/// Every state of a stream.
pub const STREAM_STATES: [StreamState; 4] = [
    StreamState::Asked,
    StreamState::Live,
    StreamState::Silent,
    StreamState::Refused,
];

/// Whether data of this type comes all the time, so that a stream of it is never quiet for long.
pub fn is_steady(data_type: DataType) -> bool {
    data_type.transport() == Transport::Core
}

impl InstrumentStatus {
    /// Its streams, each data type once. What an adapter tells of a type that does not exist is left out.
    pub fn streams(&self) -> impl Iterator<Item = (DataType, &StreamReport)> {
        let streams = self.report.iter().flat_map(|report| &report.streams);
        DataType::ALL.into_iter().filter_map(move |data_type| {
            let stream = streams
                .clone()
                .find(|stream| stream.data_type == data_type.name())?;
            Some((data_type, stream))
        })
    }

    /// Why it cannot be collected, if that is so.
    pub fn problem(&self) -> Option<&str> {
        self.report.as_ref()?.problem.as_deref()
    }
}
