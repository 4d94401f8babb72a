//! A report for people.

use std::fmt::Write as _;

use super::example::Kind;
use super::report::{Figures, Latency, Report, SubjectReport};
use crate::wire::iso_text;

/// The whole report.
pub(super) fn report(report: &Report) -> String {
    let mut text = String::new();
    sides(&mut text, report);
    table(&mut text, report);
    for subject in &report.subjects {
        if subject.counts.differing() > 0 {
            examples(&mut text, subject);
        }
    }
    notes(&mut text, report);
    text
}

/// What it comes to, in one line.
pub(super) fn verdict(report: &Report) -> String {
    let totals = report.totals();
    let (differing, same) = (totals.differing(), totals.same);
    if report.is_same() {
        let apart = match totals.apart {
            0 => String::new(),
            apart => format!(", {apart} snapshots of books were an update apart"),
        };
        return format!("no difference: {same} messages are the same{apart}");
    }
    let all = differing + same;
    let mut text = format!("the adapters differ: {differing} of {all} messages");
    let (old, new) = (&report.old, &report.new);
    if old.faults != new.faults {
        let _ = write!(text, "; {} faults became {}", old.faults, new.faults);
    }
    for (side, figures) in [("old", old), ("new", new)] {
        if figures.given_up.is_some() {
            let _ = write!(text, "; the {side} one was given up");
        }
    }
    text
}

/// What must be known to judge the figures.
fn notes(text: &mut String, report: &Report) {
    let totals = report.totals();
    let mut notes = Vec::new();
    for (side, figures) in [("old", &report.old), ("new", &report.new)] {
        if let Some(reason) = &figures.given_up {
            notes.push(format!("the {side} one was given up: {reason}"));
        }
    }
    for (count, what) in [
        (totals.waiting, "not yet seen by the other side"),
        (
            totals.repeated,
            "came again under an id that a stream takes once",
        ),
        (
            totals.cut_short,
            "of the missing and extra were given up early: too much waited",
        ),
        (
            totals.apart,
            "snapshots at ticks between which an update came to one side: not compared",
        ),
        (
            report.lost,
            "were not compared because too many came at once; their partners look missing or extra",
        ),
    ] {
        if count > 0 {
            notes.push(format!("{count} {what}"));
        }
    }
    for it in &report.left_out {
        notes.push(format!(
            "{} left out ({} messages of the old one): the new one reports no stream of it, as what it polls begins \
             once it takes over",
            it.data_type.name(),
            it.messages
        ));
    }
    for (place, note) in notes.iter().enumerate() {
        let _ = writeln!(text, "{}{note}", if place == 0 { "\n" } else { "" });
    }
}

/// Both sides beside each other.
fn sides(text: &mut String, report: &Report) {
    let (old, new) = (&report.old, &report.new);
    let hash = |it: &Figures| it.sha256.get(..12).unwrap_or(&it.sha256).to_owned();
    let name = |it: &Figures| format!("{} {}", it.name, it.version);
    let width = name(old).chars().count().max(name(new).chars().count());
    let width = width.max(12);
    let mut line = |name: &str, old: String, new: String| {
        let _ = writeln!(text, "{name:<15} {old:>width$} {new:>width$}");
    };
    let count = |figure: fn(&Figures) -> u64| (figure(old).to_string(), figure(new).to_string());
    line("", "old".to_owned(), "new".to_owned());
    line("adapter", name(old), name(new));
    line("sha256", hash(old), hash(new));
    for (name, (old, new)) in [
        ("frames", count(|it| it.frames)),
        ("ignored frames", count(|it| it.ignored_frames)),
        ("refused frames", count(|it| it.refused_frames)),
        ("refused answers", count(|it| it.refused_answers)),
        ("unwritten", count(|it| it.unwritten)),
        ("faults", count(|it| it.faults)),
        ("fuel an event", count(Figures::fuel_per_event)),
        ("fuel a frame", count(Figures::fuel_per_frame)),
    ] {
        line(name, old, new);
    }
    let microseconds = |it: &Figures, of: fn(&Latency) -> u64| {
        let known = it.latency.as_ref().map(of);
        known.map_or_else(String::new, |ns| {
            format!("{}.{} us", ns / 1_000, ns / 100 % 10)
        })
    };
    let is_timed = old.latency.is_some() || new.latency.is_some();
    for (name, of) in [
        ("latency, mean", (|it| it.mean_ns) as fn(&Latency) -> u64),
        ("half within", |it| it.half_ns),
        ("99 % within", |it| it.p99_ns),
    ] {
        if is_timed {
            line(name, microseconds(old, of), microseconds(new, of));
        }
    }
    text.push('\n');
}

/// What both published, a line for each subject.
fn table(text: &mut String, report: &Report) {
    let subjects = report.subjects.iter().map(|it| it.subject.as_str());
    let width = subjects.map(|it| it.chars().count()).max().unwrap_or(0);
    let width = width.max("subject".len());
    let mut line = |subject: &str, cells: [String; 4]| {
        let _ = write!(text, "{subject:<width$}");
        for cell in cells {
            let _ = write!(text, " {cell:>10}");
        }
        text.push('\n');
    };
    let heads = [Kind::Different, Kind::Missing, Kind::Extra].map(Kind::name);
    let [different, missing, extra] = heads.map(str::to_owned);
    line("subject", ["same".to_owned(), different, missing, extra]);
    for it in &report.subjects {
        let counts = &it.counts;
        let cells = [counts.same, counts.different, counts.missing, counts.extra];
        line(&it.subject, cells.map(|cell| cell.to_string()));
    }
}

/// What differs in one subject.
fn examples(text: &mut String, subject: &SubjectReport) {
    let _ = writeln!(text, "\n{}", subject.subject);
    for (field, count) in &subject.fields {
        let _ = writeln!(text, "  {field} differs in {count}");
    }
    for kind in Kind::ALL {
        for example in subject.examples.iter().filter(|it| it.kind == kind) {
            let _ = write!(text, "  {}: {}", kind.name(), example.name);
            if let Some(time) = example.event_ms {
                let _ = write!(text, " of {}", iso_text(time.saturating_mul(1_000_000)));
            }
            for (place, field) in example.fields.iter().enumerate() {
                let _ = write!(text, "{}{field}", if place == 0 { ": " } else { "; " });
            }
            text.push('\n');
        }
    }
}
