//! Bad input: each mistake and each failure with its exit code and what a person is told.

use super::support::Barque;
use super::support::fake::{FakeRegistry, Reply, on};
use super::support::images::{self, Dialect, Maker, media};
use super::support::peers::{self, DockerRegistry};
use super::support::sandbox::{Output, Sandbox};

fn barque(args: &[&str]) -> Output {
    Barque::new().args(args).run()
}

/// The exit code, nothing on stdout, every text in the message, and no colours.
#[track_caller]
fn fails(args: &[&str], code: i32, told: &[&str]) {
    let out = barque(args).code(code);
    assert_eq!(out.stdout(), "", "{args:?}");
    for text in told {
        assert!(
            out.stderr().contains(text),
            "`{text}` is not in: {}",
            out.stderr()
        );
    }
    assert!(!out.stderr().contains('\x1b'), "{:?}", out.stderr());
    assert!(!out.stderr().contains("panicked"), "{}", out.stderr());
}

#[test]
fn hosts_that_cannot_be_reached() {
    let unknown = "docker://registry.invalid/a/b:1";
    // On another address than the tests beside this one, which could get the port.
    let closed = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let refused = format!("docker://{address}/a/b:1");
    let url = format!("http://{address}/v2/a/b/");
    let of_unknown = [
        unknown,
        "https://registry.invalid/v2/a/b/",
        "cannot resolve `registry.invalid`",
        "hint: check the spelling",
    ];
    let of_refused = [
        &refused,
        &url,
        "connection refused",
        "hint: is the registry running",
    ];
    for (name, told) in [(unknown, &of_unknown[..]), (&refused, &of_refused[..])] {
        fails(&["inspect", name], 5, told);
        fails(&["layers", name], 5, told);
        fails(&["copy", name, "dir:out"], 5, &["reading the source"]);
        fails(&["copy", name, "dir:out"], 5, told);
        let repository = name.strip_suffix(":1").unwrap();
        fails(&["tags", repository], 5, &[told[1], told[2], told[3]]);
        let barque = Barque::new();
        images::write_dir(&barque.path("dir"), &images::small());
        let out = barque.args(["copy", "dir:dir", name]).run().code(5);
        assert!(
            out.stderr().contains("writing the destination"),
            "{}",
            out.stderr()
        );
        assert!(out.stderr().contains(told[2]), "{}", out.stderr());
    }
}

#[test]
fn images_that_are_not_there() {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::open();
    registry.feed("fleet/ship:1", &images::small());
    let (tag, repository) = (
        registry.docker("fleet/ship:none"),
        registry.docker("fleet/none"),
    );
    let url = format!("{}/v2/fleet/ship/manifests/none", registry.url());
    let hint = format!(
        "hint: list what there is with `barque tags {}`",
        registry.docker("fleet/ship")
    );
    for command in ["inspect", "layers"] {
        fails(
            &[command, &tag],
            2,
            &[&tag, &url, "MANIFEST_UNKNOWN", &hint],
        );
        fails(&[command, &repository], 2, &[&repository, "404"]);
    }
    fails(
        &["copy", &tag, "dir:out"],
        2,
        &["reading the source", &url, &hint],
    );
    fails(&["tags", &repository], 2, &["NAME_UNKNOWN"]);
    let digest = images::sha256(b"none").to_string();
    let by_digest = registry.docker(&format!("fleet/ship@{digest}"));
    fails(&["inspect", &by_digest], 2, &[&digest]);
}

#[test]
fn answers_that_are_no_registrys() {
    let page = FakeRegistry::start().rule(on("").html(200));
    let name = page.docker("a:1");
    let url = format!("{}/v2/a/manifests/1", page.url());
    fails(&["inspect", "-n", &name], 5, &[&name, &url, "web page"]);
    fails(
        &["copy", &name, "dir:out"],
        5,
        &["reading the source", &url],
    );
    fails(
        &["tags", &page.docker("a")],
        5,
        &["/v2/a/tags/list", "no list of tags"],
    );
    let gone = FakeRegistry::start().rule(on("").html(404));
    fails(
        &["inspect", "-n", &gone.docker("a:1")],
        2,
        &["404", "looks like a web page"],
    );
    let denied = FakeRegistry::start().rule(on("").html(403));
    fails(
        &["inspect", "-n", &denied.docker("a:1")],
        3,
        &["403", "without credentials"],
    );
    let broken = FakeRegistry::start().rule(on("").json("{\"tags\":"));
    fails(&["tags", &broken.docker("a")], 5, &["no list of tags"]);
}

