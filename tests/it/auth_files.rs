//! Credential files made by other programs, each with the answer that it must give.
#![cfg(test)]
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

use barque::settings::paths::Environment;
use barque::settings::{AuthFiles, Credential, CredentialStore, Found, parse_creds};
use serde_json::Value;

use crate::support::{fixtures, peers};

/// A helper that notes what it was told and answers with its own suffix as user and the server as secret.
const HELPER: &str = r#"#!/bin/sh
server=$(cat)
echo "$1 $server" >> "${0%/*}/log"
[ "$1" = list ] && { echo '{"listed.io":"u"}'; exit; }
printf '{"ServerURL":"%s","Username":"%s","Secret":"%s"}' "$server" "${0##*docker-credential-}" "$server"
"#;

/// Puts the helper into `folder` under each of `suffixes`. Another program does it: while this process has a
/// file open for writing, running it can fail with "text file busy".
fn place_helpers(folder: &Path, suffixes: &[&str]) {
    let source = folder.join("helper");
    fs::write(&source, HELPER).unwrap();
    for suffix in suffixes {
        let target = folder.join(format!("docker-credential-{suffix}"));
        let install = Command::new("install")
            .args(["-m", "755"])
            .args([&source, &target])
            .status();
        assert!(install.unwrap().success());
    }
}

/// What a row says that the answer is, in one line.
fn expected(row: &Value) -> String {
    let text = |member: &str| row[member].as_str().unwrap_or_default();
    if row["none"] == true {
        return "none".to_owned();
    }
    if row["error"].is_string() {
        return "error".to_owned();
    }
    if row["helper"].is_string() {
        return format!("login {} / {} / ", text("helper"), text("key"));
    }
    if row["registryToken"].is_string() {
        return format!("token {}", text("registryToken"));
    }
    format!(
        "login {} / {} / {}",
        text("username"),
        text("password"),
        text("identityToken")
    )
}

/// An answer in the same line.
fn answered(answer: &barque::Result<Option<Found>>) -> String {
    match answer {
        Err(_) => "error".to_owned(),
        Ok(None) => "none".to_owned(),
        Ok(Some(found)) => match &found.credential {
            Credential::RegistryToken(token) => format!("token {}", token.expose()),
            Credential::Login {
                username,
                password,
                identity_token,
            } => format!(
                "login {username} / {} / {}",
                password.expose(),
                identity_token.as_ref().map_or("", |token| token.expose())
            ),
            other => panic!("{}", std::any::type_name_of_val(other)),
        },
    }
}

