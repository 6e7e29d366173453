//! Ping, challenge, authentication (rows A1 to A15).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{barque, bearer, pushing, raw, raw_of_public, values};
use crate::support::fake::{FakeRegistry, Head, on};
use crate::support::images;
use crate::support::proxy::Proxy;
use crate::support::tls::Certificates;

/// A registry with an image `a:1`, and a token service beside it.
fn pair() -> (FakeRegistry, FakeRegistry) {
    let registry = FakeRegistry::start().image("a", "1", &images::small());
    (registry, FakeRegistry::start_on("127.0.0.2"))
}

const CREDS: [&str; 2] = ["--creds", "sailor:anchors"];

#[test]
fn a1_only_one_repository_asks() {
    let (registry, auth) = pair();
    let challenge = bearer(&auth.token_url());
    let registry = registry.rule(
        on("")
            .path("/v2/a/")
            .without_header("authorization")
            .challenge(&challenge),
    );
    raw(&registry).ok();
    assert_eq!(
        registry.lines(),
        ["GET /v2/a/manifests/1 401", "GET /v2/a/manifests/1 200"]
    );
    assert_eq!(auth.requests("GET", "/token").len(), 1);
}

#[test]
fn a2_challenge_only_on_the_ping() {
    let (registry, auth) = pair();
    let challenge = bearer(&auth.token_url());
    let registry = registry
        .rule(
            on("")
                .path("/v2/a/")
                .without_header("authorization")
                .status(401),
        )
        .rule(on("GET").path_end("/v2/").challenge(&challenge));
    raw(&registry).ok();
    assert_eq!(
        registry.lines(),
        [
            "GET /v2/a/manifests/1 401",
            "GET /v2/ 401",
            "GET /v2/a/manifests/1 200"
        ]
    );
}

#[test]
fn a3_the_scope_of_the_ping_is_not_used() {
    let (registry, auth) = pair();
    let auth = auth.rule(
        on("GET")
            .path("user%2Fimage")
            .error(403, "DENIED", "no such image"),
    );
    let challenge = bearer(&auth.token_url()) + ",scope=\"repository:user/image:pull\"";
    let registry = registry
        .rule(
            on("")
                .path("/v2/a/")
                .without_header("authorization")
                .status(401),
        )
        .rule(on("GET").path_end("/v2/").challenge(&challenge));
    raw(&registry).ok();
    let asked = auth.requests("GET", "/token");
    assert_eq!(asked.len(), 1);
    assert!(
        asked[0].path.contains("scope=repository%3Aa%3Apull&"),
        "{}",
        asked[0].path
    );
}

#[test]
fn a4_a_challenge_without_scope() {
    let (registry, auth) = pair();
    let registry = registry.bearer(&auth.token_url(), usize::MAX);
    raw(&registry).ok();
    let asked = &auth.requests("GET", "/token")[0];
    assert!(
        asked
            .path
            .contains("service=fake&scope=repository%3Aa%3Apull&"),
        "{}",
        asked.path
    );
}

