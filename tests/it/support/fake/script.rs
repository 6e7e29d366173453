//! The rules of a fake registry: which requests they meet and what they do to them.
//!
//! A [`Rule`] is written as a sentence: `on("GET").path("/blobs/").nth(1).rst_after(70_000)`. All rules that
//! meet a request take effect, in the order they were given; each counts its own hits.

use std::time::Duration;

use super::wire::{Cut, Head, Reply};

/// Begins a rule for requests of this method; empty for any.
pub fn on(method: &str) -> Rule {
    Rule {
        method: method.into(),
        conditions: Vec::new(),
        hits: Hits::Every,
        seen: 0,
        effects: Vec::new(),
    }
}

/// A condition on requests and what happens to those that meet it.
pub struct Rule {
    method: String,
    conditions: Vec<Condition>,
    hits: Hits,
    seen: usize,
    effects: Vec<Effect>,
}

type Condition = Box<dyn Fn(&Head) -> bool + Send>;

enum Hits {
    Every,
    Nth(usize),
    First(usize),
    After(usize),
}

/// One thing done to a request or to its answer.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Wait before anything else.
    Delay(Duration),
    /// Never answer.
    Hang,
    /// Read this many bytes of the request's body, then reset.
    CutRequest(usize),
    /// Keep what came of a body that is cut.
    KeepPart,
    /// Take this header out of the request before it is looked at.
    Ignore(&'static str),
    /// Forget all open uploads first.
    ForgetUploads,
    /// Open an upload although a mount was asked for.
    DeclineMount,
    /// Give this answer and do nothing.
    Answer(Reply),
    /// Change the answer's status.
    Status(u16),
    /// Set a header of the answer, in place of its like.
    Header(String, String),
    /// Add a header beside its like.
    AddHeader(String, String),
    /// Drop a header of the answer.
    DropHeader(&'static str),
    /// Change one byte of the body.
    Flip(usize),
    /// Write the answer's `Location` another way.
    Location(LocationForm),
    /// Change how the answer is sent.
    Send(fn(&mut Reply, i64), i64),
}

/// Ways to write a `Location`; the fake's own is a path.
#[derive(Debug, Clone)]
pub enum LocationForm {
    /// `http://ADDRESS/v2/...`, the address that was asked.
    Absolute,
    /// `ADDRESS/v2/...` (U3).
    NoScheme,
    /// The same path below this base URL (U4, U5, U6).
    At(String),
}

impl Rule {
    /// Only paths (with query) that contain this.
    pub fn path(self, part: &str) -> Rule {
        let part = part.to_owned();
        self.when(move |head| head.target.contains(&part))
    }

    /// Only paths (without query) that end in this.
    pub fn path_end(self, end: &str) -> Rule {
        let end = end.to_owned();
        self.when(move |head| head.path().ends_with(&end))
    }

    /// Only requests with this header.
    pub fn with_header(self, name: &'static str) -> Rule {
        self.when(move |head| head.header(name).is_some())
    }

    /// Only requests without this header.
    pub fn without_header(self, name: &'static str) -> Rule {
        self.when(move |head| head.header(name).is_none())
    }

    /// Only requests with a body of more than this many bytes.
    pub fn body_over(self, bytes: u64) -> Rule {
        let length = |head: &Head| head.header("content-length")?.parse::<u64>().ok();
        self.when(move |head| length(head).is_some_and(|length| length > bytes))
    }

    /// Only requests whose head is like this.
    pub fn when(mut self, condition: impl Fn(&Head) -> bool + Send + 'static) -> Rule {
        self.conditions.push(Box::new(condition));
        self
    }

    /// Only the nth request that meets the conditions, counted from 1.
    pub fn nth(mut self, nth: usize) -> Rule {
        self.hits = Hits::Nth(nth);
        self
    }

    /// Only the first `count` of them.
    pub fn first(mut self, count: usize) -> Rule {
        self.hits = Hits::First(count);
        self
    }

    /// Only those after the first `count`.
    pub fn after(mut self, count: usize) -> Rule {
        self.hits = Hits::After(count);
        self
    }

    /// Answers this status with an error body of the distribution API.
    pub fn error(self, status: u16, code: &str, message: &str) -> Rule {
        self.answer(super::store::error(status, code, message))
    }

    /// Answers this status with an empty body.
    pub fn status(self, status: u16) -> Rule {
        self.answer(Reply::new(status, ""))
    }

    /// Answers 200 with this JSON.
    pub fn json(self, body: &str) -> Rule {
        self.answer(Reply::new(200, body).with("Content-Type", "application/json"))
    }

    /// Answers this status with a web page.
    pub fn html(self, status: u16) -> Rule {
        let page = "<html><head><title>Gateway</title></head><body>Sign in</body></html>";
        self.answer(Reply::new(status, page).with("Content-Type", "text/html; charset=utf-8"))
    }

    /// Answers 401 with this `WWW-Authenticate`; [`Rule::add_header`] adds more of them.
    pub fn challenge(self, challenge: &str) -> Rule {
        let reply = super::store::error(401, "UNAUTHORIZED", "authentication required");
        self.answer(reply.with("WWW-Authenticate", challenge))
    }

    /// Answers 307 to this URL.
    pub fn redirect(self, url: &str) -> Rule {
        self.answer(Reply::new(307, "").with("Location", url))
    }

    /// Gives this answer in place of the registry's.
    pub fn answer(self, reply: Reply) -> Rule {
        self.effect(Effect::Answer(reply))
    }

    /// Keeps the registry's answer but for its status.
    pub fn with_status(self, status: u16) -> Rule {
        self.effect(Effect::Status(status))
    }

    /// Sets a header of the answer.
    pub fn header(self, name: &str, value: &str) -> Rule {
        self.effect(Effect::Header(name.into(), value.into()))
    }

    /// Adds a header to the answer, beside those of the same name.
    pub fn add_header(self, name: &str, value: &str) -> Rule {
        self.effect(Effect::AddHeader(name.into(), value.into()))
    }

    /// Drops a header of the answer.
    pub fn drop_header(self, name: &'static str) -> Rule {
        self.effect(Effect::DropHeader(name))
    }

    /// Sets a cookie.
    pub fn set_cookie(self) -> Rule {
        self.add_header("Set-Cookie", "session=crumbs; Path=/")
    }

    /// Pays no heed to `Range`: 200 and the whole body.
    pub fn ignore_range(self) -> Rule {
        self.effect(Effect::Ignore("range"))
    }

    /// Claims another range than was sent.
    pub fn content_range(self, value: &str) -> Rule {
        self.header("Content-Range", value)
    }

    /// Waits before answering.
    pub fn delay(self, pause: Duration) -> Rule {
        self.effect(Effect::Delay(pause))
    }

    /// Takes the request and never answers.
    pub fn hang(self) -> Rule {
        self.effect(Effect::Hang)
    }

    /// Resets the connection after this many bytes of the request's body.
    pub fn rst_request_after(self, bytes: usize) -> Rule {
        self.effect(Effect::CutRequest(bytes))
    }

    /// The same, but what came is kept as the upload's, as distribution does.
    pub fn rst_request_keeping(self, bytes: usize) -> Rule {
        self.effect(Effect::CutRequest(bytes))
            .effect(Effect::KeepPart)
    }

    /// Forgets all uploads before looking at the request.
    pub fn forget_uploads(self) -> Rule {
        self.effect(Effect::ForgetUploads)
    }

    /// Opens an upload although a mount was asked for (X2).
    pub fn decline_mount(self) -> Rule {
        self.effect(Effect::DeclineMount)
    }

    /// Changes the byte of the body at this offset.
    pub fn flip_byte(self, at: usize) -> Rule {
        self.effect(Effect::Flip(at))
    }

    /// Writes the answer's `Location` another way.
    pub fn location(self, form: LocationForm) -> Rule {
        self.effect(Effect::Location(form))
    }

    /// Sends this many bytes of the body, then nothing; the socket stays open.
    pub fn stall_after(self, bytes: usize) -> Rule {
        self.effect(Effect::Send(
            |r, n| r.cut = Some((n as usize, Cut::Stall)),
            bytes as i64,
        ))
    }

    /// Sends this many bytes of the body, then ends the connection in order.
    pub fn fin_after(self, bytes: usize) -> Rule {
        self.effect(Effect::Send(
            |r, n| r.cut = Some((n as usize, Cut::Fin)),
            bytes as i64,
        ))
    }

    /// Sends this many bytes of the body, then resets the connection.
    pub fn rst_after(self, bytes: usize) -> Rule {
        self.effect(Effect::Send(
            |r, n| r.cut = Some((n as usize, Cut::Rst)),
            bytes as i64,
        ))
    }

    /// Does what was asked, and resets the connection in place of the answer.
    pub fn lose_answer(self) -> Rule {
        self.effect(Effect::Send(|r, _| r.lost = Some(Cut::Rst), 0))
    }

    /// Does what was asked, and is silent about it; the socket stays open.
    pub fn keep_answer(self) -> Rule {
        self.effect(Effect::Send(|r, _| r.lost = Some(Cut::Stall), 0))
    }

    /// Sends no more than this many bytes of the body every 10 ms.
    pub fn pace(self, bytes: usize) -> Rule {
        self.effect(Effect::Send(|r, n| r.pace = Some(n as usize), bytes as i64))
    }

    /// Announces a length that is off by this.
    pub fn lie_length(self, by: i64) -> Rule {
        self.effect(Effect::Send(|r, n| r.length_lie = n, by))
    }

    /// Sends the body chunked, with no length.
    pub fn chunked(self) -> Rule {
        self.effect(Effect::Send(|r, _| r.chunked = true, 0))
    }

    /// Ends the head's lines in LF alone (E13).
    pub fn lf_only(self) -> Rule {
        self.effect(Effect::Send(|r, _| r.lf_only = true, 0))
    }

    /// Closes the idle connection this many milliseconds after the answer, unannounced (H2).
    pub fn close_idle(self, after_ms: u32) -> Rule {
        let close = |r: &mut Reply, n: i64| r.close_after = Some(Duration::from_millis(n as u64));
        self.effect(Effect::Send(close, i64::from(after_ms)))
    }

    fn effect(mut self, effect: Effect) -> Rule {
        self.effects.push(effect);
        self
    }

    /// Counts a request and returns what to do to it.
    pub(super) fn meet(&mut self, head: &Head) -> &[Effect] {
        let met = (self.method.is_empty() || self.method == head.method)
            && self.conditions.iter().all(|c| c(head));
        if !met {
            return &[];
        }
        self.seen += 1;
        let now = match self.hits {
            Hits::Every => true,
            Hits::Nth(n) => self.seen == n,
            Hits::First(count) => self.seen <= count,
            Hits::After(count) => self.seen > count,
        };
        if now { &self.effects } else { &[] }
    }
}
