//! A CONNECT proxy on loopback that leads every host to one address.
//!
//! With it a test speaks to `registry.example` without DNS, and sees what a client tells its proxy (H6).

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A running proxy. Its thread ends with the test process; it holds nothing but a socket.
pub struct Proxy {
    address: String,
    log: Arc<Mutex<Vec<Connect>>>,
    /// Which request is refused; 0 for none.
    refused: Arc<AtomicUsize>,
    /// Whether a login is asked for.
    guarded: Arc<AtomicBool>,
}

/// What a client asked of the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// `HOST:PORT`; empty for a request in clear, which is recorded and left without an answer.
    pub to: String,
    /// The value of `Proxy-Authorization`.
    pub authorization: Option<String>,
}

impl Proxy {
    /// Starts a proxy that leads to `target` (`IP:PORT`), whatever host is asked for.
    pub fn start(target: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let log = Arc::<Mutex<Vec<Connect>>>::default();
        let refused = Arc::<AtomicUsize>::default();
        let guarded = Arc::<AtomicBool>::default();
        let (target, inside, nth) = (target.to_owned(), log.clone(), refused.clone());
        let guard = guarded.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (target, log, nth) = (target.clone(), inside.clone(), nth.clone());
                let guard = guard.clone();
                std::thread::spawn(move || drop(tunnel(client, &target, &log, &nth, &guard)));
            }
        });
        Proxy {
            address,
            log,
            refused,
            guarded,
        }
    }

    /// Answers 407 to whoever sends no login.
    pub fn guarded(self) -> Proxy {
        self.guarded.store(true, Ordering::Relaxed);
        self
    }

    /// Answers the nth request, counted from 1, with 502.
    pub fn refusing(self, nth: usize) -> Proxy {
        self.refused.store(nth, Ordering::Relaxed);
        self
    }

    /// `http://IP:PORT`, for `HTTPS_PROXY`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same with a user and password.
    pub fn url_with(&self, creds: &str) -> String {
        format!("http://{creds}@{}", self.address)
    }

    /// What was asked so far.
    pub fn connects(&self) -> Vec<Connect> {
        self.log.lock().unwrap().clone()
    }
}

fn tunnel(
    mut client: TcpStream,
    target: &str,
    log: &Mutex<Vec<Connect>>,
    refused: &AtomicUsize,
    guarded: &AtomicBool,
) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (mut to, mut authorization, mut line) = (String::new(), None, String::new());
    let mut asked = false;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        asked = true;
        if let Some(rest) = text.strip_prefix("CONNECT ") {
            to = rest.split(' ').next().unwrap_or_default().to_owned();
        } else if let Some((name, value)) = text.split_once(':')
            && name.eq_ignore_ascii_case("proxy-authorization")
        {
            authorization = Some(value.trim().to_owned());
        }
    }
    if !asked {
        // The client went away before it asked for anything.
        return Ok(());
    }
    let in_clear = to.is_empty();
    let anonymous = authorization.is_none();
    let count = {
        let mut log = log.lock().unwrap();
        log.push(Connect { to, authorization });
        log.len()
    };
    if in_clear {
        return Ok(());
    }
    if anonymous && guarded.load(Ordering::Relaxed) {
        return client
            .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    }
    if count == refused.load(Ordering::Relaxed) {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    }
    let mut server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut up, mut down) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || {
        let _ = io::copy(&mut reader, &mut up);
        let _ = up.shutdown(Shutdown::Write);
    });
    let copied = io::copy(&mut server, &mut down);
    let _ = client.shutdown(Shutdown::Both);
    copied.map(drop)
}
