//! Scopes, refusals and places that are no registry (rows A16 to A26).

use super::{assert_pushed, barque, bearer, push, pushing, raw, values};
use crate::support::fake::{FakeRegistry, on};
use crate::support::images;
use crate::support::peers::{self, Auth, DockerRegistry};
use crate::support::proxy::Proxy;
use crate::support::tls::Certificates;
use crate::support::token_server::{Quirk, TokenServer};

/// Copies between two repositories of a real registry whose token service grants one scope of two.
fn mount_with(quirk: Quirk) {
    peers::needs!("docker-registry", "skopeo");
    let tokens = TokenServer::start().quirk(quirk);
    let registry = DockerRegistry::setup().auth(Auth::Token(&tokens)).start();
    registry.feed("one/ship:1", &images::small());
    tokens.clear();
    let creds = registry.creds().unwrap();
    let (from, to) = (registry.docker("one/ship:1"), registry.docker("two/ship:1"));
    let barque = barque();
    let copy = [
        "copy",
        "--src-creds",
        creds,
        "--dest-creds",
        creds,
        &from,
        &to,
    ];
    barque.args(copy).run().ok();
    let two: Vec<_> = tokens
        .requests()
        .into_iter()
        .filter(|r| r.scopes.len() > 1)
        .collect();
    let wanted = ["repository:two/ship:pull,push", "repository:one/ship:pull"];
    assert!(
        !two.is_empty() && two.iter().all(|r| r.scopes == wanted),
        "{two:?}"
    );
    let inspect = ["inspect", "--raw", "--creds", creds, &to];
    assert_eq!(
        barque.args(inspect).run().ok().stdout_bytes(),
        images::small().manifest
    );
}

#[test]
fn a16_only_the_last_scope_is_granted() {
    mount_with(Quirk::LastScopeOnly);
}

#[test]
fn a17_only_the_first_scope_is_granted() {
    mount_with(Quirk::FirstScopeOnly);
}

#[test]
fn a17_the_scope_that_was_missing_comes_first() {
    let auth = FakeRegistry::start_on("127.0.0.2");
    let challenge = bearer(&auth.token_url()) + ",scope=\"repository:inner/a:pull\"";
    let registry = FakeRegistry::start()
        .image("a", "1", &images::small())
        .rule(on("GET").path("/manifests/").first(2).challenge(&challenge));
    raw(&registry).ok();
    let asked = auth.requests("GET", "/token");
    assert_eq!(asked.len(), 2);
    let wanted = "scope=repository%3Ainner%2Fa%3Apull&scope=repository%3Aa%3Apull&";
    assert!(asked[1].path.contains(wanted), "{}", asked[1].path);
}

#[test]
fn a17_a_server_that_always_names_another_scope_is_left() {
    let auth = FakeRegistry::start_on("127.0.0.2");
    let registry = FakeRegistry::start();
    for n in 1..20 {
        let scope = format!(",scope=\"repository:a{n}:pull\"");
        registry.add_rule(
            on("GET")
                .nth(n)
                .challenge(&(bearer(&auth.token_url()) + &scope)),
        );
    }
    raw(&registry).code(3);
    assert_eq!(registry.requests("", "").len(), 3);
}

