//! The payloads of the rarely published types: funding, open interest, liquidations, ratios, volatility.
//!
//! Their numbers arrive as decimal text and go out with the same digits: as JSON numbers where the old collector sent
//! floats, in quotation marks where it sent strings.

use super::WireError;
use super::json::Payload;
use super::names::Prepared;
use super::time::millis;
use super::trades::side_name;
use crate::sandbox::contract::{
    FundingRate, Liquidation, LongShortRatio, OpenInterest, RatioKind, VolatilityIndex,
};

/// Writes a funding rate.
pub(super) fn funding_rate(
    mut payload: Payload<'_>,
    instrument: &Prepared,
    rate: &FundingRate,
) -> Result<(), WireError> {
    payload.raw(&instrument.instrument_id);
    payload.raw(br#","data_type":"funding_rate""#);
    payload.number("current_funding_rate", &rate.current)?;
    payload.number_or_null("estimated_funding_rate", rate.estimated.as_deref())?;
    match &rate.interval {
        Some(interval) => payload.token("funding_interval", interval)?,
        None => payload.null("funding_interval"),
    }
    payload.number_or_null("mark_price", rate.mark_price.as_deref())?;
    payload.number_or_null("index_price", rate.index_price.as_deref())?;
    payload.number_or_null("premium_index", rate.premium_index.as_deref())?;
    payload.integer_or_null("next_funding_ts_ms", rate.next_funding.map(millis));
    payload.end(Some(rate.time));
    Ok(())
}

/// Writes an open interest. The consumer reads `open_interest`; the old collector sent `open_interest_value` only.
pub(super) fn open_interest(
    mut payload: Payload<'_>,
    instrument: &Prepared,
    interest: &OpenInterest,
) -> Result<(), WireError> {
    payload.raw(&instrument.instrument_id);
    payload.raw(br#","data_type":"open_interest","open_interest_unit":"contracts""#);
    payload.number("open_interest", &interest.value)?;
    payload.number("open_interest_value", &interest.value)?;
    payload.number_or_null("open_interest_usd", interest.usd.as_deref())?;
    payload.number_or_null("mark_price", interest.mark_price.as_deref())?;
    payload.raw(br#","index_price":null,"change_24h":null,"change_24h_percent":null"#);
    payload.end(Some(interest.time));
    Ok(())
}

/// Writes a liquidation. `filled_quantity` is always a number, as it was: 0 where the exchange does not tell it.
pub(super) fn liquidation(
    mut payload: Payload<'_>,
    instrument: &Prepared,
    liquidation: &Liquidation,
) -> Result<(), WireError> {
    payload.raw(&instrument.instrument_id);
    payload.raw(br#","data_type":"liquidation""#);
    payload.literal(
        "aggregation_mode",
        if liquidation.all_instruments {
            "all-symbol"
        } else {
            "filtered"
        },
    );
    payload.token("liquidation_id", &liquidation.id)?;
    payload.literal("side", side_name(liquidation.side));
    payload.token("status", &liquidation.status)?;
    payload.number("price", &liquidation.price)?;
    payload.number("quantity", &liquidation.quantity)?;
    payload.number(
        "filled_quantity",
        liquidation.filled_quantity.as_deref().unwrap_or("0"),
    )?;
    payload.number_or_null("notional_value", liquidation.notional_value.as_deref())?;
    if let Some(average_price) = &liquidation.average_price {
        payload.quoted_number("average_price", average_price)?;
    }
    if let Some(bankruptcy_price) = &liquidation.bankruptcy_price {
        payload.quoted_number("bankruptcy_price", bankruptcy_price)?;
    }
    if let Some(quantity_base) = &liquidation.quantity_base {
        payload.number("quantity_base", quantity_base)?;
    }
    payload.iso("liquidation_time", liquidation.time);
    payload.integer("liquidation_ts_ms", millis(liquidation.time));
    payload.end(Some(liquidation.time));
    Ok(())
}

/// Writes a long/short ratio.
pub(super) fn long_short_ratio(
    mut payload: Payload<'_>,
    instrument: &Prepared,
    ratio: &LongShortRatio,
) -> Result<(), WireError> {
    payload.raw(&instrument.instrument_id);
    let (data_type, long, short) = match ratio.kind {
        RatioKind::TopPosition => (
            "lsr_top_position",
            "long_position_ratio",
            "short_position_ratio",
        ),
        RatioKind::AllAccount => (
            "lsr_all_account",
            "long_account_ratio",
            "short_account_ratio",
        ),
    };
    payload.literal("data_type", data_type);
    payload.raw(br#","data_source":"api""#);
    payload.quoted_number("long_short_ratio", &ratio.ratio)?;
    payload.quoted_number(long, &ratio.long)?;
    payload.quoted_number(short, &ratio.short)?;
    payload.token("period", &ratio.period)?;
    payload.end(Some(ratio.time));
    Ok(())
}

/// Writes a candle of a volatility index. Its symbol is the bare currency; the index has its value under two names.
pub(super) fn volatility_index(
    mut payload: Payload<'_>,
    instrument: &Prepared,
    index: &VolatilityIndex,
) -> Result<(), WireError> {
    payload.raw(br#","data_type":"volatility_index","data_source":"marketprism""#);
    payload.literal("currency", &instrument.instrument.symbol);
    payload.quoted_number("vol_index", &index.close)?;
    payload.quoted_number("volatility_index", &index.close)?;
    payload.quoted_number("open", &index.open)?;
    payload.quoted_number("high", &index.high)?;
    payload.quoted_number("low", &index.low)?;
    payload.token("resolution", &index.resolution)?;
    payload.end(Some(index.time));
    Ok(())
}
