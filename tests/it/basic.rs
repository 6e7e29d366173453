//! A registry that asks for a password by Basic: every way to give one, and what happens to a wrong one.

use serde_json::json;

use super::support::Barque;
use super::support::fake::FakeRegistry;
use super::support::harbour::{
    KEEPER, auth_json, base64, good, helper, reader, skopeo_reads, spied, voyage,
};
use super::support::images;
use super::support::peers::{self, Auth, DockerRegistry, PASSWORD, USER};
use super::support::token_server::TokenServer;

#[test]
fn a_voyage_with_a_password() {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::setup().auth(Auth::Htpasswd).start();
    voyage(&registry);
    let pings = registry.requests();
    let pings = pings.iter().filter(|r| r.path == "/v2/");
    assert_eq!(
        pings
            .filter(|r| r.user_agent.starts_with("barque/"))
            .count(),
        0
    );
}

/// A place for a credential: how it is filled, and what a message calls it.
struct Place {
    file: Option<&'static str>,
    format: fn(&str, &str) -> String,
    args: fn(&str) -> Vec<String>,
    env: fn(&Barque) -> Option<(&'static str, String)>,
    called: &'static str,
}

const NO_ARGS: fn(&str) -> Vec<String> = |_| Vec::new();

fn places() -> Vec<Place> {
    let file = |file, called, env| Place {
        file: Some(file),
        format: auth_json,
        args: NO_ARGS,
        env,
        called,
    };
    let flag = |called, args| Place {
        file: None,
        format: |_, _| String::new(),
        args,
        env: |_| None,
        called,
    };
    vec![
        flag("`--creds`", |creds| vec![format!("--creds={creds}")]),
        flag("`--username`", |creds| {
            let (user, password) = creds.split_once(':').unwrap();
            vec![
                format!("--username={user}"),
                format!("--password={password}"),
            ]
        }),
        file("named.json", "named.json", |b| {
            Some((
                "REGISTRY_AUTH_FILE",
                b.home().join("named.json").display().to_string(),
            ))
        }),
        file("other/config.json", "other/config.json", |b| {
            Some((
                "DOCKER_CONFIG",
                b.home().join("other").display().to_string(),
            ))
        }),
        file(
            ".config/containers/auth.json",
            "~/.config/containers/auth.json",
            |_| None,
        ),
        file(".docker/config.json", "~/.docker/config.json", |_| None),
        Place {
            format: |key, creds| json!({ key: { "auth": base64(creds) } }).to_string(),
            ..file(".dockercfg", "~/.dockercfg", |_| None)
        },
        Place {
            file: Some("helped/config.json"),
            format: |key, _| json!({ "credHelpers": { key: "keeper" } }).to_string(),
            args: NO_ARGS,
            env: |b| {
                Some((
                    "DOCKER_CONFIG",
                    b.home().join("helped").display().to_string(),
                ))
            },
            called: "`docker-credential-keeper`",
        },
        Place {
            file: Some("stored/config.json"),
            format: |_, _| json!({ "credsStore": "keeper" }).to_string(),
            args: NO_ARGS,
            env: |b| {
                Some((
                    "DOCKER_CONFIG",
                    b.home().join("stored").display().to_string(),
                ))
            },
            called: "`docker-credential-keeper`",
        },
    ]
}

/// A sandbox whose only credential for `registry` lies in `place`.
fn filled(place: &Place, registry: &str, creds: &str) -> (Barque, Vec<String>) {
    let barque = Barque::new();
    if let Some(file) = place.file {
        barque.write_home(file, (place.format)(registry, creds));
    }
    let path = helper(&barque, "keeper", KEEPER);
    let (user, password) = creds.split_once(':').unwrap();
    let kept = json!({ "ServerURL": registry, "Username": user, "Secret": password });
    let name: String = registry.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    barque.write_home(&format!("bin/{name}"), kept.to_string());
    let extra = (place.env)(&barque);
    let barque = barque.env("PATH", path);
    let barque = match extra {
        Some((name, value)) => barque.env(name, value),
        None => barque,
    };
    (barque, (place.args)(creds))
}

#[test]
fn a_password_is_found_in_each_place() {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::setup().auth(Auth::Htpasswd).start();
    registry.feed("a:1", &images::small());
    for place in places() {
        let (barque, args) = filled(&place, registry.address(), &good());
        let inspect = ["inspect", "-n", &registry.docker("a:1")];
        let out = spied(barque.args(inspect).args(args)).ok();
        assert!(!out.stderr().contains("warning"), "{}", out.stderr());
    }
    let barque = Barque::new();
    let file = barque.write_home("given.json", auth_json(registry.address(), &good()));
    let file = file.to_str().unwrap();
    let inspect = ["inspect", "-n", &registry.docker("a:1"), "--authfile"];
    spied(barque.args(inspect).args([file])).ok();
    spied(barque.args(inspect).args([file, "--no-creds"])).code(3);
}

#[test]
fn a_wrong_password_is_tried_once_and_its_place_named() {
    for place in places() {
        let registry = FakeRegistry::start()
            .image("a", "1", &images::small())
            .basic(USER, PASSWORD);
        let wrong = format!("{USER}:wrong-password");
        let (barque, args) = filled(&place, registry.address(), &wrong);
        let inspect = ["inspect", &registry.docker("a:1")];
        let out = spied(barque.args(inspect).args(args)).code(3);
        let said = out.stderr().lines().find(|l| l.starts_with("barque: "));
        assert!(
            said.is_some_and(|l| l.contains(place.called)),
            "{} is not named: {}",
            place.called,
            out.stderr()
        );
        let tries = registry.with_header("authorization").len();
        assert!((1..=2).contains(&tries), "A24: {:#?}", registry.lines());
    }
}

#[test]
fn both_sides_have_credentials_of_their_own() {
    peers::needs!("docker-registry", "skopeo");
    let tokens = TokenServer::start();
    let by_token = DockerRegistry::setup().auth(Auth::Token(&tokens)).start();
    let by_password = DockerRegistry::setup().auth(Auth::Htpasswd).start();
    let image = images::two_layers();
    by_token.feed("private/ship:1", &image);
    by_token.feed("public/ship:1", &image);

    let barque = Barque::new();
    let copy = |from: &str, to: &str, args: &[&str]| {
        let (from, to) = (by_token.docker(from), by_password.docker(to));
        spied(barque.args(["copy", &from, &to]).args(args))
    };
    let (reader, good) = (reader(), good());
    let creds = ["--src-creds", &reader, "--dest-creds", &good];
    copy("private/ship:1", "a:1", &creds).ok();
    skopeo_reads(&by_password, "a:1", &image);

    // One file for both: the source must not get what is for it, and then cannot be read.
    let logins = json!({ "auths": {
        by_token.address(): { "auth": base64(&reader) },
        by_password.address(): { "auth": base64(&good) },
    }});
    let file = barque.write_home("both.json", logins.to_string());
    let authfile = ["--authfile", file.to_str().unwrap()];
    copy("private/ship:1", "b:1", &authfile).ok();
    tokens.clear();
    let without = [&authfile[..], &["--src-no-creds"]].concat();
    copy("public/ship:1", "c:1", &without).ok();
    assert!(
        tokens.requests().iter().all(|r| r.user.is_none()),
        "{:#?}",
        tokens.requests()
    );
    copy("private/ship:1", "d:1", &without).code(3);
    skopeo_reads(&by_password, "c:1", &image);

    // The flag of one side is not for the other.
    let crossed = copy("public/ship:1", "e:1", &["--src-creds", &good]).code(3);
    assert!(
        crossed.stderr().contains(by_password.address()),
        "{}",
        crossed.stderr()
    );
}
