//! Documents about an image of Registry V1 whose layers are not read: those of `inspect` and `layers --list`.
//!
//! The keys are those of the other documents, so that scripts and templates go on working; what V1 does not have is
//! empty or null. There is no digest: the image gets one when it is copied, and then it depends on where to.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::go_time::GoTime;
use super::inspect::LayerData;
use super::json;
use super::table::{self, Table, human_size};
use crate::image::{self, Sketch};

/// The media type of a V1 image's JSON, as docker's own tools called it.
const V1_JSON: &str = "application/vnd.docker.image.v1+json";

/// The document of `inspect` for a V1 image.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SketchReport {
    pub name: String,
    pub tag: String,
    /// Empty: V1 images have none.
    pub digest: &'static str,
    /// Empty when they were not asked for.
    pub repo_tags: Vec<String>,
    pub created: GoTime,
    pub docker_version: String,
    pub labels: Option<BTreeMap<String, String>>,
    pub architecture: String,
    pub os: String,
    /// Ids of the images, base first: 64 digits without an algorithm, for they are the hash of nothing.
    pub layers: Vec<String>,
    pub layers_data: Vec<LayerData>,
    pub env: Option<Vec<String>>,
    pub media_type: &'static str,
    /// Bytes of the layers as they are stored; `null` when the registry does not say for one of them.
    pub size: Option<u64>,
}

impl SketchReport {
    /// Describes `sketch`; `tags` are those of the repository.
    pub(crate) fn new(sketch: &Sketch, tags: Vec<String>) -> SketchReport {
        let sizes = sketch.layers.iter().map(|layer| layer.size);
        SketchReport {
            name: sketch.repository.clone(),
            tag: sketch.tag.clone(),
            digest: "",
            repo_tags: tags,
            created: sketch
                .created
                .as_deref()
                .and_then(GoTime::parse)
                .unwrap_or_else(GoTime::zero),
            docker_version: sketch.docker_version.clone(),
            labels: sketch.labels.clone(),
            architecture: sketch.architecture.clone(),
            os: sketch.os.clone(),
            layers: sketch.layers.iter().map(|layer| layer.id.clone()).collect(),
            layers_data: sketch.layers.iter().map(layer_data).collect(),
            env: sketch.env.clone(),
            media_type: V1_JSON,
            size: sizes.sum(),
        }
    }
}

fn layer_data(layer: &image::SketchedLayer) -> LayerData {
    LayerData {
        mime_type: String::new(),
        digest: layer.checksum.clone().unwrap_or_default(),
        size: layer
            .size
            .and_then(|size| i64::try_from(size).ok())
            .unwrap_or(-1),
        annotations: None,
    }
}

/// The document of `layers --list` for a V1 image.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct SketchedLayers(Vec<SketchedLayer>);

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SketchedLayer {
    /// From 0, base first.
    index: usize,
    id: String,
    checksum: Option<String>,
    size: Option<u64>,
    created_by: Option<String>,
}

impl SketchedLayers {
    /// The layers of `sketch`, base first.
    pub(crate) fn new(sketch: &Sketch) -> SketchedLayers {
        let layers = sketch.layers.iter().enumerate();
        SketchedLayers(
            layers
                .map(|(index, layer)| SketchedLayer {
                    index,
                    id: layer.id.clone(),
                    checksum: layer.checksum.clone(),
                    size: layer.size,
                    created_by: layer.created_by.clone(),
                })
                .collect(),
        )
    }

    /// As JSON, as a table on a terminal, or as lines for a pipe.
    pub(crate) fn render(&self, as_json: bool) -> String {
        if as_json {
            return json::to_go_json(self) + "\n";
        }
        match table::terminal_width(&io::stdout()) {
            Some(width) => self.table(12, human_size).pretty(width),
            None => self.table(64, |size| size.to_string()).plain(),
        }
    }

    fn table(&self, digits: usize, size: impl Fn(u64) -> String) -> Table {
        let mut table = Table::new(&[">#", "ID", ">SIZE", "CREATED BY"]);
        for layer in &self.0 {
            table.row([
                layer.index.to_string(),
                layer.id.chars().take(digits).collect(),
                layer.size.map_or_else(|| "-".to_owned(), &size),
                layer.created_by.clone().unwrap_or_else(|| "-".to_owned()),
            ]);
        }
        table
    }
}
