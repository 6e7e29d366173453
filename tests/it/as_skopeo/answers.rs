//! What registries answer, as skopeo's library repeats it.

use super::{linked, message};
use crate::support::fake::{FakeRegistry, Reply, on};
use crate::support::images;

/// Answers to a request for a manifest, and what skopeo 1.22 says of them.
const ANSWERS: &[(u16, &str, &str)] = &[
    // The usual text of a code: without details, as ghcr.io gives it, the code stands for it.
    (
        401,
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#,
        "unauthorized",
    ),
    (
        401,
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":{}}]}"#,
        "authentication required",
    ),
    (
        403,
        r#"{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}"#,
        "denied",
    ),
    (
        404,
        r#"{"errors":[{"code":"NAME_INVALID","message":"invalid repository name","detail":{}}]}"#,
        "invalid repository name",
    ),
    // Other texts stand behind it.
    (
        404,
        r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"Failed to fetch a"}]}"#,
        "manifest unknown: Failed to fetch a",
    ),
    // A code of Harbor's own.
    (
        404,
        r#"{"errors":[{"code":"NOT_FOUND","message":"artifact a:1 not found"}]}"#,
        "unknown: artifact a:1 not found",
    ),
    (
        404,
        r#"{"details":"some details"}"#,
        "unknown: some details",
    ),
    (
        404,
        "<html>\n<head><title>404 Not Found</title></head>\n<body></body></html>",
        r#"StatusCode: 404, "<html>\n<head><title>404 Not Found</title></head>\n<...""#,
    ),
    (404, "", r#"StatusCode: 404, """#),
    (
        500,
        r#"{"errors":[{"code":"UNKNOWN","message":"x"}]}"#,
        "received unexpected HTTP status: 500 Internal Server Error",
    ),
];

#[test]
fn an_answer_is_told_as_skopeo_tells_it() {
    let registry = FakeRegistry::start();
    let skopeo = linked();
    let name = format!("{}/a", registry.address());
    let told = |answer: &str| {
        let text = format!(
            "Error parsing image name \"docker://{name}:1\": reading manifest 1 in {name}: {answer}"
        );
        format!("level=fatal msg={text:?}")
    };
    let inspect = ["inspect", "--retry-times=0", "-n", &registry.docker("a:1")].map(String::from);
    for (status, body, wanted) in ANSWERS {
        registry.clear_rules();
        let reply = Reply::new(*status, (*body).to_owned());
        registry.add_rule(on("GET").path("/manifests/").answer(reply));
        let code = if body.contains("MANIFEST_UNKNOWN") {
            2
        } else {
            1
        };
        let out = skopeo.args(&inspect).run().code(code);
        assert_eq!(message(out.stderr()), told(wanted), "{body}");
    }
    // Docker Hub's answer for a repository that is not there.
    registry.clear_rules();
    let realm = registry.token_url();
    let refused = format!("Bearer realm=\"{realm}\",service=\"s\",error=\"insufficient_scope\"");
    registry.add_rule(on("GET").path("/manifests/").challenge(&refused));
    let out = skopeo.args(&inspect).run().code(1);
    let wanted = told("requested access to the resource is denied");
    assert_eq!(message(out.stderr()), wanted);
}

#[test]
fn delete_takes_the_manifest_of_a_tag() {
    let image = images::small();
    let registry = FakeRegistry::start()
        .image("a", "latest", &image)
        .image("a", "stable", &image);
    let skopeo = linked();
    skopeo.args(["delete", &registry.docker("a")]).run().ok();
    let deleted = registry.requests("DELETE", "/manifests/");
    assert_eq!(deleted.len(), 1);
    assert!(registry.manifest("a", "stable").is_none());

    // The full name is told, with its tag.
    registry.add_rule(
        on("")
            .path("/manifests/")
            .error(403, "DENIED", "no, not this"),
    );
    let out = skopeo.args(["delete", &registry.docker("a")]).run().code(1);
    let name = registry.address();
    let wanted = format!("level=fatal msg=\"deleting {name}/a:latest: denied: no, not this\"");
    assert_eq!(message(out.stderr()), wanted);
}
