//! What `skopeo sync` logs and prints.

use std::collections::{HashMap, HashSet};
use std::io::{self, IsTerminal};
use std::sync::{Mutex, MutexGuard};

use super::words;
use crate::copy::{CopyOptions, CopyPlan};
use crate::image::ImageName;
use crate::report::failure::one_line;
use crate::report::logrus::{Severity, with_fields};
use crate::sync::outcome::{ItemReport, Outcome, Summary};
use crate::{Error, locked};

/// Hears of a run of `sync` and says of it what skopeo says.
pub(in crate::cli) struct SyncLines {
    /// The argument SOURCE.
    source: String,
    /// Whether SOURCE is a file that names many.
    is_yaml: bool,
    dry_run: bool,
    keep_going: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// For each repository: its images, and how many of them have been begun.
    images: HashMap<String, (usize, usize)>,
    /// What a copy prints when it is done, by the name of its target.
    after: HashMap<String, String>,
    /// Targets to which a copy has begun.
    started: HashSet<String>,
    /// Why the run ends, and the exit code.
    fatal: Option<(String, u8)>,
}

impl SyncLines {
    pub(in crate::cli) fn new(
        source: &str,
        is_yaml: bool,
        dry_run: bool,
        keep_going: bool,
    ) -> Self {
        SyncLines {
            source: source.to_owned(),
            is_yaml,
            dry_run,
            keep_going,
            state: Mutex::default(),
        }
    }

    /// The run begins; `is_registry` where SOURCE is a repository or an image in one.
    pub(in crate::cli) fn begin(&self, is_registry: bool) {
        if is_registry {
            let last = self.source.rsplit('/').next().unwrap_or_default();
            let tagged = last.contains([':', '@']).to_string();
            let fields = [("imagename", &*self.source), ("tagged", &tagged)];
            log(Severity::Info, "Tag presence check", &fields);
        }
        if self.dry_run {
            log(Severity::Warning, "Running in dry-run mode", &[]);
        }
    }

    /// The images of `repository` are looked for: in its tags, if it `lists` them.
    pub(in crate::cli) fn listing(&self, repository: &str, lists: bool) {
        if self.is_yaml {
            let fields = parts(repository);
            log(Severity::Info, "Processing repo", &fields);
            if lists {
                let query = "Querying registry for image tags";
                log(Severity::Info, query, &fields);
            }
        }
        if lists {
            log(Severity::Info, "Getting tags", &[("image", repository)]);
        }
    }

    pub(in crate::cli) fn listed(&self, from: &str, images: usize) {
        self.state().images.entry(from.to_owned()).or_default().0 += images;
    }

    /// Listing the images of `from` failed, or found no image.
    pub(in crate::cli) fn unlisted(&self, from: &str, error: &Error) {
        let none = words::says(error, "no images to mirror found");
        let why = match none {
            true => format!("No images to sync found in \"{}\"", self.source),
            false => format!(
                "Error determining repository tags for repo {from}: {}",
                words::of_tags(&format!("docker://{from}"), error)
            ),
        };
        if !self.is_yaml {
            self.end(why, 1);
            return;
        }
        let fields = parts(from);
        if none {
            log(Severity::Warning, "No refs to sync found", &fields);
            return;
        }
        log(Severity::Error, "Error processing repo, skipping", &fields);
        log(Severity::Error, &why, &[]);
    }

    pub(in crate::cli) fn started(&self, source: &ImageName, target: &ImageName) {
        let (at, all) = {
            let mut state = self.state();
            state.started.insert(target.to_string());
            let images = match source {
                ImageName::Docker(reference) => {
                    state.images.get_mut(&reference.repository.to_string())
                }
                // All images of a directory belong to one entry.
                _ => state.images.values_mut().next(),
            };
            match images {
                Some((all, begun)) => {
                    *begun += 1;
                    (*begun, *all)
                }
                None => (1, 1),
            }
        };
        let doing = match self.dry_run {
            true => "Would have copied",
            false => "Copying",
        };
        let (from, to) = (source.to_string(), target.to_string());
        let fields = [("from", &*from), ("to", &*to)];
        log(
            Severity::Info,
            &format!("{doing} image ref {at}/{all}"),
            &fields,
        );
    }

    /// A copy to `target` is going to be made as `plan` says.
    pub(in crate::cli) fn planned(
        &self,
        target: &ImageName,
        plan: &CopyPlan,
        options: &CopyOptions,
    ) {
        let lines = super::before(plan, options) + &super::after(plan, options);
        self.state().after.insert(target.to_string(), lines);
    }

    /// Notes what became of an image; returns what is printed.
    pub(in crate::cli) fn done(&self, report: &ItemReport) -> Option<String> {
        let lines = self.state().after.remove(&report.target.to_string());
        match &report.outcome {
            Outcome::Copied { .. } => lines,
            Outcome::Present { .. } => {
                let was_started = self.state().started.remove(&report.target.to_string());
                if !was_started {
                    self.started(&report.source, &report.target);
                }
                let lines = "Getting image source signatures\nSkipping: image already present at destination\n";
                (!self.dry_run).then(|| lines.to_owned())
            }
            // What cannot be listed was told.
            Outcome::Failed(error) if report.is_entry => {
                if self.state().fatal.is_none() {
                    log(Severity::Error, &one_line(error), &[]);
                }
                None
            }
            Outcome::Failed(error) => {
                self.failed(&report.source, &report.target, error);
                None
            }
            _ => None,
        }
    }

    fn failed(&self, source: &ImageName, target: &ImageName, error: &Error) {
        let (source, target) = (source.to_string(), target.to_string());
        if words::says(error, "is there already") {
            let path = target.trim_start_matches("dir:");
            let why = format!("Refusing to overwrite destination directory \"{path}\"");
            return self.end(why, 1);
        }
        let (why, is_missing) = words::of_copy(&source, &target, error);
        let what = format!("Error copying ref \"{source}\"");
        match self.keep_going {
            true => log(Severity::Error, &what, &[("error", &why)]),
            false => self.end(format!("{what}: {why}"), if is_missing { 2 } else { 1 }),
        }
    }

    /// The last line of the log.
    pub(in crate::cli) fn summary(&self, summary: &Summary) {
        let done = match self.dry_run {
            true => "Would have synced",
            false => "Synced",
        };
        let Summary {
            synced, sources, ..
        } = summary;
        let text = format!("{done} {synced} images from {sources} sources");
        log(Severity::Info, &text, &[]);
    }

    /// Why the run ended before its time, and the exit code.
    pub(in crate::cli) fn fatal(&self) -> Option<(String, u8)> {
        self.state().fatal.take()
    }

    fn end(&self, why: String, code: u8) {
        self.state().fatal.get_or_insert((why, code));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

/// The registry and the path of a repository's name, as fields of a line.
fn parts(repository: &str) -> [(&'static str, &str); 2] {
    let (registry, path) = repository.split_once('/').unwrap_or(("", repository));
    [("registry", registry), ("repo", path)]
}

fn log(severity: Severity, message: &str, fields: &[(&str, &str)]) {
    let short = io::stderr().is_terminal();
    super::write(&with_fields(severity, message, fields, short));
}
