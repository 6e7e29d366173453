//! The flags of `copy` that ask for layers in another form, and what they mean.
//!
//! Names and meaning are skopeo's where a layer is changed on demand (compatibility: "Compression"). barque compresses
//! nothing unasked, unless it is called as skopeo, so the flags that hold skopeo back change little.

use clap::Args;

use super::skopeo;
use super::values::Offered;
use crate::copy::Layers;
use crate::copy::codec::Codec;
use crate::image::{ImageName, LayerForm};
use crate::{Error, Result};

/// The level that is gzip's own choice.
const GZIP_LEVEL: u32 = 6;

/// The compression of uncompressed layers when no flag asks for one. Called as skopeo, barque does what skopeo does: gzip on the
/// way to registries and layouts. Under its own name it leaves them as they are.
pub(crate) fn compressed_unasked(to_such: bool, preserves: bool) -> Option<Codec> {
    let is_wanted = skopeo::is_called() && to_such && !preserves;
    is_wanted.then_some(Codec::Gzip(GZIP_LEVEL))
}

#[derive(Args)]
#[command(next_help_heading = "Compression of layers")]
pub(crate) struct LayerFormFlags {
    /// Compress layers as gzip or zstd; layers already in that format are left alone
    #[arg(long, value_name = "FORMAT", hide_possible_values = true, value_parser = Offered(&["gzip", "zstd"], format), conflicts_with = "dest_decompress")]
    dest_compress_format: Option<FormatName>,

    /// Compress at this level: 0 (not at all) to 9 for gzip, 1 to 20 for zstd [default: 6 for gzip, 3 for zstd]
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "dest_decompress",
        allow_negative_numbers = true
    )]
    dest_compress_level: Option<u32>,

    /// Compress layers that are not compressed; with gzip, unless a format is given
    #[arg(long, conflicts_with_all = ["dest_decompress", "dest_oci_accept_uncompressed_layers"])]
    dest_compress: bool,

    /// Write layers uncompressed
    #[arg(long)]
    dest_decompress: bool,

    /// Accepted for skopeo compatibility; has no effect, since barque always does this
    #[arg(long, requires = "dest_compress_format")]
    dest_force_compress_format: bool,

    /// Accepted for compatibility with skopeo: what is there is known before a layer is sent
    #[arg(long, hide = true)]
    dest_precompute_digests: bool,

    /// Keep uncompressed layers uncompressed, even with --dest-compress-format
    #[arg(long)]
    dest_oci_accept_uncompressed_layers: bool,
}

/// The formats by skopeo's names.
#[derive(Debug, Clone, Copy)]
enum FormatName {
    Gzip,
    Zstd,
    ZstdChunked,
}

/// The formats that layers can be compressed with.
fn format(text: &str) -> Result<FormatName, String> {
    match text {
        "gzip" => Ok(FormatName::Gzip),
        "zstd" => Ok(FormatName::Zstd),
        "zstd:chunked" => Ok(FormatName::ZstdChunked),
        _ => Err("layers are compressed with gzip or zstd".into()),
    }
}

impl LayerFormFlags {
    /// Whether uncompressed layers stay so.
    pub(crate) fn keeps_plain(&self) -> bool {
        self.dest_oci_accept_uncompressed_layers
    }

    /// The form in which layers are wanted at `destination`. skopeo passes over flags that are for other places.
    pub(crate) fn layers_at(&self, destination: Option<&ImageName>) -> Result<Layers> {
        if !skopeo::is_called() {
            return self.layers();
        }
        let is_dir = matches!(destination, Some(ImageName::Dir { .. }));
        let for_dir = [
            (self.dest_compress, "--dest-compress"),
            (self.dest_decompress, "--dest-decompress"),
        ];
        let given = for_dir.iter().find(|(given, _)| *given);
        if let Some((_, flag)) = given.filter(|_| !is_dir) {
            tracing::warn!("{flag} can only be used if the destination transport is 'dir'");
        }
        match (is_dir, given) {
            (true, None) => Ok(Layers::Keep),
            (false, Some(_)) if self.dest_compress_format.is_none() => Ok(Layers::Keep),
            _ => self.layers(),
        }
    }

