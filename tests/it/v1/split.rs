//! Against a fake index with registries: tokens, endpoints, cookies, redirects, passwords; and layers with faults.

use serde_json::json;

use super::contents;
use crate::support::Barque;
use crate::support::fake_v1::{
    FakeV1, Held, Knobs, PASSWORD, REGISTRY, Role, SECOND, Sick, USER, V1Seen,
};
use crate::support::images::{self, gzip, noise, sha256, tar};

fn creds(flag: &str) -> String {
    format!("--{flag}={USER}:{PASSWORD}")
}

/// Two layers: a gzip one, and an old plain one.
fn chain() -> Vec<(&'static str, Vec<u8>)> {
    let first = gzip(&tar(&[("etc/first", &noise(1, 200_000))]));
    let second = tar(&[("etc/second", &noise(2, 100_000))]);
    vec![
        (
            r#""os":"linux","container_config":{"Cmd":["/bin/sh","-c","first"]}"#,
            first,
        ),
        (
            r#""created":"2014-01-01T00:00:00Z","docker_version":"0.9.1","config":{"Env":["A=1"]}"#,
            second,
        ),
    ]
}

fn with_image(fake: FakeV1) -> FakeV1 {
    let chain = chain();
    let chain: Vec<_> = chain
        .iter()
        .map(|(json, layer)| (*json, &layer[..]))
        .collect();
    fake.image("fleet/ship", "1", &chain)
}

/// Copies `fleet/ship:1` and requires that its content is what the registry holds.
#[track_caller]
fn rescued(fake: &FakeV1, flags: &[&str]) -> Barque {
    let barque = Barque::new();
    let args = ["copy", "--debug", &fake.v1("fleet/ship:1"), "dir:out"];
    let out = barque.args(args).args(flags).run().ok();
    for secret in [PASSWORD, "signature=S", "session=sha256"] {
        assert!(!out.stderr().contains(secret), "{}", out.stderr());
    }
    let wanted: Vec<_> = chain()
        .iter()
        .map(|(_, layer)| sha256(&super::plain(layer)))
        .collect();
    assert_eq!(contents(&barque, "out"), wanted);
    assert_eq!(std::fs::read_dir(barque.tmp()).unwrap().count(), 0);
    barque
}

#[test]
fn an_index_sends_on_to_its_registries_and_the_dead_one_is_passed_over() {
    let fake = with_image(FakeV1::split(Knobs::default()));
    rescued(&fake, &[]);
    // The index was asked once, without a password; the registry saw the token of that answer and no cookie of the index.
    let index = fake.requests(Some(Role::Index), "");
    let paths: Vec<_> = index.iter().map(|s| s.path.as_str()).collect();
    assert_eq!(paths, ["/v1/_ping", "/v1/repositories/fleet/ship/images"]);
    assert!(index.iter().all(|s| s.authorization.is_none()));
    let registry = fake.requests(Some(Role::Registry), "");
    assert!(!registry.is_empty());
    for seen in registry {
        let token = r#"Token signature=S0,repository="fleet/ship",access=read"#;
        assert_eq!(seen.authorization.as_deref(), Some(token), "{}", seen.path);
        assert_eq!((seen.cookie, seen.status), (None, 200));
    }
}

#[test]
fn an_image_is_announced_written_and_confirmed() {
    let fake = FakeV1::split(Knobs {
        redirect: true,
        ..Knobs::default()
    });
    let barque = Barque::new();
    images::write_dir(&barque.path("image"), &images::two_layers_docker());
    let to = fake.v1("fleet/ship:1");
    let refused = barque.args(["copy", "dir:image", &to]).run().code(3);
    assert!(
        refused.stderr().contains("barque login"),
        "{}",
        refused.stderr()
    );
    barque
        .args(["copy", "dir:image", &to, &creds("dest-creds")])
        .run()
        .ok();
    let top = images::two_layers_docker().config();
    fake.with(|world| {
        let announced = &world.announced["fleet/ship"];
        assert_eq!(announced[1], json!({ "id": top.hex(), "Tag": "1" }));
        assert_eq!(announced[0].as_object().unwrap().len(), 1);
        let confirmed = &world.confirmed["fleet/ship"];
        for (i, held) in announced.as_array().unwrap().iter().enumerate() {
            let held = &world.images[held["id"].as_str().unwrap()];
            assert_eq!(confirmed[i]["checksum"], held.checksum.clone().unwrap());
        }
        assert_eq!(world.tags["fleet/ship"]["1"], top.hex());
    });
    // The password stays with the index, cookies with who set them.
    for seen in fake.requests(Some(Role::Registry), "") {
        assert!(
            seen.authorization.unwrap().starts_with("Token "),
            "{}",
            seen.path
        );
        assert!(!seen.cookie.unwrap_or_default().contains("index="));
    }
    // The registry lets no one look with a token to write; what is there shows when it is written again.
    let looked = || {
        let seen = fake.requests(Some(Role::Registry), "");
        seen.iter().filter(|s| s.method == "GET").count()
    };
    assert_eq!(looked(), 1);
    let again = barque.args(["copy", "dir:image", &to, &creds("dest-creds")]);
    let told = again.run().ok();
    assert!(
        told.stderr().contains("all blobs already present"),
        "{}",
        told.stderr()
    );
    assert_eq!(looked(), 2);
    let confirm = fake.requests(Some(Role::Index), "/moved/repositories/fleet/ship/images");
    assert_eq!(confirm[0].cookie.as_deref(), Some("index=kept"));
    let back = Barque::new();
    back.args(["copy", &to, "dir:back"]).run().ok();
    assert_eq!(contents(&back, "back"), contents(&barque, "image"));
}

