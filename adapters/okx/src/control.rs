//! What becomes of the exchange's words about subscriptions and connections.

use marketprism_kit::streams::StreamId;
use marketprism_kit::wit::LogLevel;
use marketprism_kit::{Output, Refusal};

use crate::Running;
use crate::parse::{Control, is_book_channel};
use crate::streams::Words;

impl Running {
    pub(crate) fn control(
        &mut self,
        now: u64,
        connection: u32,
        control: &Control,
        out: &mut Output,
    ) {
        match control {
            Control::Subscribed(name) => self.subscribed(now, connection, name, out),
            Control::Notice(message) => {
                out.log(
                    LogLevel::Info,
                    format_args!("the exchange announces: {message}"),
                );
                let words = Words::of(&self.session.settings);
                self.streams.renew(connection, &words, out);
            }
            Control::Refused {
                code,
                message,
                stream,
                number,
            } => {
                let found = format!("{code}: {message}");
                let named = stream.as_deref().and_then(|name| self.stream_of(name));
                let asked = || {
                    let asked = self.streams.asked_in(connection, (*number)?);
                    // Of several it cannot be told which one is meant.
                    <[StreamId; 1]>::try_from(asked).ok().map(|[stream]| stream)
                };
                // 60014: too many requests, which says nothing about the stream.
                let refused = named.or_else(asked).filter(|_| code != "60014");
                if let Some(stream) = refused {
                    self.streams.refused(stream, connection, now, &found, out);
                }
                out.refused(&Refusal::new("exchange error", found));
            }
            Control::Unsubscribed | Control::Other => {}
        }
    }

    fn subscribed(&mut self, now: u64, connection: u32, name: &str, out: &mut Output) {
        if let Some(stream) = self.stream_of(name) {
            self.streams.acknowledged(stream, connection, now);
        }
        let cx = self.session.at(now);
        if let Some((channel, of)) = name.split_once(':')
            && is_book_channel(channel)
            && let Some((id, _)) = self.instruments.find_active(of.as_bytes())
            && let Some(instrument) = self.instruments.get_mut(id)
            && let Some(book) = &mut instrument.book
        {
            book.subscribed(&cx, out);
        }
    }

    /// The stream of a name; books may come through any of their channels, as they do in recordings.
    fn stream_of(&self, name: &str) -> Option<StreamId> {
        self.streams.find(name).or_else(|| {
            let (channel, of) = name.split_once(':')?;
            let (_, instrument) = self.instruments.find_active(of.as_bytes())?;
            instrument.book_stream.filter(|_| is_book_channel(channel))
        })
    }
}
