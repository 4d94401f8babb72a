//! The form of a log line: `[2025-10-22 10:30:45] [session] [INFO] message`, or one JSON object. Times are UTC.

use std::fmt::{self, Write};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Who speaks where no session does.
const MAIN: &str = "main";

/// The two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Json,
}

/// Writes events as lines of one form.
pub(super) struct Lines {
    pub form: Form,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut said = Said::default();
        event.record(&mut said);
        let thread = std::thread::current();
        let line = Line {
            time: &time,
            level: *event.metadata().level(),
            session: said.session(thread.name()),
            target: event.metadata().target(),
            said: &said,
        };
        match self.form {
            Form::Text => {
                let colours = writer.has_ansi_escapes();
                writeln!(writer, "{}", line.text(colours))
            }
            Form::Json => writeln!(writer, "{}", line.json()),
        }
    }
}

/// What one event says.
#[derive(Default)]
struct Said {
    session: Option<String>,
    message: String,
    fields: Map<String, Value>,
}

impl Said {
    /// Whose line it is: the field `session`, else the session whose thread it is (a thread bears its name), else the
    /// daemon itself.
    fn session<'a>(&'a self, thread: Option<&'a str>) -> &'a str {
        let thread = thread.filter(|name| !name.starts_with("tokio"));
        self.session.as_deref().or(thread).unwrap_or(MAIN)
    }

    fn note(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("session", Value::String(name)) => self.session = Some(name),
            ("message", Value::String(message)) => self.message = message,
            (name, value) => drop(self.fields.insert(name.to_owned(), value)),
        }
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.note(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, Value::String(value.to_owned()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.note(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.note(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.note(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.note(field, value.into());
    }
}

/// One event, ready to be written.
struct Line<'a> {
    /// `2025-10-22T10:30:45.123456Z`.
    time: &'a str,
    level: Level,
    session: &'a str,
    target: &'a str,
    said: &'a Said,
}

impl Line<'_> {
    fn text(&self, colours: bool) -> String {
        let day = self.time.get(..10).unwrap_or(self.time);
        let clock = self.time.get(11..19).unwrap_or_default();
        let level = level_name(self.level);
        let mut text = format!("[{day} {clock}] [");
        plain(&mut text, self.session);
        match colour(self.level).filter(|_| colours) {
            Some(colour) => _ = write!(text, "] [\x1b[{colour}m{level}\x1b[0m] "),
            None => _ = write!(text, "] [{level}] "),
        }
        plain(&mut text, &self.said.message);
        for (name, value) in &self.said.fields {
            _ = write!(text, " {name}=");
            match value {
                Value::String(value) => plain(&mut text, value),
                other => _ = write!(text, "{other}"),
            }
        }
        text
    }

    fn json(&self) -> String {
        let mut object = self.said.fields.clone();
        for (name, value) in [
            ("timestamp", self.time),
            ("session", self.session),
            ("level", level_name(self.level)),
            ("logger", self.target),
            ("message", &self.said.message),
        ] {
            object.insert(name.to_owned(), value.into());
        }
        Value::Object(object).to_string()
    }
}

/// Appends a text from anywhere: further lines are indented, so that none looks like a line of the log, and no
/// control character reaches a terminal.
fn plain(into: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\n' => into.push_str("\n    "),
            c if c.is_control() => into.extend(c.escape_default()),
            c => into.push(c),
        }
    }
}

/// The old collector's names of levels.
const fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG => "DEBUG",
        Level::TRACE => "TRACE",
    }
}

/// The terminal's number for the colour of a level.
const fn colour(level: Level) -> Option<u8> {
    match level {
        Level::ERROR => Some(31),
        Level::WARN => Some(33),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(session: Option<&str>, message: &str) -> Said {
        Said {
            session: session.map(str::to_owned),
            message: message.to_owned(),
            fields: Map::from_iter([
                ("origin".to_owned(), "wss://a.example".into()),
                ("connection".to_owned(), 3.into()),
            ]),
        }
    }

    fn line(said: &Said) -> Line<'_> {
        Line {
            time: "2025-10-22T10:30:45.123456Z",
            level: Level::WARN,
            session: said.session(Some("main")),
            target: "marketprism_host::ws",
            said,
        }
    }

    #[test]
    fn a_line_is_time_session_level_and_message_in_brackets() {
        assert_eq!(
            line(&said(Some("alpha_spot"), "closed")).text(false),
            "[2025-10-22 10:30:45] [alpha_spot] [WARNING] closed connection=3 origin=wss://a.example"
        );
    }

    #[test]
    fn a_line_of_nobody_is_its_threads_or_mains() {
        let nobody = said(None, "");
        assert_eq!(nobody.session(Some("alpha_spot")), "alpha_spot");
        assert_eq!(nobody.session(Some("tokio-rt-worker")), "main");
        assert_eq!(nobody.session(None), "main");
    }

    #[test]
    fn a_text_from_outside_cannot_pass_for_a_line_of_the_log() {
        let text = line(&said(
            None,
            "a\n[2025-10-22 10:30:45] [main] [INFO] b\x1b[2J\r",
        ))
        .text(false);
        assert_eq!(
            text,
            "[2025-10-22 10:30:45] [main] [WARNING] a\n    [2025-10-22 10:30:45] [main] [INFO] b\\u{1b}[2J\\r \
             connection=3 origin=wss://a.example"
        );
    }

    #[test]
    fn a_json_line_holds_the_same_as_one_object() {
        let text = line(&said(Some("alpha_spot"), "a\nb")).json();
        assert!(!text.contains('\n'));
        let object: Result<Value, _> = serde_json::from_str(&text);
        assert_eq!(
            object.unwrap_or_default(),
            serde_json::json!({
                "timestamp": "2025-10-22T10:30:45.123456Z", "session": "alpha_spot", "level": "WARNING",
                "logger": "marketprism_host::ws", "message": "a\nb", "connection": 3, "origin": "wss://a.example",
            })
        );
    }
}
