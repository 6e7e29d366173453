//! Signatures of images in registries: where they are kept, and that they travel with the image.

mod attachments;
mod extension;
mod lookaside;
mod registries_d;

use std::fs;
use std::path::Path;

use base64::Engine as _;
use serde_json::json;

use crate::support::Barque;
use crate::support::images::{TestImage, write_dir};

/// Writes `config.yaml` into the directory `registries.d` of `barque`, which the flag of the same name takes.
fn configure(barque: &Barque, yaml: &str) {
    fs::create_dir_all(barque.path("registries.d")).unwrap();
    fs::write(barque.path("registries.d/config.yaml"), yaml).unwrap();
}

/// Configuration with a lookaside folder in `barque`'s working directory and attachments.
fn with_folder(barque: &Barque) {
    let folder = barque.path("lookaside");
    let url = format!("file://{}", folder.display());
    configure(
        barque,
        &format!("default-docker:\n  lookaside: {url}\n  use-sigstore-attachments: true\n"),
    );
}

/// `copy` with the configuration of [`configure`].
fn copy(barque: &Barque, args: &[&str]) -> crate::support::sandbox::Run {
    barque
        .args(["--registries.d=registries.d", "copy"])
        .args(args)
}

/// What begins as an OpenPGP message does.
fn openpgp(n: u8) -> Vec<u8> {
    vec![0x90, 0x0d, n]
}

/// A sigstore signature as skopeo stores it.
fn sigstore(n: u8) -> Vec<u8> {
    let payload = format!("{{\"critical\":{n}}}");
    let payload = base64::engine::general_purpose::STANDARD.encode(payload);
    let json = json!({
        "mimeType": "application/vnd.dev.cosign.simplesigning.v1+json",
        "payload": payload,
        "annotations": {"dev.cosignproject.cosign/signature": format!("c2ln{n}")},
    });
    format!("\0sigstore-json\n{json}").into_bytes()
}

/// `image` in the directory `path`, with `signatures` of it.
fn signed(path: &Path, image: &TestImage, signatures: &[Vec<u8>]) {
    write_dir(path, image);
    for (i, signature) in signatures.iter().enumerate() {
        fs::write(path.join(format!("signature-{}", i + 1)), signature).unwrap();
    }
}

/// The signatures in the directory `path`, by their file's name.
fn signatures_in(path: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(path).unwrap().map(|e| e.unwrap().path());
    let mut found: Vec<_> = entries
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, path)
        })
        .filter(|(name, _)| name.contains("signature-"))
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect();
    found.sort();
    found
}
