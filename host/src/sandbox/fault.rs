//! Why an instance was stopped.

use super::instance::{LogFlood, OUTPUT_EXHAUSTED};
use super::memory::OutOfMemory;

/// The kinds of fault; a kind is what people and dashboards count by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// An event took more fuel than it may.
    OutOfFuel,
    /// Memory and tables would have passed the hard limit.
    OutOfMemory,
    /// The adapter panicked; the message says why.
    Panic,
    /// The guest's call stack is used up.
    StackOverflow,
    /// One event returned more actions than it may.
    TooManyActions,
    /// The actions of one event hold more bytes than they may.
    OutputTooLarge,
    /// One event called `log` more often than it may.
    LogFlood,
    /// An action asks for something that the configuration does not grant; the message names it.
    NotPermitted,
    /// An action makes no sense: an instrument that was not declared, a scale beyond 18.
    BadAction,
    /// Another WebAssembly trap.
    Trap,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::OutOfFuel,
        Self::OutOfMemory,
        Self::Panic,
        Self::StackOverflow,
        Self::TooManyActions,
        Self::OutputTooLarge,
        Self::LogFlood,
        Self::NotPermitted,
        Self::BadAction,
        Self::Trap,
    ];

    /// The kind as logs, metrics and bundles write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::OutOfFuel => "out of fuel",
            Self::OutOfMemory => "out of memory",
            Self::Panic => "panic",
            Self::StackOverflow => "stack overflow",
            Self::TooManyActions => "too many actions",
            Self::OutputTooLarge => "output too large",
            Self::LogFlood => "log flood",
            Self::NotPermitted => "not permitted",
            Self::BadAction => "bad action",
            Self::Trap => "trap",
        }
    }
}

/// Why an instance was stopped. The instance may not be called again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of fault.
    pub kind: FaultKind,
    /// The particulars: the panic message, the address, the figure.
    pub message: String,
    /// The guest's call stack, innermost first, symbolised as far as the adapter carries names and lines.
    pub backtrace: Vec<String>,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)?;
        for frame in &self.backtrace {
            write!(f, "\n    at {frame}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

impl Fault {
    /// A fault that the host found in an action, where no guest code is running.
    pub fn in_action(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            backtrace: Vec::new(),
        }
    }

    /// Reads a failed call. `last_words` is the last error line that the guest logged during the call: the kit's
    /// panic hook writes the panic message there just before the trap.
    pub(super) fn of_call(error: &wasmtime::Error, last_words: Option<String>) -> Self {
        let backtrace = backtrace(error);
        let kind = if error.is::<OutOfMemory>() {
            FaultKind::OutOfMemory
        } else if error.is::<LogFlood>() {
            FaultKind::LogFlood
        } else {
            match error.downcast_ref::<wasmtime::Trap>() {
                Some(wasmtime::Trap::OutOfFuel) => FaultKind::OutOfFuel,
                Some(wasmtime::Trap::StackOverflow) => FaultKind::StackOverflow,
                Some(wasmtime::Trap::UnreachableCodeReached) if last_words.is_some() => {
                    FaultKind::Panic
                }
                // The guest's shadow stack grows down to address 0 and past it wraps out of bounds. Only a runaway
                // recursion looks like this: hundreds of frames.
                Some(wasmtime::Trap::MemoryOutOfBounds) if backtrace.len() >= RUNAWAY_FRAMES => {
                    FaultKind::StackOverflow
                }
                Some(_) => FaultKind::Trap,
                // wasmtime keeps this error's type to itself; a test holds that the text is still its text.
                None if error.root_cause().to_string().contains(OUTPUT_EXHAUSTED) => {
                    FaultKind::OutputTooLarge
                }
                None => FaultKind::Trap,
            }
        };
        let message = match (kind, last_words) {
            (FaultKind::Panic, Some(words)) => words,
            _ => error.root_cause().to_string(),
        };
        Self {
            kind,
            message,
            backtrace: shorten(backtrace),
        }
    }
}

/// A stack this deep at a bad memory access is a runaway recursion.
const RUNAWAY_FRAMES: usize = 200;

/// Most backtrace lines kept.
const BACKTRACE_LINES_MAX: usize = 40;

fn backtrace(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<wasmtime::WasmBacktrace>() else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for frame in backtrace.frames() {
        if frame.symbols().is_empty() {
            lines.push(frame.func_name().unwrap_or("?").to_string());
        }
        for symbol in frame.symbols() {
            let name = symbol.name().or(frame.func_name()).unwrap_or("?");
            lines.push(match (symbol.file(), symbol.line()) {
                (Some(file), Some(line)) => format!("{name} ({file}:{line})"),
                _ => name.to_string(),
            });
        }
    }
    lines
}

fn shorten(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > BACKTRACE_LINES_MAX {
        let more = lines.len() - BACKTRACE_LINES_MAX;
        lines.truncate(BACKTRACE_LINES_MAX);
        lines.push(format!("... {more} more frames"));
    }
    lines
}
