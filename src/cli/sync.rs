//! `barque sync`.

mod ended;
mod listener;
mod read;
mod stages;
mod written;

use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use super::copy::FormatName;
use super::flags::{DestinationFlags, Global, PlatformFlag, SourceFlags};
use super::layer_form::compressed_unasked;
use super::retry::RetryFlags;
use super::signing::SignerFlags;
use super::workers::Call;
use super::{Outcome, skopeo};
use crate::copy::{CopyOptions, Platforms as Chosen};
use crate::report::failure::Failure;
use crate::settings::{Limits, PullLimit};
use crate::sync::declaration::{Declaration, RegistryRules};
use crate::sync::options::{Check, MaxDelete, Options, limits};
use crate::sync::run::run as carry_out;
use crate::sync::shard::Shard;
use crate::sync::state::State;
use crate::{Error, Result};

use listener::Listener;
use read::declared;
use stages::Stage;

const EXAMPLES: &str = "\
Examples:
  Mirror what barque's own file declares:
    barque sync mirror.yaml

  Mirror a list of images, one a line, to a registry:
    barque sync images.txt registry.example.com/mirror

  See what a file would do, then do exactly that:
    barque sync plan mirror.yaml --output plan.json
    barque sync apply plan.json

  All tags of a repository into a directory, as skopeo does it:
    barque sync --src docker --dest dir quay.io/org/app /backup";

/// Mirror many images
///
/// FILE declares what goes where: barque's own form, a plain list (one image a line), or a map as image-syncer reads it; the
/// last two need a DESTINATION for what names no target. With --src and --dest, the arguments are those of skopeo sync.
/// Only what a target lacks moves, so that a run that was cut is continued by running it again.
#[derive(Args)]
#[command(
    after_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    subcommand_help_heading = "Stages"
)]
pub(crate) struct SyncCommand {
    #[command(flatten)]
    args: SyncArgs,
    #[command(subcommand)]
    stage: Option<Stage>,
}

impl SyncCommand {
    /// Whether images are copied.
    pub(super) fn copies(&self) -> bool {
        matches!(self.stage, None | Some(Stage::Apply(_)))
    }
}

#[derive(Args)]
pub(crate) struct SyncArgs {
    /// A declaration (- is standard input); with --src docker a repository or image, with --src dir a directory
    #[arg(value_name = "FILE|SOURCE", required = true)]
    source: Option<String>,

    /// A registry with a path; for a list also oci:DIR, oci-archive:FILE or dir:DIR; with --dest dir a directory
    #[arg(value_name = "DESTINATION")]
    destination: Option<String>,

    /// What SOURCE is, as in skopeo: docker, dir or yaml
    #[arg(short, long, value_name = "KIND", requires = "dest")]
    src: Option<SourceKind>,

    /// What DESTINATION is, as in skopeo: docker or dir
    #[arg(short, long, value_name = "KIND", requires = "src")]
    dest: Option<PlaceKind>,

    /// Keep the source's registry and path in names at the destination
    #[arg(long)]
    scoped: bool,

    /// Append this to every tag at the destination
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    append_suffix: String,

    /// Copy indexes with all their platforms; only with --src and --dest, since other forms do so anyway
    #[arg(short, long)]
    all: bool,

    /// Fail rather than change a digest
    #[arg(long)]
    preserve_digests: bool,

    /// Write the images in this format: oci, v2s2 (docker's schema 2) or v2s1 (docker's schema 1)
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<FormatName>,

    /// Do not copy signatures stored beside the images, without a warning
    #[arg(long)]
    remove_signatures: bool,

    /// Print what would be copied, and copy nothing
    #[arg(long)]
    dry_run: bool,

    /// Go on after a failure; the default except with --src and --dest
    #[arg(long, conflicts_with = "fail_fast")]
    keep_going: bool,

    /// Stop at the first failure
    #[arg(long)]
    fail_fast: bool,

    /// Trust the target's list of tags: a tag in it is unchanged unless it fits a pattern of mutable
    #[arg(long, conflicts_with = "deep")]
    fast: bool,

    /// Ask both sides for the digest of every image, whatever the state says
    #[arg(long)]
    deep: bool,