#[test]
fn where_a_registry_dies_within_a_layer_another_one_goes_on() {
    let fake = with_image(FakeV1::split(Knobs {
        dies: true,
        cut: Some(70_000),
        ..Knobs::default()
    }));
    let barque = rescued(&fake, &["--retry-backoff=10ms"]);
    let seen = fake.requests(Some(Role::Registry), "");
    // The first in the index's order is asked first, once; then the one that works, until it dies.
    let hosts: Vec<_> = seen.iter().map(|s| s.host).collect();
    assert_eq!(hosts[..3], [SECOND, REGISTRY, REGISTRY], "{seen:#?}");
    let taken_over = seen.iter().rposition(|s| s.host == REGISTRY).unwrap();
    let of_first = &seen[1..=taken_over];
    assert!(of_first.iter().all(|s| s.host == REGISTRY), "{seen:#?}");
    let resumed = |s: &V1Seen| {
        s.range
            .as_ref()
            .is_some_and(|r| r.starts_with("bytes=70000-"))
    };
    let others = &seen[taken_over + 1..];
    assert!(others.iter().any(resumed), "{seen:#?}");
    drop(barque);
}

#[test]
fn what_one_registry_cannot_give_is_had_of_another() {
    for sick in [Sick::Begun, Sick::Lost, Sick::Breaks] {
        let fake = with_image(FakeV1::split(Knobs {
            sick: Some(sick),
            ..Knobs::default()
        }));
        rescued(&fake, &["--retry-backoff=10ms"]);
    }
}

#[test]
fn where_a_registry_dies_within_a_push_another_one_gets_all_of_it() {
    let fake = FakeV1::split(Knobs {
        dies: true,
        ..Knobs::default()
    });
    let barque = Barque::new();
    images::write_dir(&barque.path("image"), &images::two_layers_docker());
    let to = fake.v1("fleet/ship:1");
    let flags = [&*creds("dest-creds"), "--retry-backoff=10ms"];
    let copy = barque.args(["copy", "dir:image", &to]).args(flags);
    copy.run().ok();
    let back = Barque::new();
    back.args(["copy", &to, "dir:back"]).run().ok();
    assert_eq!(contents(&back, "back"), contents(&barque, "image"));
}

#[test]
fn an_index_that_is_the_registry_too_gets_the_password_where_it_gives_no_token() {
    let fake = with_image(FakeV1::split(Knobs {
        in_one: true,
        private: true,
        storage: true,
        ..Knobs::default()
    }));
    rescued(&fake, &[&creds("src-creds")]);
    let barque = Barque::new();
    images::write_dir(&barque.path("image"), &images::two_layers_docker());
    let to = fake.v1("fleet/new:1");
    let push = barque.args(["copy", "dir:image", &to, &creds("dest-creds")]);
    push.run().ok();
    let name = fake.v1("fleet/new:1");
    barque.args(["delete", &creds("creds"), &name]).run().ok();
    for seen in fake.requests(Some(Role::Index), "/v1/") {
        let given = seen.authorization.as_deref().unwrap_or_default();
        let pinged = seen.path == "/v1/_ping";
        assert!(pinged || given.starts_with("Basic "), "{seen:?}");
        assert!(
            seen.status < 300 || seen.status == 302 || seen.status == 404,
            "{seen:?}"
        );
    }
    let storage = fake.requests(Some(Role::Storage), "");
    assert_eq!(storage.len(), 2);
    assert!(storage.iter().all(|s| s.authorization.is_none()));
    // Without the login nothing is read.
    let refused = barque.args(["inspect", &fake.v1("fleet/ship:1")]).run();
    refused.code(3);
}

#[test]
fn layers_from_a_storage_host_are_had_without_token_and_cookie() {
    let fake = with_image(FakeV1::split(Knobs {
        storage: true,
        ..Knobs::default()
    }));
    rescued(&fake, &[]);
    let storage = fake.requests(Some(Role::Storage), "");
    assert_eq!(storage.len(), 2);
    assert!(
        storage
            .iter()
            .all(|s| s.authorization.is_none() && s.cookie.is_none())
    );
}

