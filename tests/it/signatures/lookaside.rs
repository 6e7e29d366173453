use super::*;
use crate::support::fake::{FakeRegistry, Reply, on};
use crate::support::images::{five_platforms, small};
use crate::support::peers::{self, DockerRegistry};

#[test]
fn signatures_go_to_a_folder_and_come_back() {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::open();
    let barque = Barque::new();
    with_folder(&barque);
    let image = five_platforms();
    let child = image.children[1].digest.hex().to_owned();
    signed(&barque.path("from"), &image, &[openpgp(1), openpgp(2)]);
    fs::write(barque.path(format!("from/{child}.signature-1")), openpgp(3)).unwrap();
    let there = registry.docker("team/app:1");
    copy(&barque, &["--all", "dir:from", &there]).run().ok();
    let of = |hex: &str| barque.path(format!("lookaside/team/app@sha256={hex}"));
    let own = image.digest.hex();
    assert_eq!(signatures_in(&of(own)).len(), 2);
    assert_eq!(
        fs::read(of(&child).join("signature-1")).unwrap(),
        openpgp(3)
    );

    copy(&barque, &["--all", &there, "dir:back"]).run().ok();
    assert_eq!(
        signatures_in(&barque.path("back")),
        signatures_in(&barque.path("from"))
    );
    // skopeo finds the same ones.
    let skopeo = peers::skopeo();
    let config = format!("--registries.d={}", barque.path("registries.d").display());
    skopeo
        .args([&config, "copy", "-q", "--all", "--src-tls-verify=false"])
        .args([&there, "dir:theirs"])
        .run()
        .ok();
    assert_eq!(
        signatures_in(&skopeo.path("theirs")),
        signatures_in(&barque.path("from"))
    );

    // An image that is there already gets new signatures, and loses those that the source does not have.
    fs::remove_file(barque.path("from/signature-2")).unwrap();
    fs::write(barque.path("from/signature-1"), openpgp(9)).unwrap();
    let mark = registry.mark();
    copy(&barque, &["--all", "dir:from", &there]).run().ok();
    assert_eq!(registry.since(mark).count("PUT", ""), 0);
    let only = vec![("signature-1".to_owned(), openpgp(9))];
    assert_eq!(signatures_in(&of(own)), only);
    // None are asked for.
    let flags = ["--all", "--remove-signatures", &there, "dir:bare"];
    copy(&barque, &flags).run().ok();
    assert_eq!(signatures_in(&barque.path("bare")), []);
}

#[test]
fn a_server_is_read_until_a_signature_is_missing() {
    let image = small();
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .basic("u", "secret");
    let place = format!("/sigs/a@sha256={}/signature-", image.digest.hex());
    let server = FakeRegistry::start_on("127.0.0.2");
    for n in 1..=2 {
        let rule = on("GET").path_end(&format!("{place}{n}"));
        server.add_rule(rule.answer(Reply::new(200, openpgp(n))));
    }
    let barque = Barque::new();
    configure(
        &barque,
        &format!(
            "docker:\n  {}/a:\n    lookaside: {}/sigs/\n",
            registry.address(),
            server.url()
        ),
    );
    let name = registry.docker("a:1");
    copy(&barque, &["--src-creds=u:secret", &name, "dir:to"])
        .run()
        .ok();
    let numbered = |n: u8| (format!("signature-{n}"), openpgp(n));
    assert_eq!(
        signatures_in(&barque.path("to")),
        [numbered(1), numbered(2)]
    );
    assert_eq!(
        server.requests("GET", &place).len(),
        3,
        "{:?}",
        server.lines()
    );
    assert!(server.with_header("authorization").is_empty());

    // It cannot be written to.
    let out = copy(&barque, &["dir:to", "--dest-creds=u:secret", &name])
        .run()
        .ok();
    assert!(
        out.stderr().contains("can only be read"),
        "{}",
        out.stderr()
    );
}

#[test]
fn a_server_that_misbehaves_fails_the_copy() {
    let image = small();
    let registry = FakeRegistry::start().image("a", "1", &image);
    let barque = Barque::new().env("BARQUE_RETRY_BACKOFF", "1ms");
    let endless = Reply::new(200, openpgp(1));
    let large = Reply::new(200, vec![0x90; (4 << 20) + 1]);
    for (rule, exit, why, most) in [
        (on("GET").answer(endless), 4, "too many signatures", 130),
        (on("GET").answer(large), 4, "", 2),
        (on("GET").status(500), 5, "500", 10),
        (on("GET").status(403), 3, "403", 10),
        (on("GET").redirect("/again"), 5, "redirects", 10),
        (
            on("GET").redirect("file:///etc/passwd"),
            5,
            "only http and https",
            10,
        ),
    ] {
        let server = FakeRegistry::start_on("127.0.0.2").rule(rule);
        configure(
            &barque,
            &format!("default-docker:\n  lookaside: {}\n", server.url()),
        );
        let out = copy(&barque, &[&registry.docker("a:1"), "dir:to"])
            .run()
            .code(exit);
        assert!(out.stderr().contains(why), "{why}: {}", out.stderr());
        assert!(server.lines().len() <= most, "{why}: {:?}", server.lines());
        assert!(!barque.path("to/manifest.json").exists());
    }
}

#[test]
fn a_broken_configuration_is_named() {
    let registry = FakeRegistry::start().image("a", "1", &small());
    let barque = Barque::new();
    configure(&barque, "docker:\n  a.example:\n    lookaside: {}\n");
    let out = copy(&barque, &[&registry.docker("a:1"), "dir:to"])
        .run()
        .code(1);
    let said = "registries.d/config.yaml` line 3, `lookaside: {}`";
    assert!(out.stderr().contains(said), "{}", out.stderr());
    // What asks for no signatures does not read it.
    let flags = ["--remove-signatures", &registry.docker("a:1"), "dir:to"];
    copy(&barque, &flags).run().ok();
}