    /// Remember in this directory what was written, so that the source alone is asked next time
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,

    /// Delete tags that the state says barque wrote and that are no longer selected
    #[arg(long, requires = "state")]
    prune: bool,

    /// Delete at most this share of a repository's tags, or this number of them
    #[arg(long, value_name = "N%|N", default_value = "10%", requires = "prune")]
    max_delete: MaxDelete,

    /// Send at most N requests a second to this registry (repeatable; * stands for any part of a name)
    #[arg(long, value_name = "HOST=N/s", value_parser = host_rate)]
    rate: Vec<(String, f64)>,

    /// Read at most N manifests from each source registry, and leave the rest for a later run
    #[arg(long, value_name = "N")]
    max_pulls: Option<u64>,

    /// Work on so many images at a time
    #[arg(short, long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,

    /// Do the share I of N (I counts from 0), or auto: by the variables of the scheduler that started this
    #[arg(long, value_name = "I/N")]
    shard: Option<String>,

    /// Write a line DIGEST NAME for each image to this file
    #[arg(long, value_name = "FILE")]
    digestfile: Option<PathBuf>,

    /// Write a line of JSON for each image and target to this file
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,

    /// Write a line of JSON for each thing that happens to this file (- is standard output)
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,

    /// Write the sums of the run to this file at its end, in Prometheus' text format
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,

    /// Print nothing but warnings and errors
    #[arg(short, long)]
    quiet: bool,

    /// Read the credentials of both sides from this file only [env: REGISTRY_AUTH_FILE]
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,

    /// Both --src-tls-verify and --dest-tls-verify, for scripts of skopeo's early days
    #[arg(long, hide = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    tls_verify: Option<bool>,

    #[command(flatten)]
    retry: RetryFlags,
    #[command(flatten)]
    signers: SignerFlags,
    #[command(flatten)]
    from: SourceFlags,
    #[command(flatten)]
    to: DestinationFlags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SourceKind {
    Docker,
    Dir,
    Yaml,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlaceKind {
    Docker,
    Dir,
}

pub(crate) async fn run(command: SyncCommand, call: &Call<'_>) -> Result<Outcome, Failure> {
    if let Some(stage) = command.stage {
        return stage.run(call).await;
    }
    let args = command.args;
    let declaration = declared(&args)?;
    let prepared = args
        .prepared(&declaration, args.dry_run, call.global)
        .await?;
    carry_out_and_end(declaration, prepared, &args, call).await
}

/// How a run is carried out.
struct Prepared {
    options: Options,
    limits: Limits,
}

impl SyncCommand {
    /// What is mirrored, or the file that says so.
    pub(super) fn source(&self) -> &str {
        self.args.file()
    }

    /// What skopeo says of arguments that it does not do without.
    pub(super) fn lacks(&self) -> Option<&'static str> {
        match &self.args {
            _ if self.stage.is_some() => None,
            SyncArgs { src: None, .. } => Some("A source transport must be specified"),
            SyncArgs {
                destination: None, ..
            } => Some("Exactly two arguments expected"),
            _ => None,
        }
    }
}

impl SyncArgs {
    /// The file or source; clap has seen to it that there is one.
    fn file(&self) -> &str {
        self.source.as_deref().unwrap_or_default()
    }

