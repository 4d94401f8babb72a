//! The general JSON path: it reads every frame that is valid, in whatever order and with whatever fields are new, and
//! names the rule that any other breaks. The fast path of [`crate::scan`] only ever agrees with it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::Refusal;
use crate::decimal::{self, DecimalError};
use crate::wit::{Decimal, Level};

/// Reads one JSON object. Unknown fields are passed over; a known field that comes twice is refused.
pub fn object<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Refusal> {
    let is_object = text.trim_ascii_start().first() == Some(&b'{');
    if !is_object {
        // A struct can be read from an array too, which no exchange means.
        return Err(match serde_json::from_slice::<IgnoredAny>(text) {
            Ok(_) => Refusal::new("wrong shape", "not an object"),
            Err(error) => refusal(&error),
        });
    }
    serde_json::from_slice(text).map_err(|error| {
        // The error of a field comes before the end is seen: a frame that was cut is never called anything else.
        match serde_json::from_slice::<IgnoredAny>(text) {
            Ok(_) => refusal(&error),
            Err(syntax) => refusal(&syntax),
        }
    })
}

/// Reads one JSON list; its elements are left as they are.
pub fn list(text: &[u8]) -> Result<Vec<&RawValue>, Refusal> {
    serde_json::from_slice(text).map_err(|error| refusal(&error))
}

fn refusal(error: &serde_json::Error) -> Refusal {
    let rule = match error.classify() {
        Category::Data => "wrong shape",
        Category::Syntax | Category::Eof | Category::Io => "not json",
    };
    Refusal::new(rule, error.to_string())
}

/// A decimal that stands as a JSON number or in a string; both mean the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number(Result<Decimal, DecimalError>);

impl Number {
    /// The number, whatever its sign.
    pub fn signed(self) -> Result<Decimal, Refusal> {
        Ok(self.0?)
    }

    /// The number, which must not be negative: prices and quantities.
    pub fn unsigned(self) -> Result<Decimal, Refusal> {
        let number = self.0?;
        if number.mantissa < 0 {
            return Err(Refusal::new("negative number", number.to_string()));
        }
        Ok(number)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(from)?.get();
        Ok(Self(
            match raw
                .strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'))
            {
                Some(text) if !text.contains('\\') => decimal::parse(text.as_bytes()),
                Some(_) => serde_json::from_str::<String>(raw)
                    .map_err(|_| DecimalError::NotANumber)
                    .and_then(|text| decimal::parse(text.as_bytes())),
                None => decimal::parse(raw.as_bytes()),
            },
        ))
    }
}

/// A level as `[price, quantity]`; what stands behind is passed over.
#[derive(Debug, Clone, Copy)]
pub struct WireLevel {
    price: Number,
    quantity: Number,
}

impl WireLevel {
    /// The level, both of whose numbers must be neither negative nor too long.
    pub fn level(self) -> Result<Level, Refusal> {
        let (price, quantity) = (self.price.unsigned()?, self.quantity.unsigned()?);
        Ok(Level {
            price: price.mantissa,
            quantity: quantity.mantissa,
            price_scale: price.scale,
            quantity_scale: quantity.scale,
        })
    }
}

impl<'de> Deserialize<'de> for WireLevel {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Pair;

        impl<'de> Visitor<'de> for Pair {
            type Value = WireLevel;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("[price, quantity]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<WireLevel, A::Error> {
                let missing = |at| serde::de::Error::invalid_length(at, &self);
                let price = from.next_element()?.ok_or_else(|| missing(0))?;
                let quantity = from.next_element()?.ok_or_else(|| missing(1))?;
                while from.next_element::<IgnoredAny>()?.is_some() {}
                Ok(WireLevel { price, quantity })
            }
        }

        from.deserialize_seq(Pair)
    }
}

/// Reads every level or none.
pub fn levels(from: &[WireLevel], to: &mut Vec<Level>) -> Result<(), Refusal> {
    to.clear();
    for level in from {
        to.push(level.level()?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Number, WireLevel, object};
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Wire {
        p: Number,
        l: Vec<WireLevel>,
    }

    fn read(text: &str) -> Result<String, &'static str> {
        let wire: Wire = object(text.as_bytes()).map_err(|refusal| refusal.rule)?;
        let mut all = vec![
            wire.p
                .unsigned()
                .map_err(|refusal| refusal.rule)?
                .to_string(),
        ];
        for level in wire.l {
            let level = level.level().map_err(|refusal| refusal.rule)?;
            all.push(format!("{}@{}", level.quantity, level.price));
        }
        Ok(all.join(" "))
    }

    #[test]
    fn numbers_are_read_bare_and_in_strings() {
        assert_eq!(
            read(r#"{"p":"1.50","l":[["1","2"],[3,4.5,[]]],"new":{}}"#).unwrap(),
            "1.50 2@1 45@3"
        );
        assert_eq!(read(r#" {"l":[],"p":1e-2} "#).unwrap(), "0.01");
        assert_eq!(read(r#"{"p":"\u0031","l":[]}"#).unwrap(), "1");
    }

    #[test]
    fn each_broken_rule_has_its_name() {
        for (text, rule) in [
            ("", "not json"),
            (r#"{"p":"1","l":["#, "not json"),
            (r#"{"p":true"#, "not json"),
            (r#"{"p":1,"l":[]}x"#, "not json"),
            (r#"[1,[]]"#, "wrong shape"),
            (r#"{"l":[]}"#, "wrong shape"),
            (r#"{"p":1,"p":1,"l":[]}"#, "wrong shape"),
            (r#"{"p":1,"l":[["1"]]}"#, "wrong shape"),
            (r#"{"p":1,"l":{}}"#, "wrong shape"),
            (r#"{"p":"","l":[]}"#, "not a number"),
            (r#"{"p":null,"l":[]}"#, "not a number"),
            (r#"{"p":[1],"l":[]}"#, "not a number"),
            (r#"{"p":-1,"l":[]}"#, "negative number"),
            (
                r#"{"p":1,"l":[["1.2","99999999999999999999"]]}"#,
                "number out of range",
            ),
        ] {
            assert_eq!(read(text), Err(rule), "{text}");
        }
    }
}
