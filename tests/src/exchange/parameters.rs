//! The query of a request.

use super::http::{Request, decoded};

/// Names and values.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn of(request: &Request) -> Self {
        let pairs = request.query().split('&').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name.to_owned(), decoded(value)))
        });
        Self(pairs.collect())
    }

    /// Of names and values that came another way.
    pub(crate) const fn from_pairs(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// A value that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// A whole number; an error for what is none.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, std::num::ParseIntError> {
        self.get(name).map(str::parse).transpose()
    }
}
