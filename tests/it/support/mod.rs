//! What the tests stand on: the sandbox that runs the binary, starters of real peers, a token server,
//! certificates, a fake registry with scripted faults, and small images made on the spot.
//!
//! Nothing here knows barque's library beyond `barque::image`: a test sees the program as its user does, from
//! outside. Servers listen on 127/8 only, on free ports, and end with the value that started them. Each
//! helper has a test of its own in `support/checks.rs`, against curl, skopeo or a raw socket.

// The helpers serve every test module, now and later; not each has a caller at every commit.
#![allow(dead_code, unused_imports)]
// `pub` here means "for the test modules".
#![allow(unreachable_pub)]

pub mod barque;
pub mod cutter;
pub mod fake;
pub mod fake_draft;
pub mod fake_v1;
pub mod fixtures;
pub mod harbour;
pub mod images;
pub mod peers;
pub mod proxy;
pub mod sandbox;
pub mod served;
pub mod served_by_barque;
pub mod skips;
pub mod slurm;
pub mod sniffer;
pub mod tls;
pub mod token_server;

mod checks;

pub use barque::Barque;
pub use served_by_barque::{Answer, Serving};
