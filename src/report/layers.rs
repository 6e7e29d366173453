//! The list of an image's layers, for `layers --list`: as JSON, as a table, as lines for a pipe.
//!
//! It is separate from `inspect` because it pairs each layer with the step of the history that made it. Nothing is
//! fetched or printed here.

use std::io;

use serde::Serialize;

use super::inspect::read_config;
use super::json;
use super::table::{self, Table, human_size};
use crate::Result;
use crate::image::{Descriptor, Digest, MediaType, Schema1View, View};

/// The layers of an image, base first.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct LayersReport(pub Vec<Layer>);

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Layer {
    /// From 0, base first.
    pub index: usize,
    pub digest: Digest,
    /// Stored (compressed) bytes; `null` for schema 1, which does not say.
    pub size: Option<u64>,
    /// `null` for schema 1, which does not say.
    pub media_type: Option<MediaType>,
    /// The command that made it; `null` when the history does not tell, or does not fit the layers.
    pub created_by: Option<String>,
}

impl LayersReport {
    /// The layers of the manifest `view`. `config` is the image's config, `None` where there is none;
    /// the members of an artifact count as layers, an index has none. Fails with [`crate::Kind::Corrupt`] when the
    /// config is not the JSON of an image config.
    pub(crate) fn new(view: &View, config: Option<&[u8]>) -> Result<LayersReport> {
        let layers = match view {
            View::Image(image) => of_blobs(&image.layers, steps(config)?),
            View::Artifact(artifact) => of_blobs(&artifact.blobs, Vec::new()),
            View::Schema1(schema1) => of_schema1(schema1),
            View::Index(_) => Vec::new(),
        };
        Ok(LayersReport(layers))
    }

    /// As JSON, as a table on a terminal, or as lines for a pipe.
    pub(crate) fn render(&self, as_json: bool) -> String {
        if as_json {
            return json::to_go_json(self) + "\n";
        }
        match table::terminal_width(&io::stdout()) {
            Some(width) => self.pretty(width),
            None => self.plain(),
        }
    }

    /// For a terminal of `width` columns.
    pub(crate) fn pretty(&self, width: usize) -> String {
        let short = |digest: &Digest| digest.short().to_owned();
        self.table(short, human_size).pretty(width)
    }

    /// For a pipe: a line a layer, cells between tabs, whole digests and sizes in bytes.
    pub(crate) fn plain(&self) -> String {
        self.table(Digest::to_string, |size| size.to_string())
            .plain()
    }

    fn table(&self, digest: impl Fn(&Digest) -> String, size: impl Fn(u64) -> String) -> Table {
        let mut table = Table::new(&[">#", "DIGEST", ">SIZE", "MEDIA TYPE", "CREATED BY"]);
        for layer in &self.0 {
            let media_type = layer.media_type.as_ref().map(MediaType::to_string);
            table.row([
                layer.index.to_string(),
                digest(&layer.digest),
                layer.size.map_or_else(|| "-".to_owned(), &size),
                media_type.unwrap_or_else(|| "-".to_owned()),
                layer.created_by.clone().unwrap_or_else(|| "-".to_owned()),
            ]);
        }
        table
    }
}

fn of_blobs(blobs: &[Descriptor], steps: Vec<Option<String>>) -> Vec<Layer> {
    // With another number of steps there is no telling which step made which layer.
    let mut steps = Some(steps)
        .filter(|steps| steps.len() == blobs.len())
        .into_iter()
        .flatten();
    let layers = blobs.iter().enumerate().map(|(index, blob)| Layer {
        index,
        digest: blob.digest.clone(),
        size: Some(blob.size),
        media_type: Some(blob.media_type.clone()),
        created_by: steps.next().flatten(),
    });
    layers.collect()
}

/// The command that made each layer, from the history of `config`; steps without a layer are left out.
fn steps(config: Option<&[u8]>) -> Result<Vec<Option<String>>> {
    let Some(config) = config else {
        return Ok(Vec::new());
    };
    let config = read_config(config)?;
    let steps = config.history.into_iter().filter(|step| !step.empty_layer);
    Ok(steps
        .map(|step| Some(step.created_by).filter(|text| !text.is_empty()))
        .collect())
}

