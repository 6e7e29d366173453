//! What a run shows while it goes on: lines and progress. What it writes down is in [`Written`].

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

use super::written::Written;
use super::{SourceKind, SyncArgs};
use crate::cli::skopeo::{self, SyncLines};
use crate::cli::write_out;
use crate::copy::{CopyOptions, CopyPlan};
use crate::image::ImageName;
use crate::report::failure;
use crate::report::{progress, sync as words};
use crate::sync::outcome::{Events, ItemReport, Outcome};
use crate::sync::select::Rule;
use crate::{Error, Result, locked};

/// Shows what happens, and has it written down.
pub(super) struct Listener {
    screen: MultiProgress,
    quiet: bool,
    pub(super) written: Written,
    /// What is said in place of barque's own lines, if the program was called as skopeo.
    pub(super) skopeo: Option<SyncLines>,
    total: ProgressBar,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// A line for each image that is being copied.
    active: HashMap<String, ProgressBar>,
    /// Hints that were given: many images may fail for one reason.
    hints: HashSet<String>,
}

impl Listener {
    pub(super) fn new(args: &SyncArgs, screen: &MultiProgress) -> Result<Listener> {
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
            written: Written::new(args)?,
            total,
            state: Mutex::default(),
        })
    }

    /// Ends the progress lines.
    pub(super) fn clear(&self) {
        self.total.finish_and_clear();
        for (_, line) in self.state().active.drain() {
            line.finish_and_clear();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    fn say(&self, text: &str) {
        progress::print(text, &self.screen);
    }

    /// Gives the hint of `error`, once.
    fn advise(&self, error: &Error) {
        if let Some(hint) = failure::advice(error)
            && self.state().hints.insert(hint.to_owned())
        {
            self.say(&format!("hint: {}", failure::clean(hint)));
        }
    }
}

impl Events for Listener {
    fn listing(&self, repository: &str, lists: bool) {
        if let Some(lines) = &self.skopeo {
            lines.listing(repository, lists);
        }
    }

    fn unlisted(&self, from: &str, error: &Error) {
        if let Some(lines) = &self.skopeo {
            lines.unlisted(from, error);
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
        let left_out = left_out.len();
        self.written.event(
            || json!({ "event": "listed", "from": from, "images": images, "left_out": left_out }),
        );
    }

    fn started(&self, source: &ImageName, target: &ImageName) {
        if let Some(lines) = &self.skopeo {
            lines.started(source, target);
        }
        self.written.started(source, target);
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
        self.written.done(report);
        {
            let mut state = self.state();
            if !state.active.is_empty()
                && let Some(line) = state.active.remove(&report.target.to_string())
            {
                line.finish_and_clear();
            }
        }
        if !report.is_entry {
            self.total.inc(1);
        }
        if let Some(lines) = &self.skopeo {
            if let Some(text) = lines.done(report) {
                // A reader that went away is no reason to stop.
                let _ = write_out(text.as_bytes());
            }
            return;
        }
        match &report.outcome {
            Outcome::Failed(e) | Outcome::Postponed(e) => {
                self.say(&words::line(report));
                self.advise(e);
            }
            Outcome::Present { .. } => {}
            _ if self.quiet => {}
            _ => self.say(&words::line(report)),
        }
    }

    fn warn(&self, text: &str) {
        tracing::warn!("{text}");
        self.written
            .event(|| json!({ "event": "warning", "text": text }));
    }
}
