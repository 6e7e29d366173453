//! `barque inspect`.

use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use futures_util::{StreamExt, stream};

use super::flags::{Global, ImageFlags};
use super::{Outcome, names};
use crate::image::platform::check_config;
use crate::image::{
    ChosenBy, Manifest, MediaType, PlatformRequest, Schema1Check, Sketch, View, config,
};
use crate::open::{
    Admission, Attachments, OpenedImage, Referrers, all_tags, attached_to, attestations_in_index,
    open_source, read_config,
};
use crate::report::inspect::{InspectReport, Inspected};
use crate::report::referrers::{AttestationLine, Referrer, Trees};
use crate::report::sketch::SketchReport;
use crate::report::{json, template};
use crate::transport::{ManifestRef, Source};
use crate::{Error, Kind, Result};

const EXAMPLES: &str = "\
Examples:
  What is behind a tag:
    barque inspect docker://registry.example.com/app:1.2

  The digest alone, without asking for the tags:
    barque inspect -n -f '{{.Digest}}' docker://registry.example.com/app:1.2

  The platforms of an index:
    barque inspect -n oci:image:multi | jq -r '.Platforms[]'

  The manifest as the registry has it:
    barque inspect --raw docker://registry.example.com/app:1.2 | sha256sum";

/// Images inspected at once.
const IN_FLIGHT: usize = 8;

/// Show what an image is: digest, tags, labels, layers, environment
///
/// Prints a JSON document with the keys of skopeo inspect and some more. For a multi-platform image, one platform is
/// described. Manifests and the config are read, but no layers.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct InspectArgs {
    /// Images, as in docker://alpine:3.20 or oci:DIR:REF; several give several documents, in their order
    #[arg(required = true, value_name = "IMAGE")]
    pub(super) images: Vec<String>,

    /// Print the manifest byte for byte, with --platform that of the platform; with --config the config
    #[arg(long)]
    raw: bool,

    /// Print the config of the image as JSON
    #[arg(long)]
    config: bool,

    /// Format the output with a Go template, as in '{{.Digest}}' or '{{json .Labels}}'
    #[arg(short, long, value_name = "TEMPLATE", conflicts_with = "raw")]
    format: Option<String>,

    /// Do not list the tags of the repository
    #[arg(short, long)]
    no_tags: bool,

    /// Check the signatures of a docker schema 1 manifest and print key ids and verdicts
    #[arg(long, conflicts_with_all = ["raw", "config"])]
    verify_signature: bool,

    /// List what refers to the image, and to the index that led to it, too
    #[arg(long, conflicts_with_all = ["raw", "config"])]
    referrers: bool,

    /// List the attestations in the image's index too, as docker buildx build adds them
    #[arg(long, conflicts_with_all = ["raw", "config"])]
    attestations: bool,

    /// Ask the signature policy and print what it says of the image, with each signature; a refusal ends with exit code 3
    #[arg(long, conflicts_with_all = ["raw", "config"])]
    verify: bool,

    #[command(flatten)]
    from: ImageFlags,
}

pub(crate) async fn run(args: InspectArgs, global: &Global) -> Result<Outcome> {
    let (context, wish) = args.from.reach(global)?;
    // A name that cannot be read is a mistake of the whole call; a place that cannot be opened is one image's.
    let mut jobs = Vec::new();
    for text in &args.images {
        jobs.push((text.clone(), names::to_read(text, global)?));
    }
    let gate = match args.verify {
        true => Some(Arc::new(global.trust.gate()?)),
        false => None,
    };
    let what = Arc::new((args, wish, context, gate));
    let documents = stream::iter(jobs).map(move |(text, name)| {
        let what = what.clone();
        async move {
            let (args, wish, context, gate) = &*what;
            let admission = gate.clone().map(|gate| Admission {
                gate,
                image: name.clone(),
            });
            let shown = args.from.retry.run(async || {
                let source = open_source(&name, context).await?;
                inspect(&source, args, wish, admission.as_ref()).await
            });
            let failed = |e: Error| e.context(format!("inspecting `{text}`"));
            // The verdict follows the document, which shows it too.
            match shown.await {
                Ok((document, verdict)) => {
                    let verdict = verdict.err().map(|e| Err(failed(e)));
                    std::iter::once(Ok(document)).chain(verdict).collect()
                }
                Err(e) => vec![Err(failed(e))],
            }
        }
    });
    let results = documents.buffered(IN_FLIGHT).flat_map(stream::iter);
    Ok(Outcome::Each(results.boxed_local()))
}

