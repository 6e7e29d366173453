//! Blob download (section B).

use super::{assert_pulled, assert_pushed, barque, bearer, pull, raw_of_public, values};
use crate::support::fake::{FakeRegistry, Reply, Rule, Seen, on};
use crate::support::images::{self, Compression, Dialect, Maker, TestImage, noise};
use crate::support::proxy::Proxy;
use crate::support::tls::Certificates;

/// One layer of about 200 KB.
fn image() -> TestImage {
    Maker::new(Dialect::Oci)
        .compression(Compression::None)
        .file_layer("data", noise(7, 200_000))
        .make()
}

fn path(image: &TestImage) -> String {
    format!("/v2/a/blobs/{}", image.layers()[0])
}

/// A registry with [`image`], and a rule maker for GETs of its layer.
fn registry() -> (FakeRegistry, TestImage, impl Fn() -> Rule) {
    let image = image();
    let path = path(&image);
    let layer = move || on("GET").path_end(&path);
    (FakeRegistry::start().image("a", "1", &image), image, layer)
}

fn layer_requests(registry: &FakeRegistry, image: &TestImage) -> Vec<Seen> {
    registry.requests("GET", &path(image))
}

#[test]
fn b1_nothing_of_the_registrys_goes_to_the_storage() {
    let (registry, image, layer) = registry();
    let auth = FakeRegistry::start_on("127.0.0.2");
    let content = FakeRegistry::start_on("127.0.0.3")
        .image("a", "1", &image)
        .rule(
            on("")
                .with_header("authorization")
                .error(400, "InvalidArgument", "one way only"),
        )
        .rule(on("").with_header("cookie").status(400));
    let registry = registry
        .rule(
            on("")
                .without_header("authorization")
                .challenge(&bearer(&auth.token_url())),
        )
        .rule(
            layer()
                .with_header("authorization")
                .set_cookie()
                .redirect(&(content.url() + &path(&image) + "?X-Sig=a%2Fb")),
        );
    let barque = barque();
    let from = registry.docker("a:1");
    let copy = ["copy", "--src-creds", "sailor:anchors", &from, "dir:out"];
    barque.args(copy).run().ok();
    assert_pulled(&barque, &image);
    let seen = content.requests("GET", "");
    assert_eq!(seen.len(), 1);
    assert!(seen[0].path.ends_with("?X-Sig=a%2Fb"), "{}", seen[0].path);
    for name in ["authorization", "cookie", "proxy-authorization"] {
        assert!(content.with_header(name).is_empty(), "{name}");
    }
}

#[test]
fn b2_https_is_not_lowered_by_a_redirect() {
    let image = image();
    let certificates = Certificates::new();
    let registry = FakeRegistry::start_tls(&certificates).image("a", "1", &image);
    let port = registry.address().rsplit(':').next().unwrap();
    // The same port on another address, as in the bug of reqwest that the row names.
    let content = FakeRegistry::start_on(&format!("127.0.0.3:{port}")).image("a", "1", &image);
    let registry = registry.rule(
        on("GET")
            .path("/blobs/")
            .redirect(&(content.url() + &path(&image))),
    );
    let barque = barque();
    let out = barque
        .args(["copy", &registry.docker("a:1"), "dir:out"])
        .args([
            "--src-cert-dir".as_ref(),
            certificates.ca_only_dir().as_os_str(),
        ])
        .run()
        .code(5);
    assert!(
        out.stderr().contains("https is not lowered to http"),
        "{}",
        out.stderr()
    );
    assert!(content.requests("", "").is_empty());
}

#[test]
fn b2_redirects_have_an_end() {
    let registry = FakeRegistry::start();
    let registry = registry.rule(on("").redirect("/v2/a/manifests/2"));
    let out = super::raw(&registry).code(5);
    assert!(
        out.stderr().contains("redirects more than 5 times"),
        "{}",
        out.stderr()
    );
    assert!(registry.requests("", "").len() <= 7);
}

