//! The least of HTTP/1.1 that lets a test decide every byte and every end of a connection.
//!
//! A web framework would send well-formed answers only; here an answer can stop in the middle, lie about its
//! length or end its lines in the wrong way, over TCP or TLS.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The head of a request.
#[derive(Debug, Clone)]
pub struct Head {
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The first value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The part before `?`.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A query parameter, percent-decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// An answer, well-formed unless told otherwise.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Added to the true length in `Content-Length`.
    pub length_lie: i64,
    /// `Transfer-Encoding: chunked` and no length.
    pub chunked: bool,
    /// Lines end in LF alone.
    pub lf_only: bool,
    /// Send this many bytes of the body every 10 ms.
    pub pace: Option<usize>,
    /// Where and how the body breaks off.
    pub cut: Option<(usize, Cut)>,
    /// Break off before the head.
    pub lost: Option<Cut>,
    /// Close this long after the answer, unannounced.
    pub close_after: Option<Duration>,
}

/// How a body breaks off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// No more bytes, the socket stays open.
    Stall,
    /// An orderly end.
    Fin,
    /// A reset.
    Rst,
}

impl Reply {
    /// An answer with this status and body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        Reply {
            status,
            body: body.into(),
            ..Reply::default()
        }
    }

    /// Adds a header.
    pub fn with(mut self, name: &str, value: impl ToString) -> Reply {
        self.headers.push((name.into(), value.to_string()));
        self
    }

    /// Removes a header.
    pub fn drop_header(&mut self, name: &str) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }
}

const NOT_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request";

/// A connection and what was read from it too early.
pub struct Connection {
    stream: Stream,
    ahead: Vec<u8>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read_buf(into).await,
            Stream::Tls(stream) => stream.read_buf(into).await,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.write_all(bytes).await,
            Stream::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
        }
    }
}

impl Connection {
    /// Begins to speak HTTP on an accepted connection, inside TLS where there is an acceptor.
    pub async fn new(stream: TcpStream, tls: Option<&TlsAcceptor>) -> io::Result<Connection> {
        let stream = match tls {
            Some(tls) => Stream::Tls(Box::new(tls.accept(stream).await?)),
            None => Stream::Plain(stream),
        };
        let ahead = Vec::new();
        Ok(Connection { stream, ahead })
    }

    /// The next request's head; none when the client is done.
    pub async fn head(&mut self) -> io::Result<Option<Head>> {
        let end = loop {
            if let Some(at) = self.ahead.windows(4).position(|w| w == b"\r\n\r\n") {
                break at;
            }
            if !self.more().await? {
                return Ok(None);
            }
            if !self.ahead[0].is_ascii_alphabetic() {
                // A TLS greeting: a client that tries https first is told at once, as Go's servers do.
                self.stream.write(NOT_HTTP).await?;
                return Ok(None);
            }
        };
        let text: Vec<u8> = self.ahead.drain(..end + 4).collect();
        let text = String::from_utf8_lossy(&text);
        let mut lines = text.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ');
        let headers = lines.filter_map(|line| line.split_once(':'));
        Ok(Some(Head {
            method: first.next().unwrap_or_default().into(),
            target: first.next().unwrap_or_default().into(),
            headers: headers.map(|(n, v)| (n.into(), v.trim().into())).collect(),
        }))
    }

    /// The request's body, or its first `limit` bytes.
    pub async fn body(&mut self, head: &Head, limit: usize) -> io::Result<Vec<u8>> {
        if head.header("transfer-encoding").is_some() {
            return self.chunked_body(limit).await;
        }
        let length = head.header("content-length").and_then(|v| v.parse().ok());
        self.exactly(limit.min(length.unwrap_or(0))).await
    }

    /// What came of a body that broke off.
    pub fn arrived(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ahead)
    }

    async fn chunked_body(&mut self, limit: usize) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = self.line().await?;
            let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            let room = limit - body.len();
            body.extend(self.exactly(size.min(room)).await?);
            if size > room {
                return Ok(body);
            }
            self.line().await?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = self.ahead.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=at).collect();
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            self.more_or_end().await?;
        }
    }

    async fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.ahead.len() < count {
            self.more_or_end().await?;
        }
        let rest = self.ahead.split_off(count);
        Ok(std::mem::replace(&mut self.ahead, rest))
    }

    async fn more_or_end(&mut self) -> io::Result<()> {
        match self.more().await? {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    async fn more(&mut self) -> io::Result<bool> {
        Ok(self.stream.read(&mut self.ahead).await? > 0)
    }

    /// Sends an answer; says whether the connection can take another request.
    pub async fn send(&mut self, head: &Head, reply: &Reply) -> io::Result<bool> {
        if let Some(cut) = reply.lost {
            return self.cut(cut).await.map(|()| false);
        }
        self.stream.write(reply.head_text().as_bytes()).await?;
        let bodiless = head.method == "HEAD" || reply.status == 204;
        let body: &[u8] = if bodiless { &[] } else { &reply.body };
        if reply.chunked && !bodiless {
            let size = format!("{:x}\r\n", body.len());
            self.stream.write(size.as_bytes()).await?;
        }
        let (sent, cut) = match reply.cut {
            Some((after, cut)) => (&body[..body.len().min(after)], Some(cut)),
            None => (body, None),
        };
        match reply.pace {
            None => self.stream.write(sent).await?,
            Some(bytes) => {
                for piece in sent.chunks(bytes) {
                    self.stream.write(piece).await?;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
        match cut {
            Some(cut) => self.cut(cut).await.map(|()| false),
            None => self.finish(reply, bodiless).await,
        }
    }

    async fn cut(&mut self, cut: Cut) -> io::Result<()> {
        match cut {
            Cut::Stall => self.stall().await,
            Cut::Rst => self.reset().await,
            Cut::Fin => Ok(()),
        }
    }

    async fn finish(&mut self, reply: &Reply, bodiless: bool) -> io::Result<bool> {
        if reply.chunked && !bodiless {
            self.stream.write(b"\r\n0\r\n\r\n").await?;
        }
        if let Some(pause) = reply.close_after {
            tokio::time::sleep(pause).await;
            return Ok(false);
        }
        // After a lie about the length the two sides disagree where the next answer begins.
        Ok(reply.length_lie == 0)
    }

    /// Keeps the socket open and silent until the client gives up.
    pub async fn stall(&mut self) -> io::Result<()> {
        while self.more().await? {
            self.ahead.clear();
        }
        Ok(())
    }

    /// Arranges that dropping the connection sends a reset.
    pub async fn reset(&mut self) -> io::Result<()> {
        // What the client has not yet taken would be lost with the reset; let it read first.
        tokio::time::sleep(Duration::from_millis(40)).await;
        self.stream.socket().set_zero_linger()
    }
}

impl Reply {
    fn head_text(&self) -> String {
        let end = if self.lf_only { "\n" } else { "\r\n" };
        let mut text = format!("HTTP/1.1 {} -{end}", self.status);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}{end}");
        }
        let own_length = self
            .headers
            .iter()
            .any(|(n, _)| n.eq_ignore_ascii_case("content-length"));
        if self.chunked {
            text += &format!("Transfer-Encoding: chunked{end}");
        } else if self.status != 204 && !own_length {
            text += &format!(
                "Content-Length: {}{end}",
                self.body.len() as i64 + self.length_lie
            );
        }
        text + end
    }
}
