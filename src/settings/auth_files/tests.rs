//! Which of the credential files answers.

use super::*;
use std::fs;

fn write(home: &tempfile::TempDir, path: &str, text: &str) {
    let path = home.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

async fn origin(files: &AuthFiles, key: &str) -> Result<Option<String>> {
    let found = files.lookup_key(&key.parse().unwrap()).await?;
    Ok(found.map(|found| found.origin))
}

const A: &str = r#"{"auths": {"a.io": {"auth": "dTpw"}}}"#;
const ALL: &str = r#"{"auths": {"a.io": {"auth": "dTpw"}, "b.io": {"auth": "dTpw"}}}"#;

#[tokio::test]
async fn the_first_file_with_a_match_wins() {
    let home = tempfile::tempdir().unwrap();
    write(&home, ".config/containers/auth.json", A);
    write(&home, ".docker/config.json", ALL);
    write(
        &home,
        ".dockercfg",
        r#"{"https://c.io/v1/": {"auth": "dTpw"}}"#,
    );
    let plain = Environment::with_home(home.path());
    let files = AuthFiles::find_in(None, plain.clone());
    for (key, place) in [
        ("a.io/x/y", Some("~/.config/containers/auth.json")),
        ("b.io", Some("~/.docker/config.json")),
        ("c.io", Some("~/.dockercfg")),
        ("d.io", None),
    ] {
        assert_eq!(origin(&files, key).await.unwrap().as_deref(), place);
    }
    let variable = AuthFiles::find_in(None, plain.clone().set(TEXT_VARIABLE, A));
    assert_eq!(
        origin(&variable, "a.io").await.unwrap().unwrap(),
        TEXT_VARIABLE
    );
    let shown = format!("{variable:?}");
    assert!(
        shown.contains(TEXT_VARIABLE) && !shown.contains("dTpw"),
        "{shown}"
    );

    let named = plain.set("REGISTRY_AUTH_FILE", home.path().join("missing"));
    let alone = AuthFiles::find_in(None, named.clone());
    assert_eq!(origin(&alone, "a.io").await.unwrap(), None);
    let explicit = home.path().join(".docker/config.json");
    let explicit = AuthFiles::find_in(Some(explicit), named);
    assert!(origin(&explicit, "b.io").await.unwrap().is_some());
}

#[tokio::test]
async fn a_broken_file_matters_only_when_no_other_answers() {
    let home = tempfile::tempdir().unwrap();
    write(&home, ".config/containers/auth.json", "{");
    write(&home, ".docker/config.json", A);
    let files = AuthFiles::find_in(None, Environment::with_home(home.path()));
    assert!(origin(&files, "a.io").await.unwrap().is_some());
    let error = origin(&files, "b.io").await.unwrap_err();
    assert!(
        error.to_string().contains("~/.config/containers/auth.json"),
        "{error}"
    );
    assert!(error.to_string().contains("line 1 column 1"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let files = AuthFiles::find_in(Some(folder.path().into()), Environment::default());
    let error = origin(&files, "a.io").await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&folder.path().display().to_string())
    );
    let denied = unreadable("f.json", std::io::ErrorKind::PermissionDenied.into());
    assert_eq!(denied.kind(), Kind::NotAllowed);
    assert!(denied.advice().unwrap().contains("chmod 600 f.json"));
}

#[tokio::test]
async fn a_store_that_is_missing_does_not_hide_the_file_s_own_entry() {
    let text = r#"{"credsStore": "gone", "auths": {"a.io": {"auth": "dTpw"}, "b.io": {}}}"#;
    let files = AuthFiles::find_in(None, Environment::default().set(TEXT_VARIABLE, text));
    assert_eq!(
        origin(&files, "a.io").await.unwrap().unwrap(),
        TEXT_VARIABLE
    );
    let error = origin(&files, "b.io").await.unwrap_err();
    assert!(
        error.to_string().contains("docker-credential-gone"),
        "{error}"
    );
    assert!(error.advice().unwrap().contains("--no-creds"));
}

#[test]
fn headers_come_from_the_first_file_that_has_some() {
    let text = r#"{"HttpHeaders": {"X-Meta": "blue", "User-Agent": "a/1"}}"#;
    let files = AuthFiles::find_in(None, Environment::default().set(TEXT_VARIABLE, text));
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let headers = files.http_headers();
    assert_eq!(headers, [pair("X-Meta", "blue"), pair("User-Agent", "a/1")]);
}

#[cfg(unix)]
#[test]
fn a_file_that_anybody_can_read_is_noticed() {
    use std::os::unix::fs::PermissionsExt;
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(!is_open_to_all(file.path()));
    fs::set_permissions(file.path(), PermissionsExt::from_mode(0o644)).unwrap();
    assert!(is_open_to_all(file.path()));
}
