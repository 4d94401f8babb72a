//! Writes a synthetic recording of Binance spot: a market that never was, but whose books are known to be right.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use marketprism_tests::capture::Recording;

/// Write a synthetic recording of Binance spot: one JSON object per line, with depth updates, trades and one REST book
/// per symbol. The same arguments give the same bytes.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Chooses the market
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Length of the recording
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Symbols in the exchange's names, with commas
    #[arg(long, value_delimiter = ',', default_value = "BTCUSDT,ETHUSDT", value_parser = symbol)]
    symbols: Vec<String>,
    /// File to write, or - for standard output
    #[arg(long)]
    out: PathBuf,
}

fn symbol(text: &str) -> Result<String, String> {
    let characters = text
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if characters && (2..=20).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("a symbol is 2 to 20 capital letters and digits".to_owned())
    }
}

fn main() -> ExitCode {
    let Arguments {
        seed,
        seconds,
        symbols,
        out,
    } = Arguments::parse();
    let recording = Recording {
        seed,
        seconds,
        symbols,
    };
    let written = if out.as_os_str() == "-" {
        write(&recording, io::stdout().lock())
    } else {
        File::create(&out).and_then(|file| write(&recording, file))
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write {}: {error}", out.display());
            ExitCode::FAILURE
        }
    }
}

fn write(recording: &Recording, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    recording.write(&mut out)?;
    out.flush()
}
