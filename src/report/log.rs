//! How log events look on stderr: `warning: ...` and `note: ...` for people, lines with time and fields for `--debug`.
//!
//! Rooms say things with `tracing`; only here it becomes text, cleaned of control characters and written around the
//! progress bars. Events of other crates are never shown: they print headers, and so secrets.

use std::fmt;
use std::io::{self, Write};

use indicatif::MultiProgress;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use super::failure::{clean, wants_colour};
use super::logrus::{self, Severity};

/// The subscriber of the program, to be made the global default once: notes, warnings and errors, with `debug` everything
/// that barque says. `bars` is the screen of the progress bars, hidden when stderr is no terminal; with `logrus` the lines
/// are those of skopeo's logger.
pub(crate) fn subscriber(
    debug: bool,
    bars: &MultiProgress,
    logrus: bool,
) -> impl Subscriber + Send + Sync + use<> {
    let lines = Lines {
        colour: wants_colour(&io::stderr()),
        logrus,
    };
    let layer = tracing_subscriber::fmt::layer()
        .event_format(lines)
        .with_writer(Stderr { bars: bars.clone() })
        .with_filter(filter_fn(move |event| is_shown(event, debug)));
    tracing_subscriber::registry().with(layer)
}

fn is_shown(event: &Metadata<'_>, debug: bool) -> bool {
    let most = if debug { Level::TRACE } else { Level::INFO };
    let is_ours = event.target() == "barque" || event.target().starts_with("barque::");
    *event.level() <= most && is_ours
}

/// Writes to stderr around the bars, a whole event at a time.
#[derive(Clone)]
pub(crate) struct Stderr {
    bars: MultiProgress,
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bars.suspend(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Stderr;

    fn make_writer(&'a self) -> Stderr {
        self.clone()
    }
}

/// One line an event.
struct Lines {
    colour: bool,
    /// In the form of skopeo's logger.
    logrus: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let level = *event.metadata().level();
        if self.logrus {
            let severity = match level {
                Level::ERROR => Severity::Error,
                Level::WARN => Severity::Warning,
                _ => Severity::Debug,
            };
            let text = clean(&(said.message + &said.fields)).into_owned();
            return out.write_str(&logrus::line(severity, &text, self.colour));
        }
        let (word, colour) = match level {
            Level::ERROR => ("barque:", "\x1b[1;31m"),
            Level::WARN => ("warning:", "\x1b[1;33m"),
            Level::INFO => ("note:", ""),
            _ => ("debug:", "\x1b[2m"),
        };
        let (colour, plain) = if self.colour {
            (colour, "\x1b[0m")
        } else {
            ("", "")
        };
        write!(out, "{colour}{word}{plain} ")?;
        if level > Level::INFO {
            let now = jiff::Timestamp::now();
            write!(out, "{} ", now.strftime("%H:%M:%S%.3f"))?;
        }
        writeln!(out, "{}", clean(&(said.message + &said.fields)))
    }
}

/// The message of an event, and its other fields as ` name=value`.
#[derive(Default)]
struct Said {
    message: String,
    fields: String,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => self.fields.push_str(&format!(" {name}={value:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(debug: bool, colour: bool) -> String {
        let memory = Memory::default();
        let writer = memory.clone();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(Lines {
                colour,
                logrus: false,
            })
            .with_writer(move || writer.clone())
            .with_filter(filter_fn(move |event| is_shown(event, debug)));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!("the file `{}` can be read by all", "a\x1b[2J\nb");
            tracing::debug!(status = 200, url = "https://x/v2/", "GET");
            tracing::warn!(target: "hyper::proto", "not ours");
            tracing::warn!(target: "barquentine", "not ours either");
        });
        let bytes = memory.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn warnings_are_plain_lines() {
        assert_eq!(
            logged(false, false),
            "warning: the file `a[2J b` can be read by all\n"
        );
        assert!(logged(false, true).starts_with("\x1b[1;33mwarning:\x1b[0m the file"));
    }

    #[test]
    fn debug_lines_have_time_and_fields() {
        let text = logged(true, false);
        let line = text.lines().nth(1).unwrap();
        let (word, rest) = line.split_at("debug: ".len());
        let (time, rest) = rest.split_at("00:00:00.000".len());
        assert_eq!(
            (word, rest),
            ("debug: ", " GET status=200 url=\"https://x/v2/\"")
        );
        assert!(
            time.chars().all(|c| c.is_ascii_digit() || ":.".contains(c)),
            "{time}"
        );
        assert_eq!(text.lines().count(), 2);
    }
}
