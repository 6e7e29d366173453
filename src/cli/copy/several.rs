//! `barque copy --also-to`: one image to several destinations, read once. Also what is said of each of many copies.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use indicatif::MultiProgress;

use super::CopyArgs;
use super::files::{is_piped, write};
use crate::cli::Outcome;
use crate::cli::workers::Call;
use crate::copy::{self, CopyOptions, CopyReport, copy_to_all};
use crate::image::ImageName;
use crate::open::{open_destination, open_source};
use crate::report::copy::{PlanReport, Receipt};
use crate::report::{copy as words, failure, json, progress};
use crate::settings::Context;
use crate::{Error, Kind, Result};

/// The two sides, and how each is reached.
pub(super) struct Sides<'a> {
    pub(super) source: &'a ImageName,
    pub(super) from: &'a Context,
    pub(super) destinations: &'a [ImageName],
    pub(super) to: &'a Context,
}

/// Copies to all destinations. The outcome has a line for each that has the image now, and the errors of the others.
pub(super) async fn run(
    args: &CopyArgs,
    sides: Sides<'_>,
    want: &CopyOptions,
    call: &Call<'_>,
) -> Result<Outcome> {
    let destinations = sides.destinations;
    for (n, name) in destinations.iter().enumerate() {
        if destinations[..n].contains(name) {
            return Err(Error::other(format!(
                "`{name}` is given twice as a destination"
            )));
        }
    }
    ended(args, said(args, &sides, want, call).await?)
}

/// Copies one image, or plans it with `--dry-run`. The value has what is said of each destination, or its error. Fails
/// when the source cannot be opened, so that no copy was begun.
pub(super) async fn said(
    args: &CopyArgs,
    sides: &Sides<'_>,
    want: &CopyOptions,
    call: &Call<'_>,
) -> Result<Vec<Result<Said>>> {
    if args.dry_run {
        return Ok(plans(args, sides, want).await);
    }
    let results = copied(args, sides, want, call).await?;
    Ok(lines(args, sides, results, call.screen))
}

/// What is said of one image at one destination.
pub(super) struct Said {
    line: Bytes,
    /// What was done, unless the line is a plan.
    copied: Option<(ImageName, CopyReport)>,
}

/// Writes the digests and receipts of all that was copied. The outcome has all lines and errors.
pub(super) fn ended(args: &CopyArgs, said: Vec<Result<Said>>) -> Result<Outcome> {
    let copied = || {
        said.iter()
            .flatten()
            .filter_map(|said| said.copied.as_ref())
    };
    if let (Some(file), Some((_, first))) = (&args.digestfile, copied().next()) {
        let line = |(name, report): &(ImageName, CopyReport)| format!("{} {name}\n", report.digest);
        let digests = match args.more.is_empty() {
            true => first.digest.to_string(),
            false => copied().map(line).collect(),
        };
        write(file, &digests)?;
    }
    if let Some(file) = args.receipt.as_ref().filter(|_| !args.dry_run) {
        let receipts: Vec<Receipt> = copied().map(|(_, report)| Receipt::new(report)).collect();
        write(file, &(json::to_go_json(&receipts) + "\n"))?;
    }
    let lines = said.into_iter().map(|said| said.map(|said| said.line));
    Ok(Outcome::Each(
        stream::iter(lines.collect::<Vec<_>>()).boxed_local(),
    ))
}

/// What is said of each destination that has the image now, or its error; prints the summaries.
fn lines(
    args: &CopyArgs,
    sides: &Sides<'_>,
    results: Vec<Result<CopyReport>>,
    screen: &MultiProgress,
) -> Vec<Result<Said>> {
    let destinations = sides.destinations;
    let is_quiet = args.quiet || destinations.iter().any(is_piped);
    let line = |(result, name): (Result<CopyReport>, &ImageName)| {
        let failed = |e: Error| e.context(format!("copying `{}` to `{name}`", sides.source));
        let report = result.map_err(failed)?;
        if !args.quiet {
            words::print_summary_of_one(&report, screen);
        }
        let line = match is_quiet {
            true => Bytes::new(),
            false => format!("{}\n", name.pinned(&report.digest)).into(),
        };
        let copied = Some((name.clone(), report));
        Ok(Said { line, copied })
    };
    results.into_iter().zip(destinations).map(line).collect()
}

/// Copies to all destinations, and again to those that failed for a reason that may pass. The results are in their
/// order. Fails when the source cannot be opened, so that no copy was begun.
async fn copied(
    args: &CopyArgs,
    sides: &Sides<'_>,
    want: &CopyOptions,
    call: &Call<'_>,
) -> Result<Vec<Result<CopyReport>>> {
    let destinations = sides.destinations;
    let mut results: Vec<Option<Result<CopyReport>>> = Vec::new();
    results.resize_with(destinations.len(), || None);
    let tried = args.sides.retry.run(async || {
        let source = open_source(sides.source, sides.from).await;
        let source = source.map_err(|e| e.context("reading the source"))?;
        let (mut places, mut opened) = (Vec::new(), Vec::new());
        for (n, name) in destinations.iter().enumerate() {
            if matches!(results[n], Some(Ok(_))) {
                continue;
            }
            match open_destination(name, sides.to).await {
                Ok(destination) => {
                    places.push(n);
                    opened.push((destination, progress::listener(args.quiet, call.screen)));
                }
                Err(e) => results[n] = Some(Err(e.context("writing the destination"))),
            }
        }
        let want = want_of(want, sides.source);
        let copying = async move { Ok(copy_to_all(source, opened, &want).await) };
        let done = call.workers.run(copying).await?;
        for (n, result) in places.into_iter().zip(done) {
            results[n] = Some(result);
        }
        // What may pass is tried again; the errors themselves are kept.
        let mut errors = results.iter().flatten().filter_map(|r| r.as_ref().err());
        match errors.find(|e| e.kind() == Kind::Unavailable) {
            Some(e) => Err(Error::unavailable(failure::one_line(e))),
            None => Ok(()),
        }
    });
    match (tried.await, results.iter().all(Option::is_some)) {
        (Err(e), false) => Err(e.context(format!("copying `{}`", sides.source))),
        _ => Ok(results.into_iter().flatten().collect()),
    }
}

/// `want` for an image that may be one of several: policies go by its own name.
fn want_of(want: &CopyOptions, source: &ImageName) -> CopyOptions {
    let mut want = want.clone();
    if let Some(admission) = &mut want.admission {
        admission.image = source.clone();
    }
    want
}

/// What would be done at each destination.
async fn plans(args: &CopyArgs, sides: &Sides<'_>, want: &CopyOptions) -> Vec<Result<Said>> {
    let mut shown = Vec::new();
    for name in sides.destinations {
        let plan = args.sides.retry.run(async || {
            let source = open_source(sides.source, sides.from).await?;
            let destination = open_destination(name, sides.to).await?;
            let want = want_of(want, sides.source);
            let planned = copy::plan(source, destination, want).await?;
            Ok(PlanReport::new(&planned).render(args.json))
        });
        let doing = |e: Error| e.context(format!("copying `{}` to `{name}`", sides.source));
        // Of several images, each plan begins with its names.
        let names = match args.more.is_empty() || args.json {
            true => String::new(),
            false => format!("{} to {name}:\n", sides.source),
        };
        let said = |plan: String| Said {
            line: (names + &plan).into(),
            copied: None,
        };
        shown.push(plan.await.map(said).map_err(doing));
    }
    shown
}
