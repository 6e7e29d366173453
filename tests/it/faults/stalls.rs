//! Peers that fall silent without closing the connection.

use std::time::Duration;

use super::barque;
use crate::support::fake::{FakeRegistry, Rule, on};
use crate::support::images::{Dialect, Maker, noise, two_layers, write_layout};

#[test]
fn a_stalled_download_goes_on_and_nobody_is_asked_twice_for_a_byte() {
    let image = two_layers();
    let layer = image.layers()[0].to_string();
    let stall = on("GET").path(&layer).first(3).stall_after(25_000);
    let registry = FakeRegistry::start().image("a", "1", &image).rule(stall);
    let barque = barque();
    let args = [
        "copy",
        &registry.docker("a:1"),
        "dir:out",
        "--stall-timeout",
        "200ms",
    ];
    barque.args(args).run().ok();
    super::super::quirks::assert_pulled(&barque, &image);
    let ranges: Vec<_> = registry
        .requests("GET", &layer)
        .iter()
        .map(|s| s.header("range").unwrap_or("none").to_owned())
        .collect();
    assert_eq!(
        ranges,
        ["none", "bytes=25000-", "bytes=50000-", "bytes=75000-"]
    );
}

#[test]
fn a_download_that_never_moves_is_given_up_without_a_busy_loop() {
    let image = two_layers();
    let layer = image.layers()[0].to_string();
    let stall = on("GET").path(&layer).after(1).stall_after(0);
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(on("GET").path(&layer).first(1).stall_after(70_000))
        .rule(stall);
    let barque = barque();
    let args = [
        "copy",
        &registry.docker("a:1"),
        "oci:out:1",
        "--stall-timeout",
        "100ms",
    ];
    let out = barque.args(args).run().code(5);
    assert!(
        out.stderr().contains("sent nothing for 0.1 s"),
        "{}",
        out.stderr()
    );
    assert_eq!(
        registry.requests("GET", &layer).len(),
        5,
        "{:?}",
        registry.lines()
    );
    super::assert_valid_layout(&barque.path("out"));
}

#[test]
fn an_upload_into_silence_is_sent_again() {
    let image = two_layers();
    let layer = image.layers()[0].to_string();
    let registry = FakeRegistry::start().rule(on("PUT").path(&layer).nth(1).hang());
    let barque = barque();
    write_layout(&barque.path("in"), &[("1", &image)]);
    let to = registry.docker("a:1");
    let args = ["copy", "oci:in:1", &to, "--stall-timeout", "200ms"];
    barque.args(args).run().ok();
    assert_eq!(
        registry.requests("PUT", &layer).len(),
        2,
        "{:?}",
        registry.lines()
    );
    assert_eq!(registry.manifest("a", "1"), Some(image.manifest));
}

/// Pushes to a registry that does this with the PUT of a layer, and says what was sent for it: PUTs and HEADs.
fn pushed(rules: Vec<Rule>) -> (usize, usize) {
    let image = two_layers();
    let layer = image.layers()[0].to_string();
    let registry = FakeRegistry::start();
    rules.into_iter().for_each(|rule| registry.add_rule(rule));
    let barque = barque();
    write_layout(&barque.path("in"), &[("1", &image)]);
    let to = registry.docker("a:1");
    let args = ["copy", "oci:in:1", &to, "--stall-timeout", "200ms"];
    barque.args(args).run().ok();
    assert_eq!(registry.manifest("a", "1"), Some(image.manifest));
    let count = |method| registry.requests(method, &layer).len();
    (count("PUT"), count("HEAD"))
}

fn put() -> Rule {
    on("PUT").path(&two_layers().layers()[0].to_string())
}

/// The end of an upload whose bytes came before.
fn put_without_body() -> Rule {
    on("PUT").when(|head| head.header("content-length") == Some("0"))
}

/// Refuses bodies in one PUT, so that PATCH is used and a PUT without a body comes last.
fn no_whole_put() -> Rule {
    let has_body = |length: &str| length != "0";
    on("PUT")
        .path("/uploads/")
        .when(move |head| head.header("content-length").is_some_and(has_body))
        .status(413)
}

#[test]
fn a_registry_that_is_slow_to_finish_an_upload_is_waited_for() {
    let slow = Duration::from_millis(700);
    assert_eq!(pushed(vec![put().delay(slow)]), (1, 0));
    let finish = put().delay(slow);
    // The whole PUT may have been refused for this layer, or for another before.
    let (puts, heads) = pushed(vec![no_whole_put(), finish]);
    assert!(puts <= 2 && heads == 0, "{puts} {heads}");
}

