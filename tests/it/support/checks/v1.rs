//! The fake V1 world refuses what a real one refuses.

use std::process::Command;

use super::super::fake_v1::{FakeV1, Knobs, PASSWORD, Role, USER};
use super::super::peers;

/// The head and body that curl gets.
fn curl(args: &[&str]) -> String {
    let out = Command::new("curl")
        .args(["-s", "-i", "--noproxy", "*"])
        .args(args)
        .output()
        .unwrap();
    String::from_utf8(out.stdout).unwrap().to_lowercase()
}

#[test]
fn a_token_is_good_for_its_repository_and_action_only() {
    peers::needs!("curl");
    let fake = FakeV1::split(Knobs::default())
        .image("fleet/ship", "1", &[(r#""os":"linux""#, b"layer")])
        .image("fleet/shore", "1", &[(r#""os":"linux""#, b"other")]);
    let index = format!("http://{}/v1/repositories/fleet/ship", fake.address());
    let asked = ["-H", "X-Docker-Token: true"];
    let granted = curl(&[&asked[..], &[&format!("{index}/images")]].concat());
    assert!(granted.contains("signature=s0"), "{granted}");
    let endpoints = granted
        .lines()
        .filter_map(|l| l.strip_prefix("x-docker-endpoints: "));
    // The second one; nothing listens at the first.
    let registry = endpoints.collect::<Vec<_>>()[1].trim().to_owned();
    let status = |method: &str, repository: &str, token: &str| -> u16 {
        let url = format!("http://{registry}/v1/repositories/{repository}/tags/1");
        let authorization = format!("Authorization: {token}");
        let json = "Content-Type: application/json";
        let args = [
            "-X",
            method,
            "-H",
            &authorization,
            "-H",
            json,
            "-d",
            "\"x\"",
            &url,
        ];
        let head = curl(&args);
        head.split(' ').nth(1).unwrap().parse().unwrap()
    };
    let token = r#"Token signature=S0,repository="fleet/ship",access=read"#;
    assert_eq!(status("GET", "fleet/ship", token), 200);
    assert_eq!(status("GET", "fleet/ship", "Token signature=S9"), 401);
    assert_eq!(status("GET", "fleet/ship", "Basic eDp5"), 401);
    assert_eq!(status("GET", "fleet/shore", token), 401);
    assert_eq!(status("PUT", "fleet/ship", token), 401);
    let put = [
        "-X",
        "PUT",
        "-H",
        "Content-Type: application/json",
        "-d",
        "[]",
    ];
    let announce = format!("{index}/");
    assert!(curl(&[&put[..], &asked, &[&announce]].concat()).contains(" 401 "));
    let login = format!("{USER}:{PASSWORD}");
    let known = curl(&[&put[..], &asked, &["-u", &login, &announce]].concat());
    assert!(known.contains("access=write"), "{known}");
    assert_eq!(fake.requests(Some(Role::Registry), "/tags/1").len(), 5);
}
