//! Recordings on disk.

mod capture;

pub use capture::{AnswerKey, Capture, CaptureError, Kind, Line};
