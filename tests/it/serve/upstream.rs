//! What registries.conf and the signature policy do to the upstreams of a mirror.

use serde_json::json;

use crate::support::images::{small, two_layers};
use crate::support::{Barque, Serving};

#[test]
fn the_policy_is_asked_before_an_image_is_kept() {
    let barque = Barque::new();
    let policy = barque.path("policy.json");
    let rules = r#"{"default":[{"type":"reject"}],"transports":{"docker":{"up/good":[{"type":"insecureAcceptAnything"}]}}}"#;
    std::fs::write(&policy, rules).unwrap();
    let upstream = Serving::writable();
    let name = format!("up=http://{}", upstream.address());
    let mirror = Serving::start(&["--upstream", &name, "--policy", policy.to_str().unwrap()]);
    let image = two_layers();
    for name in ["good", "bad"] {
        upstream.push(name, "1", &image);
    }
    assert_eq!(mirror.get("/v2/up/good/manifests/1").body, image.manifest);
    for reference in ["1", &image.digest.to_string()] {
        let path = format!("/v2/up/bad/manifests/{reference}");
        for _ in 0..2 {
            let refused = mirror.get(&path);
            refused.refused(403, "DENIED");
            let said = refused.json()["errors"][0]["message"].to_string();
            assert!(
                said.contains("signature policy") && !said.contains("policy.json"),
                "{said}"
            );
        }
    }
    assert!(!mirror.layout("up/bad").join("index.json").exists());
    // A manifest that came in as a blob is no way around it.
    let blob = mirror.get(&format!("/v2/up/bad/blobs/{}", image.digest));
    assert_ne!(blob.status, 500);
    mirror
        .get(&format!("/v2/up/bad/manifests/{}", image.digest))
        .refused(403, "DENIED");
}

#[test]
fn an_upstream_is_read_through_its_mirrors() {
    let barque = Barque::new();
    let log = barque.path("log");
    let near = Serving::start(&["--write", "--log", log.to_str().unwrap()]);
    let far = Serving::start(&["--write", "--log", barque.path("far").to_str().unwrap()]);
    let image = two_layers();
    near.push("copies/app", "1", &image);
    far.push("other", "1", &image);
    let conf = barque.path("registries.conf");
    let text = format!(
        "[[registry]]\nlocation = \"{0}\"\ninsecure = true\n[[registry.mirror]]\nlocation = \"{1}/copies\"\ninsecure = true\n[[registry]]\nprefix = \"{0}/blocked\"\nlocation = \"{0}/blocked\"\nblocked = true\n",
        far.address(),
        near.address()
    );
    std::fs::write(&conf, text).unwrap();
    let name = format!("up=http://{}", far.address());
    let mirror = Serving::start(&[
        "--upstream",
        &name,
        "--fresh",
        "0s",
        "--registries-conf",
        conf.to_str().unwrap(),
    ]);
    // Only the mirror has this one.
    for _ in 0..2 {
        assert_eq!(mirror.get("/v2/up/app/manifests/1").body, image.manifest);
    }
    for (digest, bytes) in &image.blobs {
        assert!(mirror.get(&format!("/v2/up/app/blobs/{digest}")).body == *bytes);
    }
    assert_eq!(
        mirror.get("/v2/up/app/tags/list").json()["tags"],
        json!(["1"])
    );
    // And only the upstream itself this one.
    assert_eq!(mirror.get("/v2/up/other/manifests/1").body, image.manifest);
    mirror
        .get("/v2/up/neither/manifests/1")
        .refused(404, "MANIFEST_UNKNOWN");
    mirror
        .get("/v2/up/blocked/manifests/1")
        .refused(403, "DENIED");
    let asked = |log: &str, part: &str| {
        let log = std::fs::read_to_string(barque.path(log)).unwrap();
        log.lines().filter(|line| line.contains(part)).count()
    };
    assert_eq!(asked("far", "/v2/app/"), 0);
    assert_eq!(asked("far", "blocked"), 0);
    for digest in image.blobs.keys() {
        let got = asked(
            "log",
            &format!("\"GET\",\"path\":\"/v2/copies/app/blobs/{digest}"),
        );
        assert!(got <= 1, "{got}");
    }
}

#[cfg(feature = "trust")]
#[test]
fn what_is_signed_passes_the_policy() {
    let barque = Barque::new();
    std::fs::write(barque.path("passphrase"), "secret\n").unwrap();
    let (flag, upstream) = (barque.path("registries.d"), Serving::writable());
    std::fs::create_dir(&flag).unwrap();
    let yaml = "default-docker:\n  use-sigstore-attachments: true\n";
    std::fs::write(flag.join("x.yaml"), yaml).unwrap();
    let flag = format!("--registries.d={}", flag.display());
    barque
        .args([
            "generate-sigstore-key",
            "--output-prefix=app",
            "--passphrase-file=passphrase",
        ])
        .run()
        .ok();
    for (name, image) in [("signed", two_layers()), ("unsigned", small())] {
        upstream.push(name, "1", &image);
    }
    let there = upstream.docker("signed:1");
    let keys = [
        "--sign-by-sigstore-private-key=app.private",
        "--sign-passphrase-file=passphrase",
    ];
    barque
        .args([&flag, "copy", keys[0], keys[1], &there, &there])
        .run()
        .ok();
    let rule = json!({"type": "sigstoreSigned", "keyPath": barque.path("app.pub"), "signedIdentity": {"type": "matchRepoDigestOrExact"}});
    let policy = json!({"default": [rule]});
    std::fs::write(barque.path("policy.json"), policy.to_string()).unwrap();
    let policy = format!("--policy={}", barque.path("policy.json").display());
    // By the upstream's own name, which is the one in the signature.
    let name = format!("{0}=http://{0}", upstream.address());
    let mirror = Serving::start(&["--upstream", &name, &flag, &policy]);
    let image = two_layers();
    for reference in ["1", &image.digest.to_string()] {
        let got = mirror.get(&format!("/v2/signed/manifests/{reference}"));
        assert_eq!((got.status, &got.body), (200, &image.manifest));
        let unsigned = format!(
            "/v2/unsigned/manifests/{}",
            reference.replace(&image.digest.to_string(), &small().digest.to_string())
        );
        mirror.get(&unsigned).refused(403, "DENIED");
    }
    // Under another name it is another image.
    let other = format!("up=http://{}", upstream.address());
    let other = Serving::start(&["--upstream", &other, &flag, &policy]);
    other
        .get("/v2/up/signed/manifests/1")
        .refused(403, "DENIED");
}
