//! The requests of each command, counted in the registry's own log: none is wasted.

use std::time::Duration;

use super::support::Barque;
use super::support::fake::{FakeRegistry, on};
use super::support::images::{self, Dialect, Maker};
use super::support::peers::{self, DockerRegistry, Requests};

/// A registry that was fed the images of these tests; none when a peer is missing.
fn fed() -> Option<DockerRegistry> {
    if peers::missing(&["docker-registry", "skopeo"]) {
        return None;
    }
    let registry = DockerRegistry::open();
    registry.feed("fleet/ship:1", &images::two_layers());
    registry.feed("fleet/ship:docker", &images::two_layers_docker());
    registry.feed("fleet/ship:index", &images::five_platforms());
    Some(registry)
}

/// What the registry was asked while barque ran with these arguments.
fn asked(registry: &DockerRegistry, barque: &Barque, args: &[&str]) -> Requests {
    let mark = registry.mark();
    barque.args(args).run().ok();
    registry.since(mark)
}

#[test]
fn inspect_and_tags_ask_what_they_print_and_no_more() {
    let Some(registry) = fed() else { return };
    let barque = Barque::new();
    let one = registry.docker("fleet/ship:1");
    let docker = registry.docker("fleet/ship:docker");
    let index = registry.docker("fleet/ship:index");
    let repository = registry.docker("fleet/ship");
    for (args, wanted) in [
        (vec!["inspect", "-n", &one], 2),
        (vec!["inspect", "-n", &docker], 2),
        (vec!["inspect", "-n", &index], 3),
        (vec!["inspect", &one], 3),
        (vec!["inspect", &index], 4),
        (vec!["inspect", "--config", &one], 2),
        (vec!["inspect", "--raw", &one], 1),
        (vec!["inspect", "--raw", &index], 1),
        (vec!["tags", &repository], 1),
        (vec!["tags", "--plain", &repository], 1),
        (vec!["layers", "--list", &one], 2),
        (vec!["layers", &one], 3),
    ] {
        let seen = asked(&registry, &barque, &args);
        assert_eq!(seen.len(), wanted, "{args:?}: {:#?}", seen.lines());
        assert!(seen.iter().all(|r| r.status == 200), "{:#?}", seen.lines());
        assert_eq!(seen.count("GET", ""), wanted, "no HEAD, no ping");
        let agent = format!("barque/{}", env!("CARGO_PKG_VERSION"));
        assert!(
            seen.iter().all(|r| r.user_agent.starts_with(&agent)),
            "{}",
            seen[0].user_agent
        );
    }
}

#[test]
fn between_registries_a_blob_is_three_requests_and_an_update_two() {
    let Some(from) = fed() else { return };
    for (tag, blobs, flags) in [
        ("1", 3, None),
        ("docker", 3, None),
        ("index", 11, Some("--all")),
    ] {
        // A destination of its own: blobs of another image would be there already.
        let to = DockerRegistry::open();
        let barque = Barque::new();
        let (source, target) = (
            from.docker(&format!("fleet/ship:{tag}")),
            to.docker("copy:1"),
        );
        let run = || {
            let (source_mark, target_mark) = (from.mark(), to.mark());
            let args = ["copy", &source, &target];
            barque.args(args).args(flags).run().ok();
            (from.since(source_mark), to.since(target_mark))
        };
        let (read, written) = run();
        let manifests = if flags.is_some() { 6 } else { 1 };
        assert_eq!(read.count("GET", "/manifests/"), manifests);
        assert_eq!(read.count("GET", "/blobs/"), blobs);
        assert_eq!(read.len(), blobs + manifests, "{:#?}", read.lines());
        assert_eq!(written.count("HEAD", "/manifests/1"), 1);
        assert_eq!(written.count("POST", "/blobs/uploads/"), blobs);
        assert_eq!(written.count("PUT", "/blobs/uploads/"), blobs);
        assert_eq!(written.count("PUT", "/manifests/"), manifests);
        let all = 2 * blobs + manifests + 1;
        assert_eq!(written.len(), all, "{:#?}", written.lines());
        if flags.is_none() {
            assert!(read.len() + written.len() <= 3 * blobs + 3);
        }

        let (read, written) = run();
        assert_eq!(
            read.lines(),
            [format!("GET /v2/fleet/ship/manifests/{tag} 200")]
        );
        assert_eq!(written.lines(), ["HEAD /v2/copy/manifests/1 200"]);
    }
}

