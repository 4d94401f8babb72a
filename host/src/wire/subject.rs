//! Subject templates of the configuration: on which subject each data type of an instrument goes out.

use std::collections::BTreeSet;

use super::data_type::PerType;
use super::{DataType, WireError};

/// One subject template for each data type, with the places `{exchange}`, `{market_type}` and `{symbol}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subjects(PerType<String>);

impl Default for Subjects {
    /// `TYPE.{exchange}.{market_type}.{symbol}` for every type.
    fn default() -> Self {
        Self(PerType::new(|data_type| {
            format!(
                "{}.{{exchange}}.{{market_type}}.{{symbol}}",
                data_type.name()
            )
        }))
    }
}

impl Subjects {
    /// The default templates with some replaced: pairs of a data type's name and its template.
    ///
    /// # Errors
    /// [`WireError::Template`] for a name that is no data type, for a template that is no subject, and for one that
    /// leaves out one of the three places: two instruments would share a subject.
    pub fn with_templates<'a>(
        templates: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, WireError> {
        let mut chosen = Vec::new();
        for (name, template) in templates {
            let refused = |why| WireError::Template {
                name: name.to_owned(),
                template: template.to_owned(),
                why,
            };
            let data_type =
                DataType::from_name(name).ok_or_else(|| refused("there is no such data type"))?;
            check(template).map_err(refused)?;
            chosen.push((data_type, template));
        }
        let default = Self::default();
        Ok(Self(PerType::new(|data_type| {
            let template = chosen.iter().rev().find(|(chosen, _)| *chosen == data_type);
            template.map_or_else(
                || default.0.get(data_type).clone(),
                |(_, template)| (*template).to_owned(),
            )
        })))
    }

    /// With wildcards: subjects that together are those of all data types and instruments.
    pub fn patterns(&self) -> Vec<String> {
        let pattern = |template: &String| {
            let tokens = template.split('.').map(|token| match token.contains('{') {
                true => "*",
                false => token,
            });
            tokens.collect::<Vec<_>>().join(".")
        };
        let all: BTreeSet<String> = DataType::ALL
            .iter()
            .map(|data_type| pattern(self.0.get(*data_type)))
            .collect();
        all.into_iter().collect()
    }

    /// The subject of one data type. The names are subject tokens already.
    pub(super) fn fill(
        &self,
        data_type: DataType,
        exchange: &str,
        market_type: &str,
        symbol: &str,
    ) -> String {
        self.0
            .get(data_type)
            .replace("{exchange}", exchange)
            .replace("{market_type}", market_type)
            .replace("{symbol}", symbol)
    }
}

/// What is wrong with a template, if anything is.
fn check(template: &str) -> Result<(), &'static str> {
    let mut rest = template.to_owned();
    for place in ["{exchange}", "{market_type}", "{symbol}"] {
        if !template.contains(place) {
            return Err("it must contain {exchange}, {market_type} and {symbol}");
        }
        rest = rest.replace(place, "x");
    }
    if rest.contains(['{', '}']) {
        return Err("only {exchange}, {market_type} and {symbol} are known");
    }
    if rest.split('.').any(str::is_empty) {
        return Err("a part between two dots is empty");
    }
    if rest.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '*' | '>' | '$'))
    {
        return Err("white space, control characters and * > $ cannot be in a subject");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    fn filled(subjects: &Subjects, data_type: DataType) -> String {
        subjects.fill(data_type, "alpha", "perpetual", "BTC-USDT")
    }

    #[test]
    fn a_data_type_without_a_template_goes_out_under_its_name() {
        let subjects =
            Subjects::with_templates([("trade", "md.{symbol}.{exchange}_{market_type}.t")])
                .unwrap();
        assert_eq!(
            filled(&subjects, DataType::Trade),
            "md.BTC-USDT.alpha_perpetual.t"
        );
        assert_eq!(
            filled(&subjects, DataType::OrderbookDelta),
            "orderbook_delta.alpha.perpetual.BTC-USDT"
        );
    }

    #[test]
    fn a_pattern_has_a_wildcard_where_a_name_is_filled_in() {
        let patterns =
            Subjects::with_templates([("trade", "md.{symbol}.{exchange}_{market_type}.t")])
                .unwrap()
                .patterns();
        assert_eq!(patterns.len(), DataType::ALL.len());
        for wanted in ["md.*.*.t", "orderbook.*.*.*"] {
            assert!(patterns.iter().any(|pattern| pattern == wanted), "{wanted}");
        }
    }

    #[test]
    fn a_template_that_is_no_subject_is_refused_with_the_reason() {
        for (name, template, why) in [
            (
                "trades",
                "trade.{exchange}.{market_type}.{symbol}",
                "no such data type",
            ),
            ("trade", "trade.{exchange}.{symbol}", "must contain"),
            (
                "trade",
                "trade.{exchange}.{market_type}.{symbol}.{day}",
                "are known",
            ),
            (
                "trade",
                "trade..{exchange}.{market_type}.{symbol}",
                "is empty",
            ),
            ("trade", "", "must contain"),
            (
                "trade",
                "trade.{exchange}.{market_type}.{symbol}.>",
                "cannot be in a subject",
            ),
            (
                "trade",
                "tr ade.{exchange}.{market_type}.{symbol}",
                "cannot be in a subject",
            ),
        ] {
            let error = Subjects::with_templates([(name, template)]).unwrap_err();
            assert!(error.to_string().contains(why), "{template:?}: {error}");
        }
    }
}
