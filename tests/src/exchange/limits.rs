//! The exchanges' rules in numbers. Binance's are after
//! <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams>,
//! <https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams> and their pages on
//! REST limits, OKX's after <https://www.okx.com/docs-v5/en/#overview-websocket>, Deribit's after
//! <https://docs.deribit.com>.

use std::time::Duration;

use super::venue::Venue;

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// What nobody reaches.
const NONE: usize = usize::MAX;

/// Rules of one exchange. What an exchange does not limit is as large as can be.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Between two pings.
    pub ping_every: Duration,
    /// A connection whose pong takes longer is cut.
    pub pong_within: Duration,
    /// Messages that a connection may send in a second: ping, pong and JSON count.
    pub messages_per_second: usize,
    /// Streams of one connection.
    pub streams_max: usize,
    /// Connections in one window; all clients are one IP here.
    pub connections_max: usize,
    /// That window.
    pub connections_window: Duration,
    /// Connections at one time; a request of REST is one while it is answered.
    pub sockets_max: usize,
    /// How long a connection may live.
    pub cut_after: Duration,
    /// How long before the cut its end is announced, if at all.
    pub shutdown_notice: Option<Duration>,
    /// A connection on which the client sends no text for so long is cut.
    pub idle_after: Option<Duration>,
    /// Data on its way to the client keeps a connection alive, too.
    pub data_counts: bool,
    /// Messages with which a connection asks for streams or gives some up, in one window.
    pub subscriptions_max: usize,
    /// That window.
    pub subscriptions_window: Duration,
    /// A second of the heartbeats that a client of Deribit asks for.
    pub heartbeat_second: Duration,
    /// Weight that REST requests may have in one window.
    pub weight_max: u64,
    /// That window.
    pub weight_window: Duration,
    /// Requests refused with 429 in a window before the ban.
    pub refusals_max: u64,
    /// How long a ban lasts: 418 for everything.
    pub ban: Duration,
    /// Requests for ratios in one window: of an IP on Binance, of each instrument on OKX.
    pub ratios_max: usize,
    /// That window.
    pub ratios_window: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(Venue::BinanceSpot)
    }
}

impl Limits {
    /// The rules of an exchange.
    #[must_use]
    pub fn of(venue: Venue) -> Self {
        match venue {
            Venue::BinanceSpot => Self::binance_spot(),
            Venue::BinanceDerivatives => Self {
                ping_every: Duration::from_secs(180),
                pong_within: Duration::from_secs(600),
                messages_per_second: 10,
                weight_max: 2_400,
                ..Self::binance_spot()
            },
            Venue::OkxSpot | Venue::OkxDerivatives => Self {
                connections_max: 3,
                connections_window: Duration::from_secs(1),
                idle_after: Some(Duration::from_secs(30)),
                subscriptions_max: 480,
                ratios_max: 5,
                ratios_window: Duration::from_secs(2),
                ..Self::open()
            },
            Venue::DeribitDerivatives => Self {
                sockets_max: 32,
                ..Self::open()
            },
        }
    }

    const fn binance_spot() -> Self {
        Self {
            messages_per_second: 5,
            streams_max: 1_024,
            connections_max: 300,
            connections_window: Duration::from_secs(300),
            cut_after: DAY,
            weight_max: 6_000,
            ratios_max: 1_000,
            ratios_window: Duration::from_secs(300),
            ..Self::open()
        }
    }

    /// An exchange that allows everything, but wants its pings answered.
    const fn open() -> Self {
        Self {
            ping_every: Duration::from_secs(20),
            pong_within: Duration::from_secs(60),
            messages_per_second: NONE,
            streams_max: NONE,
            connections_max: NONE,
            connections_window: Duration::from_secs(1),
            sockets_max: NONE,
            cut_after: Duration::from_secs(365 * 24 * 3_600),
            shutdown_notice: None,
            idle_after: None,
            data_counts: false,
            subscriptions_max: NONE,
            subscriptions_window: Duration::from_secs(3_600),
            heartbeat_second: Duration::from_secs(1),
            weight_max: u64::MAX,
            weight_window: Duration::from_secs(60),
            refusals_max: 10,
            ban: Duration::from_secs(120),
            ratios_max: NONE,
            ratios_window: Duration::from_secs(300),
        }
    }
}
