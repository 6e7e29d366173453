//! Manifests, configs and lists of layers, beside those of skopeo's proxy.

use std::process::Command;

#[cfg(feature = "trust")]
use barque::image::Digest;

use super::{Proxy, oci};
use crate::support::fake::FakeRegistry;
use crate::support::images::{self, write_layout};
#[cfg(feature = "trust")]
use crate::support::images::{TestImage, write_dir};
use crate::support::{Barque, peers};
#[cfg(feature = "trust")]
use crate::trust::gpg::{Gpg, payload, policy, signed_by};

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_those_of_skopeo() {
    peers::needs!("skopeo");
    let (docker, list) = (images::two_layers_docker(), images::five_platforms_docker());
    let registry = FakeRegistry::start()
        .image("a", "oci", &images::two_layers())
        .image("a", "docker", &docker)
        .image("a", "index", &images::five_platforms())
        .image("a", "list", &list);
    let layout = tempfile::tempdir().unwrap();
    write_layout(layout.path(), &[("v1", &images::small())]);
    let (ours, theirs) = (Proxy::barque().await, Proxy::skopeo().await);
    assert_eq!(ours.protocol_version().to_string(), "0.2.8");
    let mut names = ["oci", "docker", "index", "list"]
        .map(|t| registry.docker(&format!("a:{t}")))
        .to_vec();
    names.push(oci(layout.path()));
    for name in names {
        let (a, b) = (
            ours.open_image(&name).await.unwrap(),
            theirs.open_image(&name).await.unwrap(),
        );
        let (digest, manifest) = ours.fetch_manifest_raw_oci(&a).await.unwrap();
        let (other_digest, other) = theirs.fetch_manifest_raw_oci(&b).await.unwrap();
        assert_eq!(digest, other_digest, "{name}");
        assert_eq!(
            String::from_utf8_lossy(&manifest),
            String::from_utf8_lossy(&other),
            "{name}"
        );
        let config = ours.fetch_config_raw(&a).await.unwrap();
        let other = theirs.fetch_config_raw(&b).await.unwrap();
        assert_eq!(
            String::from_utf8_lossy(&config),
            String::from_utf8_lossy(&other),
            "{name}"
        );
        // The typed documents can be read from them.
        let (_, manifest) = ours.fetch_manifest(&a).await.unwrap();
        ours.fetch_config(&a).await.unwrap();
        let layers = ours.get_layer_info(&a).await.unwrap().unwrap();
        assert_eq!(layers.len(), manifest.layers().len(), "{name}");
        for (layer, described) in layers.iter().zip(manifest.layers()) {
            assert_eq!(&layer.digest, described.digest());
            assert_eq!(layer.size, described.size());
        }
        // What the manifest points at can be had, a config that was made for it too.
        let made = manifest.config();
        let (bytes, error) = ours.blob(&a, made.digest().as_ref(), made.size()).await;
        assert_eq!(error, None, "{name}");
        assert_eq!(bytes.len() as u64, made.size(), "{name}");
        ours.close_image(&a).await.unwrap();
    }
    ours.end().await;
    theirs.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_document_is_requested_once() {
    let registry = FakeRegistry::start().image("a", "1", &images::five_platforms());
    let proxy = Proxy::barque().await;
    let image = proxy.open_image(&registry.docker("a:1")).await.unwrap();
    for _ in 0..2 {
        proxy.fetch_manifest(&image).await.unwrap();
        proxy.fetch_config(&image).await.unwrap();
        proxy.get_layer_info(&image).await.unwrap();
    }
    assert_eq!(registry.requests("GET", "/manifests/").len(), 2);
    assert_eq!(registry.requests("GET", "/blobs/").len(), 1);
    assert_eq!(registry.requests("HEAD", "").len(), 0);
    proxy.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn images_that_are_missing_or_no_images_are_errors_and_the_proxy_goes_on() {
    let registry = FakeRegistry::start()
        .image("a", "1", &images::two_layers())
        .image("a", "note", &images::artifact());
    let proxy = Proxy::barque().await;
    let missing = registry.docker("a:2");
    assert!(proxy.open_image_optional(&missing).await.unwrap().is_none());
    let error = proxy.open_image(&missing).await.unwrap_err();
    assert!(
        error.to_string().contains("manifests/2") && !error.is_retryable(),
        "{error}"
    );
    let error = proxy.open_image("nowhere").await.unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    let note = proxy.open_image(&registry.docker("a:note")).await.unwrap();
    let error = proxy.fetch_config_raw(&note).await.unwrap_err();
    assert!(error.to_string().contains("artifact"), "{error}");
    let image = proxy
        .open_image_optional(&registry.docker("a:1"))
        .await
        .unwrap();
    let image = image.unwrap();
    let zeros = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
    let error = proxy
        .get_blob(&image, &zeros, 3)
        .await
        .map(drop)
        .unwrap_err();
    assert!(error.to_string().contains("404"), "{error}");
    let error = proxy
        .get_raw_blob(&image, &zeros)
        .await
        .map(drop)
        .unwrap_err();
    assert!(error.to_string().contains("404"), "{error}");
    proxy.close_image(&image).await.unwrap();
    let error = proxy.close_image(&image).await.unwrap_err();
    assert!(error.to_string().contains("no image"), "{error}");
    proxy.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_may_be_another_file_descriptor() {
    let layout = tempfile::tempdir().unwrap();
    write_layout(layout.path(), &[("v1", &images::small())]);
    let script = format!(
        "exec {} \"$@\" --sockfd 3 3<&0 </dev/null",
        env!("CARGO_BIN_EXE_barque")
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &script, "sh"]);
    let proxy = Proxy::of(shell).await;
    let image = proxy.open_image(&oci(layout.path())).await.unwrap();
    let (digest, _) = proxy.fetch_manifest(&image).await.unwrap();
    assert_eq!(digest, images::small().digest.to_string());
    proxy.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_policy_refuses_is_not_opened() {
    let layouts = tempfile::tempdir().unwrap();
    let at = |name: &str| layouts.path().canonicalize().unwrap().join(name);
    for name in ["good", "bad"] {
        write_layout(&at(name), &[("v1", &images::small())]);
    }
    let policy = serde_json::json!({
        "default": [{"type": "reject"}],
        "transports": {"oci": {(at("good").to_str().unwrap()): [{"type": "insecureAcceptAnything"}]}},
    });
    std::fs::write(at("policy.json"), policy.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_barque"));
    command.env("BARQUE_POLICY", at("policy.json"));
    let proxy = Proxy::with_policy(command).await;
    let image = proxy.open_image(&oci(&at("good"))).await.unwrap();
    proxy.fetch_manifest(&image).await.unwrap();
    for opened in [
        proxy.open_image(&oci(&at("bad"))).await.map(drop),
        proxy.open_image_optional(&oci(&at("bad"))).await.map(drop),
    ] {
        let error = opened.unwrap_err().to_string();
        assert!(
            error.contains("is refused by the signature policy"),
            "{error}"
        );
    }
    proxy.end().await;
}

/// skopeo's proxy asks the policy about what a name stands for, a copy about the image of the platform: either will do.
#[cfg(feature = "trust")]
#[tokio::test(flavor = "multi_thread")]
async fn an_index_or_its_image_has_to_be_signed() {
    peers::needs!("gpg");
    let (home, gpg) = (tempfile::tempdir().unwrap(), Gpg::new());
    let reference = "registry.example/app:v1";
    let rules = serde_json::json!([signed_by(&gpg.key("alice", "nistp256"), reference)]);
    let file = policy(home.path(), rules);
    let index = images::five_platforms();
    let sign = |digest: &Digest| gpg.sign("alice", payload(&digest.to_string(), reference));
    let signed = |name: &str, signatures: &[(String, Vec<u8>)]| {
        let at = home.path().join(name);
        write_dir(&at, &index);
        for (file, signature) in signatures {
            std::fs::write(at.join(file), signature).unwrap();
        }
        format!("dir:{}", at.display())
    };
    let of_image = |image: &TestImage| {
        let file = format!("{}.signature-1", image.digest.hex());
        (file, sign(&image.digest))
    };
    let of_index = || ("signature-1".to_owned(), sign(&index.digest));
    let [amd64, arm64] = [0, 1].map(|n| &index.children[n]);
    let of_another = || ("signature-1".to_owned(), sign(&amd64.digest));
    let names = [
        (signed("index", &[of_index()]), true),
        (signed("image", &[of_image(amd64)]), true),
        (signed("other", &[of_image(arm64)]), false),
        (signed("mistaken", &[of_another()]), false),
        (signed("none", &[]), false),
    ];
    let mut barque = Command::new(env!("CARGO_BIN_EXE_barque"));
    barque
        .env("BARQUE_POLICY", &file)
        .env("BARQUE_REQUIRE_SIGNED", "1")
        .args(["--override-arch", "amd64"]);
    let proxy = Proxy::with_policy(barque).await;
    for (name, accepted) in names {
        let opened = proxy.open_image_optional(&name).await;
        assert_eq!(opened.is_ok(), accepted, "{name}");
        match opened {
            Ok(image) => {
                let (digest, _) = proxy.fetch_manifest(&image.unwrap()).await.unwrap();
                assert_eq!(digest, amd64.digest.to_string());
            }
            Err(e) => {
                let e = e.to_string();
                assert!(e.contains(&index.digest.to_string()), "{e}");
                assert!(e.contains(&amd64.digest.to_string()), "{e}");
            }
        }
    }
    // An index without an image for the platform is refused, and not taken for one that does not exist.
    let mut barque = Command::new(env!("CARGO_BIN_EXE_barque"));
    barque
        .env("BARQUE_POLICY", &file)
        .args(["--override-os", "plan9"]);
    let other = Proxy::with_policy(barque).await;
    let error = other.open_image_optional(&signed("none", &[])).await;
    let error = error.map(drop).unwrap_err().to_string();
    assert!(error.contains("is refused by"), "{error}");
    for proxy in [proxy, other] {
        proxy.end().await;
    }
}

#[test]
fn without_a_socket_there_is_an_error() {
    let barque = Barque::new();
    let out = barque.args(["experimental-image-proxy"]).run().code(1);
    assert!(out.stderr().contains("SOCK_SEQPACKET"), "{}", out.stderr());
    let out = barque
        .args(["experimental-image-proxy", "--sockfd=77"])
        .run()
        .code(1);
    assert!(
        out.stderr().contains("file descriptor 77"),
        "{}",
        out.stderr()
    );
}
