//! A registry with token authentication: how many requests it costs, tokens that expire, and refusals.

use std::time::Duration;

use serde_json::json;

use super::support::Barque;
use super::support::fake::{FakeRegistry, on};
use super::support::harbour::{
    auth_json, base64, good, reader, skopeo_reads, spied, voyage, warned_once,
};
use super::support::images::{self, Dialect, Maker, TestImage, noise};
use super::support::peers::{self, Auth, DockerRegistry, Requests, USER};
use super::support::sandbox::Sandbox;
use super::support::token_server::{Quirk, READER, TokenServer, refresh_token};

fn harbour(tokens: &TokenServer) -> DockerRegistry {
    DockerRegistry::setup().auth(Auth::Token(tokens)).start()
}

/// An image of `count` layers of 20 KB and one of 2 MB.
fn many_layers(count: u64) -> TestImage {
    let maker = Maker::new(Dialect::Oci).file_layer("large", noise(99, 2_000_000));
    let layer = |maker: Maker, i| maker.file_layer(&format!("f{i}"), noise(i, 20_000));
    (0..count).fold(maker, layer).make()
}

fn refused(requests: &Requests) -> usize {
    requests.iter().filter(|r| r.status == 401).count()
}

#[test]
fn a_voyage_with_tokens() {
    peers::needs!("docker-registry", "skopeo");
    let tokens = TokenServer::start();
    voyage(&harbour(&tokens));
}

#[test]
fn a_401_and_a_token_are_paid_once() {
    peers::needs!("docker-registry", "skopeo");
    let tokens = TokenServer::start();
    let registry = harbour(&tokens);
    registry.feed("public/ship:1", &images::two_layers());
    let barque = Barque::new();
    let name = registry.docker("public/ship:1");
    let counted = |args: &[&str]| {
        tokens.clear();
        let mark = registry.mark();
        spied(barque.args(args)).ok();
        let seen = registry.since(mark);
        assert_eq!(
            seen.iter().filter(|r| r.path == "/v2/").count(),
            0,
            "no ping"
        );
        (seen, tokens.requests().len())
    };
    let (seen, asked) = counted(&["inspect", "-n", &name]);
    assert_eq!(
        (seen.len(), refused(&seen), asked),
        (3, 1, 1),
        "{:#?}",
        seen.lines()
    );
    let (seen, asked) = counted(&["inspect", &name]);
    assert_eq!(
        (seen.len(), refused(&seen), asked),
        (4, 1, 1),
        "{:#?}",
        seen.lines()
    );
    let (seen, asked) = counted(&["tags", &registry.docker("public/ship")]);
    assert_eq!((seen.len(), asked), (2, 1), "{:#?}", seen.lines());
}

#[test]
fn a_copy_pays_the_same_for_few_and_many_blobs() {
    peers::needs!("docker-registry", "skopeo");
    let (from, to) = (TokenServer::start(), TokenServer::start());
    let (source, destination) = (harbour(&from), harbour(&to));
    let (reader, good) = (reader(), good());
    let mut paid = Vec::new();
    for (tag, layers) in [("few", 2), ("many", 24)] {
        let name = format!("fleet/{tag}:1");
        let image = many_layers(layers);
        source.feed(&name, &image);
        let marks = (source.mark(), destination.mark());
        from.clear();
        to.clear();
        let both = (source.docker(&name), destination.docker(&name));
        let creds = ["--src-creds", &reader, "--dest-creds", &good];
        spied(Barque::new().args(["copy", &both.0, &both.1]).args(creds)).ok();
        let seen = (source.since(marks.0), destination.since(marks.1));
        let tokens = from.requests().len() + to.requests().len();
        paid.push(refused(&seen.0) + refused(&seen.1) + tokens);
        let all = seen.0.iter().chain(seen.1.iter());
        assert_eq!(all.filter(|r| r.path == "/v2/").count(), 0, "no ping");
        skopeo_reads(&destination, &name, &image);
    }
    assert!(paid[0] <= 6 && paid[0] == paid[1], "{paid:?}");
}

