//! What a run shows and writes while it goes on: lines, progress, the receipt, events, and metrics at its end.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

use super::{SourceKind, SyncArgs};
use crate::cli::copy::files::write_whole;
use crate::cli::skopeo::{self, SyncLines};
use crate::cli::write_out;
use crate::copy::{CopyOptions, CopyPlan};
use crate::image::ImageName;
use crate::report::{progress, sync as words};
use crate::sync::outcome::{Events, ItemReport, Outcome, Summary};
use crate::sync::select::Rule;
use crate::{Error, Result, locked};

/// Shows what happens, and writes it down.
pub(super) struct Listener {
    screen: MultiProgress,
    quiet: bool,
    began: Instant,
    receipt: Option<Output>,
    digests: Option<Output>,
    events: Option<Output>,
    metrics: Option<PathBuf>,
    /// What is said in place of barque's own lines, if the program was called as skopeo.
    pub(super) skopeo: Option<SyncLines>,
    total: ProgressBar,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// A line for each image that is being copied.
    active: HashMap<String, ProgressBar>,
    outcomes: BTreeMap<&'static str, u64>,
    /// The first line that could not be written.
    lost: Option<io::Error>,
}

type Output = Mutex<Box<dyn Write + Send>>;

impl Listener {
    pub(super) fn new(args: &SyncArgs, screen: &MultiProgress) -> Result<Listener> {
        let open = |file: &Option<PathBuf>| file.as_deref().map(create).transpose();
        let total = match args.quiet {
            true => ProgressBar::hidden(),
            false => screen.add(ProgressBar::new(0)),
        };
        let style = ProgressStyle::with_template("{pos} of {len} images{msg} {left}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        total.set_style(style.with_key("left", progress::left));
        let skopeo = skopeo::is_called().then(|| {
            let is_yaml = args.src == Some(SourceKind::Yaml);
            let lines = SyncLines::new(args.file(), is_yaml, args.dry_run, args.keep_going);
            lines.begin(args.src == Some(SourceKind::Docker));
            lines
        });
        Ok(Listener {
            skopeo,
            screen: screen.clone(),
            quiet: args.quiet,
            began: Instant::now(),
            receipt: open(&args.receipt)?,
            digests: open(&args.digestfile)?,
            events: open(&args.events)?,
            metrics: args.metrics.clone(),
            total,
            state: Mutex::default(),
        })
    }

    /// Ends the progress lines and writes the metrics. Fails with [`crate::Kind::Refused`] when something could not be
    /// written.
    pub(super) fn finish(&self, summary: &Summary, code: u8) -> Result<()> {
        self.total.finish_and_clear();
        for (_, line) in self.state().active.drain() {
            line.finish_and_clear();
        }
        self.event(&json!({
            "event": "end",
            "copied": summary.copied,
            "unchanged": summary.synced - summary.copied,
            "failed": summary.failed,
            "bytes": summary.bytes,
            "exit": code,
        }));
        if let Some(e) = self.state().lost.take() {
            return Err(Error::refused("the receipt or the events cannot be written").because(e));
        }
        match &self.metrics {
            Some(file) => write_whole(file, &self.metrics(summary, code)),
            None => Ok(()),
        }
    }

    /// The run in Prometheus' text format.
    fn metrics(&self, summary: &Summary, code: u8) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, values: &[(String, f64)]| {
            let _ = writeln!(
                text,
                "# HELP barque_sync_{name} {help}\n# TYPE barque_sync_{name} {kind}"
            );
            for (labels, value) in values {
                let _ = writeln!(text, "barque_sync_{name}{labels} {value}");
            }
        };
        let outcomes = self.state().outcomes.clone();
        let outcomes: Vec<_> = outcomes
            .iter()
            .map(|(word, count)| (format!("{{outcome=\"{word}\"}}"), *count as f64))
            .collect();
        let host = |host: &str| host.replace('\\', "\\\\").replace('"', "\\\"");
        let requests: Vec<_> = summary
            .requests
            .iter()
            .map(|(name, count)| (format!("{{host=\"{}\"}}", host(name)), *count as f64))
            .collect();
        let one = |value: f64| vec![(String::new(), value)];
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        family(
            "images",
            "gauge",
            "Images and targets by what became of them.",
            &outcomes,
        );
        family(
            "requests",
            "gauge",
            "Requests sent for images, by host.",
            &requests,
        );
        family(
            "copied_bytes",
            "gauge",
            "Bytes of blobs that moved.",
            &one(summary.bytes as f64),
        );
        family(
            "mounted_blobs",
            "gauge",
            "Blobs taken over from another repository.",
            &one(summary.mounts as f64),
        );
        family(
            "duration_seconds",
            "gauge",
            "How long the run took.",
            &one(self.began.elapsed().as_secs_f64()),
        );
        family(
            "end_timestamp_seconds",
            "gauge",
            "When the run ended.",
            &one(now.unwrap_or_default().as_secs() as f64),
        );
        family(
            "exit_code",
            "gauge",
            "The exit code of the run.",
            &one(f64::from(code)),
        );
        text
    }

