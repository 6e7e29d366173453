//! A forwarder on loopback that counts what it passes on, and resets connections after a random number of bytes.
//!
//! The numbers come from a seed, so that a failure can be had again. What was passed on has arrived: the buffers
//! on the way to the client are kept small, and the reset waits for nobody.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;

/// A running forwarder; stopped, with all its connections, when dropped.
pub struct Cutter {
    address: String,
    counts: Arc<Counts>,
    stop: Option<oneshot::Sender<()>>,
}

#[derive(Default)]
struct Counts {
    up: AtomicU64,
    down: AtomicU64,
    cuts: AtomicUsize,
}

/// Pseudo-random numbers from a seed (xorshift64).
pub struct Dice(u64);

impl Dice {
    /// Dice that fall the same way for the same seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number in this range.
    pub fn roll(&mut self, range: Range<u64>) -> u64 {
        for shift in [13, -7, 17] {
            self.0 ^= match shift {
                s if s > 0 => self.0 << s,
                s => self.0 >> -s,
            };
        }
        range.start + (self.0 >> 16) % (range.end - range.start)
    }
}

impl Cutter {
    /// Forwards to `target` (`IP:PORT`), each connection for a number of bytes in `lengths`, both directions
    /// together.
    pub fn start(target: &str, seed: u64, lengths: Range<u64>) -> Cutter {
        let counts = Arc::<Counts>::default();
        let (target, inside) = (target.to_owned(), counts.clone());
        let (said, address) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                let socket = TcpSocket::new_v4().unwrap();
                socket.set_send_buffer_size(16 << 10).unwrap();
                socket.set_recv_buffer_size(64 << 10).unwrap();
                socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
                let listener = socket.listen(128).unwrap();
                said.send(listener.local_addr().unwrap().to_string())
                    .unwrap();
                let dice = Mutex::new(Dice::new(seed));
                let serve = async {
                    while let Ok((client, _)) = listener.accept().await {
                        let length = dice.lock().unwrap().roll(lengths.clone());
                        let (target, counts) = (target.clone(), inside.clone());
                        tokio::spawn(async move {
                            let server = TcpStream::connect(target).await?;
                            forward(client, server, length, &counts).await
                        });
                    }
                };
                tokio::select! {
                    () = serve => {}
                    _ = stopped => {}
                }
            });
        });
        Cutter {
            address: address.recv().unwrap(),
            counts,
            stop: Some(stop),
        }
    }

    /// Forwards everything, and counts only.
    pub fn counting(target: &str) -> Cutter {
        Cutter::start(target, 1, u64::MAX - 1..u64::MAX)
    }

    /// `docker://IP:PORT/NAME`.
    pub fn docker(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.address)
    }

    /// Bytes passed on from clients to the server.
    pub fn up(&self) -> u64 {
        self.counts.up.load(Ordering::Relaxed)
    }

    /// Bytes passed on from the server to clients.
    pub fn down(&self) -> u64 {
        self.counts.down.load(Ordering::Relaxed)
    }

    /// Connections that were reset.
    pub fn cuts(&self) -> usize {
        self.counts.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

async fn forward(
    mut client: TcpStream,
    mut server: TcpStream,
    mut left: u64,
    counts: &Counts,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut up, mut down) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    while left > 0 {
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(up.len());
        let (length, is_up) = tokio::select! {
            n = client.read(&mut up[..room]) => (n?, true),
            n = server.read(&mut down[..room]) => (n?, false),
        };
        match (length, is_up) {
            // Either side is done, and HTTP needs no half of a connection.
            (0, _) => return Ok(()),
            (_, true) => {
                server.write_all(&up[..length]).await?;
                counts.up.fetch_add(length as u64, Ordering::Relaxed);
            }
            (_, false) => {
                client.write_all(&down[..length]).await?;
                counts.down.fetch_add(length as u64, Ordering::Relaxed);
            }
        }
        left -= length as u64;
    }
    counts.cuts.fetch_add(1, Ordering::Relaxed);
    // The server hears of the end after all that was passed on to it.
    client.set_zero_linger()
}
