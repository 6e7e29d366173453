use super::super::{AuthFiles, parse_creds};
use super::*;
use std::fs;

fn key(text: &str) -> AuthKey {
    text.parse().unwrap()
}

fn store_at(path: &Path) -> CredentialStore {
    CredentialStore::find_in(Some(path.into()), None, Environment::default()).unwrap()
}

fn login() -> Credential {
    parse_creds("u:p").unwrap()
}

#[test]
fn the_file_is_chosen_as_podman_does() {
    let home = Environment::with_home("/h").set("XDG_RUNTIME_DIR", "/r");
    let at = |authfile: Option<&str>, compat: Option<&str>, environment: &Environment| {
        let store = CredentialStore::find_in(
            authfile.map(Into::into),
            compat.map(Into::into),
            environment.clone(),
        )
        .unwrap();
        let path = store.path.display().to_string();
        (path.replace(std::path::MAIN_SEPARATOR, "/"), store.owner)
    };
    let docker = home.clone().set("DOCKER_CONFIG", "/d");
    let named = docker.clone().set("REGISTRY_AUTH_FILE", "/n");
    let containers = |path: &str| (path.to_owned(), Owner::Containers);
    #[cfg(target_os = "linux")]
    assert_eq!(at(None, None, &home), containers("/r/containers/auth.json"));
    assert_eq!(
        at(None, None, &docker),
        ("/d/config.json".to_owned(), Owner::Docker)
    );
    assert_eq!(at(None, None, &named), containers("/n"));
    assert_eq!(at(Some("/a"), None, &named), containers("/a"));
    assert_eq!(
        at(None, Some("/c"), &named),
        ("/c".to_owned(), Owner::Docker)
    );
    assert_eq!(
        at(Some(""), None, &Environment::with_home("/h")),
        containers("/h/.config/containers/auth.json"),
        "below /run/containers only root can write"
    );
    assert!(CredentialStore::find_in(Some("/a".into()), Some("/c".into()), home).is_err());
}

#[tokio::test]
async fn a_login_keeps_everything_else_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    let before = r#"{"zeta": [1], "auths": {"z.io": {"auth": "eDp5"},
        "r.io": {"email": "e", "password": "old"}}, "alpha": null}"#;
    fs::write(&path, before).unwrap();
    let store = store_at(&path);
    let kept = store.store(&key("r.io"), &login()).await.unwrap();
    assert_eq!(kept, path.display().to_string());
    store.store(&key("docker.io/ns"), &login()).await.unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "{\n\t\"zeta\": [\n\t\t1\n\t],\n\t\"auths\": {\n\t\t\"z.io\": {\n\t\t\t\"auth\": \"eDp5\"\n\t\t},\n\
         \t\t\"r.io\": {\n\t\t\t\"email\": \"e\",\n\t\t\t\"auth\": \"dTpw\"\n\t\t},\n\
         \t\t\"docker.io/ns\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t}\n\t},\n\t\"alpha\": null\n}"
    );
}

#[tokio::test]
async fn a_logout_erases_every_spelling_and_says_when_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    let before = r#"{"auths": {"https://r.io/v1/": {"auth": "dTpw"}, "r.io": {}, "r.io/ns": {}}}"#;
    fs::write(&path, before).unwrap();
    let store = store_at(&path);
    store.erase(&key("r.io")).await.unwrap();
    let left = fs::read_to_string(&path).unwrap();
    assert_eq!(left, "{\n\t\"auths\": {\n\t\t\"r.io/ns\": {}\n\t}\n}");
    let error = store.erase(&key("r.io")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("not logged into `r.io` in `{}`", path.display())
    );
    store.erase_all().await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\n\t\"auths\": {}\n}");
    let missing = folder.path().join("none/auth.json");
    assert!(store_at(&missing).erase(&key("r.io")).await.is_err());
    store_at(&missing).erase_all().await.unwrap();
    assert!(
        !missing.parent().unwrap().exists(),
        "a logout makes nothing"
    );
}

#[tokio::test]
async fn hub_has_its_own_key_in_docker_s_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    fs::write(&path, r#"{"auths": {"docker.io": {"auth": "eDp5"}}}"#).unwrap();
    let docker =
        CredentialStore::find_in(None, Some(path.clone()), Environment::default()).unwrap();
    docker.store(&key("docker.io"), &login()).await.unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "{\n\t\"auths\": {\n\t\t\"https://index.docker.io/v1/\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t}\n\t}\n}"
    );
}

#[tokio::test]
async fn logins_at_once_do_not_lose_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    let threads: Vec<_> = (0..8)
        .map(|n| {
            let store = store_at(&path);
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                let key = key(&format!("r{n}.io"));
                runtime.block_on(store.store(&key, &login())).unwrap();
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    let files = AuthFiles::find_in(Some(path), Environment::default());
    for n in 0..8 {
        let found = files.lookup_key(&key(&format!("r{n}.io"))).await.unwrap();
        assert!(found.is_some(), "r{n}.io");
    }
}

#[tokio::test]
async fn what_cannot_be_stored_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    fs::write(&path, "{oops").unwrap();
    let error = store_at(&path)
        .store(&key("r.io"), &login())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("not valid JSON"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "{oops");

    let colon = Credential::Login {
        username: "a:b".to_owned(),
        password: super::super::Secret::new("p"),
        identity_token: None,
    };
    assert!(entry_of(&colon).is_err());
    let runtime =
        Environment::with_home(folder.path()).set("XDG_RUNTIME_DIR", folder.path().join("gone"));
    let store = CredentialStore::find_in(None, None, runtime).unwrap();
    if cfg!(target_os = "linux") {
        let error = store.store(&key("r.io"), &login()).await.unwrap_err();
        assert!(error.to_string().contains("XDG_RUNTIME_DIR"), "{error}");
    }
}