#[test]
fn b3_a_public_registry_does_not_lead_to_private_places() {
    let certificates = Certificates::new();
    let private = FakeRegistry::start_tls(&certificates).image("a", "1", &images::small());
    let port = private.address().rsplit(':').next().unwrap().to_owned();
    for target in [
        private.url(),
        format!("https://localhost:{port}"),
        format!("https://localhost.:{port}"),
        format!("https://[::ffff:127.0.0.1]:{port}"),
        format!("https://[::127.0.0.1]:{port}"),
        format!("https://[64:ff9b::127.0.0.1]:{port}"),
        format!("https://[2002:7f00:1::]:{port}"),
        format!("https://0.1.2.3:{port}"),
        "https://[fec0::1]".to_owned(),
        "https://100.100.100.200".to_owned(),
        "https://metadata.google.internal".to_owned(),
        "https://169.254.169.254".to_owned(),
        "//sailor:s3cret@169.254.169.254".to_owned(),
    ] {
        let registry = FakeRegistry::start_tls(&certificates)
            .rule(on("").redirect(&format!("{target}/v2/a/manifests/1?token=s3cret#s3cret")));
        let proxy = Proxy::start(registry.address());
        let out = raw_of_public(&barque(), &certificates, &proxy.url())
            .run()
            .code(5);
        assert!(out.stderr().contains("private address"), "{}", out.stderr());
        assert!(!out.stderr().contains("s3cret"), "{}", out.stderr());
        let to: Vec<_> = proxy.connects().into_iter().map(|c| c.to).collect();
        assert_eq!(to, ["registry.example:443"]);
    }
    assert!(private.requests("", "").is_empty());
}

#[test]
fn b3_the_user_may_permit_a_private_host() {
    let certificates = Certificates::new();
    let registry = || FakeRegistry::start_tls(&certificates).image("a", "1", &images::small());
    let run = |host: &str, flags: &[&str], variable: &str| {
        let to = format!("https://{host}/v2/a/manifests/1");
        let registry = registry().rule(on("").first(1).redirect(&to));
        let proxy = Proxy::start(registry.address());
        let barque = barque();
        let run = raw_of_public(&barque, &certificates, &proxy.url()).args(flags);
        run.env("BARQUE_ALLOW_PRIVATE_HOST", variable).run()
    };
    run("127.0.0.1:444", &["--allow-private-host", "127.0.0.1"], "").ok();
    run("localhost", &["--allow-private-host=localhost:443"], "").ok();
    run("localhost", &[], "a.internal,localhost").ok();
    for flags in [&["--allow-private-host", "127.0.0.1:443"][..], &[]] {
        let out = run("127.0.0.1:444", flags, "").code(5);
        let hint = "add `--allow-private-host 127.0.0.1`";
        assert!(out.stderr().contains(hint), "{}", out.stderr());
    }
}

#[test]
fn b3_a_user_in_a_redirect_is_not_written_down() {
    let (registry, image, layer) = registry();
    let content = FakeRegistry::start_on("127.0.0.3").image("a", "1", &image);
    let path = path(&image);
    let place = content.address().to_owned();
    let registry = registry.rule(layer().redirect(&format!("http://mate:s3cret@{place}{path}")));
    let barque = barque();
    let copy = ["copy", "--debug", "--receipt", "receipt.json"];
    let run = barque.args(copy).args([&registry.docker("a:1"), "dir:out"]);
    let out = run.run().ok();
    let receipt = std::fs::read_to_string(barque.path("receipt.json")).unwrap();
    assert!(receipt.contains(&format!("\"{place}\"")), "{receipt}");
    for text in [&receipt, out.stderr(), out.stdout()] {
        assert!(!text.contains("s3cret"), "{text}");
    }
    // What the redirect says is what the other server asks for.
    assert_eq!(content.with_header("authorization").len(), 1);
}

#[test]
fn b4_a_broken_download_asks_the_registry_again() {
    let (registry, image, layer) = registry();
    let path = path(&image);
    let content = FakeRegistry::start_on("127.0.0.3")
        .image("a", "1", &image)
        .rule(on("GET").path("link=1").nth(1).rst_after(50_000))
        .rule(
            on("GET")
                .path("link=1")
                .after(1)
                .error(403, "AccessDenied", "the link expired"),
        );
    let link = |n: usize| format!("{}{path}?link={n}", content.url());
    let registry = registry
        .rule(layer().nth(1).redirect(&link(1)))
        .rule(layer().nth(2).redirect(&link(2)));
    let barque = barque();
    pull(&barque, &registry).ok();
    assert_pulled(&barque, &image);
    assert_eq!(layer_requests(&registry, &image).len(), 2);
    assert_eq!(content.requests("GET", "link=1").len(), 1);
    assert!(
        content.requests("GET", "link=2")[0]
            .header("range")
            .is_some()
    );
}

