//! Servers that stall or fail, and clients that go away.

use std::process::{Command, Stdio};

use futures_util::future::join_all;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use tokio::io::AsyncReadExt;

use super::{Proxy, layers};
use crate::support::fake::{FakeRegistry, on};
use crate::support::images::{self, Dialect, Maker, noise};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_stalled_blobs_end_as_errors_that_can_be_retried() {
    let mut maker = Maker::new(Dialect::Oci);
    for i in 0..100 {
        maker = maker.file_layer(&format!("layer/{i}"), noise(i, 2_000));
    }
    let image = maker.make();
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(on("GET").path("/blobs/").stall_after(0));
    let proxy = Proxy::impatient().await;
    let opened = proxy.open_image(&registry.docker("a:1")).await.unwrap();
    let reads = layers(&image).into_iter().map(|(digest, _)| {
        let (proxy, opened) = (&proxy, &opened);
        async move {
            let digest = digest.parse().unwrap();
            let (_, mut file, driver) = proxy.get_raw_blob(opened, &digest).await.unwrap();
            let mut read = Vec::new();
            file.read_to_end(&mut read).await.unwrap();
            containers_image_proxy::Error::from(driver.await.unwrap_err()).is_retryable()
        }
    });
    let retryable = join_all(reads).await;
    assert_eq!(retryable, vec![true; 100]);
    // And it still answers.
    proxy.fetch_manifest(&opened).await.unwrap();
    proxy.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_down_is_worth_another_try() {
    let registry = FakeRegistry::start()
        .image("a", "1", &images::two_layers())
        .rule(on("GET").path("/manifests/").status(503));
    let proxy = Proxy::impatient().await;
    let error = proxy.open_image(&registry.docker("a:1")).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    let error = proxy
        .open_image_optional(&registry.docker("a:1"))
        .await
        .unwrap_err();
    assert!(error.is_retryable(), "{error}");
    proxy.end().await;
}

#[test]
fn a_client_that_goes_away_ends_the_proxy_even_while_a_registry_is_silent() {
    let registry = FakeRegistry::start().rule(on("GET").path("/v2/").hang());
    let pair = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    );
    let (ours, theirs) = pair.unwrap();
    let mut proxy = Command::new(env!("CARGO_BIN_EXE_barque"))
        .args(["experimental-image-proxy", "--tls-verify=false"])
        .stdin(Stdio::from(theirs))
        .spawn()
        .unwrap();
    let send = |text: String| {
        rustix::net::send(&ours, text.as_bytes(), SendFlags::empty()).unwrap();
    };
    send(r#"{"method":"Initialize","args":[]}"#.into());
    let mut reply = [0; 1000];
    let (length, _) = rustix::net::recv(&ours, &mut reply, RecvFlags::empty()).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&reply[..length]),
        r#"{"success":true,"value":"0.2.8","pipeid":0,"error_code":"","error":""}"#
    );
    send(format!(
        r#"{{"method":"OpenImage","args":["{}"]}}"#,
        registry.docker("a:1")
    ));
    while registry.requests("GET", "").is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    drop(ours);
    assert!(proxy.wait().unwrap().success());
}