#[test]
fn tokens_that_expire_in_the_middle_are_renewed() {
    peers::needs!("docker-registry", "skopeo");
    // The source is slow enough for the destination's tokens of one second to expire several times.
    let image = many_layers(12);
    let slow = FakeRegistry::start()
        .image("ship", "1", &image)
        .rule(on("GET").path("/blobs/").delay(Duration::from_millis(1200)));
    let tokens = TokenServer::start().lifetime(1);
    let registry = harbour(&tokens);
    let good = good();
    for announced in [None, Some(300)] {
        let tag = format!("ship-{}:1", announced.unwrap_or(1));
        if let Some(seconds) = announced {
            tokens.set_announced(seconds);
        }
        tokens.clear();
        let args = ["copy", "--image-parallel-copies=3", "--dest-creds", &good];
        let both = [slow.docker("ship:1"), registry.docker(&tag)];
        spied(Barque::new().args(args).args(both)).ok();
        let asked = tokens.requests().len();
        assert!((2..40).contains(&asked), "{asked} tokens");
        tokens.set_lifetime(300);
        skopeo_reads(&registry, &tag, &image);
        tokens.set_lifetime(1);
    }
}

#[test]
fn a15_tokens_good_for_few_requests_are_renewed() {
    let image = many_layers(12);
    for uses in [3, 5] {
        let endpoint = FakeRegistry::start();
        let source = FakeRegistry::start()
            .image("ship", "1", &image)
            .bearer(&endpoint.token_url(), uses);
        let destination = FakeRegistry::start().bearer(&endpoint.token_url(), uses);
        let both = [source.docker("ship:1"), destination.docker("ship:1")];
        spied(Barque::new().args(["copy"]).args(both)).ok();
        assert_eq!(destination.manifest("ship", "1").unwrap(), image.manifest);
    }
}

#[test]
fn a_token_that_never_holds_is_an_error_at_once() {
    peers::needs!("docker-registry", "skopeo");
    let tokens = TokenServer::start();
    let registry = harbour(&tokens);
    registry.feed("public/ship:1", &images::small());
    tokens.set_lifetime(-5);
    tokens.clear();
    let inspect = ["inspect", "-n", &registry.docker("public/ship:1")];
    spied(Barque::new().args(inspect)).code(3);
    assert!(tokens.requests().len() <= 2, "{:#?}", tokens.requests());
}

#[test]
fn a20_a_token_without_permission_is_an_error_at_once() {
    peers::needs!("docker-registry", "skopeo");
    let tokens = TokenServer::start();
    let registry = harbour(&tokens);
    let barque = Barque::new();
    images::write_layout(&barque.path("layout"), &[("v1", &images::small())]);
    let to = registry.docker("private/ship:1");
    let copy = ["copy", "oci:layout:v1", &to, "--dest-creds", &reader()];
    let out = spied(barque.args(copy)).code(3);
    assert!(out.stderr().contains("`--dest-creds`"), "{}", out.stderr());
    assert!(tokens.requests().len() <= 4, "{:#?}", tokens.requests());

    tokens.clear();
    let inspect = ["inspect", "-n", &registry.docker("private/none:1")];
    let out = spied(barque.args(inspect)).code(3);
    assert!(out.stderr().contains("barque login"), "{}", out.stderr());
    assert!(tokens.requests().len() <= 2, "{:#?}", tokens.requests());
}

#[test]
fn a24_a_wrong_password_is_tried_twice_at_most() {
    peers::needs!("docker-registry", "skopeo");
    let tokens = TokenServer::start();
    let registry = harbour(&tokens);
    registry.feed("public/ship:1", &images::small());
    tokens.clear();
    let name = registry.docker("public/ship:1");
    let wrong = format!("{USER}:wrong-password");
    // With tags, so that two requests want a token at the same time.
    let out = spied(Barque::new().args(["inspect", &name, "--creds", &wrong])).code(3);
    assert!(out.stderr().contains("`--creds`"), "{}", out.stderr());
    let log = tokens.requests();
    assert!(
        log.iter().all(|r| r.status == 401),
        "no anonymous retry: {log:#?}"
    );
    assert!(log.len() <= 2, "{log:#?}");
}

