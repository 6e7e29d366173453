//! `barque experimental-image-proxy`, driven by the client that bootc and rpm-ostree use.

mod blobs;
mod documents;
mod faults;

use std::path::Path;
use std::process::Command;

use containers_image_proxy::{ImageProxy, ImageProxyConfig, OpenedImage};
use tempfile::TempDir;

use crate::support::images::TestImage;

/// A proxy, with the home of its program.
struct Proxy {
    proxy: ImageProxy,
    _home: TempDir,
}

impl std::ops::Deref for Proxy {
    type Target = ImageProxy;

    fn deref(&self) -> &ImageProxy {
        &self.proxy
    }
}

impl Proxy {
    /// barque's.
    async fn barque() -> Proxy {
        Proxy::of(Command::new(env!("CARGO_BIN_EXE_barque"))).await
    }

    /// barque's, impatient with servers.
    async fn impatient() -> Proxy {
        let mut command = Command::new(env!("CARGO_BIN_EXE_barque"));
        command
            .env("BARQUE_STALL_TIMEOUT", "300ms")
            .env("BARQUE_RETRY_BACKOFF", "1ms");
        Proxy::of(command).await
    }

    /// skopeo's.
    async fn skopeo() -> Proxy {
        Proxy::of(Command::new("skopeo")).await
    }

    async fn of(command: Command) -> Proxy {
        Proxy::start(command, Some(true)).await
    }

    /// One that goes by the signature policy.
    async fn with_policy(command: Command) -> Proxy {
        Proxy::start(command, None).await
    }

    async fn start(mut command: Command, insecure_policy: Option<bool>) -> Proxy {
        let home = TempDir::new().unwrap();
        command
            .env("HOME", home.path())
            .env_remove("XDG_RUNTIME_DIR");
        let mut config = ImageProxyConfig::default();
        config.skopeo_cmd = Some(command);
        config.insecure_skip_tls_verification = Some(true);
        config.insecure_policy = insecure_policy;
        Proxy {
            proxy: ImageProxy::new_with_config(config).await.unwrap(),
            _home: home,
        }
    }

    /// Reads a blob whose size and digest the proxy checks.
    async fn blob(
        &self,
        image: &OpenedImage,
        digest: &str,
        size: u64,
    ) -> (Vec<u8>, Option<String>) {
        use tokio::io::AsyncReadExt;
        let digest = digest.parse().unwrap();
        let (mut reader, driver) = self.get_blob(image, &digest, size).await.unwrap();
        let mut bytes = Vec::new();
        let (read, done) = tokio::join!(reader.read_to_end(&mut bytes), driver);
        read.unwrap();
        (bytes, done.err().map(|e| e.to_string()))
    }

    /// Ends the proxy, which has to end well.
    async fn end(self) {
        self.proxy.finalize().await.unwrap();
    }
}

/// The layers of an image: digest and content.
fn layers(image: &TestImage) -> Vec<(String, Vec<u8>)> {
    let layers = image.layers().into_iter();
    layers
        .map(|d| (d.to_string(), image.blobs[&d].clone()))
        .collect()
}

fn oci(dir: &Path) -> String {
    format!("oci:{}:v1", dir.display())
}
