//! Every sample message and answer: of the kinds that are asked for, its values as written here by hand or the reason why
//! it is refused; of all other kinds, ignored. A sample that is in no list is one that nobody asked for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::BTreeMap;

use marketprism_binance::parse::{self, Asked, Changes, Message, polled};
use marketprism_binance::{Binance, Forced, Instrument, Instruments, TradeStream, Venue};
use marketprism_kit::Refusal;
use marketprism_kit::testing::recording::{shared, text};
use marketprism_kit::testing::{self, Driver, level};
use marketprism_kit::wit::{Event, Side};

const SYMBOLS: [&str; 9] = [
    "BTCUSDT",
    "ETHUSDT",
    "BNBBTC",
    "BTCUSDC",
    "GNTBTC",
    "BTCUSDT_210625",
    "ETHUSDT_210625",
    "BTCUSDT_220624",
    "LTCUSDT",
];

fn sample(venue: &str, name: &str) -> String {
    text(&format!("captures/samples/{venue}/{name}"))
}

fn files(venue: &str) -> Vec<String> {
    let folder = shared(&format!("captures/samples/{venue}"));
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The message of a sample: some stand behind what was said before.
fn message(text: &str) -> &str {
    text.split_once("\n= ")
        .map_or(text, |(_, event)| event)
        .trim()
}

/// The body of an answer: some stand behind the request.
fn body(text: &str) -> String {
    if let Some(rest) = text.strip_prefix("GET\n") {
        return rest.splitn(3, '\n').nth(2).unwrap().to_owned();
    }
    if text.starts_with(r#"{"request""#) {
        return text
            .split_once(r#""body":"#)
            .unwrap()
            .1
            .strip_suffix('}')
            .unwrap()
            .to_owned();
    }
    text.to_owned()
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

fn levels(changes: &Changes) -> String {
    let text = |levels: &[_]| levels.iter().map(level).collect::<Vec<_>>().join(" ");
    format!("bids {} asks {}", text(&changes.bids), text(&changes.asks))
}

fn told(result: Result<Message, Refusal>, changes: &Changes) -> String {
    match result {
        Ok(Message::Depth(it)) => {
            let (symbol, ids) = (SYMBOLS[it.instrument as usize], it.ids);
            let previous = ids
                .previous
                .map_or(String::new(), |id| format!(" after {id}"));
            let levels = levels(changes);
            format!(
                "{symbol} {}..{}{previous} at {} {levels}",
                ids.first, ids.last, ids.time
            )
        }
        Ok(Message::Trade(it)) => {
            let symbol = SYMBOLS[it.instrument as usize];
            format!(
                "{symbol} #{} {} {} x {} at {}",
                it.id,
                side(it.side),
                it.price,
                it.quantity,
                it.time
            )
        }
        Ok(Message::Forced(all)) => {
            let text = all.iter().map(|it| {
                format!(
                    "{} {} {} x {} of {} average {} {} worth {} at {}",
                    it.symbol,
                    side(it.side),
                    it.order_price,
                    it.filled_quantity,
                    it.quantity,
                    it.average_price.as_deref().unwrap_or("-"),
                    it.status,
                    it.notional,
                    it.time
                )
            });
            text.collect::<Vec<_>>().join("; ")
        }
        Ok(Message::Answer(number, None)) => format!("answer {number}"),
        Ok(Message::Answer(number, Some(problem))) => format!("answer {number}: {problem}"),
        Ok(Message::Shutdown) => "shutdown".to_owned(),
        Ok(Message::Ignored) => "ignored".to_owned(),
        Err(refusal) => format!("refused {}", refusal.rule),
    }
}

/// What each sample says that is taken for a message.
fn messages(venue: Venue, folder: &str) -> BTreeMap<String, String> {
    let mut instruments = Instruments::default();
    for symbol in SYMBOLS {
        let id = instruments.next_id();
        instruments.add(Instrument {
            active: true,
            is_forced_wanted: true,
            ..Instrument::new(id, symbol.to_owned())
        });
    }
    let mut found = BTreeMap::new();
    for name in files(folder) {
        let text = sample(folder, &name);
        let mut changes = Changes::default();
        let mut read = |trades| {
            let asked = Asked {
                venue,
                instruments: &instruments,
                books: true,
                trades: Some(trades),
                forced: Some(Forced::OfNamed),
            };
            let result = parse::frame(message(&text).as_bytes(), asked, &mut changes);
            told(result, &changes)
        };
        let (single, aggregate) = (read(TradeStream::Trade), read(TradeStream::AggTrade));
        // Only the trades that were asked for are taken; everything else is the same for both.
        let said = match (single.as_str(), aggregate.as_str()) {
            (one, other) if one == other => single,
            ("ignored", _) => format!("aggTrade {aggregate}"),
            (_, "ignored") => format!("trade {single}"),
            _ => panic!("{name}: {single} but {aggregate}"),
        };
        found.insert(name, said);
    }
    found
}

/// How an answer is read.
#[derive(Clone, Copy)]
enum Kind {
    Depth,
    Trades,
    AggTrades,
    Time,
    Premium,
    Interest,
    Ratios,
    FundingInfo,
}

/// The first and the last row, and how many there are.
fn rows<T>(rows: Result<Vec<T>, Refusal>, text: impl Fn(&T) -> String) -> Result<String, Refusal> {
    let rows = rows?;
    Ok(match rows.as_slice() {
        [] => "nothing".to_owned(),
        [one] => text(one),
        [first, .., last] => format!("{} .. {} ({})", text(first), text(last), rows.len()),
    })
}

fn answer(kind: Kind, body: &[u8]) -> String {
    let trades = |stream| {
        rows(parse::old_trades(body, stream, 0), |it| {
            format!(
                "#{} {} {} x {} at {}",
                it.id,
                side(it.side),
                it.price,
                it.quantity,
                it.time
            )
        })
    };
    let result = match kind {
        Kind::Depth => {
            let mut changes = Changes::default();
            parse::snapshot(body, &mut changes).map(|id| {
                let (bids, asks) = (changes.bids.len(), changes.asks.len());
                let best = [&changes.bids[0], &changes.asks[0]].map(level).join(" ");
                format!("{id} best {best} of {bids} and {asks}")
            })
        }
        Kind::Trades => trades(TradeStream::Trade),
        Kind::AggTrades => trades(TradeStream::AggTrade),
        Kind::Time => polled::server_time(body).map(|time| time.to_string()),
        Kind::Premium => polled::premium(body, "BTCUSDT").map(|it| {
            format!(
                "rate {} mark {} index {} premium {} next {} at {}",
                it.rate.unwrap(),
                it.mark_price,
                it.index_price,
                it.premium.unwrap(),
                it.next_funding.unwrap(),
                it.time
            )
        }),
        Kind::Interest => {
            polled::interest(body, "BTCUSDT").map(|it| format!("{} at {}", it.value, it.time))
        }
        Kind::Ratios => rows(polled::ratios(body, "BTCUSDT"), |it| {
            format!(
                "{} = {} : {} at {}",
                it.ratio, it.long, it.short, it.time_ms
            )
        }),
        Kind::FundingInfo => rows(polled::funding_intervals(body), |it| {
            format!("{} {}h", it.symbol, it.hours)
        }),
    };
    result.unwrap_or_else(|refusal| format!("refused {}", refusal.rule))
}

/// What each message of the folder says; all others are ignored.
const SPOT_MESSAGES: &[(&str, &str)] = &[
    ("barter_book_mod_0.json", "refused wrong shape"),
    (
        "barter_spot_l2_0.json",
        "ETHUSDT 22611425143..22611425151 at 1671656397761000000 bids 1209.67000000x85.48210000 1209.66000000x20.68790000 asks ",
    ),
    ("barter_subscription_0.json", "answer 1"),
    ("barter_subscription_1.json", "answer 1"),
    (
        "barter_trade_0.json",
        "trade ETHUSDT #1000000000 buy 10000.19 x 0.239000 at 1749354825200000000",
    ),
    ("barter_trade_1.json", "trade refused wrong shape"),
    (
        "barter_trade_2.json",
        "trade ETHUSDT #1000000000 sell 10000.19 x 0.239000 at 1749354825200000000",
    ),
    (
        "barter_trade_3.json",
        "trade ETHUSDT #1000000000 buy 10000.19 x 0.239000 at 1749354825200000000",
    ),
    (
        "barter_trade_4.json",
        "trade ETHUSDT #1000000000 buy 10000.19 x 0.239000 at 1749354825200000000",
    ),
    (
        "cmp_l2_event_spot.json",
        "BTCUSDT 11294093710..11294093726 at 1622363903670000000 bids 35743.98000000x0.00000000 35743.87000000x0.00001500 asks 35743.88000000x0.24000000 35743.97000000x0.00000000",
    ),
    (
        "cmp_trade_spot.json",
        "aggTrade BTCUSDT #640283266 buy 58942.01000000 x 0.00035600 at 1616176861893000000",
    ),
    (
        "jk_sub_AggregatedTrades.json",
        "aggTrade refused wrong symbol",
    ),
    ("jk_sub_Concurrent.json", "refused not json"),
    ("jk_sub_Trades.json", "trade refused wrong symbol"),
    (
        "nt_ws_spot_agg_trade.json",
        "aggTrade ETHUSDT #226532 buy 1632.46000000 x 0.34305000 at 1675759520847000000",
    ),
    (
        "tardis_depth_05.json",
        "BTCUSDC 16084252..16084253 at 1554076801699000000 bids 4084.88000000x0.00000000 asks 4111.84000000x0.00000000",
    ),
    (
        "tardis_depth_06.json",
        "GNTBTC 41603407..41603413 at 1554076807698000000 bids 0.00002246x1215.00000000 0.00002245x2673.00000000 0.00002244x390.00000000 0.00002239x2126.00000000 asks 0.00002267x0.00000000 0.00002269x7840.00000000",
    ),
    (
        "tardis_depth_07.json",
        "GNTBTC 41603414..41603418 at 1554076808698000000 bids 0.00002248x114.00000000 0.00002246x375.00000000 asks 0.00002253x3945.00000000",
    ),
    (
        "tardis_depth_09.json",
        "GNTBTC 41603417..41603419 at 1554076809699000000 bids  asks 0.00002257x0.00000000 0.00002262x6080.00000000",
    ),
    (
        "tardis_trade_00.json",
        "trade BNBBTC #40756030 buy 0.00426990 x 33.82000000 at 1554076800940000000",
    ),
    (
        "tardis_trade_01.json",
        "trade BNBBTC #60276726 sell 0.00219650 x 6.48000000 at 1567296001034000000",
    ),
];

/// What each answer that is asked for says.
const SPOT_ANSWERS: &[(&str, Kind, &str)] = &[
    (
        "barter_book_l2_0.json",
        Kind::Depth,
        "1027024 best 4.00000000x431.00000000 4.00000200x12.00000000 of 1 and 1",
    ),
    (
        "barter_book_l2_1.json",
        Kind::Depth,
        "1027024 best 4.00000000x431.00000000 4.00000200x12.00000000 of 1 and 1",
    ),
    (
        "cmp_l2_snapshot_spot.json",
        Kind::Depth,
        "33933317943 best 23171.42000000x0.03000000 23171.68000000x0.00067000 of 3 and 3",
    ),
    (
        "gct_api_v3_aggTrades.0.json",
        Kind::AggTrades,
        "#284861205 sell 9039.74000000 x 0.17700100 at 1588749117459000000 .. #284862204 buy 9034.00000000 x 0.06546300 at 1588749263231000000 (2)",
    ),
    (
        "gct_api_v3_aggTrades.1.json",
        Kind::AggTrades,
        "refused wrong shape",
    ),
    (
        "gct_api_v3_aggTrades.2.json",
        Kind::AggTrades,
        "refused wrong shape",
    ),
    (
        "gct_api_v3_depth.0.json",
        Kind::Depth,
        "8223158780 best 32085.65000000x0.00000500 32085.66000000x2.04843700 of 28 and 28",
    ),
    (
        "gct_api_v3_historicalTrades.0.json",
        Kind::Trades,
        "#870281750 sell 38172.11000000 x 0.15000000 at 1621933655947000000 .. #870281754 sell 38171.17000000 x 0.01000000 at 1621933656023000000 (5)",
    ),
    (
        "nt_http_spot_market_agg_trades.json",
        Kind::AggTrades,
        "#966492862 buy 60759.60000000 x 0.00841000 at 1634944096633000000 .. #966492871 buy 60759.60000000 x 0.00100000 at 1634944098216000000 (10)",
    ),
    (
        "nt_http_spot_market_depth.json",
        Kind::Depth,
        "14527958487 best 60650.00000000x0.00213000 60650.01000000x0.61982000 of 10 and 10",
    ),
    (
        "nt_http_spot_market_historical_trades.json",
        Kind::Trades,
        "#1111471896 sell 60814.78000000 x 0.00034000 at 1634943219887000000 .. #1111471905 buy 60814.79000000 x 0.06902000 at 1634943220769000000 (10)",
    ),
    (
        "nt_http_spot_market_time.json",
        Kind::Time,
        "1633835466289000000",
    ),
    (
        "nt_spot_http_json_depth_response.json",
        Kind::Depth,
        "1027024 best 4.00000000x431.00000000 4.00000200x12.00000000 of 1 and 1",
    ),
    (
        "nt_spot_http_json_server_time_response.json",
        Kind::Time,
        "1499827319559000000",
    ),
];

/// What each message of the folder says; all others are ignored.
const USDM_MESSAGES: &[(&str, &str)] = &[
    (
        "barter_futures_l2_0.json",
        "BTCUSDT 157..160 after 149 at 1571889248277000000 bids 0.0024x10 asks 0.0026x100",
    ),
    (
        "barter_futures_liquidation_0.json",
        "BTCUSDT sell 18917.15 x 0.009 of 0.009 average 18990.00 filled worth 170.91000 at 1665523974217000000",
    ),
    (
        "cmp_l2_event_linear_future.json",
        "ETHUSDT_210625 475700780918..475700783070 after 475700774972 at 1622368962075000000 bids 2437.04x82.320 2437.07x0.000 asks 2441.23x1.500 2441.24x0.220",
    ),
    (
        "cmp_l2_event_linear_swap.json",
        "BTCUSDT 475776377463..475776380184 after 475776377452 at 1622371244693000000 bids 35729.77x1.600 35750.00x5.106 asks 35819.20x0.211 35820.31x0.001",
    ),
    (
        "cmp_trade_linear_future.json",
        "aggTrade BTCUSDT_210625 #21021 buy 62595.8 x 0.094 at 1616201035958000000",
    ),
    (
        "cmp_trade_linear_swap.json",
        "aggTrade BTCUSDT #389551486 buy 58665.00 x 0.043 at 1616202009188000000",
    ),
    (
        "jk_sub_AggTrades.json",
        "aggTrade BTCUSDT #5933014 sell 0.001 x 100 at 123456785000000",
    ),
    (
        "jk_sub_Book.json",
        "BTCUSDT 157..160 after 149 at 123456789000000 bids 0.0024x10 asks 0.0026x100",
    ),
    ("jk_sub_Concurrent.json", "refused not json"),
    (
        "jk_sub_Liquidations.json",
        "BTCUSDT sell 9910 x 0.014 of 0.014 average 9910 filled worth 138.740 at 1568014460893000000",
    ),
    (
        "nt_futures_market_data_json_agg_trade_stream.json",
        "aggTrade BTCUSDT #5933014 sell 0.001 x 100 at 123456785000000",
    ),
    (
        "nt_futures_market_data_json_depth_update_stream.json",
        "BTCUSDT 157..160 after 149 at 123456789000000 bids 0.0024x10 asks 0.0026x100",
    ),
    (
        "nt_futures_market_data_json_liquidation_stream.json",
        "BTCUSDT sell 9910.00000000 x 0.014 of 0.014 average 9910.12345678 filled worth 138.74172839492 at 1568014460893000000",
    ),
    (
        "nt_futures_market_data_json_trade_stream.json",
        "trade BTCUSDT #5933014 sell 0.001 x 100 at 123456785000000",
    ),
    (
        "nt_ws_futures_depth_diff_update.json",
        "BTCUSDT 157..160 after 149 at 123456789000000 bids 0.0024x10 asks 0.0026x100",
    ),
    (
        "nt_ws_futures_depth_update.json",
        "BTCUSDT 390497796..390497878 after 390497794 at 1571889248277000000 bids 7403.89x0.002 7403.90x3.906 7404.00x1.428 7404.85x5.239 7405.43x2.562 asks 7405.96x3.340 7406.63x4.525 7407.08x2.475 7407.15x4.800 7407.20x0.175",
    ),
    ("tardis_aggTrade_00.json", "aggTrade refused wrong shape"),
    (
        "tardis_depth_100ms_05.json",
        "BTCUSDT 687687944..687687946 after 687687946 at 1573948821952000000 bids 8493.78x0.162 asks 4096.00000000x2.42541900",
    ),
    (
        "tardis_depth_100ms_07.json",
        "BTCUSDT 687687944..687687946 after 687690832 at 1573948821952000000 bids 8493.78x0.162 asks ",
    ),
    (
        "tardis_forceOrder_12.json",
        "BTCUSDT buy 4793.91 x 0.014 of 0.014 average 4706.04 filled worth 65.88456 at 1584059031421000000",
    ),
    (
        "tardis_trade_04.json",
        "trade BTCUSDT #10934580 buy 7627.60 x 0.044 at 1574381164086000000",
    ),
    (
        "tardis_trade_10.json",
        "trade ETHUSDT #73701056 sell 2366.55 x 0.070 at 1596034530235000000",
    ),
    (
        "tardis_trade_11.json",
        "trade BTCUSDT #173525189 sell 11343.67 x 0.467 at 1596240000519000000",
    ),
];

/// What each answer that is asked for says.
const USDM_ANSWERS: &[(&str, Kind, &str)] = &[
    (
        "cmp_l2_snapshot_linear_future.json",
        Kind::Depth,
        "1570223094073 best 30564.6x0.024 30569.5x0.141 of 3 and 3",
    ),
    (
        "cmp_l2_snapshot_linear_swap.json",
        Kind::Depth,
        "1570255790655 best 30430.80x0.482 30430.90x1.685 of 3 and 3",
    ),
    (
        "cmp_open_interest_linear_swap.json",
        Kind::Interest,
        "84617.188 at 1654336844754000000",
    ),
    (
        "gct_fapi_v1_aggTrades.0.json",
        Kind::AggTrades,
        "#19427407 sell 49.73 x 0.001 at 1602819697783000000 .. #19427906 buy 49.73 x 0.061 at 1602819862086000000 (500)",
    ),
    (
        "gct_fapi_v1_aggTrades.1.json",
        Kind::AggTrades,
        "#154676475 buy 11376.16 x 0.001 at 1602989582346000000 .. #154676479 sell 11378.45 x 0.090 at 1602989583660000000 (5)",
    ),
    (
        "gct_fapi_v1_aggTrades.2.json",
        Kind::AggTrades,
        "#19675433 sell 47.05 x 0.718 at 1602989282797000000 .. #19675438 buy 47.06 x 0.022 at 1602989283589000000 (6)",
    ),
    (
        "gct_fapi_v1_depth.0.json",
        Kind::Depth,
        "78378956573 best 11492.09x0.004 11492.10x0.191 of 5 and 5",
    ),
    (
        "gct_fapi_v1_depth.1.json",
        Kind::Depth,
        "5643869211110 best 69607.70x7.768 69607.80x11.668 of 100 and 100",
    ),
    (
        "gct_fapi_v1_depth.2.json",
        Kind::Depth,
        "177584518166 best 32090.35x0.161 32090.36x0.124 of 28 and 28",
    ),
    (
        "gct_fapi_v1_fundingInfo.0.json",
        Kind::FundingInfo,
        "GTCUSDT 8h .. ENSUSDT 8h (25)",
    ),
    (
        "gct_fapi_v1_openInterest.0.json",
        Kind::Interest,
        "83782.317 at 1702244985273000000",
    ),
    (
        "gct_fapi_v1_premiumIndex.0.json",
        Kind::Premium,
        "rate 0.00001226 mark 26780.82240476 index 26798.25197802 premium -17.42957326 next 1687248000000000000 at 1687244112000000000",
    ),
    (
        "gct_fapi_v1_premiumIndex.1.json",
        Kind::Premium,
        "refused wrong shape",
    ),
    ("gct_fapi_v1_time.0.json", Kind::Time, "1620099477465000000"),
    (
        "gct_futures_data_globalLongShortAccountRatio.0.json",
        Kind::Ratios,
        "1.3781 = 0.5795 : 0.4205 at 1602403200000 .. 1.2973 = 0.5647 : 0.4353 at 1602820800000 (30)",
    ),
    (
        "gct_futures_data_globalLongShortAccountRatio.1.json",
        Kind::Ratios,
        "1.2952 = 0.5643 : 0.4357 at 1602820500000 .. 1.4606 = 0.5936 : 0.4064 at 1602823200000 (10)",
    ),
    (
        "gct_futures_data_globalLongShortAccountRatio.2.json",
        Kind::Ratios,
        "1.3827 = 0.5803 : 0.4197 at 1602987900000 .. 1.3815 = 0.5801 : 0.4199 at 1602990600000 (10)",
    ),
    (
        "gct_futures_data_topLongShortPositionRatio.0.json",
        Kind::Ratios,
        "1.1246 = 0.5293 : 0.4707 at 1600300800000 .. 1.1444 = 0.5337 : 0.4663 at 1602806400000 (30)",
    ),
    (
        "gct_futures_data_topLongShortPositionRatio.1.json",
        Kind::Ratios,
        "refused wrong shape",
    ),
    (
        "gct_futures_data_topLongShortPositionRatio.2.json",
        Kind::Ratios,
        "refused wrong shape",
    ),
    ("jk_GetFundingInfo.json", Kind::FundingInfo, "BLZUSDT 8h"),
    (
        "jk_GetGlobalLongShortAccountRatio.json",
        Kind::Ratios,
        "0.1960 = 0.6622 : 0.3378 at 1583139600000 .. 1.9559 = 0.6617 : 0.3382 at 1583139900000 (2)",
    ),
    (
        "jk_GetMarkPrice.json",
        Kind::Premium,
        "rate 0.00038246 mark 11793.63104562 index 11781.80495970 premium 11.82608592 next 1597392000000000000 at 1597370495002000000",
    ),
    (
        "jk_GetOpenInterest.json",
        Kind::Interest,
        "10659.509 at 1589437530011000000",
    ),
    (
        "jk_GetOrderBook.json",
        Kind::Depth,
        "1027024 best 4.00000000x431.00000000 4.00000200x12.00000000 of 1 and 1",
    ),
    ("jk_GetServerTime.json", Kind::Time, "1499827319559000000"),
    (
        "jk_GetTopLongShortPositionRatio.json",
        Kind::Ratios,
        "1.4342 = 0.5891 : 0.4656 at 1583139600000 .. 1.4337 = 0.3583 : 0.6417 at 1583139900000 (2)",
    ),
    (
        "nt_http_futures_market_agg_trades.json",
        Kind::AggTrades,
        "#26129 sell 0.01633102 x 4.70443515 at 1498793709153000000",
    ),
    (
        "nt_http_futures_market_depth.json",
        Kind::Depth,
        "1027024 best 4.00000000x431.00000000 4.00000200x12.00000000 of 1 and 1",
    ),
    (
        "nt_http_futures_market_global_long_short_account_ratio.json",
        Kind::Ratios,
        "0.1960 = 0.6622 : 0.3378 at 1583139600000 .. 1.9559 = 0.6617 : 0.3382 at 1583139900000 (2)",
    ),
    (
        "nt_http_futures_market_historical_trades.json",
        Kind::Trades,
        "#28457 sell 4.00000100 x 12.00000000 at 1499865549590000000",
    ),
    (
        "nt_http_futures_market_open_interest.json",
        Kind::Interest,
        "10659.509 at 1589437530011000000",
    ),
    (
        "nt_http_futures_market_premium_index.json",
        Kind::Premium,
        "rate 0.00038246 mark 11793.63104562 index 11781.80495970 premium 11.82608592 next 1597392000000000000 at 1597370495002000000",
    ),
    (
        "nt_http_futures_market_top_long_short_position_ratio.json",
        Kind::Ratios,
        "1.4342 = 0.5891 : 0.4108 at 1583139600000 .. 1.4337 = 0.3583 : 0.6417 at 1583139900000 (2)",
    ),
];

/// Answers of endpoints, and parts of some: no messages.
fn is_answer(name: &str) -> bool {
    [
        "gct_",
        "jk_Get",
        "nt_http_",
        "nt_spot_http_",
        "cmp_l2_snapshot",
        "cmp_open_interest",
        "barter_book_l2",
    ]
    .iter()
    .any(|begin| name.starts_with(begin))
}

fn messages_say(venue: Venue, folder: &str, expected: &[(&str, &str)]) {
    let expected: BTreeMap<_, _> = expected.iter().copied().collect();
    let said = messages(venue, folder);
    for name in expected.keys() {
        assert!(said.contains_key(*name), "{name} is no sample");
    }
    for (name, said) in said {
        if is_answer(&name) {
            // An answer in the place of a frame is told apart.
            assert!(
                said == "ignored" || said.starts_with("refused "),
                "{name}: {said}"
            );
        } else {
            let expected = expected.get(name.as_str()).copied();
            assert_eq!(said, expected.unwrap_or("ignored"), "{name}");
        }
    }
}

#[test]
fn every_message_of_spot_says_what_it_says() {
    messages_say(Venue::Spot, "binance_spot", SPOT_MESSAGES);
}

#[test]
fn every_message_of_usd_m_says_what_it_says() {
    messages_say(Venue::UsdMargined, "binance_usdm", USDM_MESSAGES);
}

#[test]
fn every_answer_that_is_asked_for_says_what_it_says() {
    for (folder, answers) in [
        ("binance_spot", SPOT_ANSWERS),
        ("binance_usdm", USDM_ANSWERS),
    ] {
        for (name, kind, expected) in answers {
            let text = body(&sample(folder, name));
            assert_eq!(answer(*kind, text.as_bytes()), *expected, "{name}");
        }
    }
}

#[test]
fn no_sample_in_any_place_makes_the_adapter_panic() {
    let types = r#"["orderbook","trade","funding_rate","open_interest","liquidation","lsr_top_position","lsr_all_account"]"#;
    for (folder, venue) in [
        ("binance_spot", "binance_spot"),
        ("binance_usdm", "binance_derivatives"),
    ] {
        for name in files(folder) {
            let text = sample(folder, &name);
            let body = body(&text);
            let settings = format!(r#"{{"exchange":"{venue}","data_types":{types}}}"#);
            let mut driver = Driver::<Binance>::default();
            driver.tell(1, &testing::start(&settings, &SYMBOLS));
            for alarm in [2, 7, 8, 9] {
                driver.tell(60_000_000_000, &Event::Alarm(alarm));
            }
            for request in 0..40 {
                driver.tell(
                    61_000_000_000,
                    &testing::answer(request, 200, body.as_str()),
                );
            }
            driver.tell(62_000_000_000, &testing::frame(0, text.as_str()));
            driver.tell(62_000_000_000, &testing::frame(0, message(&text)));
        }
    }
}
