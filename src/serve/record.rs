//! What is recorded of each request: a line of the access log, and the numbers of `/metrics`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use http::header::{CONTENT_LENGTH, USER_AGENT};
use serde_json::json;

use super::answer::Answer;
use crate::{Error, Result, locked};

/// Lines that wait to be written; requests do not wait for a slow disk longer than that.
const WAITING: usize = 10_000;

/// Where requests are recorded.
pub(super) struct Record {
    log: Option<SyncSender<String>>,
    counts: Option<Mutex<Counts>>,
}

#[derive(Default)]
struct Counts {
    requests: BTreeMap<(&'static str, String, u16), u64>,
    seconds: f64,
    bytes: u64,
}

/// A request under way.
pub(super) struct Entry {
    began: Instant,
    remote: SocketAddr,
    method: String,
    path: String,
    agent: String,
}

impl Record {
    /// Appends lines to the file `log` (`-` is standard output) and counts requests if asked to.
    pub(super) fn open(log: Option<&Path>, metrics: bool) -> Result<Record> {
        Ok(Record {
            log: log.map(start).transpose()?,
            counts: metrics.then(Mutex::default),
        })
    }

    /// Notes what a request is.
    pub(super) fn begin(&self, remote: SocketAddr, parts: &http::request::Parts) -> Entry {
        let agent = parts.headers.get(USER_AGENT).and_then(|v| v.to_str().ok());
        Entry {
            began: Instant::now(),
            remote,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            agent: agent.unwrap_or_default().to_owned(),
        }
    }

    /// Records the answer to a request for the endpoint `kind`.
    pub(super) fn end(
        &self,
        entry: Entry,
        kind: &'static str,
        user: Option<&str>,
        answer: &Answer,
    ) {
        let status = answer.status().as_u16();
        let length = answer.headers().get(CONTENT_LENGTH);
        let bytes = length
            .and_then(|v| v.to_str().ok()?.parse().ok())
            .unwrap_or(0);
        let sent: u64 = if entry.method == "HEAD" { 0 } else { bytes };
        let took = entry.began.elapsed();
        if let Some(counts) = &self.counts {
            let mut counts = locked(counts);
            // Of methods that nothing has, there may be any number.
            let method = match entry.method.as_str() {
                "GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE" => entry.method.clone(),
                _ => "other".to_owned(),
            };
            *counts.requests.entry((kind, method, status)).or_default() += 1;
            counts.seconds += took.as_secs_f64();
            counts.bytes += sent;
        }
        if let Some(log) = &self.log {
            let line = json!({
                "time": jiff::Timestamp::now().to_string(),
                "remote": entry.remote.to_string(),
                "user": user,
                "method": entry.method,
                "path": entry.path,
                "status": status,
                "bytes": sent,
                "milliseconds": millis(took),
                "agent": entry.agent,
            });
            // A log that cannot be written any more does not stop the server.
            let _ = log.send(format!("{line}\n"));
        }
    }

    /// The numbers in Prometheus' text format; `None` when they are not collected.
    pub(super) fn metrics(&self, open_uploads: usize) -> Option<String> {
        let counts = self.counts.as_ref()?;
        let counts = locked(counts);
        let mut text = String::from(
            "# HELP barque_requests_total Requests that were answered.\n# TYPE barque_requests_total counter\n",
        );
        for ((kind, method, status), n) in &counts.requests {
            let labels = format!("endpoint=\"{kind}\",method=\"{method}\",code=\"{status}\"");
            let _ = writeln!(text, "barque_requests_total{{{labels}}} {n}");
        }
        for (name, kind, help, value) in [
            (
                "request_seconds_total",
                "counter",
                "Time until answers began.",
                counts.seconds.to_string(),
            ),
            (
                "sent_bytes_total",
                "counter",
                "Bytes of bodies that were answered.",
                counts.bytes.to_string(),
            ),
            (
                "open_uploads",
                "gauge",
                "Uploads that are not complete.",
                open_uploads.to_string(),
            ),
        ] {
            let _ = writeln!(
                text,
                "# HELP barque_{name} {help}\n# TYPE barque_{name} {kind}\nbarque_{name} {value}"
            );
        }
        Some(text)
    }
}

/// Starts the thread that writes the log.
fn start(path: &Path) -> Result<SyncSender<String>> {
    let cannot = |e: io::Error| {
        Error::other(format!("cannot write the log `{}`", path.display())).because(e)
    };
    let mut to: Box<dyn Write + Send> = match path.as_os_str() == "-" {
        true => Box::new(io::stdout()),
        false => {
            let opened = File::options().create(true).append(true).open(path);
            Box::new(opened.map_err(cannot)?)
        }
    };
    let (log, lines) = sync_channel::<String>(WAITING);
    let write = move || {
        for line in lines {
            if let Err(e) = to.write_all(line.as_bytes()).and_then(|()| to.flush()) {
                tracing::error!("the access log ends here: {e:#}");
                break;
            }
        }
    };
    std::thread::Builder::new().spawn(write).map_err(cannot)?;
    Ok(log)
}

fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}