#[test]
fn content_that_is_not_what_it_should_be() {
    let image = images::two_layers();
    let layer = image.layers()[0].to_string();
    let short = Reply::new(200, &image.layer(0)[..50_000]);
    for (fault, code, told) in [
        (
            on("GET").path(&layer).flip_byte(99),
            4,
            vec!["hashes to", &layer],
        ),
        (
            on("GET").path(&layer).answer(short),
            4,
            vec!["50000", &layer],
        ),
        (on("GET").path(&layer).fin_after(0), 5, vec![&layer]),
    ] {
        let registry = FakeRegistry::start().image("a", "1", &image).rule(fault);
        let to = FakeRegistry::start();
        let (name, target) = (registry.docker("a:1"), to.docker("b:1"));
        let mut told = told;
        told.push("reading the source");
        fails(&["copy", &name, &target], code, &told);
        assert_eq!(to.blob("b", &image.layers()[0]), None);
        assert_eq!(to.manifest("b", "1"), None);
        let barque = Barque::new();
        barque.args(["copy", &name, "dir:out"]).run().code(code);
        assert!(!barque.path("out").join(image.layers()[0].hex()).exists());
        assert!(!barque.path("out/manifest.json").exists());
    }
}

#[test]
fn manifests_that_cannot_be_right() {
    let large =
        Reply::new(200, vec![b' '; (4 << 20) + 1]).with("Content-Type", media::OCI_MANIFEST);
    let registry = FakeRegistry::start()
        .image("a", "1", &images::small())
        .rule(on("GET").path_end("/manifests/large").answer(large))
        .rule(on("GET").path("/manifests/sha256").flip_byte(300));
    let name = registry.docker("a:large");
    let url = format!("{}/v2/a/manifests/large", registry.url());
    fails(&["inspect", "--raw", &name], 4, &[&name, &url, "4 MiB"]);
    fails(
        &["copy", &name, "dir:out"],
        4,
        &["reading the source", &url, "4 MiB"],
    );
    let digest = images::small().digest.to_string();
    let by_digest = registry.docker(&format!("a@{digest}"));
    fails(
        &["inspect", "--raw", &by_digest],
        4,
        &[&digest, "hashes to"],
    );
}

#[test]
fn names_that_cannot_be_read() {
    for (name, told) in [
        (
            "docker://Alpine",
            &["lower case", "hint: did you mean `alpine`?"][..],
        ),
        ("docker:alpine", &["hint: write `docker://alpine`"]),
        (
            "https://ghcr.io/a/b",
            &["hint: did you mean `docker://ghcr.io/a/b`?"],
        ),
        ("docker://a/b:", &["`a/b:`"]),
        (
            "docker://a@sha256:12",
            &["`a@sha256:12`", "hint: a digest is written in full"],
        ),
        (
            "docker://a//b",
            &["`a//b` is not a valid image name: it does not read as NAME[:TAG][@DIGEST]"],
        ),
        ("containers-storage:", &["names no image"]),
        ("sif:x", &["the transport `sif:` is not supported"]),
        ("", &["is not a valid image name"]),
        ("dir:", &["names no directory"]),
    ] {
        fails(&["inspect", name], 1, told);
        let mut sides = told.to_vec();
        sides.retain(|t| !t.starts_with("hint: did you mean"));
        if name.starts_with("docker") {
            sides.push("the source's name");
            fails(&["copy", name, "dir:x"], 1, &sides);
            *sides.last_mut().unwrap() = "the destination's name";
            fails(&["copy", "dir:x", name], 1, &sides);
        }
    }
    fails(
        &["copy", "alpine", "dir:x"],
        1,
        &["`docker://alpine`", "`alpine` has no transport prefix"],
    );
    fails(&["copy", "dir:x", "/some/where"], 1, &["`dir:/some/where`"]);
    fails(
        &["login", "docker://r.io"],
        1,
        &[
            "`docker://r.io` is not a registry\n",
            "registry alone: `r.io`",
        ],
    );
}

