//! The fast path only ever agrees with the general one, on frames as they should be and as they should not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use marketprism_binance::parse::{self, Asked, Changes};
use marketprism_binance::{Forced, Instrument, Instruments, TradeStream, Venue};
use marketprism_kit::testing::random::{Random, cases};

/// Frames tried; `MARKETPRISM_CASES` sets another number.
const CASES: u64 = 1_000_000;

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
                .pick(&[
                    "1e-8",
                    "-1.5",
                    "+1",
                    "",
                    "1.",
                    ".1",
                    "00.1",
                    "0.0",
                    "1E5",
                    "0.000000000000000000",
                ])
                .to_owned(),
            _ => format!(
                "{}.{:08}",
                1 + self.0.below(99_999),
                self.0.below(100_000_000)
            ),
        }
    }

    fn id(&mut self) -> String {
        if self.0.below(20) == 0 {
            self.0.digits(21)
        } else {
            (50_093_239_000 + self.0.below(3)).to_string()
        }
    }

    fn levels(&mut self) -> String {
        let count = self.0.below(4);
        let levels: Vec<_> = (0..count)
            .map(|_| format!(r#"["{}","{}"]"#, self.number(), self.number()))
            .collect();
        format!("[{}]", levels.join(","))
    }

    fn frame(&mut self) -> String {
        let stream = self.0.pick(&[
            "btcusdt", "btcusdt", "btcusdt", "btcusdt", "btcusdt", "btcusdt", "ethusdt", "BTCUSDT",
            "xyz",
        ]);
        let symbol = self.0.pick(&[
            "BTCUSDT", "BTCUSDT", "BTCUSDT", "BTCUSDT", "ETHUSDT", "btcusdt", "",
        ]);
        let time = if self.0.below(20) == 0 {
            self.0.digits(20)
        } else {
            "1723161255208".to_owned()
        };
        match self.0.below(3) {
            0 => {
                let first = self.id();
                let last = if self.0.below(4) == 0 {
                    self.id()
                } else {
                    first.clone()
                };
                let (bids, asks) = (self.levels(), self.levels());
                format!(
                    r#"{{"stream":"{stream}@depth@100ms","data":{{"e":"depthUpdate","E":{time},"s":"{symbol}","U":{first},"u":{last},"b":{bids},"a":{asks}}}}}"#
                )
            }
            _ => {
                let kind = self.0.pick(&["trade", "aggTrade"]);
                let key = if self.0.below(8) == 0 {
                    "x"
                } else {
                    &kind[..1]
                };
                let (id, price, quantity) = (self.id(), self.number(), self.number());
                let more = self.0.pick(&[
                    "",
                    "",
                    r#""b":88,"a":50,"#,
                    r#""f":5,"l":6,"#,
                    r#""f":5,"a":6,"#,
                ]);
                let maker = self
                    .0
                    .pick(&["true", "false", "true", "false", "1", "null"]);
                format!(
                    r#"{{"stream":"{stream}@{kind}","data":{{"e":"{kind}","E":{time},"s":"{symbol}","{key}":{id},"p":"{price}","q":"{quantity}",{more}"T":{time},"m":{maker},"M":true}}}}"#
                )
            }
        }
    }

    /// A frame of USD-M.
    fn swap_frame(&mut self) -> String {
        let stream = self.0.pick(&[
            "btcusdt", "btcusdt", "btcusdt", "btcusdt", "btcusdt", "btcusdt", "btcusdt", "ethusdt",
            "xyz",
        ]);
        let symbol = self.0.pick(&[
            "BTCUSDT", "BTCUSDT", "BTCUSDT", "BTCUSDT", "BTCUSDT", "BTCUSDT", "ETHUSDT", "",
        ]);
        let time = if self.0.below(20) == 0 {
            self.0.digits(20)
        } else {
            "1723161255208".to_owned()
        };
        let kind_of_symbol = self.0.pick(&[
            "",
            "",
            "",
            r#","st":1"#,
            r#","st":1"#,
            r#","st":"1""#,
            r#","x":[]"#,
        ]);
        match self.0.below(3) {
            0 => {
                let (first, previous) = (self.id(), self.id());
                let last = if self.0.below(4) == 0 {
                    self.id()
                } else {
                    first.clone()
                };
                let (bids, asks) = (self.levels(), self.levels());
                let speed = self.0.pick(&[
                    "100ms", "100ms", "100ms", "0ms", "0ms", "250ms", "ms", "00ms", "x",
                ]);
                let more = self.0.pick(&[
                    "",
                    "",
                    r#""ps":"BTCUSDT","st":1,"#,
                    r#""ps":"B\"T","st":1,"#,
                    r#""ps":"B\\","st":1,"#,
                    r#""st":1,"#,
                ]);
                format!(
                    r#"{{"stream":"{stream}@depth@{speed}","data":{{"e":"depthUpdate","E":{time},"T":{time},"s":"{symbol}",{more}"U":{first},"u":{last},"pu":{previous},"b":{bids},"a":{asks}}}}}"#
                )
            }
            1 => {
                let (id, price, quantity) = (self.id(), self.number(), self.number());
                let kind = self.0.pick(&[
                    "",
                    r#""X":"MARKET","#,
                    r#""X":"MARKET","#,
                    r#""X":"INSURANCE_FUND","#,
                    r#""X":"A\"D","#,
                    r#""X":1,"#,
                ]);
                let maker = self
                    .0
                    .pick(&["true", "false", "true", "false", "true", "false", "1"]);
                format!(
                    r#"{{"stream":"{stream}@trade","data":{{"e":"trade","E":{time},"T":{time},"s":"{symbol}","t":{id},"p":"{price}","q":"{quantity}",{kind}"m":{maker}{kind_of_symbol}}}}}"#
                )
            }
            _ => {
                let (id, price, quantity) = (self.id(), self.number(), self.number());
                let normal = self.0.pick(&[
                    "",
                    "",
                    "",
                    r#""nq":"0.5","#,
                    r#""nq":"0.5","#,
                    r#""nq":"","#,
                ]);
                let maker = self
                    .0
                    .pick(&["true", "false", "true", "false", "true", "null"]);
                format!(
                    r#"{{"stream":"{stream}@aggTrade","data":{{"e":"aggTrade","E":{time},"a":{id},"s":"{symbol}","p":"{price}","q":"{quantity}",{normal}"f":5,"l":6,"T":{time},"m":{maker}{kind_of_symbol}}}}}"#
                )
            }
        }
    }
}

fn instruments() -> Instruments {
    let mut instruments = Instruments::default();
    for (symbol, active) in [("BTCUSDT", true), ("ETHUSDT", true), ("XYZ", false)] {
        let id = instruments.next_id();
        instruments.add(Instrument {
            active,
            ..Instrument::new(id, symbol.to_owned())
        });
    }
    instruments
}

#[test]
fn whatever_the_fast_path_reads_the_general_path_reads_the_same() {
    agree(Venue::Spot, Frames::frame);
}

#[test]
fn whatever_the_fast_path_of_usd_m_reads_the_general_path_reads_the_same() {
    agree(Venue::UsdMargined, Frames::swap_frame);
}

fn agree(venue: Venue, make: impl Fn(&mut Frames) -> String) {
    let instruments = instruments();
    let mut random = Frames(Random(0x2545_F491_4F6C_DD1D));
    let (mut fast, mut general) = (Changes::default(), Changes::default());
    let mut read = 0_u64;
    let cases = cases(CASES);
    for case in 0..cases {
        let trades = if case % 2 == 0 {
            TradeStream::Trade
        } else {
            TradeStream::AggTrade
        };
        let asked = Asked {
            venue,
            instruments: &instruments,
            books: case % 16 != 0,
            trades: Some(trades),
            forced: None,
        };
        let frame = make(&mut random);
        let frame = if case % 4 == 0 {
            frame.into_bytes()
        } else {
            random.0.mutated(frame)
        };
        let Some(message) = parse::fast_frame(&frame, asked, &mut fast) else {
            continue;
        };
        read += 1;
        let text = || String::from_utf8_lossy(&frame).into_owned();
        assert_eq!(
            parse::general_frame(&frame, asked, &mut general),
            Ok(message.clone()),
            "{}",
            text()
        );
        if matches!(message, parse::Message::Depth(_)) {
            assert_eq!(fast, general, "{}", text());
        }
    }
    // Otherwise the comparison says little.
    assert!(
        read > cases / 20,
        "only {read} of {cases} frames took the fast path"
    );
}

#[test]
fn no_frame_at_all_makes_the_parser_panic() {
    let instruments = instruments();
    let mut random = Frames(Random(42));
    let mut changes = Changes::default();
    for case in 0..cases(CASES) / 20 {
        let (venue, frame) = if case % 2 == 0 {
            (Venue::Spot, random.frame())
        } else {
            (Venue::UsdMargined, random.swap_frame())
        };
        let asked = Asked {
            venue,
            instruments: &instruments,
            books: true,
            trades: Some(TradeStream::Trade),
            forced: Some(Forced::OfAll),
        };
        let frame = random.0.mutated(frame);
        let _ = parse::frame(&frame, asked, &mut changes);
        let _ = parse::snapshot(&frame, &mut changes);
    }
}