#[test]
fn an_upload_that_ended_in_silence_is_asked_for_before_it_is_sent_again() {
    assert_eq!(pushed(vec![put().keep_answer()]), (1, 1));
    let finish = put_without_body().path(&two_layers().layers()[0].to_string());
    let (puts, heads) = pushed(vec![no_whole_put(), finish.keep_answer()]);
    assert!(puts <= 2 && heads == 1, "{puts} {heads}");
}

#[test]
fn uploads_that_always_end_in_silence_are_given_up() {
    let image = two_layers();
    let registry = FakeRegistry::start().rule(put().hang());
    let barque = barque();
    write_layout(&barque.path("in"), &[("1", &image)]);
    let to = registry.docker("a:1");
    let args = ["copy", "oci:in:1", &to, "--stall-timeout", "100ms"];
    let out = barque.args(args).run().code(5);
    assert!(
        out.stderr().contains("no answer for 1 s"),
        "{}",
        out.stderr()
    );
    let layer = image.layers()[0].to_string();
    assert_eq!(registry.requests("PUT", &layer).len(), 2);

    // So are those of a blob whose digest is known at its end.
    let large = Maker::new(Dialect::Oci).file_layer("large", noise(5, 3_000_000));
    write_layout(&barque.path("large"), &[("1", &large.make())]);
    for rule in [
        put_without_body().path("/uploads/").hang(),
        on("PATCH").keep_answer(),
    ] {
        let registry = FakeRegistry::start().rule(rule);
        let to = registry.docker("a:1");
        let args = ["copy", "oci:large:1", &to, "--stall-timeout", "100ms"];
        let late = ["--dest-compress-format=zstd", "--image-parallel-copies=1"];
        barque.args(args).args(late).run().code(5);
        assert_eq!(registry.requests("PATCH", "").len(), 2);
    }
}

#[cfg(feature = "legacy")]
#[test]
fn layers_for_registry_v1_that_always_end_in_silence_are_given_up() {
    let barque = barque();
    write_layout(&barque.path("in"), &[("1", &two_layers())]);
    let registry = FakeRegistry::start()
        .rule(on("GET").path("/v1/_ping").json("true"))
        .rule(on("PUT").path("/v1/").json("true"))
        .rule(on("PUT").path_end("/layer").hang());
    let to = format!("docker-v1://{}/a/b:1", registry.address());
    let args = ["copy", "oci:in:1", &to, "--stall-timeout", "100ms"];
    barque.args(args).run().code(5);
    assert_eq!(registry.requests("PUT", "/layer").len(), 2);
}

#[test]
fn a_part_of_an_upload_that_ends_in_silence_is_not_sent_again() {
    let image = two_layers();
    let registry = FakeRegistry::start()
        .rule(no_whole_put())
        .rule(on("PATCH").nth(1).keep_answer());
    let barque = barque();
    write_layout(&barque.path("in"), &[("1", &image)]);
    let to = registry.docker("a:1");
    let args = ["copy", "oci:in:1", &to, "--stall-timeout", "200ms"];
    barque.args(args).run().ok();
    assert_eq!(registry.manifest("a", "1"), Some(image.manifest));
    // One for each blob.
    let patches = registry.requests("PATCH", "").len();
    assert_eq!(patches, image.blobs.len(), "{:?}", registry.lines());
}

/// Interim answers without end are no answer: the connection is closed after the time-out, and each try ends so.
#[test]
fn interim_answers_without_end_are_given_up() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let given_up = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = given_up.clone();
    // One connection after the other: one that stays open would be the last.
    std::thread::spawn(move || {
        let hints = b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100);
        for client in server.incoming().flatten() {
            let mut client = client;
            // The request first: before it nothing is an answer.
            let _ = std::io::Read::read(&mut client, &mut [0; 4096]);
            while std::io::Write::write_all(&mut client, &hints).is_ok() {}
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let name = format!("docker://{address}/a:1");
    let args = ["inspect", &name, "--stall-timeout", "200ms"];
    let out = barque().args(args).run().code(5);
    assert!(
        out.stderr().contains("no answer for 0.2 s"),
        "{}",
        out.stderr()
    );
    let given_up = given_up.load(std::sync::atomic::Ordering::Relaxed);
    assert!(given_up >= 3, "{given_up}");
}