#[test]
fn a18_a_token_for_more_than_is_needed_is_narrowed_once() {
    let image = images::small();
    let auth = FakeRegistry::start_on("127.0.0.2")
        .rule(on("GET").path("push").json(r#"{"token":"wide"}"#))
        .rule(on("GET").path("%3Apull&").json(r#"{"token":"exact"}"#));
    let wide =
        |head: &crate::support::fake::Head| head.header("authorization") == Some("Bearer wide");
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(
            on("")
                .without_header("authorization")
                .challenge(&bearer(&auth.token_url())),
        )
        .rule(on("HEAD").when(wide).error(403, "DENIED", "other scope"));
    push(&image, &registry).ok();
    let heads = registry.requests("HEAD", "/manifests/1");
    assert_eq!(
        values(&heads, "authorization"),
        ["Bearer wide", "Bearer exact"]
    );
    assert!(
        registry.requests("PUT", "").is_empty(),
        "the image is there"
    );

    let registry = registry.rule(
        on("GET")
            .with_header("authorization")
            .error(403, "DENIED", "no"),
    );
    registry.clear();
    raw(&registry).code(3);
    assert_eq!(
        registry.with_header("authorization").len(),
        1,
        "nothing narrower than `pull`"
    );
}

#[test]
fn a20_a_new_token_that_is_refused_is_about_permission() {
    let auth = FakeRegistry::start_on("127.0.0.2");
    let registry = FakeRegistry::start()
        .bearer(&auth.token_url(), usize::MAX)
        .rule(
            on("GET")
                .with_header("authorization")
                .challenge(&bearer(&auth.token_url())),
        );
    // With a login too: the token endpoint took it, so that it is not to blame.
    let args = ["inspect", "--raw", &registry.docker("a:1")];
    let login = ["--creds", "sailor:anchors"];
    for out in [raw(&registry), barque().args(args).args(login).run()] {
        let out = out.code(3);
        assert!(
            out.stderr().contains("does not exist or needs a login"),
            "{}",
            out.stderr()
        );
    }
    assert_eq!(registry.requests("", "").len(), 4);
    assert_eq!(auth.requests("", "").len(), 2);
}

#[test]
fn a20_a_push_without_the_right_ends() {
    let auth = FakeRegistry::start_on("127.0.0.2");
    let registry = FakeRegistry::start()
        .bearer(&auth.token_url(), usize::MAX)
        .rule(on("POST").challenge(&bearer(&auth.token_url())));
    let barque = barque();
    let run = pushing(&barque, &images::small(), &registry);
    run.args(["--image-parallel-copies", "1"]).run().code(3);
    // With a token that may be too old and with a new one; another blob may have begun meanwhile.
    let posts = registry.requests("POST", "");
    let first = posts.iter().filter(|s| s.path == posts[0].path);
    assert_eq!(first.count(), 2, "{:?}", registry.lines());
}

#[test]
fn a21_another_host_that_asks_gets_a_token_of_its_own() {
    let image = images::small();
    let path = format!("/v2/a/blobs/{}", image.config());
    let (own, theirs) = (
        FakeRegistry::start_on("127.0.0.2"),
        FakeRegistry::start_on("127.0.0.4"),
    );
    let own = own.rule(on("").json(r#"{"token":"of-the-registry"}"#));
    let content = FakeRegistry::start_on("127.0.0.3")
        .image("a", "1", &image)
        .bearer(&theirs.token_url(), usize::MAX);
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(
            on("")
                .without_header("authorization")
                .challenge(&bearer(&own.token_url())),
        )
        .rule(
            on("GET")
                .path("/blobs/")
                .with_header("authorization")
                .redirect(&(content.url() + &path)),
        );
    let args = [
        "inspect",
        "--no-tags",
        "--creds",
        "sailor:anchors",
        &registry.docker("a:1"),
    ];
    barque().args(args).run().ok();
    let sent = values(&content.requests("", ""), "authorization");
    assert!(
        sent.len() == 1 && sent[0].starts_with("Bearer fake-token"),
        "{sent:?}"
    );
    assert!(theirs.with_header("authorization").is_empty(), "anonymous");
    assert_eq!(theirs.requests("GET", "/token").len(), 1);
}

#[test]
fn a22_cookies_are_never_returned() {
    let registry =
        FakeRegistry::start()
            .rule(on("").set_cookie())
            .rule(
                on("")
                    .with_header("cookie")
                    .error(403, "FORBIDDEN", "CSRF token invalid"),
            );
    let image = images::small();
    push(&image, &registry).ok();
    assert_pushed(&registry, &image);
    assert!(registry.with_header("cookie").is_empty());
}

#[test]
fn a23_docker_hub_goes_by_several_names() {
    let certificates = Certificates::new();
    let registry = FakeRegistry::start_tls(&certificates)
        .image("library/a", "1", &images::small())
        .basic("sailor", "anchors");
    let proxy = Proxy::start(registry.address());
    let barque = barque();
    // `sailor:anchors`, under the key that every client stores for Docker Hub.
    let file = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"c2FpbG9yOmFuY2hvcnM="}}}"#;
    barque.write_home(".docker/config.json", file);
    let directory = certificates.ca_only_dir();
    for name in [
        "a:1",
        "docker.io/a:1",
        "docker.io/library/a:1",
        "index.docker.io/a:1",
        "registry-1.docker.io/library/a:1",
    ] {
        barque
            .args(["inspect", "--raw", &format!("docker://{name}")])
            .args(["--cert-dir".as_ref(), directory.as_os_str()])
            .env("HTTPS_PROXY", proxy.url())
            .run()
            .ok();
    }
    let connects = proxy.connects();
    assert!(
        connects.iter().all(|c| c.to == "registry-1.docker.io:443"),
        "{connects:?}"
    );
}

#[test]
fn a24_a_wrong_login_is_tried_once() {
    let login = ["--creds", "sailor:wrong"];
    let basic = FakeRegistry::start().basic("sailor", "anchors");
    let args = ["inspect", "--raw", &basic.docker("a:1")];
    let out = barque().args(args).args(login).run().code(3);
    assert!(
        out.stderr().contains("refuses this credential"),
        "{}",
        out.stderr()
    );
    assert_eq!(basic.with_header("authorization").len(), 1);

    let auth = FakeRegistry::start_on("127.0.0.2").rule(on("").with_header("authorization").error(
        401,
        "UNAUTHORIZED",
        "wrong password",
    ));
    let registry = FakeRegistry::start().bearer(&auth.token_url(), usize::MAX);
    let args = ["inspect", "--raw", &registry.docker("a:1")];
    let out = barque().args(args).args(login).run().code(3);
    assert!(
        out.stderr().contains("`--creds` was refused"),
        "{}",
        out.stderr()
    );
    assert_eq!(auth.with_header("authorization").len(), 1);
}

#[test]
fn a25_no_registry_at_this_place() {
    let registry = FakeRegistry::start()
        .rule(on("").answer(crate::support::fake::Reply::new(404, "nothing here")));
    let login = ["login", "-u", "sailor", "-p", "anchors", registry.address()];
    for out in [barque().args(login).run(), raw(&registry)] {
        let out = out.code(2);
        assert!(
            out.stderr().contains("is a port or a path prefix missing"),
            "{}",
            out.stderr()
        );
    }
}

#[test]
fn a26_a_web_page_for_everything_is_no_registry() {
    let registry = FakeRegistry::start().rule(on("").html(200));
    let barque = barque();
    let login = ["login", "-u", "sailor", "-p", "anchors", registry.address()];
    let out = barque.args(login).run().code(5);
    assert!(out.stderr().contains("web page"), "{}", out.stderr());
    assert!(
        !barque.runtime_dir().join("containers/auth.json").exists(),
        "nothing is stored"
    );
    assert!(raw(&registry).code(5).stderr().contains("web page"));
    push(&images::small(), &registry).code(5);
}