#[test]
fn b5_the_range_is_ignored() {
    let (registry, image, layer) = registry();
    let registry = registry
        .rule(layer().nth(1).rst_after(50_000))
        .rule(layer().nth(2).ignore_range());
    let barque = barque();
    pull(&barque, &registry).ok();
    assert_pulled(&barque, &image);
    let asked = layer_requests(&registry, &image);
    assert_eq!(
        asked.iter().map(|s| s.status).collect::<Vec<_>>(),
        [200, 200]
    );
    assert!(asked[1].header("range").is_some());
}

#[test]
fn b5_the_range_is_refused() {
    for status in [400, 405, 416, 501] {
        let (registry, image, layer) = registry();
        let registry = registry
            .rule(layer().nth(1).rst_after(50_000))
            .rule(layer().with_header("range").status(status));
        let barque = barque();
        pull(&barque, &registry).ok();
        assert_pulled(&barque, &image);
        let asked = layer_requests(&registry, &image);
        let statuses: Vec<_> = asked.iter().map(|s| s.status).collect();
        assert_eq!(statuses, [200, status, 200]);
    }
}

#[test]
fn b6_after_another_range_than_asked_for_all_is_asked_for() {
    let size = image().layer(0).len();
    for wrong in [
        Some(format!("bytes 0-{}/{size}", size - 1)),
        Some(format!("bytes 50000-{}/{}", size - 1, size + 1)),
        Some("bytes */10".to_owned()),
        None,
    ] {
        let (registry, image, layer) = registry();
        let odd = match &wrong {
            Some(value) => layer().after(1).content_range(value),
            None => layer().after(1).drop_header("Content-Range"),
        };
        let registry = registry.rule(layer().nth(1).rst_after(50_000)).rule(odd);
        let barque = barque();
        pull(&barque, &registry).ok();
        assert_pulled(&barque, &image);
        let asked = layer_requests(&registry, &image);
        let ranges: Vec<_> = asked.iter().map(|s| s.header("range").is_some()).collect();
        assert_eq!(ranges, [false, true, false], "{wrong:?}");
    }
}

#[test]
fn b6_ranges_that_are_always_wrong_end_in_an_error() {
    let (registry, image, layer) = registry();
    let registry = registry
        .rule(layer().without_header("range").rst_after(50_000))
        .rule(layer().with_header("range").drop_header("Content-Range"));
    let barque = barque();
    pull(&barque, &registry).code(5);
    let name = image.layers()[0].hex().to_owned();
    assert!(!barque.path("out").join(name).exists());
    assert!(layer_requests(&registry, &image).len() <= 12);
}

#[test]
fn b7_b9_one_range_at_a_time_whatever_is_announced() {
    let (registry, image, layer) = registry();
    let registry = registry
        .rule(layer().drop_header("Accept-Ranges"))
        .rule(layer().nth(1).rst_after(50_000))
        .rule(layer().nth(2).fin_after(20_000))
        .rule(layer().nth(3).rst_after(20_000));
    let barque = barque();
    pull(&barque, &registry).ok();
    assert_pulled(&barque, &image);
    let ranges = values(&layer_requests(&registry, &image), "range");
    assert_eq!(ranges.len(), 3);
    for range in ranges {
        let from = range
            .strip_prefix("bytes=")
            .and_then(|r| r.strip_suffix('-'));
        assert!(from.is_some_and(|f| f.parse::<u64>().is_ok()), "{range}");
    }
}

#[test]
fn b8_nothing_is_asked_for_at_the_end() {
    let (registry, image, layer) = registry();
    // All bytes came, but the chunked body has no end.
    let registry = registry.rule(layer().chunked().fin_after(image.layer(0).len()));
    let barque = barque();
    pull(&barque, &registry).ok();
    assert_pulled(&barque, &image);
    assert_eq!(layer_requests(&registry, &image).len(), 1);
}

#[test]
fn b10_lengths_that_are_missing_or_wrong() {
    for lie in [None, Some(1), Some(-1), Some(-100_000)] {
        let (registry, image, layer) = registry();
        let registry = registry.rule(match lie {
            None => layer().chunked(),
            Some(by) => layer().nth(1).lie_length(by),
        });
        let barque = barque();
        pull(&barque, &registry).ok();
        assert_pulled(&barque, &image);
    }
}

#[test]
fn b10_bodies_that_are_too_long_or_too_short() {
    let (_, image, layer) = registry();
    let mut longer = image.layer(0).to_vec();
    longer.push(b'x');
    let shorter = image.layer(0)[..100_000].to_vec();
    for (body, told) in [
        (longer, "is longer than its"),
        (shorter, "ends after 100000 of"),
    ] {
        let registry = FakeRegistry::start()
            .image("a", "1", &image)
            .rule(layer().ignore_range().answer(Reply::new(200, body)));
        let barque = barque();
        let out = pull(&barque, &registry).code(4);
        assert!(out.stderr().contains(told), "{}", out.stderr());
        assert!(!barque.path("out").join(image.layers()[0].hex()).exists());
    }
}

