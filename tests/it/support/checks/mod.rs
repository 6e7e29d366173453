//! Tests of the helpers themselves: a helper that lies would make every other test worthless.

mod faults;
mod fixtures;
mod peers_start;
mod tokens;
mod v1;

use super::images;
use super::peers::{self, Request};
use super::sandbox::Sandbox;

#[test]
fn a_sandbox_gives_an_empty_environment_and_both_streams() {
    let sandbox = Sandbox::of("sh").env("SHIP", "barque");
    let out = sandbox
        .args(["-c", "cat; echo $SHIP $NO_COLOR $HTTPS_PROXY >&2; exit 7"])
        .stdin("in")
        .run()
        .code(7);
    assert_eq!((out.stdout(), out.stderr()), ("in", "barque\n"));
}

#[test]
fn an_access_log_line_is_read() {
    let line = r#"127.0.0.1 - - [23/Nov/2026:04:20:55 +0000] "GET /v2/a/tags/list?n=3 HTTP/1.1" 404 109 "" "curl/7""#;
    let request = Request::parse(line).unwrap();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("GET", "/v2/a/tags/list?n=3")
    );
    assert_eq!(
        (request.status, request.bytes, request.user_agent.as_str()),
        (404, 109, "curl/7")
    );
    assert_eq!(Request::parse("anything else"), None);
}

#[test]
fn packed_bytes_unpack_with_the_usual_tools() {
    let tar = images::tar(&[("a/b", b"content"), ("c", b"")]);
    let list = Sandbox::of("tar").args(["tf", "-"]).stdin(&tar).run().ok();
    assert_eq!(list.stdout(), "a/b\nc\n");
    let long = images::noise(9, 200_000);
    let gzip = images::gzip(&long);
    let back = Sandbox::of("gzip").args(["-dc"]).stdin(gzip).run().ok();
    assert_eq!(back.stdout_bytes(), long);
    if !peers::missing(&["zstd"]) {
        let back = Sandbox::of("zstd")
            .args(["-dc"])
            .stdin(images::zstd(&long))
            .run()
            .ok();
        assert_eq!(back.stdout_bytes(), long);
    }
}
