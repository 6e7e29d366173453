//! `oci-archive:` and `docker-archive:`, through the binary, against the fixtures and against skopeo and umoci.

mod docker;
mod fixtures;
mod hostile;
mod links;
mod oci;
mod sparse;

use std::path::PathBuf;

use crate::support::Barque;
use crate::support::images::{self, Compression, Dialect, Maker, TestImage, noise, sha256};
use crate::support::peers;
use crate::support::sandbox::{Sandbox, names};

fn skopeo() -> Option<Sandbox> {
    let missing = peers::missing(&["skopeo"]);
    (!missing).then(peers::skopeo)
}

/// `transport:path` of a file of this sandbox.
fn at(barque: &Barque, transport: &str, file: &str) -> String {
    format!("{transport}:{}", barque.path(file).display())
}

/// The image in a layout of this sandbox; its name.
fn layout(barque: &Barque, name: &str, image: &TestImage) -> String {
    images::write_layout(&barque.path(name), &[("v1", image)]);
    format!("{}:v1", at(barque, "oci", name))
}

/// Names and contents of the members of a tar, in order.
fn members(path: &PathBuf) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(std::fs::File::open(path).unwrap());
    let read = |entry: std::io::Result<tar::Entry<'_, std::fs::File>>| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        (name, content)
    };
    archive.entries().unwrap().map(read).collect()
}