#[test]
fn usage_errors_end_with_1() {
    for args in [
        &["inspect"][..],
        &["copy", "dir:x"],
        &["tags"],
        &["tags", "a", "b"],
        &["layers"],
        &["sail"],
        &["inspect", "--sail", "a"],
        &["inspect", "--creds=a:b", "--no-creds", "a"],
        &["inspect", "--tls-verify=perhaps", "a"],
        &["inspect", "--command-timeout=soon", "a"],
        &["inspect", "--platform=linux", "docker://a"],
        &["copy", "--image-parallel-copies=x", "dir:a", "dir:b"],
    ] {
        let out = barque(args).code(1);
        assert_eq!(out.stdout(), "", "{args:?}");
        assert!(!out.stderr().is_empty() && !out.stderr().contains('\x1b'));
    }
    for args in [&["--help"][..], &["--version"], &["copy", "--help"]] {
        let out = barque(args).ok();
        assert!(!out.stdout().is_empty() && out.stderr().is_empty());
        assert!(!out.stdout().contains('\x1b'));
    }
}

#[test]
fn what_a_registry_says_cannot_drive_the_terminal() {
    let registry = FakeRegistry::start()
        .rule(
            on("GET")
                .path("/tags/")
                .error(403, "DENIED", "no\x1b[2J\x1b]0;x\x07 entry\u{202e}"),
        )
        .rule(
            on("GET")
                .path("/manifests/")
                .answer(Reply::new(403, "\x1b[31mred\x1b[0m\u{9b}")),
        );
    fails(
        &["tags", &registry.docker("a")],
        3,
        &["DENIED: no", "entry"],
    );
    let out = barque(&["inspect", "-n", &registry.docker("a:1")]).code(3);
    assert!(out.stderr().contains("red"), "{:?}", out.stderr());
    assert!(
        !out.stderr()
            .contains(['\x1b', '\u{9b}', '\u{202e}', '\x07']),
        "{:?}",
        out.stderr()
    );
}

#[test]
fn queries_and_secrets_are_not_told() {
    let image = images::small();
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(
            on("GET")
                .path("/blobs/")
                .redirect("/elsewhere?sig=s3cret-signature"),
        )
        .rule(on("GET").path("/elsewhere").error(403, "DENIED", "expired"));
    for debug in [None, Some("--debug")] {
        let out = Barque::new()
            .args([
                "copy",
                &registry.docker("a:1"),
                "dir:out",
                "--src-creds=me:s3cret-password",
            ])
            .args(debug)
            .run()
            .code(3);
        assert!(
            out.stderr()
                .contains(&format!("{}/elsewhere", registry.url())),
            "{}",
            out.stderr()
        );
        assert!(!out.stderr().contains("s3cret"), "{}", out.stderr());
    }
}

#[test]
fn a_command_that_takes_too_long_is_ended() {
    let registry = FakeRegistry::start()
        .image("a", "1", &images::small())
        .rule(on("GET").path("/manifests/").hang());
    let name = registry.docker("a:1");
    fails(
        &["--command-timeout=300ms", "inspect", &name],
        5,
        &["--command-timeout"],
    );
}

#[test]
fn a_terminal_gets_no_control_characters_of_an_image() {
    peers::needs!("script");
    let label = "a\u{7f}b\u{9b}c\u{202e}d\u{1b}[2Je";
    let image = Maker::new(Dialect::Oci).label("evil", label).make();
    let barque = Barque::new();
    images::write_layout(&barque.path("layout"), &[("1", &image)]);
    let layout = format!("oci:{}:1", barque.path("layout").display());
    let program = env!("CARGO_BIN_EXE_barque");
    for flags in ["", "-f '{{.Labels.evil}}'"] {
        let line = format!("{program} inspect {flags} {layout}");
        let script = Sandbox::of("script");
        let shown = script.args(["-qec", &line, "/dev/null"]).run().ok();
        let escaped = r"a\u007fb\u009bc\u202ed\u001b[2Je";
        assert!(shown.stdout().contains(escaped), "{:?}", shown.stdout());
        let is_control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        assert!(!shown.stdout().contains(is_control), "{:?}", shown.stdout());
    }
    // Into a pipe the bytes stay as they are.
    let piped = barque.args(["inspect", "-f", "{{.Labels.evil}}", &layout]);
    assert_eq!(piped.run().ok().stdout(), format!("{label}\n"));
}

