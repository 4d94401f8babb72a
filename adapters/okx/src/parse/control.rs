//! What the exchange says about subscriptions and the connection itself.
//! <https://www.okx.com/docs-v5/en/#overview-websocket-subscribe>, `#overview-websocket-notification`

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Codes of the exchange's refusals of a subscription begin with this.
const REFUSALS: &str = "600";

#[derive(Deserialize)]
pub(super) struct WireEvent<'a> {
    #[serde(borrow)]
    event: &'a RawValue,
    #[serde(borrow)]
    arg: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    msg: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireArg<'a> {
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "instId")]
    instrument: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "instType")]
    instrument_type: Option<Cow<'a, str>>,
}

/// A message about subscriptions or the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// A stream, by [`stream_name`], is subscribed to.
    Subscribed(String),
    /// A stream is no longer subscribed to.
    Unsubscribed,
    /// A request was refused.
    Refused {
        /// The exchange's number of what is wrong.
        code: String,
        /// Its words.
        message: String,
        /// The stream that the words name.
        stream: Option<String>,
        /// The number of our message, where it is told.
        number: Option<u32>,
    },
    /// The connection will be closed soon: `64008`, service upgrade.
    Notice(String),
    /// Something that changes nothing here.
    Other,
}

/// How a stream is named here: channel and instrument (or type of instruments), with a colon between.
pub fn stream_name(channel: &str, of: &str) -> String {
    format!("{channel}:{of}")
}

/// The text of a JSON value; that of a string without its quotes.
fn plain(raw: Option<&RawValue>) -> Option<String> {
    let raw = raw?;
    Some(serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().to_owned()))
}

pub(super) fn read(event: &WireEvent<'_>) -> Control {
    let message = || plain(event.msg).unwrap_or_default();
    match plain(Some(event.event)).unwrap_or_default().as_str() {
        "subscribe" => named(event.arg).map_or(Control::Other, Control::Subscribed),
        "unsubscribe" => Control::Unsubscribed,
        "notice" => Control::Notice(message()),
        "error" => {
            let (code, message) = (plain(event.code).unwrap_or_default(), message());
            let stream = named(event.arg).or_else(|| named_in(&message));
            let number = plain(event.id).and_then(|id| id.parse().ok());
            let stream = stream.filter(|_| code.starts_with(REFUSALS));
            Control::Refused {
                code,
                message,
                stream,
                number,
            }
        }
        _ => Control::Other,
    }
}

fn named(arg: Option<&RawValue>) -> Option<String> {
    let arg: WireArg<'_> = serde_json::from_str(arg?.get()).ok()?;
    let of = arg.instrument.or(arg.instrument_type)?;
    Some(stream_name(&arg.channel?, &of))
}

/// The stream that the words of a refusal name: "Wrong URL or channel:books,instId:X-Y doesn't exist." (60018), or our
/// whole request when that has one stream (60012).
fn named_in(message: &str) -> Option<String> {
    let word = |key: &str| {
        let (_, rest) = message.split_once(key)?;
        let rest = rest.trim_start_matches([':', '"', ' ', '\\']);
        let end = rest.find([',', ' ', '"', '}', '\\']).unwrap_or(rest.len());
        let word = rest.get(..end)?;
        (!word.is_empty()).then_some(word)
    };
    // The word "channel" may stand before in another sense.
    let has_several = message.matches("instId").count() > 1;
    let channel = word("channel:").or_else(|| word("\"channel\""))?;
    let of = word("instId:")
        .or_else(|| word("\"instId\""))
        .or_else(|| word("instType:"))
        .or_else(|| word("\"instType\""))?;
    (!has_several).then(|| stream_name(channel, of))
}

#[cfg(test)]
mod tests {
    use super::named_in;

    #[test]
    fn the_words_of_a_refusal_name_the_stream() {
        for (message, stream) in [
            (
                "Wrong URL or channel:books,instId:FOO-BAR doesn't exist. Please use the correct URL, channel and parameters referring to API document.",
                Some("books:FOO-BAR"),
            ),
            (
                r#"Invalid request: {"op": "subscribe", "args":[{ "channel" : "trades", "instId" : "BTC-USD-191227"}]}"#,
                Some("trades:BTC-USD-191227"),
            ),
            (
                r#"Invalid request: {"op":"subscribe","args":[{"channel":"trades","instId":"A-B"},{"channel":"trades","instId":"C-D"}]}"#,
                None,
            ),
            (
                "channel:liquidation-orders,instType:SWAP doesn't exist",
                Some("liquidation-orders:SWAP"),
            ),
            ("Invalid sign", None),
            ("", None),
        ] {
            assert_eq!(named_in(message).as_deref(), stream, "{message}");
        }
    }
}