#[tokio::test]
async fn every_credential_file_gives_its_answer() {
    let Some(fixtures) = fixtures::dir() else {
        return;
    };
    let folder = fixtures.join("auth");
    let rows = fs::read(folder.join("expectations.json")).unwrap();
    let rows: Vec<Value> = serde_json::from_slice(&rows).unwrap();
    let programs = tempfile::tempdir().unwrap();
    let suffixes: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["helper"].as_str())
        .collect();
    place_helpers(programs.path(), &suffixes);
    let path = format!("{}:/usr/bin:/bin", programs.path().display());

    let mut wrong = Vec::new();
    for row in &rows {
        let file = folder.join(row["file"].as_str().unwrap());
        let home = tempfile::tempdir().unwrap();
        let environment = Environment::with_home(home.path()).set("PATH", &path);
        let files = if row["format"] == "dockercfg" {
            fs::copy(&file, home.path().join(".dockercfg")).unwrap();
            AuthFiles::find_in(None, environment)
        } else {
            AuthFiles::find_in(Some(file), environment)
        };
        let answer = files
            .lookup_key(&row["key"].as_str().unwrap().parse().unwrap())
            .await;
        if answered(&answer) != expected(row) {
            wrong.push(format!("{row}: {}", answered(&answer)));
        }
        if let Err(error) = &answer {
            assert!(
                error.to_string().contains(row["file"].as_str().unwrap()),
                "{error}"
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(rows.len(), 47, "rows run");
}

#[tokio::test]
async fn no_file_of_the_collection_breaks_an_unrelated_lookup_without_saying_why() {
    let Some(fixtures) = fixtures::dir() else {
        return;
    };
    let mut broken = Vec::new();
    for entry in fs::read_dir(fixtures.join("auth")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // An empty PATH: helpers are out of question here.
        let files = AuthFiles::find_in(Some(path), Environment::default());
        let answer = files
            .lookup_registry(&"unrelated.example".parse().unwrap())
            .await;
        match answer {
            Ok(found) => assert!(found.is_none(), "{name}"),
            Err(error) => broken.push(format!("{name}: {}", error.to_string().contains(&name))),
        }
    }
    broken.sort();
    assert_eq!(
        broken,
        [
            "docker-cli-e2e-config.json: true", // names a helper that is not installed
            "dockercfg-2013-ini: true",         // not JSON, and not named `.dockercfg`
            "expectations.json: true",
            "orasgo-bad_config: true",
            "orasgo-credsStore_config.json: true",
            "orasgo-invalid_auths_config.json: true",
        ]
    );
}

#[tokio::test]
async fn hub_is_asked_of_helpers_by_its_old_address() {
    let programs = tempfile::tempdir().unwrap();
    place_helpers(programs.path(), &["store"]);
    let file = programs.path().join("config.json");
    fs::write(&file, r#"{"credsStore": "store"}"#).unwrap();
    let path = format!("{}:/usr/bin:/bin", programs.path().display());
    let files = AuthFiles::find_in(Some(file.clone()), Environment::default().set("PATH", path));
    let found = files
        .lookup_registry(&"docker.io".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        found.origin,
        format!(
            "credential helper `docker-credential-store` named in {}",
            file.display()
        )
    );
    assert_eq!(
        answered(&Ok(Some(found))),
        "login store / https://index.docker.io/v1/ / "
    );
}

#[tokio::test]
async fn a_login_goes_to_the_helper_and_the_file_only_lists_it() {
    let folder = tempfile::tempdir().unwrap();
    place_helpers(folder.path(), &["store", "one"]);
    let file = folder.path().join("config.json");
    fs::write(&file, r#"{"auths": {"docker.io": {"auth": "eDp5"}}, "credsStore": "store", "credHelpers": {"one.io": "one"}}"#).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let environment = Environment::default().set("PATH", path);
    let store = CredentialStore::find_in(None, Some(file.clone()), environment).unwrap();
    let key = |text: &str| text.parse().unwrap();
    let login = parse_creds("u:p").unwrap();

    let kept = store.store(&key("docker.io"), &login).await.unwrap();
    assert!(
        kept.starts_with("credential helper `docker-credential-store` named in "),
        "{kept}"
    );
    store.store(&key("one.io"), &login).await.unwrap();
    assert!(store.store(&key("one.io/ns"), &login).await.is_err());
    let text = fs::read_to_string(&file).unwrap();
    let left: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        left["auths"],
        serde_json::json!({"https://index.docker.io/v1/": {}, "one.io": {}})
    );

    let gone = store.erase(&key("one.io")).await.unwrap();
    assert!(gone.contains("docker-credential-one"), "{gone}");
    store.erase_all().await.unwrap();
    assert_eq!(
        fs::read_to_string(folder.path().join("log")).unwrap(),
        r#"store {"ServerURL":"https://index.docker.io/v1/","Username":"u","Secret":"p"}
store {"ServerURL":"one.io","Username":"u","Secret":"p"}
get one.io
erase one.io
get one.io
erase one.io
list 
erase listed.io
"#
    );
    let left: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(left["auths"], serde_json::json!({}));
    assert_eq!(left["credsStore"], "store");
}

#[tokio::test]
async fn skopeo_reads_what_a_login_wrote() {
    peers::needs!("skopeo");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auth.json");
    for docker in [false, true] {
        let (authfile, compat) = if docker {
            (None, Some(file.clone()))
        } else {
            (Some(file.clone()), None)
        };
        let store = CredentialStore::find_in(authfile, compat, Environment::default()).unwrap();
        for (key, user) in [("r.example:5000", "one"), ("docker.io", "hub")] {
            let user = format!("{user}-{docker}");
            store
                .store(
                    &key.parse().unwrap(),
                    &parse_creds(&format!("{user}:p")).unwrap(),
                )
                .await
                .unwrap();
            let skopeo = Command::new("skopeo")
                .args(["login", "--get-login", "--authfile"])
                .args([file.as_os_str(), key.as_ref()])
                .output()
                .unwrap();
            assert_eq!(
                String::from_utf8_lossy(&skopeo.stdout).trim(),
                user,
                "{key}"
            );
        }
    }
}