    /// How `declaration` is carried out; with `is_dry` nothing is changed.
    async fn prepared(
        &self,
        declaration: &Declaration,
        is_dry: bool,
        global: &Global,
    ) -> Result<Prepared> {
        if !skopeo::is_called() {
            let checked = declaration.check_names();
            checked.map_err(|e| e.context(format!("reading `{}`", self.file())))?;
        }
        let files = skopeo::auth_files(self.authfile.clone())?;
        let from = global.context(self.from.access(global, Some(&files), self.tls_verify)?);
        let to = global.context(self.to.access(global, Some(&files), self.tls_verify)?);
        let platform = global.platform(&PlatformFlag {
            platform: Vec::new(),
        })?;
        let elsewhere = Arc::new(crate::transport::Elsewhere::new(global.timeouts()));
        let mut copy = CopyOptions::as_it_is(platform.clone(), elsewhere);
        copy.platforms = Chosen::One(platform);
        copy.foreign_layers = None;
        copy.preserve_digests = self.preserve_digests;
        copy.leave_signatures = self.remove_signatures;
        copy.signing = self.signers.signing().await?.map(Arc::new);
        let format = self.format.map(|name| name.format(None));
        copy.format = format.transpose()?;
        let to_registry = self.dest == Some(PlaceKind::Docker);
        copy.compress_plain = compressed_unasked(to_registry, self.preserve_digests);
        let mut options = Options::new(from, to, copy);
        options.gate = Arc::new(global.trust.gate()?);
        options.jobs = self.jobs.into();
        options.keep_going = self.keep_going || self.src.is_none() && !self.fail_fast;
        options.check = match (self.fast, self.deep) {
            (true, _) => Check::Fast,
            (_, true) => Check::Deep,
            _ => Check::State,
        };
        let open = match is_dry {
            true => State::open_to_read,
            false => State::open,
        };
        let state = self.state.as_deref().map(open).transpose()?;
        options.state = state.map(Arc::new);
        options.prune = self.prune.then_some(self.max_delete);
        options.retries = self.retry.retries();
        options.dry_run = is_dry;
        options.names_only = skopeo::is_called();
        options.skip_unlisted = skopeo::is_called() && self.src == Some(SourceKind::Yaml);
        options.new_directories = skopeo::is_called();
        options.may_share_names = skopeo::is_called();
        options.may_be_empty = self.src == Some(SourceKind::Yaml);
        options.shard = self.shard.as_deref().map(shard).transpose()?;
        let shards = options.shard.map_or(1, Shard::count);
        Ok(Prepared {
            limits: limits(declaration, &given_limits(self), shards),
            options,
        })
    }
}

/// Carries `declaration` out and says how it ended.
async fn carry_out_and_end(
    declaration: Declaration,
    prepared: Prepared,
    args: &SyncArgs,
    call: &Call<'_>,
) -> Result<Outcome, Failure> {
    let Prepared { options, limits } = prepared;
    let listener = Arc::new(Listener::new(args, call.screen)?);
    let files = ended::Files::of(&listener);
    let (events, keep_going) = (listener.clone(), options.keep_going);
    let mut summary = call
        .workers
        .run(async move { Ok(carry_out(declaration, options, limits, events).await) })
        .await?;
    listener.clear();
    let ended = ended::result(&mut summary, &listener, keep_going, args, call.screen);
    let code = ended.as_ref().map_or_else(Failure::exit_code, |_| 0);
    files.end(code)?;
    ended
}

/// Reads `HOST=N/s`; the unit may be left out.
fn host_rate(text: &str) -> Result<(String, f64), String> {
    let read = || {
        let (host, rate) = text.split_once('=')?;
        let rate = rate.strip_suffix("/s").unwrap_or(rate);
        let rate = rate.trim().parse::<f64>().ok()?;
        let valid = !host.is_empty() && rate.is_finite() && rate > 0.0;
        valid.then(|| (host.to_owned(), rate))
    };
    read().ok_or_else(|| "write it as HOST=N/s, with N above 0".to_owned())
}

/// The limits of the command line, by host.
fn given_limits(args: &SyncArgs) -> Vec<(String, RegistryRules)> {
    let rates = args.rate.iter().map(|(host, rate)| {
        let rules = RegistryRules {
            rate: Some(*rate),
            ..RegistryRules::default()
        };
        (host.clone(), rules)
    });
    let pulls = args.max_pulls.map(|pulls| {
        let limit = PullLimit {
            pulls,
            window: None,
        };
        let rules = RegistryRules {
            max_pulls: Some(limit),
            ..RegistryRules::default()
        };
        ("*".to_owned(), rules)
    });
    rates.chain(pulls).collect()
}

fn shard(text: &str) -> Result<Shard> {
    let shard = match text {
        "auto" => Shard::from_scheduler(&|name| std::env::var(name).ok()),
        text => text.parse(),
    };
    shard.map_err(|e| Error::other(format!("`--shard`: {e}")))
}