#[test]
fn an_update_of_a_platform_is_no_more() {
    let Some(from) = fed() else { return };
    let (to, barque) = (DockerRegistry::open(), Barque::new());
    let args = [
        "copy",
        "--platform=linux/arm64",
        &from.docker("fleet/ship:index"),
        &to.docker("copy:1"),
    ];
    barque.args(args).run().ok();
    let (read, written) = (from.mark(), to.mark());
    barque.args(args).run().ok();
    assert_eq!(
        from.since(read).lines(),
        ["GET /v2/fleet/ship/manifests/index 200"]
    );
    assert_eq!(to.since(written).lines(), ["HEAD /v2/copy/manifests/1 200"]);
}

#[test]
fn a_layout_takes_each_blob_once() {
    let Some(registry) = fed() else { return };
    let barque = Barque::new();
    for (tag, place) in [("1", "oci:layout:1"), ("1", "dir:dir")] {
        let args = [
            "copy",
            &registry.docker(&format!("fleet/ship:{tag}")),
            place,
        ];
        let cold = asked(&registry, &barque, &args);
        assert_eq!(cold.count("GET", "/blobs/"), 3);
        assert_eq!(cold.len(), 4, "{:#?}", cold.lines());
        let again = asked(&registry, &barque, &args);
        assert_eq!(again.lines(), ["GET /v2/fleet/ship/manifests/1 200"]);
    }
    // The same blobs under another name of the layout.
    let name = registry.docker("fleet/ship:1");
    let other = asked(&registry, &barque, &["copy", &name, "oci:layout:2"]);
    assert_eq!(other.lines(), ["GET /v2/fleet/ship/manifests/1 200"]);
}

#[test]
fn within_a_registry_blobs_are_mounted_and_do_not_travel() {
    let Some(registry) = fed() else { return };
    let barque = Barque::new();
    let (source, target) = (
        registry.docker("fleet/ship:1"),
        registry.docker("other/place:1"),
    );
    let seen = asked(&registry, &barque, &["copy", &source, &target]);
    let mounts = seen.select("POST", "from=fleet/ship");
    assert_eq!(mounts.len(), 3, "{:#?}", seen.lines());
    assert!(
        mounts.iter().all(|r| r.status == 201),
        "{:#?}",
        seen.lines()
    );
    assert_eq!(seen.count("GET", "/blobs/"), 0, "nothing was downloaded");
    assert_eq!(seen.count("PUT", "/blobs/"), 0, "nothing was uploaded");
    assert_eq!(seen.count("PATCH", ""), 0);
    assert_eq!(seen.len(), 3 + 3, "{:#?}", seen.lines());
    let read = peers::skopeo()
        .args(["inspect", "--raw", "--tls-verify=false", &target])
        .run()
        .ok();
    assert_eq!(read.stdout_bytes(), images::two_layers().manifest);
}

#[test]
fn a_new_tag_in_the_same_repository_moves_no_blob() {
    let Some(registry) = fed() else { return };
    let barque = Barque::new();
    let (source, target) = (
        registry.docker("fleet/ship:1"),
        registry.docker("fleet/ship:2"),
    );
    let seen = asked(&registry, &barque, &["copy", &source, &target]);
    assert_eq!(seen.count("GET", "/blobs/"), 0, "{:#?}", seen.lines());
    assert_eq!(seen.count("PUT", "/blobs/"), 0, "{:#?}", seen.lines());
    assert_eq!(seen.count("PUT", "/manifests/2"), 1);
    assert!(seen.len() <= 3 + 3, "{:#?}", seen.lines());
}