/// The hint of a run that fails with `code`.
#[track_caller]
fn hint_of(barque: &Barque, args: &[&str], code: i32) -> String {
    let out = barque.args(args).run().code(code);
    let told = out.stderr();
    assert!(told.starts_with("barque: "), "{told}");
    let hint = told.lines().find_map(|line| line.strip_prefix("hint: "));
    hint.unwrap_or_else(|| panic!("no hint: {told}")).to_owned()
}

#[test]
fn commands_and_flags_of_other_programs_get_the_right_answer() {
    let barque = Barque::new();
    for (word, wanted) in [
        ("cp", "barque copy SOURCE"),
        ("pull", "barque copy docker://"),
        ("push", "barque copy oci:"),
        ("tag", "barque copy --all"),
        ("ls-tags", "barque tags"),
        ("list", "barque tags"),
        ("catalog", "barque repos"),
        ("rm", "barque delete"),
        ("digest", "{{.Digest}}"),
        ("manifest", "barque inspect --raw"),
        ("version", "barque --version"),
        ("inpsect", "did you mean `barque inspect`?"),
        ("sail", "barque --help"),
    ] {
        let hint = hint_of(&barque, &[word, "a"], 1);
        assert!(hint.contains(wanted), "{word}: {hint}");
    }
    let fixture = concat!(
        "oci:",
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/layout:v1"
    );
    for (args, wanted) in [
        (
            &["copy", "--creds", "a:b", "x", "y"][..],
            "`--src-creds` or `--dest-creds`",
        ),
        (
            &["copy", "--presrve-digests", "x", "y"],
            "`--preserve-digests`",
        ),
        (&["inspect", "--sail", "x"], "barque inspect --help"),
        (&["inspect", "--insecure", "x"], "--tls-verify=false"),
        (&["inspect", "-k", "x"], "--tls-verify=false"),
        (&["inspect"], "usage: barque inspect <IMAGE>..."),
        (
            &["inspect", "-f", "{{.digest}}", fixture],
            "did you mean `.Digest`?",
        ),
        (&["attest", "r.io/a:1"], "`barque attest --help`"),
        (&["copy", "oci:x", "out"], "write `oci:out`"),
        (
            &["copy", "oci:x", "r.io/a:1"],
            "did you mean `docker://r.io/a:1`?",
        ),
    ] {
        let hint = hint_of(&barque, args, 1);
        assert!(hint.contains(wanted), "{args:?}: {hint}");
    }
}

#[test]
fn a_file_without_its_prefix_is_looked_at() {
    let barque = Barque::new();
    let image = images::small();
    images::write_layout(&barque.path("layout"), &[("v1", &image)]);
    images::write_dir(&barque.path("dir"), &image);
    std::fs::create_dir(barque.path("empty")).unwrap();
    std::fs::write(barque.path("notes"), "data").unwrap();
    let copy = |to: &str| barque.args(["copy", "dir:dir", to]).run().ok();
    copy("docker-archive:docker.tar:a:1");
    copy("oci-archive:oci.tar:a");
    for (name, wanted) in [
        ("layout", "write `oci:layout`"),
        ("layout/", "write `oci:layout`"),
        ("./layout", "write `oci:./layout`"),
        ("dir", "write `dir:dir`"),
        ("empty", "write `oci:empty` or `dir:empty`"),
        ("docker.tar", "write `docker-archive:docker.tar`"),
        ("./docker.tar", "write `docker-archive:./docker.tar`"),
        ("oci.tar", "write `oci-archive:oci.tar`"),
        ("notes", "`docker-archive:notes` or `oci-archive:notes`"),
        ("./absent.tar", "`docker-archive:./absent.tar`"),
    ] {
        for args in [
            &["inspect", name][..],
            &["copy", name, "dir:x"],
            &["copy", "dir:dir", name],
        ] {
            let hint = hint_of(&barque, args, 1);
            assert!(hint.contains(wanted), "{args:?}: {hint}");
        }
    }
    let hint = hint_of(&barque, &["copy", "dir:dir", "out.tar"], 1);
    assert!(hint.contains("`docker-archive:out.tar`"), "{hint}");
}

