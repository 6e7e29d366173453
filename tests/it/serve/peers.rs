//! Other people's programs as clients, and as writers of the layouts that are served.

use crate::support::images::{five_platforms, small, two_layers, write_layout};
use crate::support::peers::{needs, skopeo, umoci};
use crate::support::{Barque, Serving};

#[test]
fn barque_pushes_and_pulls() {
    let server = Serving::writable();
    let barque = Barque::new();
    write_layout(&barque.path("in"), &[("all", &five_platforms())]);
    let (first, second) = (server.docker("a/b:1"), server.docker("c:2"));
    barque
        .args(["copy", "--all", "oci:in:all", &first])
        .run()
        .ok();
    barque.args(["copy", "--all", &first, &second]).run().ok();
    barque
        .args(["copy", "--all", &second, "oci:out:all"])
        .run()
        .ok();
    let digest = barque
        .args(["inspect", "--format", "{{.Digest}}", "oci:out:all"])
        .run()
        .ok();
    assert_eq!(digest.stdout().trim(), five_platforms().digest.to_string());
    let repos = barque
        .args(["repos", "--plain", server.address()])
        .run()
        .ok();
    assert_eq!(repos.stdout(), "a/b\nc\n");
    barque.args(["delete", &second]).run().ok();
    let gone = barque.args(["inspect", &second]).run().code(2);
    assert!(gone.stderr().contains("MANIFEST_UNKNOWN"));
}

#[test]
fn skopeo_pushes_pulls_lists_and_deletes() {
    needs!("skopeo");
    let server = Serving::writable();
    let skopeo = skopeo();
    write_layout(&skopeo.path("in"), &[("1", &two_layers())]);
    let image = server.docker("a/b:1");
    let copy = |args: &[&str]| {
        let all = ["copy", "--src-tls-verify=false", "--dest-tls-verify=false"];
        skopeo.args(all).args(args).run().ok();
    };
    copy(&["oci:in:1", &image]);
    // Docker's two formats, signatures included.
    let (schema2, schema1) = (server.docker("a/v2s2:1"), server.docker("a/v2s1:1"));
    copy(&["--format", "v2s2", &image, &schema2]);
    if cfg!(feature = "legacy") {
        copy(&["--format", "v2s1", &schema2, &schema1]);
        copy(&[&schema1, "dir:out"]);
    }
    let tags = skopeo
        .args(["list-tags", "--tls-verify=false", &server.docker("a/b")])
        .run()
        .ok();
    assert_eq!(tags.json()["Tags"], serde_json::json!(["1"]));
    skopeo
        .args(["delete", "--tls-verify=false", &image])
        .run()
        .ok();
    assert_eq!(server.get("/v2/a/b/manifests/1").status, 404);
}

#[test]
fn what_others_write_into_a_layout_is_served_at_once() {
    needs!("skopeo", "umoci");
    let server = Serving::writable();
    server.push("app", "1", &two_layers());
    let layout = format!("{}:1", server.layout("app").display());
    umoci()
        .args([
            "config",
            "--image",
            &layout,
            "--tag",
            "2",
            "--config.env",
            "A=b",
        ])
        .run()
        .ok();
    let skopeo = skopeo();
    write_layout(&skopeo.path("in"), &[("x", &small())]);
    let to = format!("oci:{}:3", server.layout("app").display());
    skopeo.args(["copy", "oci:in:x", &to]).run().ok();
    let barque = Barque::new();
    write_layout(&barque.path("in"), &[("all", &five_platforms())]);
    let to = format!("oci:{}:4", server.layout("app").display());
    barque.args(["copy", "--all", "oci:in:all", &to]).run().ok();
    let tags = server.get("/v2/app/tags/list").json();
    assert_eq!(tags["tags"], serde_json::json!(["1", "2", "3", "4"]));
    for tag in 1..=4 {
        let image = server.docker(&format!("app:{tag}"));
        let copy = ["copy", "--all", &image, &format!("oci:out:{tag}")];
        barque.args(copy).run().ok();
    }
    // A child of an index is listed by that only.
    let child = five_platforms().children[2].digest.to_string();
    let got = server.get(&format!("/v2/app/manifests/{child}"));
    assert_eq!(
        (got.status, got.header("docker-content-digest")),
        (200, &*child)
    );
    // And the other way around: what was pushed is read as a layout.
    server.push("app", "5", &small());
    let read = format!("oci:{}:5", server.layout("app").display());
    skopeo.args(["copy", &read, "oci:back:5"]).run().ok();
    let tags = umoci()
        .args([
            "ls",
            "--layout",
            &server.layout("app").display().to_string(),
        ])
        .run()
        .ok();
    assert_eq!(tags.stdout().split_whitespace().count(), 5);
}
