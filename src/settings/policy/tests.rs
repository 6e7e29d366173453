//! What a clone alone can test of policies; the tables of verdicts are in tests/it/trust.rs.

use std::path::Path;

use super::*;
use crate::image::ImageName;

fn policy(text: &str) -> Result<Policy> {
    Policy::parse(text.as_bytes(), Path::new("/p.json"))
}

fn error(text: &str) -> String {
    policy(text).unwrap_err().to_string()
}

#[test]
fn mistakes_are_named_with_their_place() {
    assert_eq!(
        error(
            r#"{"default":[{"type":"reject"}],"transports":{"docker":{"a.io":[{"type":"reject","x":1}]}}}"#
        ),
        "the signature policy `/p.json` is not valid: `transports.docker.\"a.io\"[0].x` is an unknown key"
    );
    assert!(
        error(r#"{"default":[]}"#)
            .ends_with("`default` is empty; it needs at least one requirement")
    );
    assert!(
        error(
            r#"{"default":[{"type":"reject"}],"transports":{"dir":{"/a/":[{"type":"reject"}]}}}"#
        )
        .contains("is not a scope of the transport dir")
    );
}

#[test]
fn the_most_specific_scope_applies_alone() {
    let text = |scopes: &[&str]| {
        let rules = scopes
            .iter()
            .map(|s| format!("\"{s}\":[{{\"type\":\"reject\"}}]"));
        let rules: Vec<_> = rules.collect();
        format!(
            "{{\"default\":[{{\"type\":\"reject\"}}],\"transports\":{{\"docker\":{{{}}}}}}}",
            rules.join(",")
        )
    };
    let image = ImageName::parse("docker://a.b.example:5000/team/app:v1").unwrap();
    let order = [
        "a.b.example:5000/team/app:v1",
        "a.b.example:5000/team/app",
        "a.b.example:5000/team",
        "a.b.example:5000",
        "*.b.example",
        "*.example",
        "",
    ];
    for at in 0..order.len() {
        let policy = policy(&text(&order[at..])).unwrap();
        let (scope, _) = policy.requirements(&image);
        assert_eq!(
            scope.to_string(),
            format!("transports.docker.\"{}\"", order[at])
        );
    }
    let dead = policy(&text(&["a.b.example", "a.b.example:5000/tea"])).unwrap();
    assert_eq!(dead.requirements(&image).0, Scope::Default);
    let old = ImageName::parse("docker-v1://a.b.example:5000/team/app:v1").unwrap();
    let all = policy(&text(&order)).unwrap();
    assert_eq!(all.requirements(&old).0, all.requirements(&image).0);
}
