//! What the flags of `barque copy` ask the library for.

use std::path::Path;
use std::sync::Arc;

use super::{CopyArgs, FormatName};
use crate::cli::flags::{Global, PlatformFlag};
use crate::cli::layer_form::compressed_unasked;
use crate::cli::skopeo;
use crate::copy::{
    Attachments, CopyOptions, Format, Layers, Platforms, Referrers, choose_image, reading,
};
use crate::files::read_whole;
use crate::image::{
    ChosenBy, ImageName, MediaType, PlatformPattern, PlatformRequest, Schema1Signer,
    parse_reference,
};
use crate::legacy::signing_key;
use crate::transport::{Elsewhere, ManifestRef, Source};
use crate::{Error, Result};

pub(super) fn want(
    args: &CopyArgs,
    destination: Option<&ImageName>,
    global: &Global,
) -> Result<CopyOptions> {
    let preserves_as_skopeo = skopeo::is_called() && args.preserve_digests && !args.is_all();
    let mount_from = args
        .mount_from
        .iter()
        .map(|text| parse_reference(text).map(|r| r.repository));
    let elsewhere = Arc::new(Elsewhere::new(global.timeouts()));
    Ok(CopyOptions {
        platforms: platforms(args, global)?,
        preserve_digests: args.preserve_digests,
        layers: match preserves_as_skopeo {
            true => Layers::Keep,
            false => args.form.layers_at(destination)?,
        },
        compress_plain: match args.form.keeps_plain() {
            true => None,
            false => {
                let takes = destination.is_some_and(takes_compressed);
                compressed_unasked(takes, args.preserve_digests)
            }
        },
        // 0 is skopeo's word for its own choice.
        parallel: args.image_parallel_copies.filter(|n| *n > 0),
        look: args.dry_run,
        recheck: args.recheck,
        rehash: args.rehash,
        mount_from: mount_from.collect::<Result<_>>()?,
        // skopeo lets the digests have their way.
        format: format(args)?.filter(|_| !preserves_as_skopeo),
        schema1_check: args.signatures.check(),
        leave_signatures: args.remove_signatures,
        foreign_layers: args.allow_nondistributable,
        attachments: Attachments {
            referrers: referrers(&args.referrers)?,
            cosign_tags: args.cosign_tags,
            ..Attachments::default()
        },
        ..CopyOptions::as_it_is(PlatformRequest::default(), elsewhere)
    })
}

/// Whether skopeo compresses what it writes to `destination`.
fn takes_compressed(destination: &ImageName) -> bool {
    match destination {
        // A digest in the name is that of the image as it is.
        ImageName::Docker(reference) => reference.digest.is_none(),
        ImageName::Oci { .. } | ImageName::OciArchive { .. } => true,
        _ => false,
    }
}

/// The referrers that `all`, `none` or a list of artifact types mean.
pub(in crate::cli) fn referrers(given: &[String]) -> Result<Referrers> {
    match given {
        [] => Ok(Referrers::None),
        [word] if word == "none" => Ok(Referrers::None),
        [word] if word == "all" => Ok(Referrers::All),
        types => artifact_types(types).map_err(|e| {
            e.hint(
                "write `--referrers all`, or types as in `--referrers application/spdx+json,text/plain`",
            )
        }),
    }
}

/// The referrers of these artifact types.
pub(in crate::cli) fn artifact_types(given: &[String]) -> Result<Referrers> {
    match given.iter().find(|text| !text.contains('/')) {
        Some(odd) => {
            let error = Error::other(format!("`{odd}` is not an artifact type"));
            Err(error.hint("write types as in `application/spdx+json,text/plain`"))
        }
        None => Ok(Referrers::OfTypes(
            given.iter().map(|text| MediaType::new(text)).collect(),
        )),
    }
}

fn format(args: &CopyArgs) -> Result<Option<Format>> {
    if args.schema1_key.is_some() && args.format != Some(FormatName::V2s1) {
        return Err(Error::other("`--schema1-key` goes with `--format v2s1`"));
    }
    let format = args
        .format
        .map(|name| name.format(args.schema1_key.as_deref()));
    format.transpose()
}

impl FormatName {
    /// The format; schema 1 is signed with the key in the file `key`, else with a fresh one.
    pub(in crate::cli) fn format(self, key: Option<&Path>) -> Result<Format> {
        Ok(match self {
            FormatName::Oci => Format::Oci,
            FormatName::V2s2 => Format::Schema2,
            FormatName::V2s1 => Format::Schema1(match key {
                Some(file) => read_key(file)?,
                None => signing_key(None)?,
            }),
        })
    }
}

/// Bytes of a private key.
const KEY_CAP: u64 = 1 << 20;

fn read_key(file: &Path) -> Result<Arc<dyn Schema1Signer>> {
    let failed = || format!("the key `{}` cannot be read", file.display());
    let bytes = read_whole(file, KEY_CAP).map_err(|e| Error::other(failed()).because(e))?;
    let text = String::from_utf8(bytes).map_err(|e| Error::other(failed()).because(e))?;
    signing_key(Some(&text)).map_err(|e| e.context(failed()))
}

fn platforms(args: &CopyArgs, global: &Global) -> Result<Platforms> {
    let all = Platforms::All {
        sparse: args.sparse,
    };
    if args.all {
        return Ok(all);
    }
    match args.multi_arch.as_deref() {
        Some("all") => return Ok(all),
        Some("index-only") => return Ok(Platforms::IndexOnly),
        Some("system") => {
            let wish = global.platform(&PlatformFlag {
                platform: Vec::new(),
            })?;
            let by = ChosenBy::Override;
            return Ok(Platforms::One(PlatformRequest { by, ..wish }));
        }
        None => {}
        Some(list) => {
            let skopeo_keeps = skopeo::is_called() && !args.strip_removed_platforms;
            return some(list.split(','), args.sparse || skopeo_keeps);
        }
    }
    chosen_platforms(&args.platform, args.sparse, global)
}

/// The images of an index that the values of `--platform` mean.
pub(in crate::cli) fn chosen_platforms(
    given: &[String],
    sparse: bool,
    global: &Global,
) -> Result<Platforms> {
    let mut given = given.to_vec();
    given.dedup();
    let one = |platform| global.platform(&PlatformFlag { platform });
    match &given[..] {
        [] => one(given).map(Platforms::One),
        [text] if !text.contains('*') && !sparse => one(given).map(Platforms::One),
        list => {
            global.not_overridden()?;
            some(list.iter().map(String::as_str), sparse)
        }
    }
}

fn some<'a>(list: impl Iterator<Item = &'a str>, sparse: bool) -> Result<Platforms> {
    let patterns = list.map(str::parse::<PlatformPattern>);
    Ok(Platforms::Some {
        patterns: patterns.collect::<Result<_, _>>()?,
        sparse,
    })
}

/// Fails as the copy would if `source` has no image for the platform that is wanted. skopeo says that before it says
/// anything of podman's store.
pub(super) async fn is_there(source: &dyn Source, want: &CopyOptions) -> Result<()> {
    if let Platforms::One(wish) = &want.platforms {
        let top = source.manifest(&ManifestRef::Named).await;
        choose_image(source, &top.map_err(reading)?, wish).await?;
    }
    Ok(())
}
