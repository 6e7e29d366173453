//! How a run ends: its last line, its exit code, and the files that it writes.

use std::sync::Arc;

use indicatif::MultiProgress;

use super::SyncArgs;
use super::listener::Listener;
use crate::cli::{Outcome, signals, skopeo};
use crate::registry::ApiError;
use crate::report::failure::Failure;
use crate::report::{progress, sync as words};
use crate::sync::outcome::Summary;
use crate::{Error, Kind, Result};

/// Ends what a run writes also when the command is dropped: by a signal, or because its time is over.
pub(super) struct Files(Option<Arc<Listener>>);

impl Files {
    pub(super) fn of(listener: &Arc<Listener>) -> Files {
        Files(Some(listener.clone()))
    }

    /// The run has come to its end with this exit code.
    pub(super) fn end(mut self, code: u8) -> Result<()> {
        match self.0.take() {
            Some(listener) => listener.written.end(code),
            None => Ok(()),
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if let Some(listener) = self.0.take() {
            // The command ends with something else that is reported.
            let _ = listener.written.end(signals::code());
        }
    }
}

/// What the command ends with; its last line is said.
pub(super) fn result(
    summary: &mut Summary,
    listener: &Listener,
    keep_going: bool,
    args: &SyncArgs,
    screen: &MultiProgress,
) -> Result<Outcome, Failure> {
    if let Some(lines) = &listener.skopeo {
        if let Some((why, code)) = lines.fatal() {
            return Err(skopeo::ended(&why, code));
        }
        if let (false, Some(e)) = (keep_going, summary.error.take()) {
            return Err(e.into());
        }
        lines.summary(summary);
        return match summary.failed {
            0 => Ok(Outcome::Nothing),
            _ => Err(skopeo::ended(SOME_FAILED, 1)),
        };
    }
    ended(summary, args, keep_going, screen)
}

/// skopeo's last words where some images failed.
const SOME_FAILED: &str = "Sync failed due to previous reported error(s) for one or more images";

/// What the command ends with: the failure itself when it stopped the run, else the class of what is left undone.
fn ended(
    summary: &mut Summary,
    args: &SyncArgs,
    keep_going: bool,
    screen: &MultiProgress,
) -> Result<Outcome, Failure> {
    let as_skopeo = args.src.is_some();
    if let (false, Some(e)) = (keep_going, summary.error.take()) {
        return Err(match as_skopeo && !is_of_an_image(&e) {
            true => Error::other("mirroring the images").because(e),
            false => e,
        }
        .into());
    }
    if !args.quiet {
        progress::print(&words::summary(summary, args.dry_run), screen);
    }
    match summary.exit_code() {
        0 => Ok(Outcome::Nothing),
        _ if as_skopeo && summary.failed > 0 => Err(Error::other(SOME_FAILED).into()),
        code => Err(Failure::Reported(code)),
    }
}

/// Whether `e` says that there is no such image, for which skopeo's exit code is 2; for everything else it is 1.
fn is_of_an_image(e: &Error) -> bool {
    let about_a_manifest = |answer: &ApiError| answer.url.contains("/manifests/");
    e.kind() == Kind::NotFound && ApiError::of(e).is_some_and(about_a_manifest)
}
