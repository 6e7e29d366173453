//! `barque sync`.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::{Args, ValueEnum};
use indicatif::MultiProgress;

use super::flags::{DestinationFlags, Global, PlatformFlag, SourceFlags};
use super::{Outcome, Workers};
use crate::copy::{CopyOptions, Format, Platforms as Chosen};
use crate::files::read_whole;
use crate::image::parse_reference;
use crate::report::failure::Failure;
use crate::report::sync as words;
use crate::settings::AuthFiles;
use crate::sync::declaration::{
    self, Declaration, Entry, How, Origin, Platforms, SourceAccess, Tags,
};
use crate::sync::run::{Events, ItemReport, Options, Outcome as Ended, Summary, run as carry_out};
use crate::sync::select::Rule;
use crate::sync::shard::Shard;
use crate::sync::target::{Kind as Place, Target};
use crate::{Error, Kind, Result};

const EXAMPLES: &str = "\
Examples:
  Mirror what barque's own file declares:
    barque sync mirror.yaml

  Mirror a list of images, one a line, to a registry:
    barque sync images.txt registry.example.com/mirror

  All tags of a repository into a directory, as skopeo does it:
    barque sync --src docker --dest dir quay.io/org/app /backup";

/// Exit codes of a run that did all it could: some images failed, or targets have other images that were left alone.
const SOME_FAILED: u8 = 7;
const DRIFTED: u8 = 8;

/// Mirror many images
///
/// FILE declares what goes where: barque's own form, a plain list (one image a line), or a map as image-syncer reads it; the
/// last two need a DESTINATION for what names no target. With --src and --dest, the arguments are those of skopeo sync.
/// Only what a target lacks moves, so that a run that was cut is continued by running it again.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct SyncArgs {
    /// A declaration (- is standard input); with --src docker a repository or image, with --src dir a directory
    #[arg(value_name = "FILE|SOURCE")]
    source: String,

    /// A registry with a path, or with --dest dir a directory
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
        hide_default_value = true
    )]
    append_suffix: String,

    /// Copy indexes with all their platforms; only with --src and --dest, since other forms do so anyway
    #[arg(short, long)]
    all: bool,

    /// Fail rather than change a digest
    #[arg(long)]
    preserve_digests: bool,

    /// Write the images in this format: oci or v2s2 (docker's schema 2)
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
    #[arg(long)]
    fast: bool,

    /// Work on so many images at a time
    #[arg(short, long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
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

    /// Print nothing but warnings and errors
    #[arg(short, long)]
    quiet: bool,

    /// Read the credentials of both sides from this file only [env: REGISTRY_AUTH_FILE]
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatName {
    Oci,
    V2s2,
}

pub(crate) async fn run(
    args: SyncArgs,
    global: &Global,
    screen: &MultiProgress,
    workers: &Workers,
) -> Result<Outcome, Failure> {
    let declaration = declared(&args)?;
    let files = AuthFiles::find(args.authfile.clone())?;
    let from = global.context(args.from.access(global, Some(&files), None)?);
    let to = global.context(args.to.access(global, Some(&files), None)?);
    let platform = global.platform(&PlatformFlag {
        platform: Vec::new(),
    })?;
    let mut copy = CopyOptions::as_it_is(
        platform.clone(),
        Arc::new(crate::transport::Elsewhere::new(global.timeouts())),
    );
    copy.platforms = Chosen::One(platform);
    copy.foreign_layers = None;
    copy.preserve_digests = args.preserve_digests;
    copy.leave_signatures = args.remove_signatures;
    copy.format = args.format.map(|format| match format {
        FormatName::Oci => Format::Oci,
        FormatName::V2s2 => Format::Schema2,
    });
    let mut options = Options::new(from, to, copy);
    options.gate = Arc::new(global.trust.gate()?);
    options.jobs = args.jobs.into();
    options.keep_going = args.keep_going || args.src.is_none() && !args.fail_fast;
    options.fast = args.fast;
    options.dry_run = args.dry_run;
    options.shard = args.shard.as_deref().map(shard).transpose()?;
    let listener = Arc::new(Listener {
        screen: screen.clone(),
        quiet: args.quiet,
        receipt: args.receipt.as_deref().map(create).transpose()?,
        digests: args.digestfile.as_deref().map(create).transpose()?,
        lost: Mutex::new(None),
    });
    let (events, keep_going) = (listener.clone(), options.keep_going);
    let summary = workers
        .run(async move { Ok(carry_out(declaration, options, events).await) })
        .await?;
    if let Some(e) = listener
        .lost
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
    {
        return Err(Error::new(Kind::Refused, "the receipt cannot be written")
            .because(e)
            .into());
    }
    ended(summary, &args, keep_going, screen)
}

