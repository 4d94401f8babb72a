//! The fast path only ever agrees with the general one, and no change of a recorded frame gives a wrong number: on frames
//! as they should be and as they should not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use marketprism_kit::testing::random::{Random, cases};
use marketprism_kit::testing::recording::{oracle, recording};
use marketprism_okx::parse::{self, Asked, Message, Scratch, answer};
use marketprism_okx::{Instrument, Instruments, PolledKind, Venue};
use serde_json::Value;

/// Frames tried; `MARKETPRISM_CASES` sets another number.
const CASES: u64 = 300_000;

/// Frames of chance.
struct Frames(Random);

impl Frames {
    fn number(&mut self) -> String {
        match self.0.below(40) {
            0 => self.0.digits(22),
            1 => "0".to_owned(),
            2 => format!("{}.{}", self.0.digits(12), self.0.digits(20)),
            3 => self
                .0
                .pick(&["1e-8", "-1.5", "+1", "", "1.", ".1", "00.1", "0.0", "1E5"])
                .to_owned(),
            _ => format!("{}.{}", 1 + self.0.below(99_999), self.0.digits(8)),
        }
    }

    fn id(&mut self) -> String {
        match self.0.below(20) {
            0 => self.0.digits(21),
            1 => "-1".to_owned(),
            _ => (80_274_874_807 + self.0.below(3)).to_string(),
        }
    }

    fn levels(&mut self) -> String {
        let count = self.0.below(4);
        let levels: Vec<_> = (0..count)
            .map(|_| {
                let (price, quantity) = (self.number(), self.number());
                let rest = self.0.pick(&[
                    "\"0\",\"1\"",
                    "\"0\",\"12\"",
                    "\"0\",\"01\"",
                    "\"0\"",
                    "0,1",
                ]);
                format!(r#"["{price}","{quantity}",{rest}]"#)
            })
            .collect();
        format!("[{}]", levels.join(","))
    }

    fn frame(&mut self) -> String {
        let name = self
            .0
            .pick(&["BTC-USDT", "BTC-USDT", "UNI-USD-SWAP", "XYZ", "ETH-USDT"]);
        let time = self
            .0
            .pick(&["1760000000455", "1760000000455", "0", "99999999999999999"]);
        if self.0.below(2) == 0 {
            let channel = self
                .0
                .pick(&["books", "books", "books", "books-l2-tbt", "books5"]);
            let action = self.0.pick(&["update", "update", "snapshot", "other"]);
            let (asks, bids) = (self.levels(), self.levels());
            let (sequence, mut previous) = (self.id(), self.id());
            if action == "snapshot" {
                previous = "-1".to_owned();
            }
            let checksum = self.0.pick(&["0", "0", "0", "-855196043", "1.5"]);
            format!(
                r#"{{"arg":{{"channel":"{channel}","instId":"{name}"}},"action":"{action}","data":[{{"asks":{asks},"bids":{bids},"ts":"{time}","checksum":{checksum},"seqId":{sequence},"prevSeqId":{previous}}}]}}"#
            )
        } else {
            let (id, price, quantity) = (self.id(), self.number(), self.number());
            let side = self.0.pick(&["buy", "sell", "sell", "none"]);
            let more = self.0.pick(&[
                "",
                r#","count":"1""#,
                r#","count":"3""#,
                r#","count":"0""#,
                r#","count":"1","source":"0","seqId":7"#,
            ]);
            format!(
                r#"{{"arg":{{"channel":"trades","instId":"{name}"}},"data":[{{"instId":"{name}","tradeId":"{id}","px":"{price}","sz":"{quantity}","side":"{side}","ts":"{time}"{more}}}]}}"#
            )
        }
    }

    /// Adds, removes or retypes a field somewhere in a frame.
    fn changed(&mut self, frame: &str) -> String {
        match self.0.below(4) {
            0 => {
                let places: Vec<_> = frame.match_indices('{').collect();
                let (at, _) = places[self.0.below(places.len())];
                let value =
                    self.0
                        .pick(&["1", "\"x\"", "null", "[[\"1\",\"2\"]]", "{\"px\":\"7\"}"]);
                format!("{}\"new\":{value},{}", &frame[..=at], &frame[at + 1..])
            }
            1 => {
                let mut frame: Value = serde_json::from_str(frame).unwrap();
                let part = match self.0.below(4) {
                    0 => &mut frame,
                    1 => &mut frame["arg"],
                    _ => &mut frame["data"][0],
                };
                let object = part.as_object_mut().unwrap();
                let key = object
                    .keys()
                    .nth(self.0.below(object.len()))
                    .unwrap()
                    .clone();
                object.remove(&key);
                frame.to_string()
            }
            2 => {
                // A number in a string becomes bare, or a bare one gets quotes.
                let tokens: Vec<_> = frame.split('"').collect();
                let is_number = |token: &&str| {
                    !token.is_empty()
                        && token
                            .bytes()
                            .all(|byte| byte.is_ascii_digit() || byte == b'.')
                };
                let numbers: Vec<_> = tokens.iter().filter(|token| is_number(token)).collect();
                if numbers.is_empty() {
                    return frame.to_owned();
                }
                let number = numbers[self.0.below(numbers.len())];
                frame.replacen(&format!("\"{number}\""), number, 1)
            }
            _ => {
                let mut frame: Value = serde_json::from_str(frame).unwrap();
                let object = frame["data"][0].as_object_mut().unwrap();
                let key = object
                    .keys()
                    .nth(self.0.below(object.len()))
                    .unwrap()
                    .clone();
                let value = self.0.pick(&["null", "true", "[]", "{}", "\"\"", "[[1]]"]);
                object.insert(key, serde_json::from_str(value).unwrap());
                frame.to_string()
            }
        }
    }
}

fn instruments() -> Instruments {
    let mut instruments = Instruments::default();
    for name in [
        "BTC-USDT",
        "ONT-USDT",
        "UNI-USD-SWAP",
        "XMR-USDT-SWAP",
        "XYZ",
    ] {
        let id = instruments.add(Instrument::new(name.to_owned(), Venue::Spot));
        instruments.get_mut(id).unwrap().active = name != "XYZ";
    }
    instruments
}

const fn asked(instruments: &Instruments) -> Asked<'_> {
    Asked {
        instruments,
        books: true,
        trades: true,
        liquidations: true,
    }
}

