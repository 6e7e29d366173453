use super::*;
use crate::Kind;

fn helper(folder: &tempfile::TempDir, script: &str) -> Helper {
    // Put in place by another program: while this process has a file open for writing, a child that another
    // test is starting holds it open too, and running the file fails with "text file busy".
    let source = folder.path().join("script");
    std::fs::write(&source, format!("#!/bin/sh\n{script}\n")).unwrap();
    let placed = std::process::Command::new("install")
        .args(["-m", "755"])
        .args([&source, &folder.path().join("docker-credential-x")])
        .status();
    assert!(placed.unwrap().success());
    let environment = Environment::default().set("PATH", folder.path());
    Helper::find("x", "f.json", &environment).unwrap()
}

async fn get(script: &str) -> Result<Option<Credential>> {
    let folder = tempfile::tempdir().unwrap();
    helper(&folder, script).get(&"r.io".parse().unwrap()).await
}

#[test]
fn a_suffix_cannot_leave_the_path() {
    for suffix in ["", "../x", "a/b", ".x", "-x", "a\\b"] {
        let error = Helper::find(suffix, "f.json", &Environment::default()).unwrap_err();
        assert!(error.to_string().contains("`f.json`"), "{error}");
    }
    let missing = Helper::find("none", "f.json", &Environment::default()).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "the credential helper `docker-credential-none` named in `f.json` is not installed"
    );
}

#[tokio::test]
async fn a_login_and_a_token_are_told_apart() {
    let login = get(r#"echo '{"ServerURL":"r.io","Username":"u","Secret":"s","More":1}'"#).await;
    assert!(matches!(login.unwrap(),
        Some(Credential::Login { username, password, identity_token: None })
        if username == "u" && password.expose() == "s"));
    let token = get(r#"echo '{"Username":"<token>","Secret":"s"}'"#).await;
    assert!(matches!(token.unwrap(),
        Some(Credential::Login { identity_token: Some(token), .. }) if token.expose() == "s"));
    for nothing in [
        "echo credentials not found in native keychain; exit 1",
        "echo no credentials server URL; exit 1",
        "echo '{}'",
    ] {
        assert!(get(nothing).await.unwrap().is_none(), "{nothing}");
    }
}

#[tokio::test]
async fn failures_are_shown_clean_and_without_the_answer() {
    let error = get(r"printf 'bad \033[31mnews\r\n'; echo more >&2; exit 3")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::NotAllowed);
    assert_eq!(
        error.to_string(),
        "`docker-credential-x get`, named in f.json, failed: bad [31mnews; more"
    );
    let error = get("echo SECRET").await.unwrap_err();
    assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
    let error = get("exit 1").await.unwrap_err();
    assert!(error.to_string().ends_with("failed and says nothing"));
}

#[tokio::test]
async fn a_helper_is_not_waited_for_nor_listened_to_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let mut slow = helper(&folder, "exec sleep 600");
    slow.time_limit = Duration::from_millis(50);
    let error = slow.list().await.unwrap_err();
    assert!(
        error.to_string().contains("did not answer within"),
        "{error}"
    );

    let error = get("exec cat /dev/zero").await.unwrap_err();
    assert!(
        format!("{error:?}").contains("more than 1048576 bytes"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_program_that_a_helper_leaves_behind_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join("left");
    let script = format!(
        r#"sleep 600 & echo $! > '{}'; echo '{{"Username":"u","Secret":"s"}}'"#,
        left.display()
    );
    let login = helper(&folder, &script).get(&"r.io".parse().unwrap()).await;
    let left = std::fs::read_to_string(left).unwrap();
    let killed = std::process::Command::new("kill").arg(left.trim()).status();
    assert!(killed.unwrap().success());
    assert!(matches!(login.unwrap(), Some(Credential::Login { username, .. }) if username == "u"));
}

#[tokio::test]
async fn a_helper_that_has_nothing_erases_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"[ "$1" = get ] && echo credentials not found in native keychain && exit 1; [ "$1" = list ] && echo null; exit 0"#;
    let helper = helper(&folder, script);
    assert!(!helper.erase(&"r.io".parse().unwrap()).await.unwrap());
    assert!(helper.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn store_erase_and_list_speak_the_protocol() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let script = format!(
        r#"echo "$1 $(cat)" >> {}; [ "$1" = list ] && echo '{{"r.io":"u"}}'; [ "$1" = get ] && echo '{{"Username":"u"}}'; exit 0"#,
        log.display()
    );
    let helper = helper(&folder, &script);
    let hub = "docker.io".parse().unwrap();
    let login = |token: Option<&str>| Credential::Login {
        username: "u".to_owned(),
        password: Secret::new("p"),
        identity_token: token.map(Secret::new),
    };
    helper.store(&hub, &login(None)).await.unwrap();
    helper
        .store(&"r.io".parse().unwrap(), &login(Some("t")))
        .await
        .unwrap();
    assert!(helper.erase(&hub).await.unwrap());
    assert_eq!(helper.list().await.unwrap()["r.io"], "u");
    helper.erase_all().await.unwrap();
    let token = Credential::RegistryToken(Secret::new("t"));
    assert!(helper.store(&hub, &token).await.is_err());
    assert_eq!(
        std::fs::read_to_string(log).unwrap(),
        concat!(
            "store {\"ServerURL\":\"https://index.docker.io/v1/\",\"Username\":\"u\",\"Secret\":\"p\"}\n",
            "store {\"ServerURL\":\"r.io\",\"Username\":\"<token>\",\"Secret\":\"t\"}\n",
            "get https://index.docker.io/v1/\n",
            "erase https://index.docker.io/v1/\n",
            "list \n",
            "list \n",
            "erase r.io\n"
        )
    );
}
