//! Why something could not become a message.

use super::DataType;

/// Why an instrument, a subject template or a market event was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A subject template of the configuration cannot be used.
    #[error("subject template {template:?} of {name:?}: {why}")]
    Template {
        /// The data type that it was given for.
        name: String,
        /// The template.
        template: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A name cannot be part of a subject or payload.
    #[error("{what} {name:?}: {why}")]
    Name {
        /// Which name.
        what: &'static str,
        /// The name, cut.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An instrument was declared under a number that is not the next one.
    #[error("instrument {id} declared where {expected} is next: numbers are dense from 0")]
    IdNotDense {
        /// The number.
        id: u32,
        /// The next free number.
        expected: u32,
    },
    /// More instruments than the session may have.
    #[error("instrument {id} is one too many: the limit is {limit}")]
    TooManyInstruments {
        /// The number.
        id: u32,
        /// The limit.
        limit: usize,
    },
    /// An instrument was declared again under other names.
    #[error("instrument {id} is {known:?} already and cannot become {wanted:?}")]
    Redeclared {
        /// The number.
        id: u32,
        /// The exchange's name of the instrument known under that number.
        known: String,
        /// The exchange's name of the instrument that should replace it.
        wanted: String,
    },
    /// A market event for an instrument that was never declared.
    #[error("{} of instrument {id}, which was never declared", data_type.name())]
    UnknownInstrument {
        /// The number.
        id: u32,
        /// What was to be published.
        data_type: DataType,
    },
    /// A decimal with more decimal places than the contract allows.
    #[error("{scale} decimal places, the most is 18")]
    Scale {
        /// The decimal places.
        scale: u8,
    },
    /// A packed list of levels that is no whole number of levels.
    #[error("{numbers} numbers are no whole number of price levels")]
    Levels {
        /// How many numbers.
        numbers: usize,
    },
    /// A text that should be a plain decimal number is not one.
    #[error("{field}: {text:?} is not a plain decimal of at most 38 digits")]
    Number {
        /// The field of the payload.
        field: &'static str,
        /// The text, cut.
        text: String,
    },
    /// The top of a book with no bids or no asks; the consumers cannot read it as a snapshot.
    #[error(
        "the book has {bids} bids and {asks} asks; a snapshot with an empty side is not published"
    )]
    EmptySide {
        /// Number of bids.
        bids: usize,
        /// Number of asks.
        asks: usize,
    },
}

impl WireError {
    /// Whether the adapter broke the contract, which stops it; the rest concerns one message.
    pub const fn is_contract_violation(&self) -> bool {
        match self {
            Self::Template { .. }
            | Self::IdNotDense { .. }
            | Self::TooManyInstruments { .. }
            | Self::Redeclared { .. }
            | Self::UnknownInstrument { .. }
            | Self::Scale { .. }
            | Self::Levels { .. } => true,
            Self::Name { .. } | Self::Number { .. } | Self::EmptySide { .. } => false,
        }
    }

    /// A short fixed name of the reason, for counters.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Template { .. } => "bad subject template",
            Self::Name { .. } => "bad name",
            Self::IdNotDense { .. } => "instrument number not dense",
            Self::TooManyInstruments { .. } => "too many instruments",
            Self::Redeclared { .. } => "instrument redeclared",
            Self::UnknownInstrument { .. } => "unknown instrument",
            Self::Scale { .. } => "too many decimal places",
            Self::Levels { .. } => "part of a level",
            Self::Number { .. } => "not a plain decimal",
            Self::EmptySide { .. } => "empty side",
        }
    }
}

/// The beginning of a text of unknown length, for an error.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}