#[test]
fn whatever_the_fast_path_reads_the_general_path_reads_the_same() {
    let instruments = instruments();
    let mut random = Frames(Random(0x2545_F491_4F6C_DD1D));
    let (mut fast, mut general) = (Scratch::default(), Scratch::default());
    let mut read = 0_u64;
    let cases = cases(CASES);
    for case in 0..cases {
        let frame = random.frame();
        let frame = if case % 4 == 0 {
            frame.into_bytes()
        } else {
            random.0.mutated(frame)
        };
        let Some(message) = parse::fast_frame(&frame, asked(&instruments), &mut fast) else {
            continue;
        };
        read += 1;
        let text = String::from_utf8_lossy(&frame);
        let found = parse::general_frame(&frame, asked(&instruments), &mut general);
        assert_eq!(found.as_ref(), Ok(&message), "{text}");
        match message {
            Message::Books(_) => assert_eq!(fast.books, general.books, "{text}"),
            Message::Trades(_) => assert_eq!(fast.trades, general.trades, "{text}"),
            other => panic!("{other:?}"),
        }
    }
    // Otherwise the comparison says little.
    assert!(
        read > cases / 20,
        "only {read} of {cases} frames took the fast path"
    );
}

#[test]
fn every_recorded_push_of_today_takes_the_fast_path() {
    for name in [
        "okx_spot.derived-seq-2021-07-c1",
        "okx_spot.derived-seq-2022-05",
        "okx_swap.derived-seq-2021-07-c1",
        "okx_swap.derived-seq-2022-05",
    ] {
        let mut instruments = Instruments::default();
        for name in oracle(name).keys() {
            let id = instruments.add(Instrument::new(name.clone(), Venue::Spot));
            instruments.get_mut(id).unwrap().active = true;
        }
        let mut scratch = Scratch::default();
        for record in recording(name) {
            let is_ours = ["books", "trades"].iter().any(|channel| {
                record
                    .data
                    .starts_with(&format!("{{\"arg\":{{\"channel\":\"{channel}\""))
            });
            if is_ours && record.kind == "ws" {
                let data = record.data.as_bytes();
                let read = parse::fast_frame(data, asked(&instruments), &mut scratch);
                assert!(read.is_some(), "{}", record.data);
            }
        }
    }
}

