//! Writes a market as a recording: one JSON object per line, in the order and at the times in which a collector would
//! have received it from Binance spot. The same recording has the same bytes everywhere.

use std::collections::VecDeque;
use std::io::{self, Write};

use serde_json::Value;

use crate::binance_form;
use crate::market::Market;
use crate::random::Random;

/// When every recording starts: 2026-01-01T00:00:00Z.
pub const START_NS: u64 = 1_767_225_600_000_000_000;
const NS_PER_MS: u64 = 1_000_000;
const NS_PER_SECOND: u64 = 1_000_000_000;
/// The first book is asked for when some updates have come, as the exchange's rules want it; the others follow one by
/// one.
const FIRST_SNAPSHOT_MS: u64 = 450;
const SNAPSHOT_GAP_MS: u64 = 60;
/// From the exchange's look at its book to the arrival of the answer.
const ANSWER_DELAY_MS: u64 = 45;
/// Levels a side in an answer.
const SNAPSHOT_LEVELS: usize = 1_000;
const STREAM_ADDRESS: &str = "wss://stream.binance.com:9443/stream";

/// What to record.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Chooses the market.
    pub seed: u64,
    /// How long.
    pub seconds: u64,
    /// The symbols in the exchange's names.
    pub symbols: Vec<String>,
}

impl Recording {
    /// Writes it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut market = Market::open(self.seed, &self.symbols, START_NS);
        let mut receiver = Receiver {
            out,
            random: Random::new(self.seed, "receiver"),
            last_ns: START_NS,
            answers: VecDeque::new(),
        };
        for (place, symbol) in (0..).zip(&self.symbols) {
            let time_ns = START_NS + (FIRST_SNAPSHOT_MS + place * SNAPSHOT_GAP_MS) * NS_PER_MS;
            receiver.frames(&mut market, time_ns)?;
            if let Some(listing) = market.listing(symbol) {
                let body =
                    binance_form::depth_answer(listing.terms(), &listing.snapshot(SNAPSHOT_LEVELS));
                receiver.answers.push_back((
                    time_ns + ANSWER_DELAY_MS * NS_PER_MS,
                    answer_line(symbol, &body),
                ));
            }
        }
        for second in 1..=self.seconds {
            receiver.frames(&mut market, START_NS + second * NS_PER_SECOND)?;
        }
        receiver.answers_until(u64::MAX)
    }
}

/// Everything about an answer's line but its time.
fn answer_line(symbol: &str, body: &str) -> String {
    let url =
        format!("https://api.binance.com/api/v3/depth?symbol={symbol}&limit={SNAPSHOT_LEVELS}");
    let data = Value::from(body);
    format!(
        r#""conn":"{url}","kind":"http","method":"GET","url":"{url}","status":200,"data":{data}"#
    )
}

/// The collector's side of the network.
struct Receiver<'a, W> {
    out: &'a mut W,
    random: Random,
    last_ns: u64,
    /// Answers that are under way, in the order of their arrival.
    answers: VecDeque<(u64, String)>,
}

