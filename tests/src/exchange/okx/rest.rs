//! REST of OKX: the public endpoints that a collector uses. Refusals of the exchange's come with status 200 and a code.
//! <https://www.okx.com/docs-v5/en/#order-book-trading-market-data>

use super::payload::{levels, list};
use super::polled::{self, Row};
use super::{Okx, instruments};
use crate::exchange::datum::DatumKind;
use crate::exchange::dialect::{Desk, Reply};
use crate::exchange::market_feed::MarketFeed;
use crate::exchange::numbers::trimmed;
use crate::exchange::parameters::Parameters;
use crate::exchange::trades::TimedTrade;
use crate::market::Terms;

const BOOK_LEVELS_MAX: u64 = 400;
const ROWS_MAX: u64 = 100;
const RUBIK: &str = "/api/v5/rubik/stat/contracts/";

/// Status, code and message.
type Refusal = (u16, u32, String);

fn unknown_instrument() -> Refusal {
    let message = "Instrument ID, Instrument ID code, or Spread ID doesn't exist.";
    (200, 51_001, message.to_owned())
}

fn missing(name: &str) -> Refusal {
    (400, 50_014, format!("Parameter {name} can not be empty."))
}

fn bad(name: &str) -> Refusal {
    (400, 51_000, format!("Parameter {name} error"))
}

pub(super) fn reply(okx: Okx, desk: &Desk<'_>, path: &str, parameters: &Parameters) -> Reply {
    let Some(feed) = desk.feed.market() else {
        return Reply::new(404, "{}");
    };
    let question = Question {
        okx,
        desk,
        feed,
        parameters,
    };
    question
        .answer(path)
        .unwrap_or_else(|(status, code, message)| {
            let body = format!(r#"{{"code":"{code}","data":[],"msg":"{message}"}}"#);
            Reply::new(status, body)
        })
}

/// A request and what is needed to answer it.
struct Question<'a> {
    okx: Okx,
    desk: &'a Desk<'a>,
    feed: &'a MarketFeed,
    parameters: &'a Parameters,
}

