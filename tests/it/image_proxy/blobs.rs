//! Blobs: side by side, continued, checked, and as fast as the client reads.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::AsyncReadExt;

use super::{Proxy, layers};
use crate::support::fake::{FakeRegistry, on};
use crate::support::images::{self, Dialect, Maker, noise};

#[tokio::test(flavor = "multi_thread")]
async fn raw_blobs_are_downloaded_side_by_side_with_one_request_each() {
    let mut maker = Maker::new(Dialect::Oci);
    for i in 0..12 {
        maker = maker.file_layer(&format!("layer/{i}"), noise(i, 20_000));
    }
    let image = maker.make();
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(on("GET").path("/blobs/").delay(Duration::from_millis(300)));
    let proxy = Proxy::barque().await;
    let opened = proxy.open_image(&registry.docker("a:1")).await.unwrap();
    let reads = layers(&image).into_iter().map(|(digest, content)| {
        let (proxy, opened) = (&proxy, &opened);
        async move {
            let digest = digest.parse().unwrap();
            let (size, mut file, driver) = proxy.get_raw_blob(opened, &digest).await.unwrap();
            assert_eq!(size, Some(content.len() as u64));
            let mut read = Vec::new();
            file.read_to_end(&mut read).await.unwrap();
            driver.await.unwrap();
            assert!(read == content, "{digest}");
        }
    });
    join_all(reads).await;
    let requests = registry.requests("", "/blobs/");
    assert_eq!(requests.len(), 12);
    assert_eq!(requests.iter().map(|r| r.beside).max(), Some(12));
    proxy.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_breaks_off_is_continued() {
    let image = images::two_layers();
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(on("GET").path("/blobs/").nth(1).rst_after(70_000));
    let proxy = Proxy::barque().await;
    let opened = proxy.open_image(&registry.docker("a:1")).await.unwrap();
    let (digest, content) = layers(&image).swap_remove(0);
    let (read, error) = proxy.blob(&opened, &digest, content.len() as u64).await;
    assert_eq!(error, None);
    assert!(read == content);
    let requests = registry.requests("GET", &digest);
    let ranges: Vec<_> = requests.iter().map(|r| r.header("range")).collect();
    assert_eq!(ranges.len(), 2);
    assert!(ranges[0].is_none() && ranges[1].is_some(), "{ranges:?}");
    proxy.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_with_wrong_content_or_size_is_an_error() {
    let image = images::two_layers();
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(on("GET").path("/blobs/").nth(1).flip_byte(50_000));
    let proxy = Proxy::barque().await;
    let opened = proxy.open_image(&registry.docker("a:1")).await.unwrap();
    let (digest, content) = layers(&image).swap_remove(0);
    let size = content.len() as u64;
    let (_, error) = proxy.blob(&opened, &digest, size).await;
    assert!(error.unwrap().contains("corrupted blob"));
    let (read, error) = proxy.blob(&opened, &digest, size).await;
    assert_eq!((read == content, error), (true, None));
    let (_, error) = proxy.blob(&opened, &digest, size + 1).await;
    assert!(error.is_some());
    proxy.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_holds_no_connection() {
    let image = Maker::new(Dialect::Oci)
        .file_layer("large", noise(1, 3_000_000))
        .make();
    let registry = FakeRegistry::start().image("a", "1", &image);
    let proxy = Proxy::impatient().await;
    let opened = proxy.open_image(&registry.docker("a:1")).await.unwrap();
    let (digest, content) = layers(&image).swap_remove(0);
    let parsed = digest.parse().unwrap();
    let (mut reader, driver) = proxy
        .get_blob(&opened, &parsed, content.len() as u64)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut read = Vec::new();
    let (done, ended) = tokio::join!(reader.read_to_end(&mut read), driver);
    done.unwrap();
    ended.unwrap();
    assert!(read == content);
    let requests = registry.requests("GET", &digest);
    assert_eq!(requests.len(), 2);
    assert!(requests[1].header("range").is_some());
    proxy.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_the_client_closes_early_does_no_harm() {
    let image = images::two_layers();
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(on("GET").path("/blobs/").first(2).stall_after(40_000));
    let proxy = Proxy::barque().await;
    let opened = proxy.open_image(&registry.docker("a:1")).await.unwrap();
    let (digest, content) = layers(&image).swap_remove(1);
    let parsed = digest.parse().unwrap();
    // The server is silent after the first bytes: only the closed pipe can end the transfer soon.
    let (mut reader, driver) = proxy
        .get_blob(&opened, &parsed, content.len() as u64)
        .await
        .unwrap();
    reader.read_exact(&mut [0; 1000]).await.unwrap();
    drop(reader);
    assert!(
        driver
            .await
            .unwrap_err()
            .to_string()
            .contains("broken pipe")
    );
    let (_, mut reader, driver) = proxy.get_raw_blob(&opened, &parsed).await.unwrap();
    reader.read_exact(&mut [0; 1000]).await.unwrap();
    drop(reader);
    driver.await.unwrap();
    let (read, error) = proxy.blob(&opened, &digest, content.len() as u64).await;
    assert_eq!((read == content, error), (true, None));
    proxy.end().await;
}
