//! A forwarder on loopback that keeps what clients send, to see what goes over the wire in clear.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A running forwarder. Its threads end with the test process; they hold nothing but sockets.
pub struct Sniffer {
    address: String,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Sniffer {
    /// Forwards to `target` (`IP:PORT`).
    pub fn start(target: &str) -> Sniffer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let sent = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let (target, log) = (target.to_owned(), sent.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&target) else {
                    continue;
                };
                log.lock().unwrap().push(Vec::new());
                let number = log.lock().unwrap().len() - 1;
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let log = log.clone();
                std::thread::spawn(move || {
                    pump(from, to, |piece| log.lock().unwrap()[number].extend(piece));
                });
                std::thread::spawn(move || pump(server, client, |_| {}));
            }
        });
        Sniffer { address, sent }
    }

    /// `IP:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What was sent in clear: the bytes of each connection that does not begin as TLS does.
    pub fn in_clear(&self) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        let plain = sent.iter().filter(|bytes| bytes.first() != Some(&0x16));
        plain
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .filter(|text| !text.is_empty())
            .collect()
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, mut see: impl FnMut(&[u8])) {
    let mut piece = [0; 16384];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        see(&piece[..length]);
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
