//! Registry V1 and its images: the real registry, a fake index with registries, the shared vectors.

mod alone;
mod recorded;
mod rescue;
mod search;
mod split;
mod vectors;

use std::io::Read as _;

use barque::image::Digest;

use crate::support::Barque;
use crate::support::images::sha256;

/// The plain form of a layer.
fn plain(layer: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match layer {
        [0x1f, 0x8b, ..] => drop(
            flate2::read::MultiGzDecoder::new(layer)
                .read_to_end(&mut plain)
                .unwrap(),
        ),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => plain = zstd::stream::decode_all(layer).unwrap(),
        _ => plain = layer.to_vec(),
    }
    plain
}

/// Digests of the plain layers of the image in the `dir:` directory `name` of this sandbox, base first; they have to
/// be those that the config lists.
#[track_caller]
fn contents(barque: &Barque, name: &str) -> Vec<Digest> {
    let read = |digest: &serde_json::Value| {
        let hex = digest
            .as_str()
            .unwrap()
            .split_once(':')
            .unwrap()
            .1
            .to_owned();
        std::fs::read(barque.path(name).join(hex)).unwrap()
    };
    let manifest = std::fs::read(barque.path(name).join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let config: serde_json::Value =
        serde_json::from_slice(&read(&manifest["config"]["digest"])).unwrap();
    let layers = manifest["layers"].as_array().unwrap().iter();
    let contents: Vec<Digest> = layers
        .map(|layer| sha256(&plain(&read(&layer["digest"]))))
        .collect();
    let listed = config["rootfs"]["diff_ids"].as_array().unwrap().iter();
    let listed: Vec<_> = listed.map(|d| d.as_str().unwrap().to_owned()).collect();
    let shown: Vec<_> = contents.iter().map(Digest::to_string).collect();
    assert_eq!(shown, listed);
    contents
}