/// Schema 1 keeps the step with each layer, in the old config of docker.
fn of_schema1(schema1: &Schema1View) -> Vec<Layer> {
    let commands = schema1.commands();
    let top_first = schema1.fs_layers.iter().enumerate();
    let layers = top_first
        .rev()
        .enumerate()
        .map(|(index, (at, digest))| Layer {
            index,
            digest: digest.clone(),
            size: None,
            media_type: None,
            created_by: commands.get(at).cloned().flatten(),
        });
    layers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use crate::image::{Algorithm, ImageView};
    use crate::report::json::to_compact_json;

    fn digest(name: &str) -> Digest {
        Digest::of(Algorithm::Sha256, name.as_bytes())
    }

    fn image() -> View {
        let blob = |name, size| Descriptor::new("layer/tar+gzip", digest(name), size);
        View::Image(ImageView {
            config: blob("config", 1),
            layers: vec![blob("base", 29_124_000), blob("top", 133)],
            subject: None,
            artifact_type: None,
        })
    }

    fn created_by(config: Option<&str>) -> Vec<Option<String>> {
        let report = LayersReport::new(&image(), config.map(str::as_bytes)).unwrap();
        report.0.into_iter().map(|layer| layer.created_by).collect()
    }

    const HISTORY: &str = r#"{"history": [
        {"created_by": "ADD rootfs.tar in /"}, {"created_by": "CMD", "empty_layer": true}, {"created_by": "RUN\tmake"}
    ]}"#;

    #[test]
    fn steps_without_a_layer_are_skipped() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            created_by(Some(HISTORY)),
            [some("ADD rootfs.tar in /"), some("RUN\tmake")]
        );
        assert_eq!(
            created_by(Some(
                r#"{"history":[{"created_by":"a"},{"created_by":""}]}"#
            )),
            [some("a"), None]
        );
    }

    #[test]
    fn a_history_that_does_not_fit_says_nothing() {
        for config in [
            None,
            Some("{}"),
            Some(r#"{"history":null}"#),
            Some(r#"{"history":[{"created_by":"a"}]}"#),
        ] {
            assert_eq!(created_by(config), [None, None], "{config:?}");
        }
        let broken = LayersReport::new(&image(), Some(b"<html>")).unwrap_err();
        assert_eq!(broken.kind(), Kind::Corrupt);
    }

    #[test]
    fn three_forms() {
        let report = LayersReport::new(&image(), Some(HISTORY.as_bytes())).unwrap();
        insta::assert_snapshot!(report.pretty(72), @r"
        #  DIGEST           SIZE  MEDIA TYPE      CREATED BY
        0  cae662172fd4  29.1 MB  layer/tar+gzip  ADD rootfs.tar in /
        1  28720365c5e7    133 B  layer/tar+gzip  RUN make
        ");
        assert_eq!(
            report.plain(),
            format!(
                "0\t{}\t29124000\tlayer/tar+gzip\tADD rootfs.tar in /\n1\t{}\t133\tlayer/tar+gzip\tRUN make\n",
                digest("base"),
                digest("top")
            )
        );
        assert_eq!(
            to_compact_json(&report.0[1]),
            format!(
                r#"{{"Index":1,"Digest":"{}","Size":133,"MediaType":"layer/tar+gzip","CreatedBy":"RUN\tmake"}}"#,
                digest("top")
            )
        );
    }

    #[cfg(feature = "legacy")]
    #[test]
    fn schema_1_is_turned_around() {
        let view = View::Schema1(Schema1View {
            name: "x".into(),
            tag: "1".into(),
            architecture: "amd64".into(),
            fs_layers: vec![digest("top"), digest("base")],
            history: vec![
                r#"{"container_config":{"Cmd":["/bin/sh","-c","make"]}}"#.into(),
                "broken".into(),
            ],
        });
        let layers = LayersReport::new(&view, None).unwrap().0;
        assert_eq!((layers[0].index, &layers[0].digest), (0, &digest("base")));
        assert_eq!((&layers[0].created_by, layers[0].size), (&None, None));
        assert_eq!(layers[1].created_by.as_deref(), Some("/bin/sh -c make"));
    }
}
