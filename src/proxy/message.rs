//! Requests and replies as JSON, with the words that skopeo's proxy has for requests that are wrong.

use std::os::fd::OwnedFd;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Kind};

/// The most bytes of a packet, in either direction.
pub(super) const MAX_PACKET: usize = 32 * 1024;
/// The largest whole number that every JSON reader knows exactly.
const MAX_INTEGER: f64 = 9_007_199_254_740_991.0;

/// A call of the client.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    #[serde(default)]
    pub(super) method: String,
    #[serde(default)]
    args: Option<Vec<Value>>,
}

/// What a call returns.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) value: Value,
    /// The pipe that `FinishPipe` ends; 0 for none.
    pub(super) pipe: u32,
    /// Reading ends of pipes: of the data, then of errors.
    pub(super) fds: Vec<OwnedFd>,
}

/// Why a call failed.
#[derive(Debug)]
pub(super) struct Fault {
    code: &'static str,
    pub(super) text: String,
}

#[derive(Serialize)]
struct Packet<'a> {
    success: bool,
    value: &'a Value,
    pipeid: u32,
    error_code: &'a str,
    error: &'a str,
}

/// What the error pipe of `GetRawBlob` carries.
#[derive(Serialize)]
struct TransferError<'a> {
    code: &'a str,
    message: &'a str,
}

impl Fault {
    /// A request that makes no sense.
    pub(super) fn new(text: impl Into<String>) -> Fault {
        Fault {
            code: "other",
            text: text.into(),
        }
    }

    /// An error on the way, in the words `text`.
    pub(super) fn of(e: &Error, text: String) -> Fault {
        let code = match e.kind() {
            Kind::Unavailable => "retryable",
            _ => "other",
        };
        Fault { code, text }
    }

    /// The client has closed the reading end of a pipe.
    pub(super) fn closed_pipe() -> Fault {
        Fault {
            code: "EPIPE",
            text: "write |1: broken pipe".into(),
        }
    }

    /// The document for the error pipe of `GetRawBlob`.
    pub(super) fn to_json(&self) -> String {
        let error = TransferError {
            code: self.code,
            message: &self.text,
        };
        serde_json::to_string(&error).unwrap_or_default()
    }
}

impl Request {
    pub(super) fn parse(packet: &[u8]) -> Result<Request, Fault> {
        serde_json::from_slice(packet).map_err(|e| Fault::new(format!("invalid request: {e}")))
    }

    /// The arguments, if there are `N`; `else_say` gets how many there are.
    pub(super) fn args<const N: usize>(
        &self,
        else_say: impl FnOnce(usize) -> String,
    ) -> Result<&[Value; N], Fault> {
        let args = self.args.as_deref().unwrap_or_default();
        args.try_into()
            .map_err(|_| Fault::new(else_say(args.len())))
    }
}

/// The whole number `value`.
pub(super) fn integer(value: &Value) -> Result<u64, Fault> {
    let Some(number) = value.as_f64() else {
        return Err(Fault::new(format!(
            "expecting numeric, not {}",
            type_of(value)
        )));
    };
    if !(0.0..=MAX_INTEGER).contains(&number) {
        let text = format!("out of range integer for numeric {number:.6}");
        return Err(Fault::new(text));
    }
    Ok(number as u64)
}

/// The type of `value` by its name in Go.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// The packet for `answer`, and the file descriptors that go with it.
pub(super) fn encode(answer: Result<Reply, Fault>) -> (Vec<u8>, Vec<OwnedFd>) {
    let answer = answer.and_then(|reply| {
        let packet = Packet {
            success: true,
            value: &reply.value,
            pipeid: reply.pipe,
            error_code: "",
            error: "",
        };
        match serde_json::to_vec(&packet) {
            Ok(packet) if packet.len() <= MAX_PACKET => Ok((packet, reply.fds)),
            Ok(_) => Err(Fault::new(
                "the reply is too long for a packet; use GetLayerInfoPiped",
            )),
            Err(e) => Err(Fault::new(e.to_string())),
        }
    });
    answer.unwrap_or_else(|fault| {
        let packet = Packet {
            success: false,
            value: &Value::Null,
            pipeid: 0,
            error_code: fault.code,
            error: &fault.text,
        };
        (serde_json::to_vec(&packet).unwrap_or_default(), Vec::new())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn integers_are_whole_and_exact() {
        assert_eq!(integer(&json!(7)).unwrap(), 7);
        assert_eq!(integer(&json!(7.0)).unwrap(), 7);
        assert_eq!(
            integer(&json!(9_007_199_254_740_991_u64)).unwrap(),
            9_007_199_254_740_991
        );
        for (value, says) in [
            (
                json!(9_007_199_254_740_992_u64),
                "out of range integer for numeric 9007199254740992.000000",
            ),
            (json!(-1), "out of range integer for numeric -1.000000"),
            (json!("7"), "expecting numeric, not string"),
            (json!(null), "expecting numeric, not <nil>"),
        ] {
            assert_eq!(integer(&value).unwrap_err().text, says);
        }
    }

    #[test]
    fn a_reply_that_fills_more_than_a_packet_is_an_error() {
        let reply = Reply {
            value: json!("x".repeat(MAX_PACKET)),
            ..Reply::default()
        };
        let (packet, _) = encode(Ok(reply));
        let packet: Value = serde_json::from_slice(&packet).unwrap();
        assert_eq!(packet["success"], json!(false));
        assert_eq!(packet["error_code"], json!("other"));
    }
}
