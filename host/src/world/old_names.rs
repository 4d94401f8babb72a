//! The second subject of every message, for consumers that know the old ones: the exchange as its block of the
//! configuration names it stands where its name in payloads stands otherwise.

use std::collections::HashMap;
use std::sync::Arc;

use crate::bus::OldSubjects;
use crate::wire::{Message, Transport};

/// Subjects that are remembered at most.
const REMEMBERED_MAX: usize = 50_000;

/// Makes the second message of each.
pub(super) struct OldNames {
    venue: Arc<str>,
    way: OldSubjects,
    /// By the first subject; none where there is no second one.
    subjects: HashMap<Arc<str>, Option<Arc<str>>>,
}

impl OldNames {
    /// For a session with this `exchange`.
    pub(super) fn new(venue: Arc<str>, way: OldSubjects) -> Self {
        Self {
            venue,
            way,
            subjects: HashMap::new(),
        }
    }

    /// The same message on its old subject; none where that is the same.
    pub(super) fn again(&mut self, message: &Message) -> Option<Message> {
        if self.subjects.len() >= REMEMBERED_MAX {
            self.subjects.clear();
        }
        let venue = &*self.venue;
        let subject = self
            .subjects
            .entry(message.subject.clone())
            .or_insert_with(|| old_subject(message, venue))
            .clone()?;
        let transport = match self.way {
            OldSubjects::Core => Transport::Core,
            OldSubjects::JetStream => message.transport,
        };
        // A stream recognises ids whatever their subjects are.
        let id = |id: &String| format!("{id}:{venue}");
        let msg_id = match transport {
            Transport::Stream => message.msg_id.as_ref().map(id),
            Transport::Core => None,
        };
        Some(Message {
            subject,
            msg_id,
            transport,
            ..message.clone()
        })
    }
}

fn old_subject(message: &Message, venue: &str) -> Option<Arc<str>> {
    let mut parts: Vec<&str> = message.subject.split('.').collect();
    let exchange = message.source.exchange.as_str();
    let place = parts.iter_mut().find(|part| **part == exchange)?;
    *place = venue;
    let subject = parts.join(".");
    (subject != *message.subject).then(|| subject.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{DataType, Source};

    fn message(data_type: DataType) -> Message {
        Message {
            subject: format!("{}.alpha.spot.BTC-USDT", data_type.name()).into(),
            msg_id: (data_type == DataType::FundingRate).then(|| "id".to_owned()),
            payload: "{}".into(),
            data_type,
            transport: data_type.transport(),
            source: Arc::new(Source {
                exchange: "alpha".to_owned(),
                market_type: "spot",
                exchange_symbol: "BTCUSDT".to_owned(),
            }),
            stamp: Default::default(),
        }
    }

    #[test]
    fn the_second_message_has_the_same_bytes_and_the_name_of_the_configuration() {
        let mut names = OldNames::new("alpha_spot".into(), OldSubjects::Core);
        let again = names.again(&message(DataType::Trade)).unwrap();
        assert_eq!(&*again.subject, "trade.alpha_spot.spot.BTC-USDT");
        assert_eq!(again.payload, message(DataType::Trade).payload);
        let again = names.again(&message(DataType::FundingRate)).unwrap();
        assert_eq!((again.transport, again.msg_id), (Transport::Core, None));
        let mut same = OldNames::new("alpha".into(), OldSubjects::Core);
        assert_eq!(same.again(&message(DataType::Trade)), None);
    }

    #[test]
    fn through_jetstream_it_has_an_id_of_its_own() {
        let mut names = OldNames::new("alpha_spot".into(), OldSubjects::JetStream);
        let again = names.again(&message(DataType::FundingRate)).unwrap();
        assert_eq!(again.transport, Transport::Stream);
        assert_eq!(again.msg_id.as_deref(), Some("id:alpha_spot"));
    }
}
