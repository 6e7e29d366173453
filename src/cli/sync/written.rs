//! What a run writes while it goes on: the receipt, digests and events, and metrics at its end. A run that is ended from
//! outside ends its files, too.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::SyncArgs;
use crate::cli::copy::files::{may_be_written, write_whole};
use crate::cli::write_out;
use crate::image::ImageName;
use crate::report::failure::one_line;
use crate::report::sync as words;
use crate::sync::outcome::{ItemReport, Outcome, Summary};
use crate::sync::receipt::Line;
use crate::{Error, Result, locked};

pub(super) struct Written {
    began: Instant,
    receipt: Output,
    digests: Output,
    events: Output,
    metrics: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sums: Summary,
    outcomes: BTreeMap<&'static str, u64>,
    /// Copies that are going on: the source by the target.
    begun: BTreeMap<String, String>,
    /// The first line that could not be written.
    lost: Option<io::Error>,
}

/// `None` where nothing is wanted, or no more.
type Output = Mutex<Option<Box<dyn Write + Send>>>;

impl Written {
    pub(super) fn new(args: &SyncArgs) -> Result<Written> {
        if let Some(file) = args
            .metrics
            .as_deref()
            .filter(|file| *file != Path::new("-"))
        {
            may_be_written(file)?;
        }
        // A dry run has no digests, and leaves those of the run before.
        let digests = args.digestfile.as_ref().filter(|_| !args.dry_run);
        Ok(Written {
            began: Instant::now(),
            receipt: open(args.receipt.as_ref())?,
            digests: open(digests)?,
            events: open(args.events.as_ref())?,
            metrics: args.metrics.clone(),
            state: Mutex::default(),
        })
    }

    /// Writes an event.
    pub(super) fn event(&self, event: impl FnOnce() -> serde_json::Value) {
        self.write(&self.events, || format!("{}\n", event()));
    }

    pub(super) fn started(&self, source: &ImageName, target: &ImageName) {
        let (source, target) = (source.to_string(), target.to_string());
        self.event(|| json!({ "event": "started", "source": source, "target": target }));
        self.state().begun.insert(target, source);
    }

    pub(super) fn done(&self, report: &ItemReport) {
        {
            let mut state = self.state();
            *state.outcomes.entry(report.outcome.word()).or_default() += 1;
            state.sums.count(report);
            state.begun.remove(&report.target.to_string());
        }
        self.line(&Line::new(report, &one_line));
        let at_target = matches!(
            report.outcome,
            Outcome::Copied { .. } | Outcome::Present { .. }
        );
        if let Some(digest) = report.outcome.digest().filter(|_| at_target) {
            self.write(&self.digests, || format!("{digest} {}\n", report.target));
        }
    }

    /// Writes `line` into the receipt, and into the events as one.
    fn line(&self, line: &Line) {
        let line = || words::receipt_line(line);
        self.write(&self.receipt, line);
        self.write(&self.events, || {
            line().replacen('{', "{\"event\":\"done\",", 1)
        });
    }

    /// Ends what is written: the run ends with `code`. Images that are still being copied were interrupted. Nothing is written
    /// afterwards. Fails with [`crate::Kind::Refused`] when something could not be written.
    pub(super) fn end(&self, code: u8) -> Result<()> {
        let (metrics, end) = {
            let mut state = self.state();
            let begun = std::mem::take(&mut state.begun);
            if !begun.is_empty() {
                state.outcomes.insert("interrupted", begun.len() as u64);
            }
            let (metrics, end) = (self.metrics(&state, code), end(&state.sums, code));
            drop(state);
            for (target, source) in begun {
                self.line(&Line::interrupted(source, target));
            }
            (metrics, end)
        };
        self.event(|| end);
        for output in [&self.receipt, &self.digests, &self.events] {
            locked(output).take();
        }
        if let Some(e) = self.state().lost.take() {
            return Err(Error::refused("the receipt or the events cannot be written").because(e));
        }
        match &self.metrics {
            // A reader that went away is no reason to fail.
            Some(file) if file == Path::new("-") => {
                let _ = write_out(metrics.as_bytes());
                Ok(())
            }
            Some(file) => write_whole(file, &metrics),
            None => Ok(()),
        }
    }

    /// The run in Prometheus' text format.
    fn metrics(&self, state: &State, code: u8) -> String {
        let sums = &state.sums;
        let quoted = |host: &str| host.replace('\\', "\\\\").replace('"', "\\\"");
        let outcomes = state.outcomes.iter();
        let outcomes =
            outcomes.map(|(word, count)| (format!("{{outcome=\"{word}\"}}"), *count as f64));
        let requests = sums.requests.iter();
        let requests =
            requests.map(|(name, count)| (format!("{{host=\"{}\"}}", quoted(name)), *count as f64));
        let one = |value: f64| vec![(String::new(), value)];
        let families = [
            (
                "images",
                "Images and targets by what became of them.",
                outcomes.collect(),
            ),
            (
                "requests",
                "Requests sent for images, by host.",
                requests.collect(),
            ),
            (
                "copied_bytes",
                "Bytes of blobs that moved.",
                one(sums.bytes as f64),
            ),
            (
                "planned_bytes",
                "Bytes of blobs that would have moved without --dry-run.",
                one(sums.planned_bytes as f64),
            ),
            (
                "mounted_blobs",
                "Blobs taken over from another repository.",
                one(sums.mounts as f64),
            ),
            (
                "duration_seconds",
                "How long the run took.",
                one(self.began.elapsed().as_secs_f64()),
            ),
            (
                "end_timestamp_seconds",
                "When the run ended.",
                one(since_1970().as_secs() as f64),
            ),
            (
                "exit_code",
                "The exit code of the run.",
                one(f64::from(code)),
            ),
        ];
        let mut text = String::new();
        for (name, help, values) in families {
            let _ = writeln!(
                text,
                "# HELP barque_sync_{name} {help}\n# TYPE barque_sync_{name} gauge"
            );
            for (labels, value) in values {
                let _ = writeln!(text, "barque_sync_{name}{labels} {value}");
            }
        }
        text
    }

    fn write(&self, output: &Output, line: impl FnOnce() -> String) {
        let mut output = locked(output);
        let Some(writer) = &mut *output else { return };
        let written = writer.write_all(line().as_bytes());
        match written.and_then(|()| writer.flush()) {
            Ok(()) => {}
            // The reader went away: the run goes on without it.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => *output = None,
            Err(e) => {
                self.state().lost.get_or_insert(e);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

/// The last event.
fn end(sums: &Summary, code: u8) -> serde_json::Value {
    json!({
        "event": "end",
        "copied": sums.copied,
        "planned": sums.planned,
        "unchanged": sums.synced - sums.copied - sums.planned,
        "failed": sums.failed,
        "bytes": sums.bytes,
        "planned_bytes": sums.planned_bytes,
        "exit": code,
    })
}

fn since_1970() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}

/// The file to write lines to; `-` is standard output.
fn open(file: Option<&PathBuf>) -> Result<Output> {
    let writer: Option<Box<dyn Write + Send>> = match file {
        None => None,
        Some(file) if file == Path::new("-") => Some(Box::new(io::stdout())),
        Some(file) => {
            may_be_written(file)?;
            let opened = fs::File::create(file).map_err(|e| {
                let message = format!("the file `{}` cannot be written", file.display());
                Error::refused(message).because(e)
            })?;
            Some(Box::new(opened))
        }
    };
    Ok(Mutex::new(writer))
}
