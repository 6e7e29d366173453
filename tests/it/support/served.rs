//! A router on a free port: what the fakes that need no scripted faults are made of.

use axum::Router;
use tokio::sync::oneshot;

/// A router that is served until this is dropped.
pub struct Served {
    address: String,
    /// Dropped, it ends the server.
    _stop: oneshot::Sender<()>,
}

impl Served {
    /// Serves `app` on a port of the loopback address `ip`.
    pub fn start(ip: &str, app: Router) -> Served {
        let listener = std::net::TcpListener::bind(format!("{ip}:0")).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    done = axum::serve(listener, app) => done.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Served {
            address,
            _stop: stop,
        }
    }

    /// `IP:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }
}