#[test]
fn b10_a_blob_that_is_shorter_than_its_descriptor_says() {
    let (_, image, layer) = registry();
    let size = image.layer(0).len();
    let (told, wrong) = (format!("\"size\":{size}"), format!("\"size\":{}", size + 1));
    let manifest = String::from_utf8(image.manifest.clone()).unwrap();
    assert!(manifest.contains(&told), "{manifest}");
    let manifest = Reply::new(200, manifest.replace(&told, &wrong))
        .with("Content-Type", "application/vnd.oci.image.manifest.v1+json");
    let range = format!("bytes {size}-{}/{size}", size - 1);
    let none = Reply::new(206, "").with("Content-Range", range);
    for (rule, requests) in [
        (layer().with_header("range").status(416), 3),
        (layer().with_header("range").ignore_range(), 2),
        (layer().with_header("range").answer(none), 2),
    ] {
        let registry = FakeRegistry::start()
            .image("a", "1", &image)
            .rule(on("GET").path("/manifests/").answer(manifest.clone()))
            .rule(rule);
        let barque = barque();
        let args = ["copy", &registry.docker("a:1"), "oci:out:1"];
        let out = barque.args(args).run().code(4);
        let told = format!("ends after {size} of {} bytes", size + 1);
        assert!(out.stderr().contains(&told), "{}", out.stderr());
        assert_eq!(layer_requests(&registry, &image).len(), requests);
        // The config may be under way beside it; its partial file is continued by the next run.
        let partial = format!("out/.partial-sha256-{}", image.layers()[0].hex());
        assert!(!barque.path(&partial).exists(), "{partial}");
    }
}

#[test]
fn b11_the_length_of_a_head_is_not_believed() {
    let registry = FakeRegistry::start()
        .rule(on("HEAD").path("/blobs/").header("Content-Length", "0"))
        .rule(on("PUT").path("/blobs/").with_status(202));
    super::push(&images::small(), &registry).ok();
    assert_eq!(registry.requests("HEAD", "/blobs/").len(), 3);
    assert_pushed(&registry, &images::small());
}

#[test]
fn b12_a_download_that_was_put_together_wrongly_is_made_again() {
    for to in ["dir:out", "oci:out:1", "registry", "layers"] {
        let (registry, image, layer) = registry();
        let registry = registry
            .rule(layer().nth(1).rst_after(50_000))
            .rule(layer().nth(2).flip_byte(0));
        let destination = FakeRegistry::start();
        let (from, barque) = (registry.docker("a:1"), barque());
        match to {
            "layers" => barque.args(["layers", "--output", "out", &from]).run().ok(),
            "registry" => barque
                .args(["copy", &from, &destination.docker("a:1")])
                .run()
                .ok(),
            to => barque.args(["copy", &from, to]).run().ok(),
        };
        if to == "registry" {
            assert_pushed(&destination, &image);
        }
        let asked = layer_requests(&registry, &image);
        let ranges: Vec<_> = asked.iter().map(|s| s.header("range").is_some()).collect();
        assert_eq!(ranges, [false, true, false], "{to}");
    }
}

#[test]
fn b12_a_pipe_takes_nothing_back_so_the_copy_fails() {
    let (registry, image, layer) = registry();
    let registry = registry
        .rule(layer().nth(1).rst_after(50_000))
        .rule(layer().nth(2).flip_byte(0));
    // Layers come first in this archive: the broken one goes into the pipe, not into a temporary file.
    let out = barque()
        .args(["copy", "--keep-compressed", &registry.docker("a:1")])
        .args(["docker-archive:-"])
        .run()
        .code(4);
    assert!(
        out.stderr().contains("is corrupt: its content hashes to"),
        "{}",
        out.stderr()
    );
    assert_eq!(layer_requests(&registry, &image).len(), 2);
}

#[test]
fn b12_wrong_bytes_of_a_clean_download_fail_at_once() {
    for to in ["dir:out", "oci:out:1", "registry"] {
        let (registry, image, layer) = registry();
        let registry = registry.rule(layer().flip_byte(1000));
        let destination = FakeRegistry::start();
        let barque = barque();
        let to = match to {
            "registry" => destination.docker("a:1"),
            to => to.to_owned(),
        };
        let out = barque
            .args(["copy", &registry.docker("a:1"), &to])
            .run()
            .code(4);
        assert!(
            out.stderr().contains("is corrupt: its content hashes to"),
            "{}",
            out.stderr()
        );
        // On its way to a registry it is hashed only after that one refused it.
        let read = if to.starts_with("docker:") { 2 } else { 1 };
        assert_eq!(layer_requests(&registry, &image).len(), read, "{to}");
        assert_eq!(destination.manifest("a", "1"), None);
    }
}