/// What the command ends with: the failure itself when it stopped the run, else the class of what is left undone.
fn ended(
    mut summary: Summary,
    args: &SyncArgs,
    keep_going: bool,
    screen: &MultiProgress,
) -> Result<Outcome, Failure> {
    let as_skopeo = args.src.is_some();
    if let (false, Some(e)) = (keep_going, summary.error.take()) {
        return Err(e.into());
    }
    if !args.quiet {
        words::print(&words::summary(&summary, args.dry_run), screen);
    }
    match (summary.failed, summary.drifted) {
        (0, 0) => Ok(Outcome::Nothing),
        (0, _) => Err(Failure::Reported(DRIFTED)),
        _ if as_skopeo => Err(Error::other(
            "Sync failed due to previous reported error(s) for one or more images",
        )
        .into()),
        _ => Err(Failure::Reported(SOME_FAILED)),
    }
}

fn shard(text: &str) -> Result<Shard> {
    let shard = match text {
        "auto" => Shard::from_scheduler(&|name| std::env::var(name).ok()),
        text => text.parse(),
    };
    shard.map_err(|e| Error::other(format!("`--shard`: {e}")))
}

fn create(file: &Path) -> Result<Mutex<fs::File>> {
    let failed = |e| {
        Error::new(
            Kind::Refused,
            format!("the file `{}` cannot be written", file.display()),
        )
        .because(e)
    };
    fs::File::create(file).map(Mutex::new).map_err(failed)
}

/// The declaration that the arguments are or name.
fn declared(args: &SyncArgs) -> Result<Declaration> {
    let (Some(src), Some(dest)) = (args.src, args.dest) else {
        return from_file(args).map_err(|e| e.context(format!("reading `{}`", args.source)));
    };
    let Some(base) = &args.destination else {
        return Err(Error::other("a destination is missing").hint("write it after the source"));
    };
    let kind = match dest {
        PlaceKind::Docker => Place::Docker,
        PlaceKind::Dir => Place::Dir,
    };
    if (src, dest) == (SourceKind::Dir, PlaceKind::Dir) {
        return Err(Error::other(
            "sync from 'dir' to 'dir' not implemented, consider using rsync instead",
        ));
    }
    let base = base.strip_prefix("docker://").unwrap_or(base);
    let to = vec![Target::Below {
        kind,
        base: base.to_owned(),
        scoped: args.scoped,
        suffix: args.append_suffix.clone(),
    }];
    let mut how = How::default();
    if !args.all {
        how.platforms = Platforms::System;
    }
    let entry = match src {
        SourceKind::Yaml => {
            let text = read(&args.source)?;
            return declaration::parse_skopeo(&text, &to, &how)
                .map_err(|e| e.context(format!("reading `{}`", args.source)));
        }
        SourceKind::Docker => {
            let parsed = parse_reference(
                args.source
                    .strip_prefix("docker://")
                    .unwrap_or(&args.source),
            )?;
            let tags = match parsed.tag.is_none() && parsed.digest.is_none() {
                true => Tags::Rules(Box::default()),
                false => Tags::Listed(vec![declaration::Pick::of_reference(&parsed)]),
            };
            Entry::new(
                Origin::Repository(parsed.repository),
                tags,
                to,
                how,
                SourceAccess::default(),
            )
        }
        SourceKind::Dir => {
            if !Path::new(&args.source).is_dir() {
                return Err(Error::new(
                    Kind::NotFound,
                    format!("the source directory `{}` does not exist", args.source),
                ));
            }
            Entry::new(
                Origin::Directory(args.source.clone().into()),
                Tags::Listed(Vec::new()),
                to,
                how,
                SourceAccess::default(),
            )
        }
    };
    Ok(Declaration::of(vec![entry]))
}

