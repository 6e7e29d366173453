//! What real registries do besides the specification: one test for each row, the row's id first in its name.
//!
//! The binary runs against fakes that behave as the row says; each test looks at the result and at the requests
//! that were sent, to whom, and with which headers. Rows that no command meets yet are not here.

mod auth;
mod delete;
mod download;
mod errors;
mod lists;
mod manifests;
mod mount;
mod permission;
mod token_hosts;
mod transport;
mod upload;
mod upload_parts;

use crate::support::Barque;
use crate::support::fake::{FakeRegistry, Seen};
use crate::support::images::{TestImage, write_layout};
use crate::support::sandbox::{Output, Run};
use crate::support::tls::Certificates;

/// The binary, with waits that cost a test nothing.
fn barque() -> Barque {
    Barque::new().env("BARQUE_RETRY_BACKOFF", "1ms")
}

/// `inspect --raw`: one manifest and nothing else.
fn raw(fake: &FakeRegistry) -> Output {
    barque()
        .args(["inspect", "--raw", &fake.docker("a:1")])
        .run()
}

/// `copy` of this image from a layout to `a:1` of the fake, not started.
fn pushing(barque: &Barque, image: &TestImage, fake: &FakeRegistry) -> Run {
    write_layout(&barque.path("in"), &[("1", image)]);
    barque.args(["copy", "oci:in:1", &fake.docker("a:1")])
}

/// The same, run in a sandbox of its own.
fn push(image: &TestImage, fake: &FakeRegistry) -> Output {
    pushing(&barque(), image, fake).run()
}

/// `copy` of `a:1` of the fake to `dir:out`.
fn pull(barque: &Barque, fake: &FakeRegistry) -> Output {
    barque.args(["copy", &fake.docker("a:1"), "dir:out"]).run()
}

/// That `dir:out` holds this image, byte for byte.
#[track_caller]
pub(crate) fn assert_pulled(barque: &Barque, image: &TestImage) {
    for (digest, bytes) in &image.blobs {
        let held = std::fs::read(barque.path("out").join(digest.hex())).unwrap();
        assert!(held == *bytes, "`{digest}` has other content");
    }
}

/// That the fake holds this image as `a:1`, byte for byte.
#[track_caller]
fn assert_pushed(fake: &FakeRegistry, image: &TestImage) {
    assert_eq!(fake.manifest("a", "1"), Some(image.manifest.clone()));
    for (digest, bytes) in &image.blobs {
        assert_eq!(fake.blob("a", digest).as_ref(), Some(bytes), "{digest}");
    }
}

/// The values of a header over these requests, where they have it.
fn values(requests: &[Seen], name: &str) -> Vec<String> {
    let values = requests.iter().filter_map(|s| s.header(name));
    values.map(str::to_owned).collect()
}

/// A `Bearer` challenge of this realm.
fn bearer(realm: &str) -> String {
    format!("Bearer realm=\"{realm}\",service=\"fake\"")
}

/// `inspect --raw` of `registry.example/a:1`, a public name, through this proxy.
fn raw_of_public(barque: &Barque, certificates: &Certificates, proxy: &str) -> Run {
    let directory = certificates.ca_only_dir();
    barque
        .args(["inspect", "--raw", "docker://registry.example/a:1"])
        .args(["--cert-dir".as_ref(), directory.as_os_str()])
        .env("HTTPS_PROXY", proxy)
}
