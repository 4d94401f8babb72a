//! `marketprism fault`: the bundles of faults.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};

use marketprism_host::record::{BUNDLE_FOLDER, Bundle, Bundles, Facts};
use marketprism_host::sandbox::contract::Event;
use marketprism_host::wire::iso_text;

use super::{ConfigFile, folders, is_closed_output};

/// Longest text of an event that is shown, in bytes.
const SHOWN_BYTES_MAX: usize = 160;

/// What to do with the bundles.
#[derive(clap::Subcommand)]
pub enum Command {
    /// List the bundles, oldest first
    List(List),
    /// Show what a bundle says, and its last events
    Show(Show),
}

/// Where to look, and for whom.
#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    file: ConfigFile,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Which bundle.
#[derive(clap::Args)]
pub struct Show {
    /// Name of a bundle, as `fault list` tells it
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    #[command(flatten)]
    file: ConfigFile,
    /// How many of the last events to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    events: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Works with the bundles.
pub fn fault(command: Command) -> anyhow::Result<()> {
    let mut output = std::io::BufWriter::new(std::io::stdout());
    let shown = match command {
        Command::List(arguments) => list(&arguments, &mut output),
        Command::Show(arguments) => show(&arguments, &mut output),
    };
    match shown.and_then(|()| Ok(output.flush()?)) {
        Err(error) if is_closed_output(&error) => Ok(()),
        shown => shown,
    }
}

fn list(arguments: &List, output: &mut impl Write) -> anyhow::Result<()> {
    let data_dir = folders(&arguments.file)?.data_dir;
    let folder = data_dir.join(BUNDLE_FOLDER);
    let bundles = Bundles::look(&data_dir)
        .list()
        .with_context(|| format!("{} cannot be read", folder.display()))?;
    if bundles.is_empty() && !arguments.json {
        writeln!(output, "no bundles in {}", folder.display())?;
    }
    for (name, bytes, facts) in bundles {
        match (facts, arguments.json) {
            (Ok(facts), true) => {
                let mut row = json!({"bundle": name, "bytes": bytes});
                merge(&mut row, brief(&facts));
                writeln!(output, "{row}")?;
            }
            (Err(error), true) => writeln!(
                output,
                "{}",
                json!({"bundle": name, "bytes": bytes, "error": error.to_string()})
            )?,
            (Ok(facts), false) => {
                let whole = if facts.complete {
                    "complete"
                } else {
                    "not complete"
                };
                writeln!(
                    output,
                    "{name}\n  {} {}: {}: {}\n  {} events, {whole}, {bytes} bytes",
                    facts.time,
                    facts.session,
                    facts.fault.kind,
                    cut(&facts.fault.message),
                    facts.events,
                )?;
            }
            (Err(error), false) => writeln!(output, "{name}\n  {error}; {bytes} bytes")?,
        }
    }
    Ok(())
}

fn brief(facts: &Facts) -> Value {
    json!({
        "time": facts.time,
        "session": facts.session,
        "kind": facts.fault.kind,
        "message": facts.fault.message,
        "events": facts.events,
        "complete": facts.complete,
        "adapter_sha256": facts.adapter.sha256,
    })
}

fn merge(row: &mut Value, more: Value) {
    if let (Value::Object(row), Value::Object(more)) = (row, more) {
        row.extend(more);
    }
}

fn show(arguments: &Show, output: &mut impl Write) -> anyhow::Result<()> {
    let data_dir = folders(&arguments.file)?.data_dir;
    let bundle = named(&data_dir, &arguments.bundle)?;
    let facts = &bundle.facts;
    let hidden = bundle.events.len().saturating_sub(arguments.events);
    let last = bundle.events.iter().enumerate().skip(hidden);
    if arguments.json {
        let mut shown = serde_json::to_value(facts)?;
        let events: Vec<Value> = last
            .map(|(index, (now, event))| {
                json!({"number": index + 1, "time_ns": now, "event": words(event, usize::MAX)})
            })
            .collect();
        merge(&mut shown, json!({"last_events": events}));
        writeln!(output, "{shown}")?;
        return Ok(());
    }
    let adapter = &facts.adapter;
    writeln!(
        output,
        "{} {}: {}: {}",
        facts.time, facts.session, facts.fault.kind, facts.fault.message
    )?;
    for frame in &facts.fault.backtrace {
        writeln!(output, "    at {frame}")?;
    }
    writeln!(
        output,
        "exchange  {}, symbols {}",
        facts.venue,
        facts.symbols.join(", ")
    )?;
    writeln!(
        output,
        "adapter   {} {}, sha256 {}",
        adapter.name, adapter.version, adapter.sha256
    )?;
    writeln!(
        output,
        "host      {}, contract {}",
        facts.host_version, facts.contract_version
    )?;
    writeln!(output, "settings  sha256 {}", facts.settings_sha256)?;
    writeln!(output, "          {}", facts.settings)?;
    writeln!(
        output,
        "limits    {}",
        serde_json::to_string(&facts.limits)?
    )?;
    writeln!(
        output,
        "used      fuel {} by the last event and {} in all, memory {} bytes",
        facts.fuel_last, facts.fuel_in_all, facts.memory_bytes
    )?;
    let missing = match facts.events_lost {
        0 => "from the start of the instance on".to_owned(),
        lost => format!("not complete: {lost} older ones were not kept"),
    };
    writeln!(output, "events    {}, {missing}", facts.events)?;
    for (index, (now, event)) in last {
        let words = words(event, SHOWN_BYTES_MAX);
        writeln!(output, "  {:>6}  {}  {words}", index + 1, iso_text(*now))?;
    }
    Ok(())
}

/// The bundle of that name in the folder; the folder itself may stand before the name, as the log writes it.
fn named(data_dir: &Path, bundle: &Path) -> anyhow::Result<Bundle> {
    // Absolute, because one may say `./data` and the other `data`.
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = absolute(&data_dir.join(BUNDLE_FOLDER));
    let whole = absolute(bundle);
    let name = whole.strip_prefix(folder).unwrap_or(bundle);
    let name = name.to_str().context("no such bundle")?;
    Bundles::look(data_dir)
        .read(name)
        .map_err(|error| anyhow::anyhow!("the bundle {name} {error}"))
}

/// An event in words, its text at most `bytes_max` bytes long.
fn words(event: &Event, bytes_max: usize) -> String {
    let text = |bytes: &[u8]| {
        let kept = bytes.get(..bytes_max).unwrap_or(bytes);
        let more = if kept.len() < bytes.len() { ".." } else { "" };
        // One line, whatever is in it.
        let text = String::from_utf8_lossy(kept).escape_debug().to_string();
        format!("{} bytes: {text}{more}", bytes.len())
    };
    match event {
        Event::Start(start) => format!(
            "start of {} with seed {}{}",
            start.instruments.join(", "),
            start.seed,
            if start.standby { ", standing by" } else { "" }
        ),
        Event::Opened(connection) => format!("connection {connection} is open"),
        Event::Frame(frame) => format!(
            "frame of connection {}, {}",
            frame.connection,
            text(&frame.data)
        ),
        Event::Closed(closed) => {
            format!(
                "connection {} is closed: {}",
                closed.connection,
                closed.reason.escape_debug()
            )
        }
        Event::Response(response) => match &response.outcome {
            Ok(answer) => format!(
                "answer to request {}: status {}, {}",
                response.request,
                answer.status,
                text(&answer.body)
            ),
            Err(failure) => format!("no answer to request {}: {failure:?}", response.request),
        },
        Event::Alarm(alarm) => format!("alarm {alarm}"),
        Event::SymbolsChanged(symbols) => format!("symbols are now {}", symbols.join(", ")),
        Event::ReportWanted(levels) => format!("report with {levels} levels wanted"),
        Event::Promoted => "promoted".to_owned(),
        Event::Stop => "stop".to_owned(),
    }
}

fn cut(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.get(..line.floor_char_boundary(SHOWN_BYTES_MAX))
        .unwrap_or(line)
}
