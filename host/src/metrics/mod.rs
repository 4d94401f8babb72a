//! Every metric, with its unit: made from the board when somebody asks, so that counting costs the sessions nothing and
//! asking never waits for an adapter. Names that the Python collector's dashboards and alerts read are kept.

mod adapters;
mod books;
mod daemon;
mod family;
mod publishing;
mod requests;
mod streams;

use prometheus::{Encoder, TextEncoder};

use crate::process::ProcessFigures;
use crate::record::{Bundles, Missing};
use crate::status::Board;
use family::Families;

/// Media type of [`text`].
pub const MEDIA_TYPE: &str = prometheus::TEXT_FORMAT;

/// Figures of one kind that are told apart by subject or symbol; the rest is told together or not at all, so that the
/// answer stays bounded however much is configured.
const SERIES_MAX: usize = 2_000;

/// What is kept on disk, as far as it counts something.
#[derive(Clone, Default)]
pub struct Kept {
    /// The bundles of faults.
    pub bundles: Option<Bundles>,
    /// What recordings lack.
    pub recording: Option<Missing>,
}

/// All metrics in the text format of Prometheus.
///
/// # Errors
/// When the encoder refuses a metric, which no input should bring about.
pub fn text(board: &Board, kept: &Kept) -> Result<Vec<u8>, prometheus::Error> {
    let sessions = board.sessions();
    let mut families = Families::default();
    publishing::add(&mut families, &sessions);
    books::add(&mut families, &sessions);
    streams::add(&mut families, &sessions);
    requests::add(&mut families, &sessions);
    adapters::add(&mut families, &sessions);
    daemon::add_kept(&mut families, kept);
    daemon::add(&mut families, board, ProcessFigures::read().as_ref());
    let mut text = Vec::with_capacity(1 << 16);
    TextEncoder::new().encode(&families.finish(), &mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::contract::{
        Counters, Instrument, InstrumentReport, MarketType, StreamReport, StreamState,
    };
    use crate::status::{InstrumentStatus, SessionStatus};
    use crate::wire::DataType;

    fn stream(data_type: &str, state: StreamState) -> StreamReport {
        StreamReport {
            data_type: data_type.to_owned(),
            state,
            heard: Some(1_500_000_000),
            silence_max: Some(60_000_000_000),
            resubscribed: 3,
        }
    }

    fn instrument(id: u32, problem: Option<&str>, streams: Vec<StreamReport>) -> InstrumentStatus {
        InstrumentStatus {
            names: Instrument {
                id,
                exchange_symbol: "BTC".to_owned(),
                exchange: "alpha".to_owned(),
                market_type: MarketType::Spot,
                symbol: "BTC".to_owned(),
            },
            report: Some(InstrumentReport {
                instrument: id,
                problem: problem.map(str::to_owned),
                book_state: None,
                last_update_id: None,
                counters: Counters {
                    trades: 0,
                    duplicate_trades: 0,
                    missing_trades: 0,
                    fetched_trades: 0,
                    updates_applied: 0,
                    gaps: 0,
                    resyncs: 0,
                },
                streams,
                bids: Vec::new(),
                asks: Vec::new(),
                bid_levels: 0,
                ask_levels: 0,
            }),
        }
    }

    fn told(instruments: Vec<InstrumentStatus>) -> Vec<String> {
        let board = Board::without_requests();
        board.post(SessionStatus {
            clock_difference: Some(-250_000_000),
            instruments,
            ..SessionStatus::named("alpha_spot")
        });
        let text = text(&board, &Kept::default()).unwrap();
        let text = String::from_utf8(text).unwrap();
        let kept = ["_stream_", "_instrument_", "_clock_"];
        text.lines()
            .filter(|line| !line.starts_with('#') && kept.iter().any(|name| line.contains(name)))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn a_stream_has_one_state_its_times_and_its_counts() {
        let streams = vec![stream("funding_rate", StreamState::Silent)];
        let of = r#"{exchange="alpha_spot",symbol="BTC",data_type="funding_rate"#;
        assert_eq!(
            told(vec![instrument(0, Some("no such symbol"), streams)]),
            [
                format!(r#"marketprism_stream_state{of}",state="asked"}} 0"#),
                format!(r#"marketprism_stream_state{of}",state="live"}} 0"#),
                format!(r#"marketprism_stream_state{of}",state="silent"}} 1"#),
                format!(r#"marketprism_stream_state{of}",state="refused"}} 0"#),
                format!(r#"marketprism_stream_last_heard_timestamp_seconds{of}"}} 1.5"#),
                format!(r#"marketprism_stream_silence_limit_seconds{of}"}} 60"#),
                format!(r#"marketprism_stream_resubscriptions_total{of}"}} 3"#),
                r#"marketprism_instrument_problem{exchange="alpha_spot",symbol="BTC"} 1"#
                    .to_owned(),
                r#"marketprism_exchange_clock_difference_seconds{exchange="alpha_spot"} -0.25"#
                    .to_owned(),
            ]
        );
    }

    #[test]
    fn an_adapter_that_tells_things_twice_or_makes_types_up_spoils_nothing() {
        let streams = vec![
            stream("trade", StreamState::Live),
            stream("trade", StreamState::Silent),
            stream("gossip", StreamState::Live),
        ];
        let both = vec![
            instrument(0, None, streams.clone()),
            instrument(1, None, streams),
        ];
        let lines = told(both);
        let mut names: Vec<&str> = lines.iter().filter_map(|it| it.split(' ').next()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{lines:#?}");
        assert!(
            lines.iter().all(|line| !line.contains("gossip")),
            "{lines:#?}"
        );
        assert!(
            lines.iter().any(|line| line.contains(r#"state="live"} 1"#)),
            "{lines:#?}"
        );
    }

    #[test]
    fn every_data_type_is_told_by_its_plain_name_with_the_time_of_its_last_message() {
        let board = Board::without_requests();
        let mut session = SessionStatus::named("alpha_spot");
        for data_type in DataType::ALL {
            let outgoing = &mut session.outgoing;
            outgoing.publish(data_type, "BTC-USDT", 1_500_000_000);
        }
        board.post(session);
        let text = String::from_utf8(text(&board, &Kept::default()).unwrap()).unwrap();
        for data_type in DataType::ALL {
            let name = data_type.name();
            for line in [
                format!(
                    r#"marketprism_nats_messages_published_total{{subject="{name}.alpha.spot.BTC-USDT"}} 1"#
                ),
                format!(
                    r#"marketprism_nats_messages_published_labeled_total{{exchange="alpha",market_type="spot",data_type="{name}"}} 1"#
                ),
                format!(
                    r#"marketprism_collector_last_success_timestamp_seconds{{exchange="alpha",data_type="{name}"}} 1.5"#
                ),
            ] {
                assert!(text.lines().any(|it| it == line), "{line} is missing");
            }
            let bucket = format!(
                r#"marketprism_nats_publish_duration_seconds_bucket{{subject="{name}.alpha.spot.BTC-USDT",le="+Inf"}} 0"#
            );
            assert!(text.lines().any(|it| it == bucket), "{bucket} is missing");
        }
    }
}
