//! The fake registry is a registry for skopeo, and fails exactly as told for curl.

use super::super::fake::{FakeRegistry, LinkForm, LocationForm, on};
use super::super::images;
use super::super::peers;
use super::super::sandbox::{Output, Sandbox};

fn curl(args: &[&str]) -> Output {
    Sandbox::of("curl")
        .args(["-sS", "--max-time", "10"])
        .args(args)
        .run()
}

#[test]
fn skopeo_pushes_to_the_fake_and_pulls_the_same_bytes() {
    peers::needs!("skopeo");
    let auth = FakeRegistry::start_on("127.0.0.2");
    for form in [LocationForm::Absolute, LocationForm::At(String::new())] {
        let registry = FakeRegistry::start()
            .bearer(&auth.token_url(), usize::MAX)
            .rule(on("").path("/blobs/uploads/").location(form));
        let skopeo = peers::skopeo();
        let image = images::five_platforms();
        images::write_dir(&skopeo.path("in"), &image);
        let to = registry.docker("a/b:1");
        let push = [
            "copy",
            "-q",
            "--all",
            "--preserve-digests",
            "--dest-tls-verify=false",
            "dir:in",
            &to,
        ];
        skopeo.args(push).run().ok();
        assert_eq!(registry.manifest("a/b", "1"), Some(image.manifest.clone()));
        skopeo
            .args([
                "copy",
                "-q",
                "--all",
                "--src-tls-verify=false",
                &to,
                "dir:out",
            ])
            .run()
            .ok();
        for (digest, bytes) in image.all_blobs() {
            assert_eq!(
                std::fs::read(skopeo.path("out").join(digest.hex())).unwrap(),
                bytes
            );
        }
        assert!(!auth.requests("GET", "/token").is_empty());
        assert!(auth.with_header("authorization").is_empty());
    }
}

#[test]
fn bodies_break_off_where_the_rule_says() {
    peers::needs!("curl");
    let image = images::two_layers();
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(on("GET").path("/blobs/").nth(1).rst_after(70_000))
        .rule(on("GET").path("/blobs/").nth(2).fin_after(10))
        .rule(on("GET").path("/blobs/").nth(3).stall_after(20))
        .rule(on("GET").path("/blobs/").nth(4).flip_byte(0))
        .rule(on("GET").path("/blobs/").nth(5).ignore_range())
        .rule(on("GET").path("/blobs/").nth(6).chunked());
    let url = format!("{}/v2/a/blobs/{}", registry.url(), image.layers()[0]);
    let whole = image.layer(0);
    let rst = curl(&[&url]);
    assert_eq!(
        (rst.exit_code(), rst.stdout_bytes().len()),
        (Some(56), 70_000),
        "{}",
        rst.stderr()
    );
    let fin = curl(&[&url]);
    assert_eq!(
        (fin.exit_code(), fin.stdout_bytes()),
        (Some(18), &whole[..10])
    );
    let stall = curl(&["-m", "1", &url]);
    assert_eq!(
        (stall.exit_code(), stall.stdout_bytes()),
        (Some(28), &whole[..20])
    );
    let flipped = curl(&[&url]).ok();
    assert_eq!(flipped.stdout_bytes()[0], whole[0] ^ 0x20);
    assert_eq!(flipped.stdout_bytes()[1..], whole[1..]);
    assert_eq!(curl(&["-r", "5-", &url]).ok().stdout_bytes(), whole);
    assert_eq!(curl(&[&url]).ok().stdout_bytes(), whole);
    assert_eq!(curl(&["-r", "5-", &url]).ok().stdout_bytes(), &whole[5..]);
    let ranges: Vec<_> = registry
        .with_header("range")
        .iter()
        .map(|s| s.status)
        .collect();
    assert_eq!(ranges, [200, 206]);
    assert_eq!(registry.connections(), 7, "each curl is a connection");
}

#[test]
fn answers_are_overridden_and_connections_kept_or_closed() {
    peers::needs!("curl");
    let registry = FakeRegistry::start()
        .image("a", "1", &images::small())
        .basic("u", "p")
        .rule(on("HEAD").drop_header("docker-content-digest").set_cookie())
        .rule(
            on("GET")
                .path_end("/manifests/1")
                .first(1)
                .error(503, "UNAVAILABLE", "later"),
        )
        .rule(
            on("GET")
                .path_end("/manifests/1")
                .nth(2)
                .close_idle(0)
                .lf_only(),
        );
    let url = format!("{}/v2/a/manifests/1", registry.url());
    let head = curl(&["-I", "-u", "u:p", &url]).ok();
    let head = head.stdout().to_lowercase();
    assert!(
        head.contains("set-cookie: session=crumbs") && !head.contains("docker-content-digest"),
        "{head}"
    );
    let codes = curl(&[
        "-o",
        "x",
        "-w",
        "%{http_code}\n",
        "-u",
        "u:p",
        &url,
        "-o",
        "x",
        &url,
        "-o",
        "x",
        &url,
    ])
    .ok();
    assert_eq!(codes.stdout(), "503\n200\n200\n");
    assert_eq!(
        curl(&["-w", "%{http_code}", "-o", "x", &url]).ok().stdout(),
        "401"
    );
    let connections: Vec<_> = registry
        .requests("GET", "")
        .iter()
        .map(|s| s.connection)
        .collect();
    assert_eq!(
        connections,
        [1, 1, 2, 3],
        "kept, closed after the second answer, a new curl"
    );
}

