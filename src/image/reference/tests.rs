use super::*;
use proptest::prelude::*;

fn familiar(s: &str) -> Reference {
    s.parse().unwrap()
}

#[test]
fn adds_what_docker_users_leave_out() {
    assert_eq!(familiar("alpine").to_string(), "docker.io/library/alpine");
    assert_eq!(
        familiar("alpine").or_latest().to_string(),
        "docker.io/library/alpine:latest"
    );
    assert_eq!(familiar("index.docker.io/a/b").to_string(), "docker.io/a/b");
    assert_eq!(familiar("localhost/a:1").to_string(), "localhost/a:1");
    // Capitals alone make no host.
    assert_eq!(familiar("Host.io/a").to_string(), "Host.io/a");
    for upper in ["MyOrg/app", "LOCALHOST/app"] {
        assert_eq!(upper.parse::<Reference>(), Err(ReferenceError::Uppercase));
    }
    assert_eq!(
        familiar("host:5000/a").repository.registry.as_str(),
        "host:5000"
    );
    assert_eq!(
        familiar("docker.io/library/alpine:3").familiar(),
        "alpine:3"
    );
}

#[test]
fn the_digest_decides_and_the_tag_is_kept() {
    let text = format!("a/b:1@sha256:{}", "0".repeat(64));
    let reference = familiar(&text);
    assert_eq!(reference.tag.as_ref().unwrap().as_str(), "1");
    assert_eq!(reference.digest.as_ref().unwrap().hex(), "0".repeat(64));
    assert_eq!(reference.familiar(), text);
}

#[test]
fn a_port_and_brackets_are_not_part_of_the_host() {
    let v6: Registry = "[::1]:5000".parse().unwrap();
    assert_eq!(
        (v6.host(), v6.port(), v6.is_loopback()),
        ("::1", Some(5000), true)
    );
    let plain: Registry = "127.0.0.2".parse().unwrap();
    assert_eq!(
        (plain.host(), plain.port(), plain.is_loopback()),
        ("127.0.0.2", None, true)
    );
    assert!(!"10.0.0.1:80".parse::<Registry>().unwrap().is_loopback());
}

proptest! {
    #[test]
    fn never_panics(s in "\\PC{0,80}") {
        let _ = s.parse::<Reference>();
        let _ = parse_raw(&s);
    }

    #[test]
    fn what_is_printed_reads_back(s in "([a-z0-9.]{1,8}(:[0-9]{1,5})?/)?[a-z0-9]{1,5}([._-][a-z0-9]{1,4}){0,3}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,10})?") {
        if let Ok(reference) = s.parse::<Reference>() {
            prop_assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference);
        }
    }
}