/// The document, and what there is to be said of the signatures where they were to be checked.
async fn inspect(
    shared: &Arc<dyn Source>,
    args: &InspectArgs,
    wish: &PlatformRequest,
    admission: Option<&Admission>,
) -> Result<(Bytes, Result<()>)> {
    let source = &**shared;
    if (args.raw || args.config)
        && let Some(sketch) = source.sketch().await?
    {
        // The JSON of a V1 image is its manifest and its config.
        check_config(&sketch.config, wish)?;
        if args.raw {
            return Ok((sketch.config, Ok(())));
        }
        let document = config::oci_struct_json(&sketch.config)?;
        let text = shown(&document, args.format.as_deref(), &template::CONFIG)?;
        return Ok((text, Ok(())));
    }
    if args.raw || args.config {
        return Ok((document(shared, args, wish).await?, Ok(())));
    }
    described_with(shared, args, wish, admission).await
}

/// The manifest or the config, as it is or in the form of OCI.
async fn document(
    shared: &Arc<dyn Source>,
    args: &InspectArgs,
    wish: &PlatformRequest,
) -> Result<Bytes> {
    if !args.config {
        // skopeo's flags leave the index as it is.
        let raw = match wish.by {
            ChosenBy::Platform => {
                let image = OpenedImage::of(shared.clone(), wish).await?;
                image.manifest().raw().clone()
            }
            ChosenBy::Default | ChosenBy::Override => shared.raw_manifest().await?,
        };
        return Ok(raw);
    }
    let image = OpenedImage::of(shared.clone(), wish).await?;
    let document = match image.view() {
        // Of an artifact too: the bytes can be shown whatever they are.
        View::Image(of) if args.raw && image.config_blob().is_none() => {
            return read_config(&**shared, &of.config).await;
        }
        View::Schema1(schema1) if !args.raw => schema1.config_json()?,
        _ => match image.config().await? {
            Some(config) if args.raw => return Ok(config),
            Some(config) => config::oci_struct_json(&config)?,
            None => return Err(no_config(image.manifest().media_type())),
        },
    };
    shown(&document, args.format.as_deref(), &template::CONFIG)
}

