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
    want: CopyOptions,
    screen: &MultiProgress,
    workers: &Workers,
) -> Result<Outcome> {
    let Sides { destinations, .. } = sides;
    for (n, name) in destinations.iter().enumerate() {
        if destinations[..n].contains(name) {
            return Err(Error::other(format!(
                "`{name}` is given twice as a destination"
            )));
        }
    }
    let doing = |n: usize| format!("copying `{}` to `{}`", args.source, destinations[n]);
    if args.dry_run {
        return plans(args, &sides, &want).await;
    }
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
        let want = want.clone();
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
    let tried = tried.await;
    let is_known = results.iter().any(Option::is_some);
    if let Err(e) = tried
        && !is_known
    {
        return Err(e.context(format!("copying `{}`", args.source)));
    }
    let reports: Vec<&CopyReport> = results.iter().flatten().flatten().collect();
    if let (Some(file), Some(first)) = (&args.digestfile, reports.first()) {
        write(file, &first.digest.to_string())?;
    }
    if let Some(file) = &args.receipt {
        let receipts: Vec<Receipt> = reports.iter().map(|report| Receipt::new(report)).collect();
        write(file, &(json::to_go_json(&receipts) + "\n"))?;
    }
    if !args.quiet {
        reports
            .iter()
            .for_each(|report| words::print_summary_of_one(report, screen));
    }
    let is_quiet = args.quiet || destinations.iter().any(is_piped);
    let line = |n: usize, report: CopyReport| match is_quiet {
        true => Bytes::new(),
        false => format!("{}\n", destinations[n].pinned(&report.digest)).into(),
    };
    let lines = results
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(n, result)| match result {
            Ok(report) => Ok(line(n, report)),
            Err(e) => Err(e.context(doing(n))),
        });
    let lines: Vec<Result<Bytes>> = lines.collect();
    Ok(Outcome::Each(stream::iter(lines).boxed_local()))
}

/// What would be done at each destination.
async fn plans(args: &CopyArgs, sides: &Sides<'_>, want: &CopyOptions) -> Result<Outcome> {
    let mut shown = Vec::new();
    for name in sides.destinations {
        let plan = args.retry.run(async || {
            let source = open_source(sides.source, sides.from).await?;
            let destination = open_destination(name, sides.to).await?;
            let plan = copy::plan(&*source, &*destination, want).await?;
            Ok(PlanReport::new(&plan, source.name(), destination.name()).render(args.json))
        });
        let doing = |e: Error| e.context(format!("copying `{}` to `{name}`", args.source));
        shown.push(plan.await.map(Bytes::from).map_err(doing));
    }
    Ok(Outcome::Each(stream::iter(shown).boxed_local()))
}