/// Whether what was read of a changed frame is true to the frame: numbers may be missing, but none is another one.
fn is_true_to(whole: &Scratch, changed: &Scratch, message: &Message) -> bool {
    match message {
        Message::Books(_) => {
            let ([a], [b]) = (whole.books.as_slice(), changed.books.as_slice()) else {
                return false;
            };
            let is_side = |a: &Vec<_>, b: &Vec<_>| a == b || b.is_empty();
            a.is_snapshot == b.is_snapshot
                && a.time == b.time
                && (a.chain == b.chain || b.chain.is_none())
                && (a.checksum == b.checksum || b.checksum.is_none())
                && is_side(&a.levels.bids, &b.levels.bids)
                && is_side(&a.levels.asks, &b.levels.asks)
        }
        Message::Trades(_) => {
            let mut changed = changed.trades.clone();
            for (trade, whole) in changed.iter_mut().zip(&whole.trades) {
                trade.count = whole.count;
            }
            whole.trades == changed
        }
        Message::Liquidations(_) => whole.liquidations == changed.liquidations,
        Message::Ignored | Message::Control(_) | Message::Pong => true,
    }
}

#[test]
fn no_change_of_a_recorded_frame_gives_a_wrong_number() {
    let instruments = instruments();
    let mut random = Frames(Random(77));
    let (mut whole, mut scratch) = (Scratch::default(), Scratch::default());
    let (mut used, mut refused) = (0, 0);
    for name in [
        "okx_spot.cf-2021-07-c1",
        "okx_spot.derived-seq-2022-05",
        "okx_swap.cf-2022-05",
        "okx_swap.derived-seq-2021-07-c1",
    ] {
        for record in recording(name) {
            let data = record.data.as_bytes();
            let read = parse::frame(data, asked(&instruments), &mut whole);
            if record.kind != "ws" || !matches!(read, Ok(Message::Books(_) | Message::Trades(_))) {
                continue;
            }
            for _ in 0..6 {
                let changed = random.changed(&record.data);
                match parse::frame(changed.as_bytes(), asked(&instruments), &mut scratch) {
                    Ok(message) => {
                        used += 1;
                        assert!(
                            is_true_to(&whole, &scratch, &message),
                            "{}\n{changed}\n{scratch:?}",
                            record.data
                        );
                    }
                    Err(unusable) => {
                        refused += 1;
                        assert!(!unusable.refusal.rule.is_empty());
                    }
                }
            }
        }
    }
    assert!(
        used > 1_000 && refused > 1_000,
        "{used} used, {refused} refused"
    );
}

#[test]
fn no_frame_and_no_answer_at_all_makes_the_parser_panic() {
    let instruments = instruments();
    let mut random = Frames(Random(42));
    let mut scratch = Scratch::default();
    let forced = r#"{"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[{"details":[{"bkPx":"0.007831","side":"buy","sz":"13","ts":"1692266434010"}],"instId":"UNI-USD-SWAP"}]}"#;
    let answers = [
        r#"{"code":"0","data":[{"instId":"X","fundingRate":"0.1","nextFundingRate":"","fundingTime":"1","nextFundingTime":"7","ts":"5"}]}"#,
        r#"{"code":"0","data":[{"instId":"X","oi":"0.1","oiUsd":"5","ts":"5"}]}"#,
        r#"{"code":"0","data":[["1759999800000","1.62"]]}"#,
        r#"{"code":"0","data":[{"instId":"X","ctType":"inverse","ctVal":"10","ctMult":"1"}]}"#,
        r#"{"code":"0","data":[{"asks":[["1","2","0","1"]],"bids":[],"ts":"5","seqId":7}]}"#,
    ];
    for case in 0..cases(CASES) / 20 {
        let frame = match case % 3 {
            0 => forced.to_owned(),
            _ => random.frame(),
        };
        let frame = random.0.mutated(frame);
        let _ = parse::frame(&frame, asked(&instruments), &mut scratch);
        let answer = random.0.pick(&answers).to_owned();
        let answer = random.0.mutated(answer);
        for kind in PolledKind::ALL {
            let _ = kind.event(0, "X", &answer);
        }
        let _ = answer::book(&answer);
        let _ = answer::time(&answer);
        let _ = answer::contracts(&answer, |_, _| {});
    }
}
