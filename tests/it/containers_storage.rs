//! `containers-storage:`: images in podman's store.

use crate::support::Barque;
use crate::support::images::{self, write_layout};
use crate::support::peers::{self, PodmanStore};

#[test]
fn an_image_of_podman_s_store_is_read() {
    peers::needs!("podman");
    let store = PodmanStore::new();
    let barque = Barque::new();
    write_layout(&barque.path("layout"), &[("v1", &images::small())]);
    let archive = "docker-archive:app.tar:localhost/app:1";
    barque
        .args(["copy", "--quiet", "oci:layout:v1", archive])
        .run()
        .ok();
    store.load(&barque.path("app.tar"));
    let place = store.place();
    let name = format!("containers-storage:{place}localhost/app:1");
    let shown = barque.args(["inspect", &name]).run().ok().json();
    assert_eq!(
        shown["Labels"]["org.opencontainers.image.title"],
        "barque-fixture"
    );
    barque
        .args(["copy", "--quiet", &name, "oci:out:v1"])
        .run()
        .ok();
    let ours = barque
        .args(["inspect", "--config", "oci:out:v1"])
        .run()
        .ok()
        .json();
    assert_eq!(ours["rootfs"]["diff_ids"].as_array().unwrap().len(), 2);
    assert_eq!(std::fs::read_dir(barque.tmp()).unwrap().count(), 0);
    let missing = format!("containers-storage:{place}localhost/none:1");
    let out = barque.args(["inspect", &missing]).run().code(2);
    assert!(
        out.stderr().contains("the store has no image"),
        "{}",
        out.stderr()
    );
    let out = barque.args(["copy", "oci:out:v1", &missing]).run().code(6);
    assert!(out.stderr().contains("podman load"), "{}", out.stderr());
}

#[test]
fn without_podman_the_message_says_what_to_do() {
    let barque = Barque::new().env("PATH", "/nonexistent");
    let out = barque
        .args(["inspect", "containers-storage:x"])
        .run()
        .code(1);
    assert!(
        out.stderr().contains("podman, which is not installed"),
        "{}",
        out.stderr()
    );
    assert!(out.stderr().contains("podman save"), "{}", out.stderr());
}
