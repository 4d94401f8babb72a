//! REST of USD-M futures: the public endpoints that a collector uses, their weights, and what is polled there.
//! <https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api>

use super::futures_payload as payload;
use super::payload::list;
use super::query::{self, INVALID_SYMBOL, Refusal};
use crate::exchange::datum::{Datum, DatumKind};
use crate::exchange::dialect::{Desk, Reply};
use crate::exchange::facts::{Facts, MARK_DECIMALS};
use crate::exchange::market_feed::MarketFeed;
use crate::exchange::numbers::fixed;
use crate::exchange::parameters::Parameters;
use crate::market::Terms;

const DEPTH_LIMIT_MAX: usize = 1_000;
const RATIO_ROWS_MAX: usize = 500;
const INTEREST_RATE: &str = "0.00010000";
/// Decimals of an open interest and of a share.
const INTEREST_DECIMALS: u32 = 3;
const SHARE_DECIMALS: u32 = 4;
const WHOLE: u64 = 10_000;
const BAD_PERIOD: Refusal = (-1130, "parameter 'period' is invalid.");

pub(super) fn weight(path: &str, parameters: &Parameters) -> u64 {
    let of_one = |one, all| {
        if parameters.get("symbol").is_some() {
            one
        } else {
            all
        }
    };
    match path {
        "/fapi/v1/depth" => match query::limit(parameters, 500, DEPTH_LIMIT_MAX).unwrap_or(500) {
            0..=50 => 2,
            51..=100 => 5,
            101..=500 => 10,
            _ => 20,
        },
        "/fapi/v1/aggTrades" | "/fapi/v1/historicalTrades" => 20,
        "/fapi/v1/trades" => 5,
        "/fapi/v1/premiumIndex" => of_one(1, 10),
        "/fapi/v1/ticker/price" => of_one(1, 2),
        "/fapi/v1/fundingInfo" => 0,
        path if path.starts_with("/futures/data/") => 0,
        _ => 1,
    }
}

/// Hours between two fundings: 8 unless fundingInfo says something else.
pub(super) fn funding_hours(symbol: &str) -> u64 {
    match symbol {
        "BTCUSDT" | "ETHUSDT" => 8,
        _ => 4,
    }
}