impl<W: Write> Receiver<'_, W> {
    /// Receives what the market tells up to a time.
    fn frames(&mut self, market: &mut Market, until_ns: u64) -> io::Result<()> {
        for occurrence in market.advance(until_ns) {
            let delay_ns = self.random.between(2 * NS_PER_MS, 6 * NS_PER_MS);
            let time_ns = occurrence.time_ns + delay_ns;
            self.answers_until(time_ns)?;
            let data = Value::from(binance_form::frame(&occurrence));
            self.line(
                time_ns,
                &format!(r#""conn":"{STREAM_ADDRESS}","kind":"ws","data":{data}"#),
            )?;
        }
        Ok(())
    }

    fn answers_until(&mut self, time_ns: u64) -> io::Result<()> {
        while let Some((arrival_ns, line)) = self
            .answers
            .pop_front_if(|(arrival_ns, _)| *arrival_ns <= time_ns)
        {
            self.line(arrival_ns, &line)?;
        }
        Ok(())
    }

    /// One connection keeps its order: nothing arrives before what was sent earlier.
    fn line(&mut self, time_ns: u64, rest: &str) -> io::Result<()> {
        self.last_ns = time_ns.max(self.last_ns + 1);
        writeln!(self.out, r#"{{"t_ns":{},{rest}}}"#, self.last_ns)
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test ends at its first surprise"
    )]

    use super::*;

    fn recording(seed: u64, seconds: u64, symbols: &[&str]) -> String {
        let symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
        let mut out = Vec::new();
        Recording {
            seed,
            seconds,
            symbols,
        }
        .write(&mut out)
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    fn lines(text: &str) -> Vec<Value> {
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn data(line: &Value) -> Value {
        serde_json::from_str(line["data"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let first = recording(1, 3, &["BTCUSDT", "ETHUSDT"]);
        assert_eq!(first, recording(1, 3, &["BTCUSDT", "ETHUSDT"]));
        assert_ne!(first, recording(2, 3, &["BTCUSDT", "ETHUSDT"]));
    }

    #[test]
    fn lines_come_in_the_order_of_their_times() {
        let text = recording(1, 3, &["BTCUSDT", "ETHUSDT"]);
        let times: Vec<_> = lines(&text)
            .iter()
            .map(|line| line["t_ns"].as_u64().unwrap())
            .collect();
        assert!(times.is_sorted_by(|earlier, later| earlier < later));
        assert!(times[0] > START_NS && *times.last().unwrap() < START_NS + 3_100 * NS_PER_MS);
    }

    #[test]
    fn every_symbol_is_lively() {
        let text = recording(9, 20, &["BTCUSDT", "ETHUSDT", "SOLUSDT"]);
        for stream in ["btcusdt@", "ethusdt@", "solusdt@"] {
            let of_stream = |kind: &str| {
                text.matches(&format!(r#"{{\"stream\":\"{stream}{kind}"#))
                    .count()
                    / 20
            };
            let (depth, trades) = (of_stream("depth@100ms"), of_stream("trade"));
            assert!((8..=10).contains(&depth), "{depth} depth frames a second");
            assert!(
                (50..=200).contains(&(depth + trades)),
                "{} messages a second",
                depth + trades
            );
        }
    }

    /// The rules: buffer first; the answer is not older than the first buffered update; drop what it holds already;
    /// the first one applied reaches over it.
    #[test]
    fn the_answer_falls_into_the_updates_around_it() {
        for seed in 0..20 {
            for symbol in ["BTCUSDT", "ETHUSDT", "SOLUSDT"] {
                let lines = lines(&recording(seed, 2, &["BTCUSDT", "ETHUSDT", "SOLUSDT"]));
                let is_answer = |line: &Value| {
                    line["kind"] == "http" && line["url"].as_str().unwrap().contains(symbol)
                };
                let position = lines.iter().position(is_answer).unwrap();
                let last_update_id = data(&lines[position])["lastUpdateId"].as_u64().unwrap();
                let ids = |lines: &[Value]| -> Vec<(u64, u64)> {
                    let frames = lines.iter().filter(|line| line["kind"] == "ws").map(data);
                    frames
                        .map(|frame| frame["data"].clone())
                        .filter(|frame| frame["e"] == "depthUpdate" && frame["s"] == symbol)
                        .map(|frame| (frame["U"].as_u64().unwrap(), frame["u"].as_u64().unwrap()))
                        .collect()
                };
                let buffered = ids(&lines[..position]);
                assert!(buffered.len() >= 2 && buffered[0].0 <= last_update_id);
                let all = ids(&lines);
                assert!(all.windows(2).all(|pair| pair[1].0 == pair[0].1 + 1));
                let first_applied = all.iter().find(|(_, last)| *last > last_update_id).unwrap();
                assert!(first_applied.0 <= last_update_id + 1);
            }
        }
    }
}
