//! `barque sync plan`, `apply`, `report` and `convert`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::read::{declared, read};
use super::{Prepared, SyncArgs};
use crate::cli::Outcome;
use crate::cli::copy::files::{may_be_written, write_whole};
use crate::cli::workers::Call;
use crate::report::failure::{Failure, one_line};
use crate::report::sync as words;
use crate::sync::convert::convert;
use crate::sync::plan::Plan;
use crate::sync::planner::Planner;
use crate::sync::run::run as carry_out;
use crate::sync::shard::Shard;
use crate::sync::summary::Joined;
use crate::{Error, Result};

/// The stages of a run, one by one.
#[derive(Subcommand)]
pub(crate) enum Stage {
    /// Print what a run would do, and change nothing
    Plan(Box<PlanArgs>),
    /// Do what a plan says, and nothing else
    Apply(Box<SyncArgs>),
    /// Join the receipts of several runs or shards
    Report(ReportArgs),
    /// Write another tool's file (regsync, dregsy, hauler, oc-mirror) in barque's own form
    Convert(ConvertArgs),
}

#[derive(Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    sync: SyncArgs,

    /// Write the plan to this file, for `sync apply`
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Divide the plan among N shards, each with about as many bytes
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = clap::value_parser!(u32).range(0..=4096))]
    shards: u32,

    /// Print the plan as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct ReportArgs {
    /// Receipts that `--receipt` wrote
    #[arg(value_name = "RECEIPT", required = true)]
    receipts: Vec<PathBuf>,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct ConvertArgs {
    /// The other tool's file (- is standard input)
    #[arg(value_name = "FILE")]
    file: String,

    /// Where images go whose form names no targets
    #[arg(value_name = "DESTINATION")]
    destination: Option<String>,
}

impl Stage {
    pub(super) async fn run(self, call: &Call<'_>) -> Result<Outcome, Failure> {
        match self {
            Stage::Plan(args) => plan(*args, call).await,
            Stage::Apply(args) => apply(*args, call).await,
            Stage::Report(args) => report(&args),
            Stage::Convert(args) => {
                let read =
                    read(&args.file).and_then(|text| convert(&text, args.destination.as_deref()));
                let text = read.map_err(|e| e.context(format!("converting `{}`", args.file)))?;
                Ok(text.into())
            }
        }
    }
}

async fn plan(args: PlanArgs, call: &Call<'_>) -> Result<Outcome, Failure> {
    if let Some(file) = &args.output {
        may_be_written(file)?;
    }
    let declaration = declared(&args.sync)?;
    for entry in &declaration.entries {
        if entry.access.credentials.is_some() {
            tracing::warn!(
                "the plan does not hold the credentials of `{}`",
                args.sync.file()
            );
            break;
        }
    }
    let Prepared {
        mut options,
        limits,
    } = args.sync.prepared(&declaration, true, call.global).await?;
    options.keep_going = !args.sync.fail_fast;
    let planner = Arc::new(Planner::new(one_line, |text| tracing::warn!("{text}")));
    let events = planner.clone();
    let summary = call
        .workers
        .run(async move { Ok(carry_out(declaration, options, limits, events).await) })
        .await?;
    let plan = planner.finish(args.shards);
    let document = serde_json::to_string_pretty(&plan)
        .map_err(|e| Error::other("writing the plan").because(e))?
        + "\n";
    if let Some(file) = &args.output {
        write_whole(file, &document)?;
    }
    let text = match args.json {
        true => document,
        false => words::plan(&plan),
    };
    match (summary.failed + summary.postponed, summary.error) {
        (0, _) => Ok(text.into()),
        (_, Some(e)) if summary.synced + summary.deleted == 0 => Err(e.into()),
        _ => Ok(Outcome::Coded(text.into(), 7)),
    }
}

async fn apply(args: SyncArgs, call: &Call<'_>) -> Result<Outcome, Failure> {
    let file = args.file().to_owned();
    let in_file = |e: Error| e.context(format!("reading `{file}`"));
    let plan = read(&file)
        .and_then(|text| Plan::read(&text))
        .map_err(in_file)?;
    let declaration = plan.declaration(None).map_err(in_file)?;
    let mut prepared = args
        .prepared(&declaration, args.dry_run, call.global)
        .await?;
    let options = &mut prepared.options;
    let hashed = options.shard.map(Shard::index);
    let only = match (options.shard, plan.shards) {
        (Some(shard), n) if n > 0 && shard.count() != n => {
            let message = format!(
                "`{file}` is divided among {n} shards, not {}",
                shard.count()
            );
            return Err(Error::other(message).into());
        }
        (Some(shard), n) if n > 0 => {
            options.shard = None;
            Some(shard.index())
        }
        _ => None,
    };
    let declaration = plan.declaration(only).map_err(in_file)?;
    options.delete = plan.deletions(only).map_err(in_file)?;
    options.unplanned = plan.unplanned(only.or(hashed)).map_err(in_file)?;
    options.prune = None;
    options.keep_going = !args.fail_fast;
    super::carry_out_and_end(declaration, prepared, &args, call).await
}

fn report(args: &ReportArgs) -> Result<Outcome, Failure> {
    let mut joined = Joined::default();
    for file in &args.receipts {
        add(&mut joined, file)?;
    }
    let joined = joined.finish();
    let text = match args.json {
        true => {
            serde_json::to_string_pretty(&joined)
                .map_err(|e| Error::other("writing the report").because(e))?
                + "\n"
        }
        false => words::joined(&joined),
    };
    Ok(Outcome::Coded(text.into(), joined.exit_code()))
}

/// Adds the lines of `file`, however many they are.
fn add(joined: &mut Joined, file: &Path) -> Result<()> {
    use std::io::BufRead;
    let failed = |e: std::io::Error| {
        let kind = match e.kind() {
            std::io::ErrorKind::NotFound => crate::Kind::NotFound,
            _ => crate::Kind::Other,
        };
        Error::new(
            kind,
            format!("the receipt `{}` cannot be read", file.display()),
        )
        .because(e)
    };
    let mut reader = std::io::BufReader::new(std::fs::File::open(file).map_err(failed)?);
    let broken_before = joined.broken_lines;
    let (mut line, mut is_receipt) = (Vec::new(), false);
    while reader.read_until(b'\n', &mut line).map_err(failed)? > 0 {
        is_receipt |= joined.add(&String::from_utf8_lossy(&line));
        line.clear();
    }
    if !is_receipt && joined.broken_lines > broken_before {
        let name = file.to_string_lossy().into_owned();
        joined.not_receipts.push(name);
    }
    Ok(())
}