/// Reads a declaration whose form its text shows.
fn from_file(args: &SyncArgs) -> Result<Declaration> {
    let text = read(&args.source)?;
    let how = How::default();
    let beside = |path: &str| {
        let folder = Path::new(&args.source).parent().unwrap_or(Path::new(""));
        read(&folder.join(path).to_string_lossy())
    };
    if text.lines().any(|line| line.starts_with("barque-sync:")) {
        if args.destination.is_some() {
            return Err(Error::other("a file of this form names its targets itself")
                .hint("leave the destination out"));
        }
        return declaration::parse_own(&text, &beside);
    }
    let is_map = text.trim_start().starts_with('{')
        || text
            .lines()
            .any(|line| !line.starts_with('#') && (line.contains(": ") || line.ends_with(':')));
    if is_map {
        return declaration::parse_image_syncer(&text, &how);
    }
    let to = args.destination.as_ref().map(|base| {
        let base = base.strip_prefix("docker://").unwrap_or(base).to_owned();
        Target::Mirror {
            base,
            scoped: args.scoped,
        }
    });
    declaration::parse_list(&text, to.as_slice(), &how)
}

/// Bytes of a declaration.
const DECLARATION_CAP: u64 = 64 << 20;

fn read(file: &str) -> Result<String> {
    let failed = |e: std::io::Error| {
        let kind = if e.kind() == std::io::ErrorKind::NotFound {
            Kind::NotFound
        } else {
            Kind::Other
        };
        Error::new(kind, format!("the file `{file}` cannot be read")).because(e)
    };
    if file == "-" {
        let mut text = String::new();
        std::io::stdin()
            .take(DECLARATION_CAP)
            .read_to_string(&mut text)
            .map_err(failed)?;
        return Ok(text);
    }
    let bytes = read_whole(Path::new(file), DECLARATION_CAP).map_err(failed)?;
    String::from_utf8(bytes)
        .map_err(|_| Error::other(format!("the file `{file}` is not UTF-8 text")))
}

/// Tells what happens, and writes it down.
struct Listener {
    screen: MultiProgress,
    quiet: bool,
    receipt: Option<Mutex<fs::File>>,
    digests: Option<Mutex<fs::File>>,
    /// The first line that could not be written.
    lost: Mutex<Option<std::io::Error>>,
}

impl Listener {
    fn write(&self, file: Option<&Mutex<fs::File>>, line: &str) {
        let Some(file) = file else { return };
        let written = file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(line.as_bytes());
        if let Err(e) = written {
            self.lost
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert(e);
        }
    }

    fn say(&self, text: &str) {
        words::print(text, &self.screen);
    }
}

impl Events for Listener {
    fn listed(&self, from: &str, images: usize, left_out: &[(String, Rule)]) {
        tracing::debug!(
            "{from}: {images} tags are mirrored, {} are left out",
            left_out.len()
        );
        for (tag, rule) in left_out {
            tracing::debug!("{from}:{tag} is left out by `{rule}`");
        }
    }

    fn done(&self, report: &ItemReport) {
        self.write(self.receipt.as_ref(), &words::receipt_line(report));
        if let Some(digest) = words::digest_of(&report.outcome) {
            self.write(
                self.digests.as_ref(),
                &format!("{digest} {}\n", report.target),
            );
        }
        match &report.outcome {
            Ended::Failed(_) => self.say(&words::line(report)),
            Ended::Present { .. } => {}
            _ if self.quiet => {}
            _ => self.say(&words::line(report)),
        }
    }

    fn warn(&self, text: &str) {
        tracing::warn!("{text}");
    }
}
