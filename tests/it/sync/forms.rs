//! What files of each form are taken for, and what they leave out.

use std::fs;

use super::*;

#[test]
fn null_in_the_yaml_of_skopeo_is_an_empty_value() {
    let source = FakeRegistry::start().image("a", "1", &images::small());
    let source = source.image("b", "1", &images::small());
    let barque = Barque::new();
    let text = format!(
        "{}:\n  images:\n  images-by-tag-regex:\n    a:\n  images-by-semver:\n    b:\n  tls-verify:\n  credentials:\n  cert-dir:\n",
        source.address()
    );
    fs::write(barque.path("s.yaml"), text).unwrap();
    let args = ["sync", "--src", "yaml", "--dest", "dir", "s.yaml", "d"];
    let out = barque.args(args).run().ok();
    assert!(
        out.stderr().contains("Synced 1 images from 1 sources"),
        "{}",
        out.stderr()
    );
    assert!(barque.path("d/a:1/manifest.json").exists());
}
