//! `Timeouts`: how long barque waits for others, and how often it tries.

use std::time::Duration;

/// How long barque waits for others.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Timeouts {
    /// To connect, TLS included.
    pub connect: Duration,
    /// From a request without a body to the head of its answer.
    pub header: Duration,
    /// Between two pieces of a body, in either direction.
    pub stall: Duration,
    /// From the last byte of an upload to the head of its answer: the registry may have to copy and hash all of it.
    pub commit: Duration,
    /// For all of a manifest, a list or a token, however steadily it comes.
    pub document: Duration,
    /// How often one request is sent at most.
    pub tries: u32,
    /// The wait before the second try; doubled for each further one.
    pub backoff: Duration,
    /// The longest `Retry-After` that is obeyed; a longer one ends the command (quirk E15).
    pub retry_after: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(10),
            header: Duration::from_secs(30),
            stall: Duration::from_secs(60),
            commit: Duration::from_secs(600),
            document: Duration::from_secs(600),
            tries: 5,
            backoff: Duration::from_millis(250),
            retry_after: Duration::from_secs(300),
        }
    }
}
