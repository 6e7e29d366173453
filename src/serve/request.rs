//! A request as the routes see it: its parts, and a body that is read with limits.

use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName};
use http::request::Parts;
use http::{Method, StatusCode, Version};
use hyper::body::{Body as _, Incoming};

use super::refusal::{Code, Refusal};
use crate::image::RepositoryName;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Bytes a second that a body has to come with in the long run, so that one that trickles holds no connection for ever.
const SLOWEST: u64 = 512;

/// What is read of a body that is not wanted, so that a client which is still sending sees the answer: any manifest, and the
/// beginning of a blob.
const DRAINED: usize = 8 * 1024 * 1024;
const DRAINED_FOR: Duration = Duration::from_secs(2);

/// A request.
pub(super) struct Asked {
    pub(super) parts: Parts,
    pub(super) body: RequestBody,
    /// Whether it came over TLS.
    pub(super) tls: bool,
    /// The repository as the client calls it, if it has another name here.
    pub(super) called: Option<RepositoryName>,
}

impl Asked {
    /// The repository `name` as the client calls it: without the upstream that it says by `ns`.
    pub(super) fn called<'a>(&'a self, name: &'a RepositoryName) -> &'a RepositoryName {
        self.called.as_ref().unwrap_or(name)
    }

    /// Whether only the headers of the answer are wanted.
    pub(super) fn is_head(&self) -> bool {
        self.parts.method == Method::HEAD
    }

    /// The text of a header.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// The length that the client gives for the body.
    pub(super) fn length(&self) -> Option<u64> {
        self.header(&CONTENT_LENGTH)?.trim().parse().ok()
    }

    /// Refuses a request that does not say once for which host it is (RFC 9112, 3.2).
    pub(super) fn check_host(&self) -> Result<(), Refusal> {
        let hosts = self.parts.headers.get_all(HOST).iter().count();
        match (hosts, self.parts.version) {
            (1, _) | (0, Version::HTTP_10) => Ok(()),
            _ => {
                let text = "a request has one `Host` header";
                Err(Refusal::bad(Code::Unsupported, text))
            }
        }
    }

    /// `path` of this server as a URL, with the name by which the client, or the proxy before it, knows the server.
    pub(super) fn url(&self, path: &str) -> String {
        let first = |name: &HeaderName| {
            let text = self.header(name)?.split(',').next()?.trim();
            (!text.is_empty()).then_some(text)
        };
        // A target that names a host wins over the header (RFC 9112, 3.2.2).
        let named = self.parts.uri.authority().map(|named| named.as_str());
        let host = first(&FORWARDED_HOST).or(named).or_else(|| first(&HOST));
        let is_host = |host: &&str| {
            host.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b))
        };
        let scheme = match first(&FORWARDED_PROTO) {
            Some("https") => "https",
            Some("http") => "http",
            _ if self.tls => "https",
            _ => "http",
        };
        match host.filter(is_host) {
            Some(host) => format!("{scheme}://{host}{path}"),
            None => path.to_owned(),
        }
    }
}

/// The body of a request.
pub(super) struct RequestBody {
    inner: Incoming,
    /// How long it may stop.
    patience: Duration,
    began: Instant,
    read: u64,
    /// Whether the client sends it only after being asked to, which reading it does.
    waits: bool,
}

impl RequestBody {
    /// `inner`, which may stop for `patience`, and be that much behind what is [`SLOWEST`].
    pub(super) fn new(inner: Incoming, headers: &HeaderMap, patience: Duration) -> RequestBody {
        RequestBody {
            inner,
            waits: headers.contains_key(EXPECT),
            patience,
            began: Instant::now(),
            read: 0,
        }
    }

    /// How long to wait for the next bytes.
    fn wait(&self) -> Duration {
        let due = self.patience + Duration::from_secs(self.read / SLOWEST);
        due.saturating_sub(self.began.elapsed()).min(self.patience)
    }

    /// The next bytes, `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let wait = self.wait();
            self.waits = false;
            let frame = std::future::poll_fn(|cx| Pin::new(&mut self.inner).poll_frame(cx));
            match tokio::time::timeout(wait, frame).await {
                Ok(None) => return Ok(None),
                // Trailers say nothing here.
                Ok(Some(Ok(frame))) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.read += bytes.len() as u64;
                        return Ok(Some(bytes));
                    }
                }
                Ok(Some(Err(e))) => {
                    let text = format!("the body of the request is incomplete: {e}");
                    return Err(Refusal::bad(Code::SizeInvalid, text));
                }
                Err(_) => {
                    let (status, code) = (StatusCode::REQUEST_TIMEOUT, Code::SizeInvalid);
                    let text = "the body of the request stopped, or came too slowly";
                    return Err(Refusal::new(status, code, text));
                }
            }
        }
    }

    /// All bytes; `None` when they are more than `most`.
    pub(super) async fn whole(&mut self, most: usize) -> Result<Option<Bytes>, Refusal> {
        let mut all = BytesMut::new();
        while let Some(bytes) = self.next().await? {
            if all.len() + bytes.len() > most {
                return Ok(None);
            }
            all.extend_from_slice(&bytes);
        }
        Ok(Some(all.freeze()))
    }

    /// Whether there is nothing to read.
    pub(super) fn is_empty(&self) -> bool {
        self.inner.is_end_stream()
    }

    /// Reads what is left of a small body that nothing wanted. A client that waits to be asked for it need not send it
    /// (RFC 9110, 10.1.1).
    pub(super) async fn drain(&mut self) {
        if self.is_empty() || self.waits {
            return;
        }
        let drain = async {
            let mut read = 0;
            while let Ok(Some(bytes)) = self.next().await {
                read += bytes.len();
                if read > DRAINED {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(DRAINED_FOR, drain).await;
    }
}