#[cfg(feature = "legacy")]
#[test]
fn a_plan_expects_the_requests_that_the_copy_sends() {
    let Some(from) = fed() else { return };
    let (to, schema1) = (
        DockerRegistry::open(),
        DockerRegistry::setup().schema1().start(),
    );
    let barque = Barque::new();
    let key = barque::legacy::jws::SigningKey::generate().unwrap();
    let old = images::schema1::image("fleet/old", "1", Some(&key), false);
    images::write_dir(&barque.path("old"), &old.image);
    let at = |registry: &DockerRegistry, name: &str| registry.docker(name);
    let mount = "--mount-from";
    let other = format!("{}/copy", to.address());
    let recode = ["--dest-compress-format", "zstd"];
    let table = barque
        .args([
            "copy",
            "--dry-run",
            &at(&from, "fleet/ship:1"),
            &at(&to, "copy:1"),
        ])
        .run()
        .ok();
    let told = "1 to write, 12 requests expected: 4 at the source, 8 at the destination\n";
    assert!(table.stdout().ends_with(told), "{}", table.stdout());
    /// What it is, flags, source, destination, requests.
    type Copy<'a> = (&'a str, Vec<&'a str>, String, String, usize);
    // In this order: each copy finds what those before it left.
    let copies: Vec<Copy<'_>> = vec![
        (
            "cold",
            vec![],
            at(&from, "fleet/ship:1"),
            at(&to, "copy:1"),
            3 * 3 + 3,
        ),
        (
            "up to date",
            vec![],
            at(&from, "fleet/ship:1"),
            at(&to, "copy:1"),
            2,
        ),
        (
            "warm, another tag",
            vec![],
            at(&from, "fleet/ship:1"),
            at(&to, "copy:2"),
            3 + 3,
        ),
        (
            "mounted",
            vec![],
            at(&to, "copy:1"),
            at(&to, "other/place:1"),
            3 + 3,
        ),
        (
            "mounted as told",
            vec![mount, &other],
            at(&from, "fleet/ship:1"),
            at(&to, "third:1"),
            3 + 3,
        ),
        ("retag", vec![], at(&to, "copy:1"), at(&to, "copy:3"), 2),
        (
            "pull",
            vec![],
            at(&from, "fleet/ship:1"),
            "oci:layout:1".into(),
            4,
        ),
        (
            "pulled already",
            vec![],
            at(&from, "fleet/ship:1"),
            "oci:layout:1".into(),
            1,
        ),
        (
            "pull into an archive",
            vec![],
            at(&from, "fleet/ship:1"),
            "oci-archive:tar:1".into(),
            4,
        ),
        (
            "pull and convert",
            vec![],
            at(&from, "fleet/ship:docker"),
            "oci:converted:1".into(),
            4,
        ),
        (
            "push",
            vec![],
            "oci:layout:1".into(),
            at(&to, "pushed:1"),
            2 * 3 + 2,
        ),
        (
            "push again",
            vec![],
            "oci:layout:1".into(),
            at(&to, "pushed:1"),
            1,
        ),
        (
            "five platforms",
            vec!["--all"],
            at(&from, "fleet/ship:index"),
            at(&to, "all:1"),
            3 * 11 + 13,
        ),
        (
            "five platforms again",
            vec!["--all"],
            at(&from, "fleet/ship:index"),
            at(&to, "all:1"),
            2,
        ),
        (
            "one of five",
            vec![],
            at(&from, "fleet/ship:index"),
            at(&to, "one:1"),
            3 * 3 + 4,
        ),
        (
            "recoded",
            recode.to_vec(),
            at(&from, "fleet/ship:1"),
            at(&to, "zstd:1"),
            3 * 3 + 3,
        ),
        (
            "schema 1 made modern",
            vec!["--format=oci"],
            "dir:old".into(),
            at(&to, "modern:1"),
            2 * 3 + 2,
        ),
        (
            "schema 1",
            vec![],
            "dir:old".into(),
            at(&schema1, "fleet/old:1"),
            2 * 3 + 2,
        ),
    ];
    for (what, flags, source, target, total) in copies {
        let args = ["copy", &source, &target];
        let plan = || barque.args(args).args(&flags).args(["--dry-run", "--json"]);
        let expected = plan().run().ok().json()["RequestsExpected"].clone();
        let registries = [&from, &to, &schema1];
        let marks = registries.map(DockerRegistry::mark);
        barque.args(args).args(&flags).run().ok();
        let seen: Vec<Requests> = registries
            .iter()
            .zip(marks)
            .map(|(registry, mark)| registry.since(mark))
            .collect();
        let lines: Vec<_> = seen.iter().map(Requests::lines).collect();
        let sent: usize = seen.iter().map(|s| s.len()).sum();
        assert_eq!(expected["Total"], sent, "{what}: {expected} {lines:#?}");
        assert_eq!(sent, total, "{what}: {lines:#?}");
        // The registry `from` is only ever a source.
        let read = if source.starts_with("docker:") && !source.contains(to.address()) {
            seen[0].len()
        } else if source.starts_with("docker:") {
            continue;
        } else {
            0
        };
        assert_eq!(expected["Source"], read, "{what}: {expected} {lines:#?}");
    }
}

#[test]
fn small_blobs_of_a_registry_that_is_far_away_move_side_by_side_in_larger_numbers() {
    let names: Vec<String> = (0..40).map(|i| format!("file-{i}")).collect();
    let maker = Maker::new(Dialect::Oci);
    let image = names
        .iter()
        .fold(maker, |maker, name| maker.file_layer(name, name))
        .make();
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(on("").delay(Duration::from_millis(100)));
    let barque = Barque::new();
    let copy = ["copy", &registry.docker("a:1"), "dir:out"];
    barque.args(copy).run().ok();
    // Near ones take 16 places; each request that waits for its answer has a connection.
    let connections = registry.connections();
    assert!((30..=49).contains(&connections), "{connections}");
}