    fn event(&self, event: &serde_json::Value) {
        self.write(self.events.as_ref(), &format!("{event}\n"));
    }

    fn write(&self, output: Option<&Output>, line: &str) {
        let Some(output) = output else { return };
        let written = {
            let mut output = locked(output);
            output
                .write_all(line.as_bytes())
                .and_then(|()| output.flush())
        };
        if let Err(e) = written {
            self.state().lost.get_or_insert(e);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// Says `text`, unless only failures are wanted.
    pub(super) fn say(&self, text: &str) {
        progress::print(text, &self.screen);
    }
}

impl Events for Listener {
    fn listing(&self, repository: &str, lists: bool) {
        if let Some(lines) = &self.skopeo {
            lines.listing(repository, lists);
        }
    }

    fn unlisted(&self, from: &str, error: &Error) {
        match &self.skopeo {
            Some(lines) => lines.unlisted(from, error),
            None => self.warn(&format!("listing `{from}`: {error:#}")),
        }
    }

    fn planned(&self, target: &ImageName, plan: &CopyPlan, options: &CopyOptions) {
        if let Some(lines) = &self.skopeo {
            lines.planned(target, plan, options);
        }
    }

    fn listed(&self, from: &str, images: usize, left_out: &[(String, Rule)]) {
        if let Some(lines) = &self.skopeo {
            lines.listed(from, images);
        }
        self.total.inc_length(images as u64);
        tracing::debug!(
            "{from}: {images} images are mirrored, {} are left out",
            left_out.len()
        );
        for (tag, rule) in left_out {
            tracing::debug!("{from}:{tag} is left out by `{rule}`");
        }
        if self.events.is_some() {
            let left_out = left_out.len();
            self.event(
                &json!({ "event": "listed", "from": from, "images": images, "left_out": left_out }),
            );
        }
    }

    fn started(&self, source: &ImageName, target: &ImageName) {
        if let Some(lines) = &self.skopeo {
            lines.started(source, target);
        }
        if self.events.is_some() {
            let (source, target) = (source.to_string(), target.to_string());
            self.event(&json!({ "event": "started", "source": source, "target": target }));
        }
        if self.total.is_hidden() {
            return;
        }
        let line = self
            .screen
            .insert_before(&self.total, ProgressBar::new_spinner());
        line.set_message(format!("copying {source}"));
        line.enable_steady_tick(Duration::from_millis(250));
        self.state().active.insert(target.to_string(), line);
    }

    fn done(&self, report: &ItemReport) {
        let line = words::receipt_line(report);
        self.write(self.receipt.as_ref(), &line);
        if let (Some(_), Some(rest)) = (&self.events, line.strip_prefix('{')) {
            self.write(
                self.events.as_ref(),
                &format!("{{\"event\":\"done\",{rest}"),
            );
        }
        let at_target = matches!(
            report.outcome,
            Outcome::Copied { .. } | Outcome::Present { .. }
        );
        if let Some(digest) = report.outcome.digest().filter(|_| at_target) {
            let line = format!("{digest} {}\n", report.target);
            self.write(self.digests.as_ref(), &line);
        }
        {
            let mut state = self.state();
            *state.outcomes.entry(report.outcome.word()).or_default() += 1;
            if !state.active.is_empty()
                && let Some(line) = state.active.remove(&report.target.to_string())
            {
                line.finish_and_clear();
            }
        }
        self.total.inc(1);
        if let Some(lines) = &self.skopeo {
            if let Some(text) = lines.done(report) {
                // A reader that went away is no reason to stop.
                let _ = write_out(text.as_bytes());
            }
            return;
        }
        match &report.outcome {
            Outcome::Failed(_) | Outcome::Postponed(_) => self.say(&words::line(report)),
            Outcome::Present { .. } => {}
            _ if self.quiet => {}
            _ => self.say(&words::line(report)),
        }
    }

    fn warn(&self, text: &str) {
        tracing::warn!("{text}");
        if self.events.is_some() {
            self.event(&json!({ "event": "warning", "text": text }));
        }
    }
}

fn refused(file: &Path, e: io::Error) -> Error {
    let message = format!("the file `{}` cannot be written", file.display());
    Error::refused(message).because(e)
}

/// The file to write lines to; `-` is standard output.
fn create(file: &Path) -> Result<Output> {
    if file == Path::new("-") {
        return Ok(Mutex::new(Box::new(io::stdout())));
    }
    let file = fs::File::create(file).map_err(|e| refused(file, e))?;
    Ok(Mutex::new(Box::new(file)))
}
