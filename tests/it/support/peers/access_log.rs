//! Reads docker-registry's access log, the combined format, and answers questions about it.

use std::ops::Deref;

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Path and query as they were sent.
    pub path: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub protocol: String,
    pub status: u16,
    /// Body bytes the registry answered with.
    pub bytes: u64,
    pub user_agent: String,
}

impl Request {
    /// Reads `HOST - USER [TIME] "METHOD PATH PROTO" STATUS BYTES "REFERER" "AGENT"`; none for other lines.
    pub fn parse(line: &str) -> Option<Request> {
        let mut quoted = line.split('"');
        let (_, request, numbers) = (quoted.next()?, quoted.next()?, quoted.next()?);
        let (_referer, _space, agent) = (quoted.next()?, quoted.next()?, quoted.next()?);
        let mut request = request.split(' ');
        let mut numbers = numbers.split_whitespace();
        Some(Request {
            method: request.next()?.into(),
            path: request.next()?.into(),
            protocol: request.next()?.into(),
            status: numbers.next()?.parse().ok()?,
            bytes: numbers.next()?.parse().ok()?,
            user_agent: agent.into(),
        })
    }
}

/// Requests in the order of the log.
#[derive(Debug, Clone)]
pub struct Requests(pub(super) Vec<Request>);

impl Requests {
    /// How many have this method (empty: any) and this text in their path.
    pub fn count(&self, method: &str, path_part: &str) -> usize {
        self.select(method, path_part).len()
    }

    /// Those that have this method (empty: any) and this text in their path.
    pub fn select(&self, method: &str, path_part: &str) -> Requests {
        let wanted =
            |r: &&Request| (method.is_empty() || r.method == method) && r.path.contains(path_part);
        Requests(self.0.iter().filter(wanted).cloned().collect())
    }

    /// `METHOD PATH STATUS` of each, for an assertion that shows the whole conversation when it fails.
    pub fn lines(&self) -> Vec<String> {
        self.0
            .iter()
            .map(|r| format!("{} {} {}", r.method, r.path, r.status))
            .collect()
    }
}

impl Deref for Requests {
    type Target = [Request];

    fn deref(&self) -> &[Request] {
        &self.0
    }
}