pub(super) fn endpoint(
    desk: &Desk<'_>,
    path: &str,
    parameters: &Parameters,
) -> Result<Reply, Refusal> {
    let time_ms = desk.time_ms;
    let Some(feed) = desk.feed.market() else {
        return Ok(Reply::new(404, "{}"));
    };
    let body = match path {
        "/fapi/v1/ping" => "{}".to_owned(),
        "/fapi/v1/time" => format!(r#"{{"serverTime":{time_ms}}}"#),
        "/fapi/v1/exchangeInfo" => {
            // The exchange describes all of its symbols, whatever is asked for.
            let symbols = desk.feed.symbols();
            payload::exchange_info(time_ms, desk.settings.limits.weight_max, &symbols)
        }
        "/fapi/v1/depth" => {
            let terms = query::terms(desk, parameters)?;
            let limit = query::limit(parameters, 500, DEPTH_LIMIT_MAX)?;
            let snapshot = feed.snapshot(&terms.symbol, limit).ok_or(INVALID_SYMBOL)?;
            let mut reply = Reply::ok(payload::depth_answer(terms, time_ms, &snapshot));
            reply.update_id = Some(snapshot.last_update_id);
            return Ok(reply);
        }
        "/fapi/v1/aggTrades" => {
            let (terms, trades, query) = query::trades(desk, parameters, "aggTrades")?;
            payload::aggregates(terms, &trades.aggregates(query))
        }
        "/fapi/v1/historicalTrades" | "/fapi/v1/trades" => {
            let kind = path.trim_start_matches("/fapi/v1/");
            let (terms, trades, query) = query::trades(desk, parameters, kind)?;
            payload::trades(terms, &trades.singles(query))
        }
        "/fapi/v1/premiumIndex" => return of_one_or_all(desk, parameters, premium_index),
        "/fapi/v1/ticker/price" => return of_one_or_all(desk, parameters, last_price),
        "/fapi/v1/fundingInfo" => return Ok(funding_info(desk)),
        "/fapi/v1/openInterest" => {
            let terms = query::terms(desk, parameters)?;
            return Ok(open_interest(feed, terms, time_ms));
        }
        "/futures/data/topLongShortPositionRatio" => {
            return ratios(desk, feed, parameters, DatumKind::RatioTopPosition);
        }
        "/futures/data/topLongShortAccountRatio" => {
            return ratios(desk, feed, parameters, DatumKind::RatioTopAccount);
        }
        "/futures/data/globalLongShortAccountRatio" => {
            return ratios(desk, feed, parameters, DatumKind::RatioAllAccount);
        }
        _ => return Ok(Reply::new(404, "{}")),
    };
    Ok(Reply::ok(body))
}

type Part = Option<(String, Option<Datum>)>;

/// An object for the symbol that is named, or a list of all.
fn of_one_or_all(
    desk: &Desk<'_>,
    parameters: &Parameters,
    part: impl Fn(&Desk<'_>, &Terms) -> Part,
) -> Result<Reply, Refusal> {
    if parameters.get("symbol").is_some() {
        let terms = query::terms(desk, parameters)?;
        let (body, datum) = part(desk, terms).ok_or(INVALID_SYMBOL)?;
        return Ok(Reply::ok(body).with(datum.into_iter().collect()));
    }
    let symbols = desk.feed.symbols().into_iter();
    let (texts, data): (Vec<_>, Vec<_>) = symbols.filter_map(|terms| part(desk, terms)).unzip();
    let body = list(&texts, Clone::clone);
    Ok(Reply::ok(body).with(data.into_iter().flatten().collect()))
}

fn premium_index(desk: &Desk<'_>, terms: &Terms) -> Part {
    let symbol = &terms.symbol;
    let mark = desk.feed.market()?.facts.mark(symbol)?;
    let next_ms = Facts::next_funding_ms(mark.time_ms, funding_hours(symbol));
    let fields = vec![
        ("markPrice", fixed(mark.price, MARK_DECIMALS)),
        ("indexPrice", fixed(mark.index, MARK_DECIMALS)),
        ("estimatedSettlePrice", fixed(mark.index, MARK_DECIMALS)),
        ("lastFundingRate", payload::rate(mark.funding_rate)),
        ("interestRate", INTEREST_RATE.to_owned()),
        ("nextFundingTime", next_ms.to_string()),
        ("time", mark.time_ms.to_string()),
    ];
    let mut body = format!(r#"{{"symbol":"{symbol}""#);
    for (name, value) in &fields {
        let mark = if name.ends_with("ime") { "" } else { "\"" };
        body.push_str(&format!(r#","{name}":{mark}{value}{mark}"#));
    }
    body.push('}');
    let datum = Datum {
        kind: DatumKind::Funding,
        symbol: symbol.clone(),
        time_ms: mark.time_ms,
        fields,
    };
    Some((body, Some(datum)))
}

fn last_price(desk: &Desk<'_>, terms: &Terms) -> Part {
    let trades = desk.feed.trades(&terms.symbol)?.singles_before(None, 1);
    let last = trades.first();
    let price = last.map_or(terms.opening_price, |one| one.trade.level.price);
    let time_ms = last.map_or(desk.time_ms, |one| one.time_ms);
    let (symbol, price) = (&terms.symbol, payload::price(terms, price));
    let body = format!(r#"{{"symbol":"{symbol}","price":"{price}","time":{time_ms}}}"#);
    Some((body, None))
}

/// Symbols whose funding was adjusted, as the exchange says.
fn funding_info(desk: &Desk<'_>) -> Reply {
    let mut data = Vec::new();
    let mut texts = Vec::new();
    for terms in desk.feed.symbols() {
        let symbol = &terms.symbol;
        let hours = funding_hours(symbol);
        if hours == 8 {
            continue;
        }
        texts.push(format!(
            r#"{{"symbol":"{symbol}","adjustedFundingRateCap":"0.02000000","adjustedFundingRateFloor":"-0.02000000","fundingIntervalHours":{hours},"disclaimer":false,"updateTime":1752854309429}}"#
        ));
        data.push(Datum {
            kind: DatumKind::FundingInterval,
            symbol: symbol.clone(),
            time_ms: desk.time_ms,
            fields: vec![("fundingIntervalHours", hours.to_string())],
        });
    }
    Reply::ok(list(&texts, Clone::clone)).with(data)
}

fn open_interest(feed: &MarketFeed, terms: &Terms, time_ms: u64) -> Reply {
    let symbol = &terms.symbol;
    let (time_ms, interest) = feed.facts.open_interest(symbol, time_ms);
    let interest = fixed(interest, INTEREST_DECIMALS);
    let body = format!(r#"{{"openInterest":"{interest}","symbol":"{symbol}","time":{time_ms}}}"#);
    Reply::ok(body).with(vec![Datum {
        kind: DatumKind::OpenInterest,
        symbol: symbol.clone(),
        time_ms,
        fields: vec![("openInterest", interest), ("time", time_ms.to_string())],
    }])
}

fn ratios(
    desk: &Desk<'_>,
    feed: &MarketFeed,
    parameters: &Parameters,
    kind: DatumKind,
) -> Result<Reply, Refusal> {
    let terms = query::terms(desk, parameters)?;
    let symbol = &terms.symbol;
    let limit = query::limit(parameters, 30, RATIO_ROWS_MAX)? as u64;
    let period = parameters.get("period").ok_or(BAD_PERIOD)?;
    let start_ms = query::number(parameters, "startTime")?.unwrap_or(0);
    let end_ms = query::number(parameters, "endTime")?.unwrap_or(u64::MAX);
    let rows = feed
        .facts
        .ratios(kind, symbol, period, desk.time_ms.min(end_ms), limit)
        .ok_or(BAD_PERIOD)?;
    let (mut texts, mut data) = (Vec::new(), Vec::new());
    for (time_ms, long) in rows.into_iter().filter(|(time_ms, _)| *time_ms >= start_ms) {
        let short = WHOLE - long;
        let ratio = fixed((long * WHOLE * 2 / short).div_ceil(2), SHARE_DECIMALS);
        let (long, short) = (fixed(long, SHARE_DECIMALS), fixed(short, SHARE_DECIMALS));
        texts.push(format!(
            r#"{{"symbol":"{symbol}","longAccount":"{long}","longShortRatio":"{ratio}","shortAccount":"{short}","timestamp":{time_ms}}}"#
        ));
        data.push(Datum {
            kind,
            symbol: symbol.clone(),
            time_ms,
            fields: vec![
                ("longAccount", long),
                ("longShortRatio", ratio),
                ("shortAccount", short),
                ("period", period.to_owned()),
            ],
        });
    }
    Ok(Reply::ok(list(&texts, Clone::clone)).with(data))
}