#[test]
fn a5_bearer_before_basic_in_another_header_and_a_token_alone() {
    let (registry, auth) = pair();
    let auth = auth.rule(on("GET").path("/token").json(r#"{"token":"only"}"#));
    let challenge = format!("Bearer realm=\"{}\"", auth.token_url());
    let registry = registry.rule(
        on("")
            .without_header("authorization")
            .challenge(&challenge)
            .add_header("WWW-Authenticate", "Basic realm=\"gitea\""),
    );
    barque()
        .args(["inspect", &registry.docker("a:1")])
        .args(CREDS)
        .run()
        .ok();
    let sent = values(&registry.with_header("authorization"), "authorization");
    assert!(
        sent.len() > 1 && sent.iter().all(|v| v == "Bearer only"),
        "{sent:?}"
    );
    assert_eq!(auth.requests("GET", "/token").len(), 1, "60 s are assumed");
}

#[test]
fn a6_unknown_schemes_are_passed_over() {
    let registry = FakeRegistry::start()
        .image("a", "1", &images::small())
        .rule(
            on("")
                .without_header("authorization")
                .challenge("Negotiate")
                .add_header("WWW-Authenticate", "NTLM, Kerberos abc==")
                .add_header("WWW-Authenticate", "Basic realm=\"last\""),
        )
        .basic("sailor", "anchors");
    let args = ["inspect", "--raw", &registry.docker("a:1")];
    barque().args(args).args(CREDS).run().ok();
    assert_eq!(registry.requests("", "").len(), 2);
}

#[test]
fn a7_a_realm_that_is_no_web_address_is_refused() {
    let registry = FakeRegistry::start().rule(on("").challenge(&bearer("null://host/v2/token")));
    let out = raw(&registry).code(5);
    assert!(
        out.stderr().contains("`null://host/v2/token`"),
        "{}",
        out.stderr()
    );
    assert_eq!(registry.requests("", "").len(), 1);
}

#[test]
fn a8_a_realm_where_nobody_listens_is_named() {
    let free = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let registry =
        FakeRegistry::start().rule(on("").challenge(&bearer(&format!("http://{address}/t"))));
    let out = raw(&registry).code(5);
    assert!(
        out.stderr().contains("asking for a token"),
        "{}",
        out.stderr()
    );
    assert!(out.stderr().contains(&address), "{}", out.stderr());
}

#[test]
fn a8_a_private_realm_of_a_public_registry_is_refused() {
    let certificates = Certificates::new();
    let registry = FakeRegistry::start_tls(&certificates)
        .rule(on("").challenge(&bearer("https://10.0.0.1/token")));
    let proxy = Proxy::start(registry.address());
    let out = raw_of_public(&barque(), &certificates, &proxy.url())
        .run()
        .code(5);
    assert!(out.stderr().contains("private address"), "{}", out.stderr());
    let places: Vec<_> = proxy.connects().into_iter().map(|c| c.to).collect();
    assert_eq!(places, ["registry.example:443"]);
}

#[test]
fn a9_a_sign_in_page_is_no_token() {
    let (registry, auth) = pair();
    let content = FakeRegistry::start_on("127.0.0.3").rule(on("").html(200));
    let auth = auth.rule(on("").redirect(&format!("{}/login?secret=1", content.url())));
    let registry = registry.bearer(&auth.token_url(), usize::MAX);
    let args = ["inspect", "--raw", &registry.docker("a:1")];
    let out = barque().args(args).args(CREDS).run().code(5);
    assert!(
        out.stderr()
            .contains(&format!("{}/login answered 200", content.url())),
        "{}",
        out.stderr()
    );
    assert!(
        out.stderr().contains("text/html") && !out.stderr().contains("secret"),
        "{}",
        out.stderr()
    );
    assert_eq!(auth.with_header("authorization").len(), 1);
    assert!(content.with_header("authorization").is_empty());
}

#[test]
fn a9_what_is_no_token_is_not_shown() {
    for body in [
        r#"{"token":"anchors", expires_in:1}"#,
        r#""anchors""#,
        r#"{"token":["anchors"]}"#,
        r#"{"token":"anchors","expires_in":NaN}"#,
    ] {
        let (registry, auth) = pair();
        let auth = auth.rule(on("GET").json(body));
        let registry = registry.bearer(&auth.token_url(), usize::MAX);
        let args = ["inspect", "--raw", "--debug", &registry.docker("a:1")];
        let out = barque().args(args).run().code(5);
        let told = "answered 200 without a token, with `application/json`";
        assert!(out.stderr().contains(told), "{}", out.stderr());
        assert!(!out.stderr().contains("anchors"), "{}", out.stderr());
        assert_eq!(auth.lines().len(), 1);
    }
}

#[test]
fn a14_a_token_is_read_however_odd_the_rest_of_its_answer() {
    for body in [
        r#"{"token":"first","token":"anchors"}"#,
        "\u{feff}{\"token\":\"anchors\"}",
        r#"{"token":"anchors","expires_in":1e400}"#,
        r#"{"token":"anchors","expires_in":"soon","issued_at":7}"#,
        r#"{"token":"anchors","expires_in":{"s":1},"access_token":null}"#,
        r#"{"token":null,"access_token":"anchors","expires_in":-1}"#,
    ] {
        let (registry, auth) = pair();
        let auth = auth.rule(on("GET").json(body));
        let challenge = bearer(&auth.token_url());
        let is_given = |h: &Head| h.header("authorization") == Some("Bearer anchors");
        let registry = registry.rule(on("").when(move |h| !is_given(h)).challenge(&challenge));
        raw(&registry).ok();
        assert_eq!(
            (auth.lines().len(), registry.lines().len()),
            (1, 2),
            "{body}"
        );
    }
}

#[test]
fn a10_basic_without_a_token_service() {
    let registry = FakeRegistry::start()
        .image("a", "1", &images::small())
        .basic("AWS", "a:long:password");
    let barque = barque();
    let auth = STANDARD.encode("AWS:a:long:password");
    let file = format!(
        r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#,
        registry.address()
    );
    barque.write_home(".docker/config.json", file);
    barque.args(["inspect", &registry.docker("a:1")]).run().ok();
    let without = registry.requests("", "").len() - registry.with_header("authorization").len();
    assert_eq!(without, 1, "the first request asks, the others know");
}

#[test]
fn a11_the_password_is_exchanged_and_never_sent_as_a_token() {
    let (registry, auth) = pair();
    let registry = registry.bearer(&auth.token_url(), usize::MAX);
    let args = ["inspect", "--raw", &registry.docker("a:1")];
    barque().args(args).args(CREDS).run().ok();
    let basic = format!("Basic {}", STANDARD.encode("sailor:anchors"));
    assert_eq!(
        values(&auth.with_header("authorization"), "authorization"),
        [basic]
    );
    let sent = values(&registry.with_header("authorization"), "authorization");
    assert!(
        sent.iter().all(|v| v.starts_with("Bearer fake-token-")),
        "{sent:?}"
    );
}

#[test]
fn a12_post_is_for_identity_tokens_and_falls_back_to_get() {
    for status in [400, 401, 404, 405] {
        let (registry, auth) = pair();
        let auth = auth.rule(on("POST").error(status, "UNSUPPORTED", "no POST here"));
        let registry = registry.bearer(&auth.token_url(), usize::MAX);
        let barque = barque();
        let (address, pair) = (registry.address(), STANDARD.encode("sailor:anchors"));
        let file =
            format!(r#"{{"auths":{{"{address}":{{"auth":"{pair}","identitytoken":"refresh"}}}}}}"#);
        barque.write_home(".docker/config.json", file);
        barque
            .args(["inspect", "--raw", &registry.docker("a:1")])
            .run()
            .ok();
        let methods: Vec<_> = auth
            .requests("", "/token")
            .into_iter()
            .map(|s| s.method)
            .collect();
        assert_eq!(methods, ["POST", "GET"], "after {status}");
    }
}

#[test]
fn a12_a_password_is_sent_by_get() {
    let (registry, auth) = pair();
    let auth = auth.rule(on("POST").status(404));
    let registry = registry.bearer(&auth.token_url(), usize::MAX);
    let args = ["inspect", "--raw", &registry.docker("a:1")];
    barque().args(args).args(CREDS).run().ok();
    assert!(auth.requests("POST", "").is_empty());
}

#[test]
fn a13_access_token_alone_serves_and_an_empty_one_does_not() {
    let (registry, auth) = pair();
    let challenge = bearer(&auth.token_url());
    auth.add_rule(
        on("GET")
            .path("/token")
            .nth(1)
            .json(r#"{"access_token":"acr"}"#),
    );
    auth.add_rule(
        on("GET")
            .path("/token")
            .nth(2)
            .json(r#"{"token":"","access_token":""}"#),
    );
    let registry = registry.rule(on("").without_header("authorization").challenge(&challenge));
    raw(&registry).ok();
    assert_eq!(
        values(&registry.requests("", ""), "authorization"),
        ["Bearer acr"]
    );
    let out = raw(&registry).code(5);
    assert!(out.stderr().contains("without a token"), "{}", out.stderr());
}

#[test]
fn a14_lifetimes_missing_short_or_off_by_a_day() {
    for rest in [
        "",
        r#","expires_in":1"#,
        r#","expires_in":"10""#,
        r#","expires_in":300,"issued_at":"2001-01-01T00:00:00Z""#,
    ] {
        let (registry, auth) = pair();
        let auth = auth.rule(on("GET").json(&format!(r#"{{"token":"t"{rest}}}"#)));
        let challenge = bearer(&auth.token_url());
        let registry = registry.rule(on("").without_header("authorization").challenge(&challenge));
        barque()
            .args(["inspect", &registry.docker("a:1")])
            .run()
            .ok();
        assert!(registry.with_header("authorization").len() >= 3);
        assert_eq!(
            auth.requests("GET", "/token").len(),
            1,
            "one token for all: {rest}"
        );
    }
}

#[test]
fn a15_tokens_die_in_the_middle_of_a_push() {
    let auth = FakeRegistry::start_on("127.0.0.2");
    let registry = FakeRegistry::start().bearer(&auth.token_url(), 2);
    let image = images::small();
    let barque = barque();
    // One request at a time: a new token must not be used up by another.
    let run = pushing(&barque, &image, &registry);
    run.args(["--image-parallel-copies", "1"]).run().ok();
    super::assert_pushed(&registry, &image);
    assert!(auth.requests("GET", "/token").len() > 1);
}
