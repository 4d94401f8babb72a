//! Runs simulated exchanges until it is told to end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use marketprism_tests::exchange::{
    Faults, Figures, Limits, MarketSource, Pace, Scales, Settings, Simulator, Source, Venue,
};
use tokio::signal::unix::{SignalKind, signal};

/// Between two lines of counters.
const REPORT: Duration = Duration::from_secs(10);

/// Simulate exchanges on loopback ports, one port each: streams and REST as each exchange documents them, from a seeded
/// market that never was, or from a recording.
///
/// Prints `VENUE ws://ADDRESS http://ADDRESS` on standard output for each of them once it listens: the values of
/// `api.ws_url` and `api.base_url` in the configuration. Then `ready`, and a line of counters of each every 10 seconds.
/// Ends on Ctrl-C or SIGTERM.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Exchanges, with commas; all of them if not given
    #[arg(long, value_delimiter = ',', value_parser = Venue::parse)]
    venues: Vec<Venue>,
    /// Where the first one listens, the next ones at the ports behind it; port 0 takes free ones
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Symbols of the market in the names of Binance (each exchange has its own for them) or of an exchange, with
    /// commas
    #[arg(long, value_delimiter = ',', default_value = "BTCUSDT,ETHUSDT")]
    symbols: Vec<String>,
    /// Chooses the market, and what the faults hit
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Orders of each symbol in a second; three in ten trade, the others change the book
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rate: u64,
    /// Let the market's time run as fast as all clients take the frames
    #[arg(long)]
    fastest: bool,
    /// What goes wrong: none, light, heavy, and name=chance, with commas; a later one wins. Names are drop, double,
    /// swap, cut, garbage, misshape, close, abort, reset, stall, mute, silence, dumb, slow, rest-late, rest-500,
    /// rest-429, rest-truncated; a chance is per frame or answer, from 0 to 1
    #[arg(long, default_value = "none", value_parser = Faults::parse)]
    faults: Faults,
    /// Seconds that a connection may live; the exchange's own rule if not given
    #[arg(long, value_name = "SECONDS")]
    cut_after: Option<u64>,
    /// Seconds before the cut at which it is announced; never if not given
    #[arg(long, value_name = "SECONDS")]
    shutdown_notice: Option<u64>,
    /// Seconds between two pings; the exchange's own rule if not given
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    ping_every: Option<u64>,
    /// Seconds within which a pong must come; the exchange's own rule if not given
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pong_within: Option<u64>,
    /// Connections allowed in the exchange's window; its own rule if not given
    #[arg(long)]
    connections: Option<usize>,
    /// Weight of REST requests allowed in a minute; the exchange's own rule if not given
    #[arg(long)]
    weight: Option<u64>,
    /// Forced orders of each symbol in a minute, about
    #[arg(long, default_value_t = 20)]
    liquidations: u64,
    /// Seconds between two rows of ratios of five minutes
    #[arg(long, default_value_t = 300, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    ratio_period: u64,
    /// Seconds of a candle of one minute
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    candle_minute: u64,
    /// Changes of each symbol's book that are kept
    #[arg(long, default_value_t = 100_000)]
    history: usize,
    /// Frames and depth answers of a recording of Binance spot (one JSON object per line) in place of the market
    #[arg(long, value_name = "FILE", conflicts_with_all = ["symbols", "rate"])]
    recording: Option<PathBuf>,
}

impl Arguments {
    fn venues(&self) -> Vec<Venue> {
        if self.recording.is_some() && self.venues.is_empty() {
            vec![Venue::BinanceSpot]
        } else if self.venues.is_empty() {
            Venue::ALL.to_vec()
        } else {
            self.venues.clone()
        }
    }

    fn source(&self, venue: Venue) -> Source {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        match &self.recording {
            Some(file) => Source::Recording(file.clone()),
            None => Source::Market(MarketSource {
                symbols: self
                    .symbols
                    .iter()
                    .map(|name| venue.instrument(name))
                    .collect(),
                orders_per_second: self.rate,
                quiet_symbols: Vec::new(),
                liquidations_per_minute: self.liquidations,
                start_ns: now.map_or(0, |time| time.as_nanos() as u64),
                history_changes_max: self.history,
            }),
        }
    }

    fn limits(&self, venue: Venue) -> Limits {
        let own = Limits::of(venue);
        Limits {
            ping_every: self.ping_every.map_or(own.ping_every, Duration::from_secs),
            pong_within: self
                .pong_within
                .map_or(own.pong_within, Duration::from_secs),
            connections_max: self.connections.unwrap_or(own.connections_max),
            cut_after: self.cut_after.map_or(own.cut_after, Duration::from_secs),
            shutdown_notice: self.shutdown_notice.map(Duration::from_secs),
            weight_max: self.weight.unwrap_or(own.weight_max),
            ..own
        }
    }

    fn settings(&self, venue: Venue, place: u16) -> Settings {
        let mut listen = self.listen;
        if listen.port() != 0 {
            listen.set_port(listen.port().saturating_add(place));
        }
        Settings {
            venue,
            listen,
            seed: self.seed,
            source: self.source(venue),
            pace: if self.fastest {
                Pace::Fastest
            } else {
                Pace::Real
            },
            limits: self.limits(venue),
            scales: Scales {
                ratio_period: Duration::from_secs(self.ratio_period),
                candle_minute: Duration::from_secs(self.candle_minute),
                ..Scales::default()
            },
            faults: self.faults.clone(),
            // Nobody here reads it.
            ledger_entries_max: 0,
            ..Settings::default()
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut simulators = Vec::new();
    for (place, venue) in (0..).zip(arguments.venues()) {
        match Simulator::start(arguments.settings(venue, place)) {
            Ok(simulator) => simulators.push(simulator),
            Err(error) => {
                eprintln!("cannot start {}: {error}", venue.name());
                return ExitCode::FAILURE;
            }
        }
    }
    for simulator in &simulators {
        let (ws, http) = (simulator.ws_url(), simulator.http_url());
        println!("{} {ws} {http}", simulator.venue().name());
    }
    println!("ready");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = runtime.and_then(|runtime| runtime.block_on(report(&simulators)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot wait for a signal: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn report(simulators: &[Simulator]) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut before = vec![0; simulators.len()];
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            () = tokio::time::sleep(REPORT) => {}
        }
        for (simulator, before) in simulators.iter().zip(&mut before) {
            let Figures {
                connections,
                connections_total,
                frames,
                bytes,
                requests,
                faults,
                violations,
            } = simulator.figures();
            let rate = (frames - *before) / REPORT.as_secs();
            *before = frames;
            println!(
                "{} connections={connections} connections_total={connections_total} frames={frames} frames_per_second={rate} bytes={bytes} requests={requests} faults={faults} violations={violations}",
                simulator.venue().name()
            );
            for (kind, times) in simulator.violations() {
                println!(
                    "{} violation={kind} times={times}",
                    simulator.venue().name()
                );
            }
        }
    }
}
