//! Which token endpoints see a password, and which are asked without it.
//!
//! One fake stands for registry and token endpoint; a proxy leads all names to it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{barque, bearer};
use crate::support::Barque;
use crate::support::fake::{FakeRegistry, Head, on};
use crate::support::images;
use crate::support::peers;
use crate::support::proxy::Proxy;
use crate::support::sandbox::{Run, Sandbox};
use crate::support::tls::Certificates;

const USER: &str = "sailor";
const PASSWORD: &str = "anchors-aweigh";
/// A registry whose owner has its tokens issued below another domain, as one cloud does.
const REGISTRY: &str = "rg.fr-par.registry.example";
const TOKENS: &str = "api.tokens.example.com";

struct Place {
    fake: FakeRegistry,
    proxy: Proxy,
}

/// `team/a:1` on a host that sends its clients to `realm` for tokens. The endpoint gives a token to those who log in,
/// and to others if it is `open`.
fn place(realm: &str, open: bool) -> Place {
    let path = url::Url::parse(realm).unwrap().path().to_owned();
    let fake = FakeRegistry::start_tls(&Certificates::new()).image("team/a", "1", &images::small());
    let is_registry =
        |h: &Head| h.path().starts_with("/v2/") && h.header("authorization").is_none();
    let token = on("GET").path(&(path.clone() + "?"));
    let fake = fake
        .rule(on("").when(is_registry).challenge(&bearer(realm)))
        .rule(token.json(r#"{"token":"harbour-pass"}"#));
    let refuse = on("GET")
        .path(&(path + "?"))
        .without_header("authorization");
    let denied = "requested access to the resource is denied";
    let fake = match open {
        true => fake,
        false => fake.rule(refuse.error(403, "DENIED", denied)),
    };
    let proxy = Proxy::start(fake.address());
    Place { fake, proxy }
}

impl Place {
    fn run(&self, barque: &Barque, args: &[&str]) -> Run {
        let run = barque.args(args).args(["--tls-verify=false"]);
        run.env("HTTPS_PROXY", self.proxy.url())
    }

    fn inspect(&self, barque: &Barque, registry: &str) -> Run {
        let name = format!("docker://{registry}/team/a:1");
        self.run(barque, &["inspect", "--raw", &name])
    }

    /// The credentials that the token endpoint saw, one for each request.
    fn seen(&self) -> Vec<Option<String>> {
        let asked = self.fake.requests("GET", "client_id=barque");
        let sent = asked.iter().map(|s| s.header("authorization"));
        sent.map(|value| value.map(str::to_owned)).collect()
    }
}

fn basic() -> Option<String> {
    let pair = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    Some(format!("Basic {pair}"))
}

#[test]
fn b1_hosts_of_one_owner_get_the_password() {
    for (registry, realm) in [
        ("docker.io", "https://auth.docker.io/token"),
        ("registry.gitlab.com", "https://gitlab.com/jwt/auth"),
        (
            "registry.gitlab.example.com",
            "https://gitlab.example.com/jwt/auth",
        ),
        (
            "gitlab.example.co.uk:5050",
            "https://gitlab.example.co.uk/jwt/auth",
        ),
        (
            "harbor.example.com",
            "https://harbor.example.com/service/token",
        ),
        ("quay.io", "https://quay.io/v2/auth"),
        ("ghcr.io", "https://ghcr.io/token"),
        ("gcr.io", "https://gcr.io/v2/token"),
        ("us-docker.pkg.dev", "https://us-docker.pkg.dev/v2/token"),
        (
            "myregistry.azurecr.io",
            "https://myregistry.azurecr.io/oauth2/token",
        ),
        ("public.ecr.aws", "https://public.ecr.aws/token/"),
        (
            "registry.digitalocean.com",
            "https://api.digitalocean.com/v2/registry/auth",
        ),
    ] {
        let place = place(realm, false);
        let creds = format!("--creds={USER}:{PASSWORD}");
        place.inspect(&barque(), registry).args([creds]).run().ok();
        assert_eq!(place.seen(), [basic()], "{registry}");
    }
}

#[test]
fn a10_ecr_asks_for_the_password_itself() {
    let fake = FakeRegistry::start_tls(&Certificates::new()).image("team/a", "1", &images::small());
    let fake = fake.basic(USER, PASSWORD);
    let proxy = Proxy::start(fake.address());
    let place = Place { fake, proxy };
    let host = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let creds = format!("--creds={USER}:{PASSWORD}");
    place.inspect(&barque(), host).args([creds]).run().ok();
    assert_eq!(place.fake.with_header("authorization").len(), 1);
}

#[test]
fn b1_other_hosts_are_asked_without_the_password() {
    for (registry, realm) in [
        (REGISTRY, "https://api.tokens.example.com/token"),
        (
            "harbor.example.com",
            "https://harbor.example.com.example.net/token",
        ),
        ("one.example.co.uk", "https://other.co.uk/token"),
        ("one.github.io", "https://other.github.io/token"),
        ("docker.io", "https://auth-docker.io/token"),
        ("quay.io", "https://8.8.8.8/token"),
    ] {
        let open = place(realm, true);
        let barque = barque();
        let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
        // The stored credential has an identity token, too.
        let login = json!({ "auths": { registry: { "auth": auth, "identitytoken": "s3cret" } } });
        barque.write_home(".docker/config.json", login.to_string());
        let out = open.inspect(&barque, registry).run().ok();
        assert_eq!(open.seen(), [None], "{registry}");
        assert!(open.fake.requests("POST", "").is_empty());
        assert_eq!(out.stderr(), "", "an anonymous token was enough");

        let closed = place(realm, false);
        let out = closed.inspect(&barque, registry).run().code(3);
        let host = url::Url::parse(realm)
            .unwrap()
            .host_str()
            .unwrap()
            .to_owned();
        let registry = registry.replace("docker.io", "registry-1.docker.io");
        for part in [
            format!("because `{registry}` has tokens issued by another host, `{host}`"),
            format!("add `--allow-token-host {host}`, or log in again with `barque login"),
        ] {
            assert!(out.stderr().contains(&part), "{}", out.stderr());
        }
        assert_eq!(closed.seen(), [None], "{registry}");
    }
}

#[test]
fn b1_a_host_that_the_user_permits_gets_the_password() {
    let realm = format!("https://{TOKENS}/token");
    let creds = format!("--creds={USER}:{PASSWORD}");
    let others = "other.example,api.tokens.example.com:443";
    for (flags, variable, is_sent) in [
        (vec!["--allow-token-host", TOKENS], "", true),
        (
            vec!["--allow-token-host=a.example", "--allow-token-host", TOKENS],
            "",
            true,
        ),
        (vec![], others, true),
        (vec!["--allow-token-host", "tokens.example.com"], "", false),
        (
            vec!["--allow-token-host", "api.tokens.example.com:444"],
            "",
            false,
        ),
    ] {
        let place = place(&realm, false);
        let barque = barque();
        let run = place.inspect(&barque, REGISTRY).args([&creds]);
        let run = run.args(&flags).env("BARQUE_ALLOW_TOKEN_HOST", variable);
        run.run().code(if is_sent { 0 } else { 3 });
        let seen = if is_sent { basic() } else { None };
        assert_eq!(place.seen(), [seen], "{flags:?} {variable}");
    }
}

#[test]
fn b1_a_login_is_kept_with_the_host_that_checked_it() {
    let realm = format!("https://{TOKENS}/token");
    let place = place(&realm, false);
    let barque = barque();
    let login = ["login", REGISTRY, "-u", USER, "-p", PASSWORD];
    let out = place.run(&barque, &login).run().ok();
    assert_eq!(out.stdout(), "Login Succeeded!\n");
    assert!(
        out.stderr().contains(&format!("`{TOKENS}`")),
        "{}",
        out.stderr()
    );
    let file = barque.runtime_dir().join("containers/auth.json");
    let read = || serde_json::from_slice::<Value>(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(read()["auths"][REGISTRY]["tokenHosts"], json!([TOKENS]));

    place.fake.clear();
    place.inspect(&barque, REGISTRY).run().ok();
    assert_eq!(place.seen(), [basic()]);
    let out = place.run(&barque, &["login", REGISTRY]).run().ok();
    assert!(
        out.stdout().contains("Already logged in"),
        "{}",
        out.stdout()
    );
    if !peers::missing(&["skopeo"]) {
        let skopeo = Sandbox::of("skopeo").env("REGISTRY_AUTH_FILE", &file);
        let out = skopeo.args(["login", "--get-login", REGISTRY]).run().ok();
        assert_eq!(out.stdout().trim(), USER, "others read the file");
    }

    // A stored login from elsewhere does not say so, and is not sent to be checked either.
    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let foreign = json!({ "auths": { REGISTRY: { "auth": auth } } });
    std::fs::write(&file, foreign.to_string()).unwrap();
    place.fake.clear();
    let out = place.run(&barque, &["login", REGISTRY]).run().code(1);
    assert!(out.stderr().contains("--allow-token-host") || out.stderr().contains("was not sent"));
    assert_eq!(place.seen(), [None]);

    // A login that needs no other host forgets it.
    let own = super::token_hosts::place(&format!("https://{REGISTRY}/token"), false);
    std::fs::write(
        &file,
        json!({ "auths": { REGISTRY: { "tokenHosts": [TOKENS] } } }).to_string(),
    )
    .unwrap();
    let out = own.run(&barque, &login).run().ok();
    assert_eq!(out.stderr(), "");
    assert_eq!(read()["auths"][REGISTRY], json!({ "auth": auth }));
}