#[test]
fn tags_come_in_pages() {
    peers::needs!("curl");
    let registry = FakeRegistry::start()
        .tags("a", 10_000, &images::small())
        .links(LinkForm::Absolute);
    let all = curl(&[&format!("{}/v2/a/tags/list", registry.url())]).ok();
    assert_eq!(all.json()["tags"].as_array().map(Vec::len), Some(10_000));
    let url = format!("{}/v2/a/tags/list?n=100&last=t00099", registry.url());
    let page = curl(&["-i", &url]).ok();
    let link = format!(
        "Link: <{}/v2/a/tags/list?last=t00199&n=100>; rel=\"next\"",
        registry.url()
    );
    assert!(page.stdout().contains(&link), "{}", page.stdout());
    let last = curl(&[
        "-i",
        &format!("{}/v2/a/tags/list?n=100&last=t09899", registry.url()),
    ])
    .ok();
    assert!(last.stdout().contains("t09999") && !last.stdout().contains("Link:"));
}

#[test]
fn tokens_of_the_fake_wear_out() {
    peers::needs!("curl");
    let auth = FakeRegistry::start_on("127.0.0.2");
    let registry = FakeRegistry::start().bearer(&auth.token_url(), 2);
    let body = curl(&[&auth.token_url()]).ok().json();
    let bearer = format!("Authorization: Bearer {}", body["token"].as_str().unwrap());
    let url = format!("{}/v2/", registry.url());
    for wanted in ["200", "200", "401"] {
        let code = curl(&["-o", "x", "-w", "%{http_code}", "-H", &bearer, &url]).ok();
        assert_eq!(code.stdout(), wanted);
    }
    let refused = curl(&["-i", &url]).ok();
    let challenge = format!("Bearer realm=\"{}\",service=\"fake\"", auth.token_url());
    assert!(
        refused.stdout().contains(&challenge),
        "{}",
        refused.stdout()
    );
}

#[test]
fn an_upload_answers_under_its_newest_location_only() {
    peers::needs!("curl");
    let blob = images::noise(4, 1000);
    let digest = images::sha256(&blob);
    let registry = FakeRegistry::start()
        .odd_upload_state()
        .rule(on("PATCH").nth(3).forget_uploads())
        .rule(on("PATCH").nth(4).rst_request_after(300));
    let sandbox = Sandbox::of("curl");
    std::fs::write(sandbox.path("blob"), &blob).unwrap();
    let send = |method: &str, location: &str| {
        let url = format!("{}{location}", registry.url());
        let body = ["-H", "Transfer-Encoding:", "--data-binary", "@blob"];
        let none = ["-H", "Content-Length: 0"];
        let body = if method == "PATCH" {
            &body[..]
        } else {
            &none[..]
        };
        let args = [
            "-sS",
            "-o",
            "x",
            "-w",
            "%{http_code} %header{location}",
            "-X",
            method,
            &url,
        ];
        let out = sandbox.args(args).args(body).run();
        let (code, location) = out.stdout().split_once(' ').unwrap();
        (code.to_owned(), location.to_owned())
    };
    let (code, opened) = send("POST", "/v2/a/blobs/uploads/");
    assert_eq!(code, "202");
    let (code, newer) = send("PATCH", &opened);
    assert_eq!(code, "202");
    assert_eq!(
        send("PATCH", &opened).0,
        "404",
        "its state is not the newest"
    );
    assert_eq!(send("PUT", &format!("{newer}&digest={digest}")).0, "201");
    assert_eq!(registry.blob("a", &digest), Some(blob.clone()));

    let (_, opened) = send("POST", "/v2/a/blobs/uploads/");
    assert_eq!(send("PATCH", &opened).0, "404", "forgotten");
    let (_, opened) = send("POST", "/v2/a/blobs/uploads/");
    assert_eq!(send("PATCH", &opened).0, "000", "reset while sending");
    let read: Vec<_> = registry
        .requests("PATCH", "")
        .iter()
        .map(|s| s.body_bytes)
        .collect();
    assert_eq!(read, [1000, 1000, 1000, 300]);
}