#[test]
fn a_token_that_is_used_up_is_renewed() {
    let fake = with_image(FakeV1::split(Knobs {
        uses: Some(3),
        ..Knobs::default()
    }));
    rescued(&fake, &[]);
    let asked = fake.requests(Some(Role::Index), "/images").len();
    assert!((2..=4).contains(&asked), "{asked}");
}

#[test]
fn a_private_index_wants_the_password_and_a_wrong_one_is_refused() {
    let fake = with_image(FakeV1::split(Knobs {
        private: true,
        ..Knobs::default()
    }));
    rescued(&fake, &[&creds("src-creds")]);
    let barque = Barque::new();
    let wrong = ["inspect", "--creds=sailor:wrong", &fake.v1("fleet/ship:1")];
    barque.args(wrong).run().code(3);
}

#[test]
fn a_layer_that_breaks_off_goes_on_by_closed_ranges() {
    for no_size in [false, true] {
        let fake = with_image(FakeV1::alone(Knobs {
            cut: Some(70_000),
            no_size,
            ..Knobs::default()
        }));
        rescued(&fake, &["--retry-backoff=10ms"]);
        let layers = fake.requests(None, "/layer");
        let ranges: Vec<_> = layers.iter().filter_map(|s| s.range.clone()).collect();
        let expected = if no_size { 0 } else { 2 };
        assert_eq!((layers.len(), ranges.len()), (4, expected), "{ranges:?}");
        assert!(ranges.iter().all(|r| !r.ends_with('-')), "{ranges:?}");
    }
}

#[test]
fn a_range_that_is_not_marked_as_one_leads_to_the_whole_layer() {
    let fake = with_image(FakeV1::alone(Knobs {
        cut: Some(70_000),
        unmarked: true,
        ..Knobs::default()
    }));
    rescued(&fake, &["--retry-backoff=10ms"]);
    let layers = fake.requests(None, "/layer");
    let ranges = layers.iter().filter(|s| s.range.is_some()).count();
    assert_eq!((layers.len(), ranges), (6, 2));
}

#[test]
fn the_last_byte_is_never_asked_for_alone() {
    let layer = chain()[1].1.clone();
    let fake = with_image(FakeV1::alone(Knobs {
        cut: Some(layer.len() - 1),
        ..Knobs::default()
    }));
    // The first layer is larger and is cut there as well.
    rescued(&fake, &["--retry-backoff=10ms"]);
    let ranges: Vec<_> = fake
        .requests(None, "/layer")
        .into_iter()
        .filter_map(|s| s.range)
        .collect();
    let last = format!("bytes={}-{}", layer.len() - 2, layer.len() - 1);
    assert!(ranges.contains(&last), "{ranges:?}");
}

#[test]
fn what_does_not_match_its_checksum_or_its_chain_is_refused() {
    type Bend = fn(&mut Held);
    let bend: [(&str, Bend); 4] = [
        ("recorded checksum", |held| {
            held.checksum = Some(sha256(b"").to_string())
        }),
        ("tarsum.v1+sha256:", |held| {
            held.checksum = Some(format!("tarsum.v1+{}", sha256(b"")))
        }),
        ("calls itself", |held| {
            held.json = br#"{"id":"other"}"#.to_vec()
        }),
        ("gzip data", |held| {
            let layer = held.layer.as_mut().unwrap();
            layer.truncate(50_000);
            held.checksum = Some(String::new());
        }),
    ];
    for (words, bend) in bend {
        let fake = with_image(FakeV1::alone(Knobs::default()));
        fake.with(|world| {
            let base = sha256(b"fleet/ship:1 0");
            bend(world.images.get_mut(base.hex()).unwrap());
        });
        let barque = Barque::new();
        let out = barque
            .args(["copy", &fake.v1("fleet/ship:1"), "dir:out"])
            .run()
            .code(4);
        assert!(out.stderr().contains(words), "{words}: {}", out.stderr());
        assert!(!barque.path("out").join("manifest.json").exists());
    }
    // A kind of checksum that nobody knows is told, and stops nothing.
    let fake = with_image(FakeV1::alone(Knobs::default()));
    fake.with(|world| {
        for held in world.images.values_mut() {
            held.checksum = Some("md5:00".to_owned());
        }
    });
    let out = Barque::new()
        .args(["copy", &fake.v1("fleet/ship:1"), "dir:out"])
        .run()
        .ok();
    assert_eq!(
        out.stderr()
            .matches("is no checksum of a known kind")
            .count(),
        2
    );
}

