//! The token server is one that a real registry trusts.

use super::super::images;
use super::super::peers::{self, DockerRegistry};
use super::super::sandbox::Sandbox;
use super::super::token_server::{Quirk, TokenServer, refresh_token};

#[test]
fn the_registry_trusts_tokens_that_have_not_expired() {
    peers::needs!("docker-registry", "skopeo", "curl");
    let tokens = TokenServer::start();
    let registry = DockerRegistry::setup()
        .auth(peers::Auth::Token(&tokens))
        .start();
    registry.feed("public/ship:1", &images::small());
    let first = &tokens.requests()[0];
    assert_eq!(first.user.as_deref(), Some(peers::USER));
    assert!(
        first.scopes[0].starts_with("repository:public/ship:"),
        "{first:?}"
    );

    let curl = Sandbox::of("curl");
    let ask = |query: &str| {
        let url = format!("{}?service=harbour&scope={query}", tokens.realm());
        let body = curl.args(["-fsS", &url]).run().ok().json();
        body["token"].as_str().unwrap().to_owned()
    };
    let tags = |token: &str| {
        let bearer = format!("Authorization: Bearer {token}");
        let url = format!("{}/v2/public/ship/tags/list", registry.url());
        let args = [
            "-sS",
            "-o",
            "body",
            "-w",
            "%{http_code}",
            "-H",
            &bearer,
            &url,
        ];
        curl.args(args).run().ok().stdout().to_owned()
    };
    let token = ask("repository:public/ship:pull");
    assert_eq!(tags(&token), "200", "anonymous pull below public/");
    assert_eq!(
        tags(&ask("repository:private/ship:pull")),
        "401",
        "no access granted"
    );
    // Past by less than the registry's leeway of 60 s, which the server has taken off.
    tokens.set_lifetime(-5);
    let expired = ask("repository:public/ship:pull");
    assert_eq!(tags(&expired), "401", "the token has expired");
}

#[test]
fn the_token_server_misbehaves_as_told() {
    peers::needs!("curl");
    let tokens = TokenServer::start()
        .quirk(Quirk::OnlyAccessToken)
        .quirk(Quirk::NoExpiresIn)
        .quirk(Quirk::PostAnswers(405));
    let curl = Sandbox::of("curl");
    let user = format!("{}:{}", peers::USER, peers::PASSWORD);
    let body = curl
        .args(["-fsS", "-u", &user, &tokens.realm()])
        .run()
        .ok()
        .json();
    let keys: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["access_token"]);
    let form = "grant_type=refresh_token&refresh_token=refresh-token-of-sailor";
    let post = curl.args(["-fsS", "-d", form, &tokens.realm()]).run();
    assert_eq!(post.exit_code(), Some(22), "curl's code for a 4xx");
    let log = tokens.requests();
    assert_eq!(
        (log[1].status, log[1].grant_type.as_str()),
        (405, "refresh_token")
    );

    let tokens = TokenServer::start();
    let body = curl
        .args(["-fsS", "-d", form, &tokens.realm()])
        .run()
        .ok()
        .json();
    assert_eq!(body["refresh_token"], refresh_token(peers::USER));
    assert_eq!(
        body["token"],
        serde_json::Value::Null,
        "OAuth2 answers have `access_token` only"
    );
}
