//! The document of `du`: what the layers and directories of images take, what they share, and what is wasted.

use std::io;

use serde::Serialize;

use super::json;
use super::ls::escaped;
use super::table::{self, Table, human_size};
use crate::image::Digest;

/// The space that one image takes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Usage {
    pub image: String,
    pub digest: Digest,
    /// Stored bytes of all layers, each once.
    pub stored: u64,
    /// Of these, bytes of layers that none of the other images has: what moves to a host that has all of those.
    pub own: u64,
    /// Bytes of the files that can be seen.
    pub files: u64,
    /// Bytes of files that an upper layer replaces or removes.
    pub wasted: u64,
    pub layers: Vec<LayerUsage>,
    /// Bytes of the files below each directory.
    pub directories: Vec<DirectoryUsage>,
}

/// The space that a layer takes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LayerUsage {
    pub digest: Digest,
    /// Stored (compressed) bytes.
    pub stored: u64,
    /// Files and links in it, directories left out.
    pub entries: u64,
    /// Bytes of its files.
    pub files: u64,
    /// Of these, bytes that an upper layer replaces or removes.
    pub wasted: u64,
    /// How many of the other images have it.
    pub shared: usize,
}

/// The files below a directory.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DirectoryUsage {
    pub path: String,
    pub files: u64,
}

/// All images, as JSON or as text.
pub(crate) fn render(images: &[Usage], as_json: bool) -> String {
    if as_json {
        return json::to_go_json(&images) + "\n";
    }
    let width = table::terminal_width(&io::stdout());
    let size = |bytes: u64| match width {
        Some(_) => human_size(bytes),
        None => bytes.to_string(),
    };
    let shown = |table: &Table| match width {
        Some(width) => table.pretty(width),
        None => table.plain(),
    };
    let mut text = String::new();
    for image in images {
        let mut sums = Table::new(&["IMAGE", ">STORED", ">OWN", ">FILES", ">WASTED"]);
        sums.row([
            image.image.clone(),
            size(image.stored),
            size(image.own),
            size(image.files),
            size(image.wasted),
        ]);
        let mut layers = Table::new(&["LAYER", ">STORED", ">FILES", ">WASTED", ">SHARED"]);
        for layer in &image.layers {
            let digest = match width {
                Some(_) => layer.digest.short().to_owned(),
                None => layer.digest.to_string(),
            };
            layers.row([
                digest,
                size(layer.stored),
                size(layer.files),
                size(layer.wasted),
                layer.shared.to_string(),
            ]);
        }
        let mut directories = Table::new(&[">FILES", "DIRECTORY"]);
        for directory in &image.directories {
            let path = escaped(directory.path.as_bytes());
            directories.row([size(directory.files), path]);
        }
        let parts = [sums, layers, directories].map(|table| shown(&table));
        text.push_str(&parts.join("\n"));
        if images.len() > 1 {
            text.push('\n');
        }
    }
    text
}