#[test]
fn more_than_the_range_that_was_asked_for_is_taken_for_what_it_is() {
    let fake = with_image(FakeV1::alone(Knobs {
        cut: Some(70_000),
        wide: true,
        ..Knobs::default()
    }));
    rescued(&fake, &["--retry-backoff=10ms"]);
}

#[test]
fn what_is_no_tar_is_no_layer() {
    let page = b"<html><title>Sign in</title></html>".repeat(20);
    for layer in [
        page.clone(),
        gzip(&page),
        tar(&[("a", b"1")])[..300].to_vec(),
    ] {
        let fake = FakeV1::alone(Knobs::default());
        let fake = fake.image("fleet/ship", "1", &[(r#""os":"linux""#, &layer)]);
        let barque = Barque::new();
        let copy = ["copy", &fake.v1("fleet/ship:1"), "dir:out"];
        let out = barque.args(copy).run().code(4);
        assert!(out.stderr().contains("no tar archive"), "{}", out.stderr());
    }
}

#[test]
fn a_plan_says_what_was_read_for_it() {
    let fake = with_image(FakeV1::alone(Knobs::default()));
    let barque = Barque::new();
    let plan = ["copy", "--dry-run", &fake.v1("fleet/ship:1"), "dir:out"];
    let read: usize = chain().iter().map(|(_, layer)| layer.len()).sum();
    let json = barque.args(plan).args(["--json"]).run().ok().json();
    assert_eq!(json["BytesRead"], read);
    let table = barque.args(plan).run().ok();
    let told = "kB of layers read for this plan\n";
    assert!(table.stdout().ends_with(told), "{}", table.stdout());
}

#[test]
fn an_image_that_was_never_uploaded_to_its_end_is_told() {
    for at in [0, 1] {
        let fake = with_image(FakeV1::alone(Knobs::default()));
        let id = sha256(format!("fleet/ship:1 {at}").as_bytes());
        fake.with(|world| world.images.get_mut(id.hex()).unwrap().checksum = None);
        let barque = Barque::new();
        let name = fake.v1("fleet/ship:1");
        let out = barque.args(["inspect", &name]).run().code(5);
        let told = format!("the image `{}` was never uploaded to its end", id.hex());
        assert!(out.stderr().contains(&told), "{}", out.stderr());
    }
}

#[test]
fn a_layer_of_no_bytes_is_an_empty_tar() {
    let fake =
        FakeV1::alone(Knobs::default()).image("fleet/ship", "1", &[(r#""os":"linux""#, b"")]);
    let barque = Barque::new();
    barque
        .args(["copy", &fake.v1("fleet/ship:1"), "dir:out"])
        .run()
        .ok();
    assert_eq!(contents(&barque, "out"), [sha256(&[0; 1024])]);
}

#[test]
fn a_server_that_wants_a_login_for_its_ping_is_told_apart_from_none() {
    let fake = with_image(FakeV1::alone(Knobs {
        guarded: true,
        ..Knobs::default()
    }));
    let name = fake.v1("fleet/ship:1").replace("docker-v1:", "docker:");
    let barque = Barque::new();
    let refused = barque.args(["inspect", &name]).run().code(3);
    assert!(
        refused.stderr().contains("/v1/_ping"),
        "{}",
        refused.stderr()
    );
    barque.args(["inspect", &creds("creds"), &name]).run().ok();
}

#[test]
fn a_password_is_not_sent_over_plain_http() {
    // The fake is the proxy too, so it sees what goes to a host that is not this machine.
    let fake = with_image(FakeV1::alone(Knobs {
        private: true,
        ..Knobs::default()
    }));
    let barque = Barque::new().env("HTTP_PROXY", format!("http://{}", fake.address()));
    let name = "docker-v1://registry.invalid/fleet/ship:1";
    let args = ["inspect", "--tls-verify=false", &creds("creds"), name];
    let out = barque.args(args).run().code(3);
    assert!(
        out.stderr()
            .contains("passwords are not sent over plain HTTP"),
        "{}",
        out.stderr()
    );
    let seen = fake.requests(None, "");
    assert!(seen.iter().any(|s| s.status == 401), "{seen:?}");
    assert!(seen.iter().all(|s| s.authorization.is_none()), "{seen:?}");
}

#[test]
fn an_index_gives_no_token_for_the_deletion_of_a_tag() {
    let fake = with_image(FakeV1::split(Knobs::default()));
    let barque = Barque::new();
    let name = fake.v1("fleet/ship:1");
    let refused = barque.args(["delete", &name]).run().code(3);
    let token = "(sent with the token of the index)";
    assert!(refused.stderr().contains(token), "{}", refused.stderr());
    let hint = "an index permits the deletion of whole repositories only";
    assert!(refused.stderr().contains(hint), "{}", refused.stderr());
    barque.args(["inspect", &name]).run().ok();
}