#[test]
fn b12_wrong_bytes_after_every_resume_end_in_an_error() {
    let (registry, image, layer) = registry();
    let registry = registry
        .rule(layer().without_header("range").rst_after(50_000))
        .rule(layer().with_header("range").flip_byte(0));
    let out = pull(&barque(), &registry).code(4);
    assert!(
        out.stderr().contains("interrupted and continued"),
        "{}",
        out.stderr()
    );
    assert_eq!(layer_requests(&registry, &image).len(), 4);
}

#[test]
fn b13_urls_of_foreign_layers_are_not_fetched_unasked() {
    let evil = FakeRegistry::start_on("127.0.0.4");
    let base = images::two_layers_docker();
    let mut json = base.json();
    json["layers"][0]["mediaType"] =
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip".into();
    json["layers"][0]["urls"] = serde_json::json!([format!("{}/layer", evil.url())]);
    let foreign = base.layers()[0].clone();
    let mut image = TestImage {
        blobs: base.blobs,
        ..TestImage::raw(images::media::DOCKER_MANIFEST, json.to_string())
    };
    image.blobs.remove(&foreign);
    let registry = FakeRegistry::start().image("a", "1", &image);
    let barque = barque();
    let copy = ["copy", &registry.docker("a:1")];
    let leaves: [&[&str]; 2] = [
        &["oci:layout:1"],
        &["dir:out", "--allow-nondistributable=false"],
    ];
    for to in leaves {
        let out = barque.args(copy).args(to).run().ok();
        assert!(out.stderr().contains("is foreign"), "{}", out.stderr());
    }
    assert_pulled(&barque, &image);
    assert!(evil.requests("", "").is_empty());
    assert!(registry.requests("", foreign.hex()).is_empty());
}

#[test]
fn m8_blobs_that_a_proxy_packed() {
    // A plain layer, and one that is gzip itself, which is gzip in gzip then.
    for compression in [Compression::None, Compression::Gzip] {
        let image = Maker::new(Dialect::Oci)
            .compression(compression)
            .file_layer("data", noise(7, 200_000))
            .make();
        let path = path(&image);
        let packed =
            || Reply::new(200, images::gzip(image.layer(0))).with("Content-Encoding", "gzip");
        let layer = || on("GET").path_end(&path);
        let registry = || FakeRegistry::start().image("a", "1", &image);
        let pulled = |registry: &FakeRegistry| {
            let barque = barque();
            pull(&barque, registry).ok();
            assert_pulled(&barque, &image);
            registry.requests("GET", &path).len()
        };
        assert_eq!(pulled(&registry().rule(layer().answer(packed()))), 1);
        let chunked = registry().rule(layer().answer(packed()).chunked());
        assert_eq!(pulled(&chunked), 1);
        // A part of the packed bytes is asked for in vain, and then the whole.
        let part = Reply::new(206, "packed")
            .with("Content-Encoding", "gzip")
            .with("Content-Range", "bytes 0-5/100");
        let cut = registry()
            .rule(layer().nth(1).answer(packed()).rst_after(100_000))
            .rule(layer().nth(2).answer(part))
            .rule(layer().nth(3).answer(packed()));
        assert_eq!(pulled(&cut), 3);
        // The label on bytes that are sent as they are, with a length and without.
        let labelled = registry().rule(layer().header("Content-Encoding", "gzip"));
        assert_eq!(pulled(&labelled), 1);
        let labelled = registry().rule(layer().header("Content-Encoding", "gzip").chunked());
        assert_eq!(pulled(&labelled), 1);
    }
}

#[test]
fn m8_a_packed_blob_that_is_broken_is_told() {
    let (registry, image, layer) = registry();
    let mut bytes = images::gzip(image.layer(0));
    bytes.truncate(100_000);
    let cut = Reply::new(200, bytes).with("Content-Encoding", "gzip");
    let registry = registry.rule(layer().answer(cut));
    let out = pull(&barque(), &registry).code(4);
    assert!(
        out.stderr()
            .contains("is not the gzip that it claims to be"),
        "{}",
        out.stderr()
    );
}