    /// The form in which layers are wanted.
    fn layers(&self) -> Result<Layers> {
        if self.dest_decompress {
            return Ok(Layers::Plain);
        }
        let level = self.dest_compress_level;
        let format = match (self.dest_compress_format, self.dest_compress) {
            (Some(FormatName::Gzip), _) | (None, true) => LayerForm::Gzip,
            (Some(FormatName::Zstd), _) => LayerForm::Zstd,
            (Some(FormatName::ZstdChunked), _) if skopeo::is_called() => {
                tracing::warn!("zstd:chunked is not written: layers become plain zstd");
                LayerForm::Zstd
            }
            (Some(FormatName::ZstdChunked), _) => {
                let text = "zstd:chunked is not written";
                return Err(Error::other(text)
                    .hint("use zstd: the same programs read it, and only parts of layers cannot be fetched"));
            }
            // A level alone compresses nothing, but it has to be one.
            (None, false) => {
                Codec::new(LayerForm::Gzip, level)
                    .or_else(|_| Codec::new(LayerForm::Zstd, level))?;
                return Ok(Layers::Keep);
            }
        };
        Ok(Layers::Compressed {
            codec: Codec::new(format, level)?,
            plain: !self.dest_oci_accept_uncompressed_layers,
            others: self.dest_compress_format.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        form: LayerFormFlags,
    }

    fn layers(flags: &[&str]) -> Result<Layers, String> {
        let all = std::iter::once("x").chain(flags.iter().copied());
        let flags = Flags::try_parse_from(all).map_err(|e| e.to_string())?;
        flags.form.layers().map_err(|e| e.to_string())
    }

    #[test]
    fn flags_mean_what_they_do_in_skopeo_but_nothing_is_compressed_unasked() {
        let compressed = |codec, plain, others| {
            Ok(Layers::Compressed {
                codec,
                plain,
                others,
            })
        };
        assert_eq!(layers(&[]), Ok(Layers::Keep));
        let kept = layers(&["--dest-oci-accept-uncompressed-layers"]);
        assert_eq!(kept, Ok(Layers::Keep));
        for level in ["--dest-compress-level=0", "--dest-compress-level=20"] {
            assert_eq!(layers(&[level]), Ok(Layers::Keep));
        }
        let stored = layers(&["--dest-compress", "--dest-compress-level=0"]);
        assert_eq!(stored, compressed(Codec::Gzip(0), true, false));
        assert_eq!(layers(&["--dest-decompress"]), Ok(Layers::Plain));
        let plain = layers(&["--dest-compress"]);
        assert_eq!(plain, compressed(Codec::Gzip(6), true, false));
        let level = ["--dest-compress-format=zstd", "--dest-compress-level=19"];
        assert_eq!(layers(&level), compressed(Codec::Zstd(19), true, true));
        let accept = [
            "--dest-compress-format=gzip",
            "--dest-oci-accept-uncompressed-layers",
        ];
        assert_eq!(layers(&accept), compressed(Codec::Gzip(6), false, true));
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (flags, told) in [
            (&["--dest-compress-format=xz"][..], "gzip or zstd"),
            (
                &["--dest-compress-format=zstd:chunked"],
                "zstd:chunked is not",
            ),
            (
                &["--dest-compress", "--dest-compress-level=10"],
                "levels 0 to 9",
            ),
            (
                &["--dest-compress-format=zstd", "--dest-compress-level=0"],
                "levels 1 to 20",
            ),
            (
                &["--dest-compress", "--dest-decompress"],
                "cannot be used with",
            ),
            (&["--dest-compress-level=99"], "levels 1 to 20, not 99"),
            (&["--dest-force-compress-format"], "required"),
        ] {
            let error = layers(flags).unwrap_err();
            assert!(error.contains(told), "{flags:?}: {error}");
        }
    }
}
