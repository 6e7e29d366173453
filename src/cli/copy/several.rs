//! `barque copy --also-to`: one image to several destinations, read once.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use indicatif::MultiProgress;

use super::{CopyArgs, is_piped, write};
use crate::cli::{Outcome, Workers};
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
    screen: &MultiProgress,
    workers: &Workers,
) -> Result<Outcome> {
    let destinations = sides.destinations;
    for (n, name) in destinations.iter().enumerate() {
        if destinations[..n].contains(name) {
            return Err(Error::other(format!(
                "`{name}` is given twice as a destination"
            )));
        }
    }
    if args.dry_run {
        let plans = plans(args, &sides, want).await;
        return Ok(Outcome::Each(stream::iter(plans).boxed_local()));
    }
    let results = copied(args, &sides, want, screen, workers).await?;
    let reports: Vec<&CopyReport> = results.iter().flatten().collect();
    if let (Some(file), Some(first)) = (&args.digestfile, reports.first()) {
        write(file, &first.digest.to_string())?;
    }
    if let Some(file) = &args.receipt {
        let receipts: Vec<Receipt> = reports.iter().map(|report| Receipt::new(report)).collect();
        write(file, &(json::to_go_json(&receipts) + "\n"))?;
    }
    let lines = lines(args, &sides, results, screen);
    Ok(Outcome::Each(stream::iter(lines).boxed_local()))
}

/// The line of each destination that has the image now, or its error; prints the summaries.
pub(super) fn lines(
    args: &CopyArgs,
    sides: &Sides<'_>,
    results: Vec<Result<CopyReport>>,
    screen: &MultiProgress,
) -> Vec<Result<Bytes>> {
    let destinations = sides.destinations;
    let is_quiet = args.quiet || destinations.iter().any(is_piped);
    let line = |(result, name): (Result<CopyReport>, &ImageName)| {
        let failed = |e: Error| e.context(format!("copying `{}` to `{name}`", sides.source));
        let report = result.map_err(failed)?;
        if !args.quiet {
            words::print_summary_of_one(&report, screen);
        }
        Ok(match is_quiet {
            true => Bytes::new(),
            false => format!("{}\n", name.pinned(&report.digest)).into(),
        })
    };
    results.into_iter().zip(destinations).map(line).collect()
}

/// Copies to all destinations, and again to those that failed for a reason that may pass. The results are in their order.
///
/// # Errors
/// When the source cannot be opened, so that no copy was begun.
pub(super) async fn copied(
    args: &CopyArgs,
    sides: &Sides<'_>,
    want: &CopyOptions,
    screen: &MultiProgress,
    workers: &Workers,
) -> Result<Vec<Result<CopyReport>>> {
    let destinations = sides.destinations;
    let mut results: Vec<Option<Result<CopyReport>>> = Vec::new();
    results.resize_with(destinations.len(), || None);
    let tried = args.retry.run(async || {
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
                    opened.push((destination, progress::listener(args.quiet, screen)));
                }
                Err(e) => results[n] = Some(Err(e.context("writing the destination"))),
            }
        }
        let want = want_of(want, sides.source);
        let copying = async move { Ok(copy_to_all(source, opened, &want).await) };
        let done = workers.run(copying).await?;
        for (n, result) in places.into_iter().zip(done) {
            results[n] = Some(result);
        }
        // What may pass is tried again; the errors themselves are kept.
        let mut errors = results.iter().flatten().filter_map(|r| r.as_ref().err());
        match errors.find(|e| e.kind() == Kind::Unavailable) {
            Some(e) => Err(Error::new(Kind::Unavailable, failure::one_line(e))),
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
pub(super) async fn plans(
    args: &CopyArgs,
    sides: &Sides<'_>,
    want: &CopyOptions,
) -> Vec<Result<Bytes>> {
    let mut shown = Vec::new();
    for name in sides.destinations {
        let plan = args.retry.run(async || {
            let source = open_source(sides.source, sides.from).await?;
            let destination = open_destination(name, sides.to).await?;
            let want = want_of(want, sides.source);
            let planned = copy::plan(source, destination, want).await?;
            Ok(PlanReport::new(&planned).render(args.json))
        });
        let doing = |e: Error| e.context(format!("copying `{}` to `{name}`", sides.source));
        shown.push(plan.await.map(Bytes::from).map_err(doing));
    }
    shown
}