#[test]
fn refused_stored_credentials_are_left_aside_for_reads_only() {
    peers::needs!("docker-registry", "skopeo");
    let tokens = TokenServer::start();
    let registry = harbour(&tokens);
    registry.feed("public/ship:1", &images::small());
    let tokens = tokens.quirk(Quirk::Refuse(USER));
    let barque = Barque::new();
    barque.write_home(
        ".docker/config.json",
        auth_json(registry.address(), &good()),
    );
    tokens.clear();
    let name = registry.docker("public/ship:1");
    let out = spied(barque.args(["inspect", &name])).ok();
    warned_once(&out, "~/.docker/config.json");
    let refused = tokens.requests().iter().filter(|r| r.status == 401).count();
    assert!(refused <= 2, "A24: {:#?}", tokens.requests());

    images::write_layout(&barque.path("layout"), &[("v1", &images::small())]);
    tokens.clear();
    let out =
        spied(barque.args(["copy", "oci:layout:v1", &registry.docker("public/new:1")])).code(3);
    assert!(
        out.stderr().contains("~/.docker/config.json"),
        "{}",
        out.stderr()
    );
    let log = tokens.requests();
    assert!(
        log.iter().all(|r| r.status == 401) && log.len() <= 2,
        "{log:#?}"
    );
}

/// Stores an identity token of the reader for `registry`.
fn write_identity_token(barque: &Barque, registry: &DockerRegistry) {
    let login = json!({ "auths": { registry.address(): {
        "auth": base64("<token>:"),
        "identitytoken": refresh_token(READER.0),
    }}});
    barque.write_home(".docker/config.json", login.to_string());
}

#[test]
fn an_identity_token_is_exchanged_by_post() {
    peers::needs!("docker-registry", "skopeo");
    let tokens = TokenServer::start();
    let registry = harbour(&tokens);
    registry.feed("private/ship:1", &images::small());
    let barque = Barque::new();
    write_identity_token(&barque, &registry);
    tokens.clear();
    spied(barque.args(["inspect", &registry.docker("private/ship:1")])).ok();
    let log = tokens.requests();
    assert_eq!(log.len(), 1, "{log:#?}");
    assert_eq!(
        (
            log[0].method,
            log[0].grant_type.as_str(),
            log[0].user.as_deref()
        ),
        ("POST", "refresh_token", Some(READER.0))
    );
}

#[test]
fn an_identity_token_follows_a_redirect_within_its_server_only() {
    peers::needs!("docker-registry", "skopeo");
    let elsewhere = TokenServer::start();
    for (endpoint, code, posts) in [("/token", 0, 1), (&*elsewhere.realm(), 6, 0)] {
        let tokens = TokenServer::start().moved();
        let registry = harbour(&tokens);
        registry.feed("private/ship:1", &images::small());
        let barque = Barque::new();
        write_identity_token(&barque, &registry);
        tokens.clear();
        tokens.set_moved(endpoint);
        let inspect = barque.args(["inspect", "--no-tags", &registry.docker("private/ship:1")]);
        inspect.run().code(code);
        let log = tokens.requests();
        let sent = log.iter().filter(|r| r.grant_type == "refresh_token");
        assert_eq!(sent.count(), posts, "{log:#?}");
    }
    assert_eq!(elsewhere.requests(), []);
}

#[test]
fn a_registry_token_goes_out_as_it_is() {
    peers::needs!("docker-registry", "skopeo", "curl");
    let tokens = TokenServer::start();
    let registry = harbour(&tokens);
    registry.feed("private/ship:1", &images::small());
    let scope = "repository:private/ship:pull";
    let url = format!(
        "{}?service={}&scope={scope}",
        tokens.realm(),
        tokens.service()
    );
    let answer = Sandbox::of("curl")
        .args(["-fsS", "-u", &good(), &url])
        .run();
    let answer = answer.ok().json();
    let token = answer["token"].as_str().unwrap();
    tokens.clear();
    let mark = registry.mark();
    let inspect = [
        "inspect",
        "-n",
        &registry.docker("private/ship:1"),
        "--registry-token",
    ];
    spied(Barque::new().args(inspect).args([token])).ok();
    let seen = registry.since(mark);
    assert_eq!(
        (seen.len(), tokens.requests().len()),
        (2, 0),
        "{:#?}",
        seen.lines()
    );

    let barque = Barque::new();
    let stored = json!({ "auths": { registry.address(): { "registrytoken": token } } });
    barque.write_home(".docker/config.json", stored.to_string());
    spied(barque.args(["inspect", "-n", &registry.docker("private/ship:1")])).ok();
    assert_eq!(tokens.requests().len(), 0);
    let out = spied(Barque::new().args(inspect).args(["wrong-password"])).code(3);
    assert!(
        out.stderr().contains("`--registry-token`"),
        "{}",
        out.stderr()
    );
}
