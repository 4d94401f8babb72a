//! Runs a simulated Binance spot until it is told to end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use marketprism_tests::exchange::{
    Faults, Figures, Limits, MarketSource, Pace, Settings, Simulator, Source,
};
use tokio::signal::unix::{SignalKind, signal};

/// Between two lines of counters.
const REPORT: Duration = Duration::from_secs(10);

/// Simulate Binance spot on one loopback port: streams (/ws, /stream) and REST (/api/v3/...), from a seeded market
/// that never was, or from a recording.
///
/// Prints `ws://ADDRESS http://ADDRESS` on standard output once it listens, then a line of counters every 10 seconds.
/// Ends on Ctrl-C or SIGTERM.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Symbols of the market in the exchange's names, with commas
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
    /// swap, cut, garbage, misshape, close, abort, reset, stall, mute, slow, rest-late, rest-500, rest-429,
    /// rest-truncated; a chance is per frame or answer, from 0 to 1
    #[arg(long, default_value = "none", value_parser = Faults::parse)]
    faults: Faults,
    /// Seconds that a connection may live
    #[arg(long, default_value_t = 86_400, value_name = "SECONDS")]
    cut_after: u64,
    /// Seconds before the cut at which serverShutdown is sent; never if not given
    #[arg(long, value_name = "SECONDS")]
    shutdown_notice: Option<u64>,
    /// Seconds between two pings
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    ping_every: u64,
    /// Seconds within which a pong must come
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pong_within: u64,
    /// Connections allowed in five minutes
    #[arg(long, default_value_t = 300)]
    connections: usize,
    /// Weight of REST requests allowed in a minute
    #[arg(long, default_value_t = 6_000)]
    weight: u64,
    /// Changes of each symbol's book that are kept
    #[arg(long, default_value_t = 100_000)]
    history: usize,
    /// Frames and depth answers of a recording (one JSON object per line) in place of the market
    #[arg(long, value_name = "FILE", conflicts_with_all = ["symbols", "rate"])]
    recording: Option<PathBuf>,
}

impl Arguments {
    fn settings(self) -> Settings {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let source = match self.recording {
            Some(file) => Source::Recording(file),
            None => Source::Market(MarketSource {
                symbols: self.symbols,
                orders_per_second: self.rate,
                start_ns: now.map_or(0, |time| time.as_nanos() as u64),
                history_changes_max: self.history,
            }),
        };
        Settings {
            listen: self.listen,
            seed: self.seed,
            source,
            pace: if self.fastest {
                Pace::Fastest
            } else {
                Pace::Real
            },
            limits: Limits {
                ping_every: Duration::from_secs(self.ping_every),
                pong_within: Duration::from_secs(self.pong_within),
                connections_max: self.connections,
                cut_after: Duration::from_secs(self.cut_after),
                shutdown_notice: self.shutdown_notice.map(Duration::from_secs),
                weight_max: self.weight,
                ..Limits::default()
            },
            faults: self.faults,
            // Nobody here reads it.
            ledger_entries_max: 0,
            ..Settings::default()
        }
    }
}

fn main() -> ExitCode {
    let settings = Arguments::parse().settings();
    let simulator = match Simulator::start(settings) {
        Ok(simulator) => simulator,
        Err(error) => {
            eprintln!("cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{} {}", simulator.ws_url(), simulator.http_url());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = runtime.and_then(|runtime| runtime.block_on(report(&simulator)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot wait for a signal: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn report(simulator: &Simulator) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut before = 0;
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            () = tokio::time::sleep(REPORT) => {}
        }
        let Figures {
            connections,
            connections_total,
            frames,
            bytes,
            requests,
            faults,
            violations,
        } = simulator.figures();
        let rate = (frames - before) / REPORT.as_secs();
        before = frames;
        println!(
            "connections={connections} connections_total={connections_total} frames={frames} frames_per_second={rate} bytes={bytes} requests={requests} faults={faults} violations={violations}"
        );
    }
}
