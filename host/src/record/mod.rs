//! What is kept on disk of what happened: recordings, the flight recorder's fault bundles, the adapters that ran, and
//! which of them each session has adopted.

mod adopted;
mod bundle;
mod capture;
mod flight;
mod folder;
mod names;
mod recorder;
mod versions;

pub use adopted::{Adopted, Against, Choice};
pub use bundle::{
    AdapterText, Bundle, BundleError, Bundles, EXTENSION as BUNDLE_EXTENSION,
    FOLDER as BUNDLE_FOLDER, Facts, FaultText, Report, is_bundle,
};
pub use capture::{AnswerKey, Capture, CaptureError, Kind, Line};
pub use flight::{Flight, masked};
pub use folder::Bounds;
pub use recorder::{Missing, Recorder, Recording, RecordingBounds, What};
pub use versions::Versions;