/// What is known of the image in one document, with the verdict on its signatures.
async fn described_with(
    shared: &Arc<dyn Source>,
    args: &InspectArgs,
    wish: &PlatformRequest,
    admission: Option<&Admission>,
) -> Result<(Bytes, Result<()>)> {
    let source = &**shared;
    let (described, tags) =
        futures_util::try_join!(described(shared, wish), tags(shared.clone(), args.no_tags))?;
    // Only now: where the image cannot be read either, that error says it all.
    if tags.is_none() {
        tracing::warn!(
            "the registry does not list the tags of `{}`; `--no-tags` leaves them out",
            source.name()
        );
    }
    let (image, config) = match described {
        Described::Whole(image, config) => (image, config),
        Described::Sketch(_) if admission.is_some() => {
            return Err(Error::other(
                "an image of Registry V1 has no manifest that a signature could be of",
            ));
        }
        Described::Sketch(sketch) => {
            let report = SketchReport::new(&sketch, tags.unwrap_or_default());
            let text = shown(&report, args.format.as_deref(), &template::INSPECT)?;
            return Ok((text, Ok(())));
        }
    };
    let mut report = InspectReport::new(Inspected {
        name: source.repository_name(),
        top: image.top(),
        image: image.manifest(),
        config: config.as_deref(),
        tags: tags.unwrap_or_default(),
    })?;
    let mut verdict = Ok(());
    if args.verify_signature {
        let check = Schema1Check::SignaturesAndName;
        verdict = image.check_signatures(check).map(drop);
        report.add_signatures(&image.manifest().check_signatures()?, verdict.is_ok());
    }
    if args.attestations {
        let found = attestations_in_index(source, image.top(), image.manifest()).await?;
        report.attestations = Some(found.iter().map(AttestationLine::new).collect());
    }
    if args.referrers {
        report.referrers = Some(referrers(source, image.top(), image.manifest()).await?);
    }
    if let Some(admission) = admission {
        let of = ManifestRef::of(image.manifest().digest(), image.top().digest());
        let judged = admission.judge(source, &of, image.manifest()).await?;
        report.trust = Some(judged.clone());
        verdict = verdict.and(judged.enforced().map(drop));
    }
    let text = shown(&report, args.format.as_deref(), &template::INSPECT)?;
    Ok((text, verdict))
}

/// What refers to `image`, and to the index `top` that led to it.
async fn referrers(source: &dyn Source, top: &Manifest, image: &Manifest) -> Result<Vec<Referrer>> {
    let mut subjects = vec![image.digest().clone(), top.digest().clone()];
    subjects.dedup();
    let want = Attachments {
        referrers: Referrers::All,
        with_types: true,
        ..Attachments::default()
    };
    let mut trees = Trees::new(attached_to(source, &subjects, &want).await?);
    Ok(subjects
        .iter()
        .flat_map(|subject| trees.take(subject))
        .collect())
}

fn shown(
    document: &impl serde::Serialize,
    format: Option<&str>,
    shape: &'static template::Shape,
) -> Result<Bytes> {
    let text = match format {
        None => json::to_go_json(document) + "\n",
        Some(format) => template::render(format, "barque inspect", document, shape)?,
    };
    Ok(text.into())
}

/// What is known of an image.
enum Described {
    /// The image, and its config where it has one.
    Whole(Box<OpenedImage>, Option<Bytes>),
    Sketch(Box<Sketch>),
}

async fn described(source: &Arc<dyn Source>, wish: &PlatformRequest) -> Result<Described> {
    if let Some(sketch) = source.sketch().await? {
        check_config(&sketch.config, wish)?;
        return Ok(Described::Sketch(Box::new(sketch)));
    }
    let image = OpenedImage::of(source.clone(), wish).await?;
    let config = image.config().await?;
    Ok(Described::Whole(Box::new(image), config))
}

fn no_config(media_type: &MediaType) -> Error {
    if media_type.is_schema1() {
        return Error::other("a docker schema 1 image has no config of its own")
            .hint("`--config` without `--raw` shows the one that the manifest makes");
    }
    Error::other("this is an artifact without the config of an image")
        .hint("see what it is with `barque inspect --raw`")
}

/// Tags in one document.
const MOST_TAGS: usize = 250_000;

/// The tags beside the image. A registry that lists none to us (`None`) does not spoil the rest (quirk L8).
async fn tags(source: Arc<dyn Source>, skip: bool) -> Result<Option<Vec<String>>> {
    let pages = match source.offers().tags.map(|list| list.tags()) {
        Some(pages) if !skip => pages,
        _ => return Ok(Some(Vec::new())),
    };
    match all_tags(pages, MOST_TAGS, "leave them out with `--no-tags`").await {
        Ok(tags) => Ok(Some(tags)),
        Err(e) if matches!(e.kind(), Kind::NotFound | Kind::NotAllowed) => {
            tracing::debug!("{e:#}");
            Ok(None)
        }
        Err(e) => Err(e),
    }
}