#[test]
fn an_unknown_repository_does_not_point_to_its_tags() {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::open();
    registry.feed("fleet/ship:1", &images::small());
    let barque = Barque::new();
    let absent = registry.docker("fleet/none:1");
    let hint = hint_of(&barque, &["inspect", &absent], 2);
    assert!(
        hint.contains(&format!("`barque repos {}`", registry.address())),
        "{hint}"
    );
    assert!(!hint.contains("barque tags"), "{hint}");
}

#[test]
fn a_hint_repeats_how_the_registry_was_reached() {
    let registry = FakeRegistry::start().image("a", "1", &images::small());
    let barque = Barque::new();
    std::fs::write(barque.path("my auth.json"), "{}").unwrap();
    let absent = registry.docker("a:2");
    let flags = [
        "--authfile",
        "my auth.json",
        "--tls-verify=false",
        "--creds",
        "me:s3cret",
    ];
    let hint = hint_of(&barque, &[&["inspect", &absent][..], &flags].concat(), 2);
    let wanted = format!(
        "`barque tags --authfile 'my auth.json' --tls-verify=false {}`",
        registry.docker("a")
    );
    assert!(hint.contains(&wanted), "{hint}");
    let copy = [
        "copy",
        "--src-tls-verify=false",
        "--dest-cert-dir=x",
        &absent,
        "dir:out",
    ];
    let hint = hint_of(&barque, &copy, 2);
    let wanted = format!("`barque tags --tls-verify=false {}`", registry.docker("a"));
    assert!(hint.contains(&wanted), "{hint}");
}

#[test]
fn a_password_in_a_setting_is_not_shown() {
    let barque = Barque::new();
    std::fs::create_dir(barque.path("registries.d")).unwrap();
    let policy = r#"{"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"k"}]}"#;
    std::fs::write(barque.path("policy.json"), policy).unwrap();
    let registry = FakeRegistry::start().image("a", "1", &images::small());
    let image = registry.docker("a:1");
    let shown = |args: &[&str]| {
        let daemon = ("DOCKER_HOST", "tcp://user:sEcret@127.0.0.1:1");
        let out = barque.args(args).env(daemon.0, daemon.1).run();
        let text = out.stderr().to_owned();
        assert!(text.starts_with("barque: "), "{text}");
        assert!(!text.contains("sEcret") && !text.contains("user"), "{text}");
        text
    };
    for setting in [
        "lookaside: ftp://user:sEcret@host.example/x",
        "lookaside: 'https://user:sEcret@host.example /x'",
        "lookaside: https://user:sEcret@host.example!/x",
        "lookaside: [https://user:sEcret@host.example/x",
        "use-sigstore-attachments: https://user:sEcret@host.example/x",
    ] {
        let text = format!("default-docker:\n  {setting}\n");
        std::fs::write(barque.path("registries.d/x.yaml"), text).unwrap();
        let copy = ["--policy=policy.json", "--registries.d=registries.d"];
        let copy = [
            &copy[..],
            &["copy", "--tls-verify=false", &image, "dir:out"],
        ]
        .concat();
        let text = shown(&copy);
        assert!(text.contains("host.example"), "{setting}: {text}");
    }
    for location in [
        "https://user:sEcret@host.example/x",
        "user:sEcret@host.example/x",
    ] {
        for rest in ["", "\npull-from-mirror = 'never'"] {
            let table = "[[registry]]\nlocation = 'r.example'\n[[registry.mirror]]\nlocation = ";
            let text = format!("{table}'{location}'{rest}\n");
            std::fs::write(barque.path("r.conf"), text).unwrap();
            let image = "docker://r.example/a:1";
            let text = shown(&["--registries-conf=r.conf", "inspect", image]);
            assert!(text.contains("host.example"), "{location}: {text}");
        }
    }
    assert!(shown(&["inspect", "docker-daemon:a:1"]).contains("`tcp://127.0.0.1:1`"));
}
