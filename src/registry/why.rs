//! `Why`: what became of a request that got no answer, in the terms in which the request loop decides.

/// How a request got lost, as far as the next step depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Nothing listens at the address, or the name is unknown.
    NoServer,
    /// No connection in time.
    NoConnection,
    /// The TLS handshake failed; the server may speak plain HTTP.
    Tls,
    /// The server speaks TLS, and one side refuses the certificate or the offer of the other.
    Certificate,
    /// The answer was not HTTP, or the connection closed; over plain HTTP the server may speak TLS.
    Broken,
    /// Nothing came in time.
    Silence,
    /// Nothing came in time after all of an upload was sent: what became of it is to be asked.
    Unanswered,
    /// An HTTP answer that cannot be read, and will be the same again.
    Odd,
    /// Something on this machine failed: the body to be sent could not be read, or the certificates could not.
    Body,
}