fn ok(data: &str) -> Reply {
    Reply::ok(format!(r#"{{"code":"0","data":{data},"msg":""}}"#))
}

fn of_rows(rows: Vec<Row>) -> Reply {
    let (texts, data): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    ok(&list(&texts, Clone::clone)).with(data)
}

impl Question<'_> {
    fn answer(&self, path: &str) -> Result<Reply, Refusal> {
        let (okx, facts, time_ms) = (self.okx, &self.feed.facts, self.desk.time_ms);
        match path {
            "/api/v5/public/time" => Ok(ok(&format!(r#"[{{"ts":"{time_ms}"}}]"#))),
            "/api/v5/market/books" => self.book(),
            "/api/v5/market/trades" => self.trades(500),
            "/api/v5/market/history-trades" => self.trades(ROWS_MAX),
            "/api/v5/public/instruments" => {
                let kind = self
                    .parameters
                    .get("instType")
                    .ok_or_else(|| missing("instType"))?;
                let terms = self.listed()?;
                let terms: Vec<_> = if kind == okx.instrument_type() {
                    terms
                } else {
                    Vec::new()
                };
                Ok(ok(&list(&terms, |terms| instruments::row(terms, kind))))
            }
            "/api/v5/public/funding-rate" if okx.swap => {
                let symbol = &self.terms()?.symbol;
                Ok(of_rows(
                    okx.funding_rate(facts, symbol).into_iter().collect(),
                ))
            }
            "/api/v5/public/open-interest" if okx.swap => {
                let of = |terms: &&Terms| okx.open_interest(facts, &terms.symbol, time_ms);
                Ok(of_rows(self.listed()?.iter().filter_map(of).collect()))
            }
            "/api/v5/public/mark-price" if okx.swap => {
                let of = |terms: &&Terms| okx.mark_price(facts, &terms.symbol);
                Ok(of_rows(self.listed()?.iter().filter_map(of).collect()))
            }
            _ => match path.strip_prefix(RUBIK).filter(|_| okx.swap) {
                Some("long-short-account-ratio-contract") => {
                    self.ratios(DatumKind::RatioAllAccount)
                }
                Some("long-short-account-ratio-contract-top-trader") => {
                    self.ratios(DatumKind::RatioTopAccount)
                }
                Some("long-short-position-ratio-contract-top-trader") => {
                    self.ratios(DatumKind::RatioTopPosition)
                }
                Some("long-short-account-ratio") => self.ratios_of_coin(),
                _ => Err((404, 404, "Not Found".to_owned())),
            },
        }
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        self.parameters.number(name).map_err(|_| bad(name))
    }

    /// The instrument that must be named.
    fn terms(&self) -> Result<&Terms, Refusal> {
        let name = self
            .parameters
            .get("instId")
            .ok_or_else(|| missing("instId"))?;
        self.desk.feed.terms(name).ok_or_else(unknown_instrument)
    }

    /// The instrument that is named, or all.
    fn listed(&self) -> Result<Vec<&Terms>, Refusal> {
        match self.parameters.get("instId") {
            Some(_) => Ok(vec![self.terms()?]),
            None => Ok(self.desk.feed.symbols()),
        }
    }

    /// As the streams told it last: its id is one of theirs.
    fn book(&self) -> Result<Reply, Refusal> {
        let terms = self.terms()?;
        let most = self.number("sz")?.unwrap_or(1).clamp(1, BOOK_LEVELS_MAX);
        let told = self.feed.told(&terms.symbol, most as usize);
        let book = told.ok_or_else(unknown_instrument)?;
        let bids = levels(terms, &book.levels.bids);
        let asks = levels(terms, &book.levels.asks);
        let (time_ms, id) = (self.desk.time_ms, book.last_update_id);
        let mut reply = ok(&format!(
            r#"[{{"asks":{asks},"bids":{bids},"ts":"{time_ms}","seqId":{id}}}]"#
        ));
        reply.update_id = Some(id);
        Ok(reply)
    }

    /// Single trades, newest first: older than `after`, newer than `before`; by id, or (type 2) by time.
    fn trades(&self, most: u64) -> Result<Reply, Refusal> {
        let terms = self.terms()?;
        let limit = self.number("limit")?.unwrap_or(100).clamp(1, most) as usize;
        let (after, before) = (self.number("after")?, self.number("before")?);
        let trades = self.feed.trades(&terms.symbol);
        let trades = trades.ok_or_else(unknown_instrument)?;
        let by_time = self.parameters.get("type") == Some("2");
        let mut rows = if by_time {
            let mut rows = trades.singles_before(None, usize::MAX);
            rows.retain(|one| after.is_none_or(|after| one.time_ms < after));
            rows
        } else {
            let mut rows = trades.singles_before(after, usize::MAX);
            rows.retain(|one| before.is_none_or(|before| one.trade.id > before));
            rows
        };
        rows.truncate(limit);
        Ok(ok(&list(&rows, |one| trade(terms, one))))
    }

    fn ratios(&self, kind: DatumKind) -> Result<Reply, Refusal> {
        let symbol = self.terms()?.symbol.clone();
        self.rows_of(kind, &symbol)
    }

    /// Of all contracts of a coin.
    fn ratios_of_coin(&self) -> Result<Reply, Refusal> {
        let currency = self.parameters.get("ccy").ok_or_else(|| missing("ccy"))?;
        let mut symbols = self.desk.feed.symbols().into_iter();
        let known = symbols.any(|terms| polled::is_of(&terms.symbol, currency));
        if !known {
            return Err(bad("ccy"));
        }
        self.rows_of(DatumKind::RatioAllAccount, currency)
    }

    fn rows_of(&self, kind: DatumKind, symbol: &str) -> Result<Reply, Refusal> {
        let period = self.parameters.get("period").unwrap_or("5m");
        let limit = self.number("limit")?.unwrap_or(ROWS_MAX).clamp(1, ROWS_MAX);
        let (facts, time_ms) = (&self.feed.facts, self.desk.time_ms);
        polled::ratios(facts, kind, symbol, period, time_ms, limit)
            .map(of_rows)
            .ok_or_else(|| bad("period"))
    }
}

fn trade(terms: &Terms, TimedTrade { time_ms, trade }: &TimedTrade) -> String {
    let symbol = &terms.symbol;
    let side = if trade.buyer_is_maker { "sell" } else { "buy" };
    let price = trimmed(trade.level.price, terms.price_decimals);
    let quantity = trimmed(trade.level.quantity, terms.quantity_decimals);
    let id = trade.id;
    format!(
        r#"{{"instId":"{symbol}","side":"{side}","sz":"{quantity}","px":"{price}","source":"0","tradeId":"{id}","ts":"{time_ms}"}}"#
    )
}
