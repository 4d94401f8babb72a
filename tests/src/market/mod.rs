//! A seeded market whose true book is known at every update id.
//!
//! Orders arrive, are cancelled and trade; the price moves. Prices are whole ticks and quantities whole lots, so
//! nothing is ever rounded. The same seed gives the same market, and a symbol's course does not depend on the other
//! symbols. How an exchange tells all this is not known here: see `binance_form` and `capture`.

mod listing;
mod news;
mod terms;
#[cfg(test)]
mod tests;

pub use crate::book::{Level, Levels};
pub use listing::Listing;
pub use news::{DepthUpdate, News, Occurrence, Snapshot, Trade};
pub use terms::{Course, Terms};

/// Several symbols on one clock.
#[derive(Debug)]
pub struct Market {
    listings: Vec<Listing>,
}

impl Market {
    /// Opens a market.
    #[must_use]
    pub fn open<S: AsRef<str>>(seed: u64, symbols: &[S], start_ns: u64) -> Self {
        Self::open_as(seed, symbols, start_ns, &Course::default())
    }

    /// Opens a market that runs another course.
    #[must_use]
    pub fn open_as<S: AsRef<str>>(
        seed: u64,
        symbols: &[S],
        start_ns: u64,
        course: &Course,
    ) -> Self {
        let listings = symbols.iter();
        let listings = listings.map(|symbol| (Terms::of(symbol.as_ref()), course.clone()));
        Self::open_each(seed, listings.collect(), start_ns)
    }

    /// Opens a market in which each symbol has its own terms and runs its own course.
    #[must_use]
    pub fn open_each(seed: u64, listings: Vec<(Terms, Course)>, start_ns: u64) -> Self {
        let listings = listings
            .into_iter()
            .map(|(terms, course)| Listing::open(seed, terms, start_ns, &course))
            .collect();
        Self { listings }
    }

    /// The symbols' true states, in the order of their opening.
    #[must_use]
    pub fn listings(&self) -> &[Listing] {
        &self.listings
    }

    /// A symbol's true state.
    #[must_use]
    pub fn listing(&self, symbol: &str) -> Option<&Listing> {
        self.listings
            .iter()
            .find(|listing| listing.terms().symbol == symbol)
    }

    /// Lets everything happen up to a time, that time included, and returns what an exchange would have told, in the
    /// order of its happening.
    pub fn advance(&mut self, until_ns: u64) -> Vec<Occurrence> {
        let mut told = Vec::new();
        while let Some(next) = self
            .listings
            .iter_mut()
            .min_by_key(|listing| listing.next_ns())
        {
            if next.next_ns() > until_ns {
                break;
            }
            next.step(&mut told);
        }
        told
    }
}
