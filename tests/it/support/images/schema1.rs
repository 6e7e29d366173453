//! Docker schema 1 images: a chain of V1 images with layers of files and steps without any, signed or not.

use std::collections::BTreeMap;

use barque::legacy::jws::SigningKey;
use barque::legacy::schema1::EMPTY_LAYER;
use serde_json::{Value, json};

use super::{TestImage, pack, sha256};

/// The media types of schema 1.
pub const SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";
pub const UNSIGNED: &str = "application/vnd.docker.distribution.manifest.v1+json";

/// What the image under test is made of: four steps, the layers of two of them, base first.
pub struct Schema1 {
    pub image: TestImage,
    /// Stored layers that hold files, base first.
    pub layers: Vec<Vec<u8>>,
    /// Their plain form.
    pub tars: Vec<Vec<u8>>,
}

/// An image called `name:tag` with a layer, a step without files, another layer, and a command on top; signed with
/// `key` where there is one. The second layer is stored plain when `plain` is set.
pub fn image(name: &str, tag: &str, key: Option<&SigningKey>, plain: bool) -> Schema1 {
    let tars = vec![
        pack::tar(&[("etc/motd", b"Welcome aboard.\n")]),
        pack::tar(&[("data/cargo", &pack::noise(7, 600_000))]),
    ];
    let second = if plain {
        tars[1].clone()
    } else {
        pack::gzip(&tars[1])
    };
    let layers = vec![pack::gzip(&tars[0]), second];
    let id = |n: usize| sha256(format!("image {n}").as_bytes()).hex().to_owned();
    let step = |n: usize, more: Value| {
        let mut v1 = json!({"id": id(n), "created": format!("2015-0{}-01T00:00:00.5Z", n + 1)});
        if n > 0 {
            v1["parent"] = json!(id(n - 1));
        }
        v1.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        v1
    };
    let command = |text: &str| json!({"Cmd": ["/bin/sh", "-c", text]});
    let history = [
        step(
            0,
            json!({"comment": "Imported from -", "container_config": {"Cmd": null}}),
        ),
        step(
            1,
            json!({"author": "crew", "container_config": command("#(nop) ENV A=1"), "throwaway": true}),
        ),
        step(2, json!({"container_config": command("load && stow")})),
        step(
            3,
            json!({
                "architecture": "amd64", "os": "linux", "docker_version": "1.9.1", "throwaway": true, "Size": 0,
                "container_config": command("#(nop) CMD [\"sail\"]"),
                "config": {"Env": ["A=1"], "Cmd": ["sail"], "Labels": {"ship": "<barque>"}, "Hostname": "x"},
            }),
        ),
    ];
    let empty = EMPTY_LAYER.to_vec();
    let blobs = [&layers[0], &empty, &layers[1], &empty];
    signed(name, tag, key, &blobs, &history, layers.clone(), tars)
}

fn signed(
    name: &str,
    tag: &str,
    key: Option<&SigningKey>,
    blobs: &[&Vec<u8>],
    history: &[Value],
    layers: Vec<Vec<u8>>,
    tars: Vec<Vec<u8>>,
) -> Schema1 {
    let top_first = blobs.iter().rev();
    let document = json!({
        "schemaVersion": 1, "name": name, "tag": tag, "architecture": "amd64",
        "fsLayers": top_first.map(|b| json!({"blobSum": sha256(b)})).collect::<Vec<_>>(),
        "history": history.iter().rev().map(|h| json!({"v1Compatibility": h.to_string()})).collect::<Vec<_>>(),
    });
    let payload = serde_json::to_vec_pretty(&document).unwrap();
    let digest = sha256(&payload);
    let (media_type, manifest) = match key {
        Some(key) => {
            let time = "2016-01-01T00:00:00Z".parse().unwrap();
            (SIGNED, key.sign(&payload, time).unwrap().to_vec())
        }
        None => (UNSIGNED, payload),
    };
    let blobs: BTreeMap<_, _> = blobs.iter().map(|b| (sha256(b), b.to_vec())).collect();
    Schema1 {
        image: TestImage {
            blobs,
            digest,
            ..TestImage::raw(media_type, manifest)
        },
        layers,
        tars,
    }
}
