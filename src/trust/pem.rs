//! PEM (RFC 7468) with labels of any kind, since keys of cosign have one of their own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Characters in a line.
const WIDTH: usize = 64;

/// The first block in `text`: its label and its content.
pub(in crate::trust) fn parse(text: &str) -> Option<(&str, Vec<u8>)> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let base64: String = body.split_ascii_whitespace().collect();
    Some((label, STANDARD.decode(base64).ok()?))
}

/// `content` in a block with `label`.
pub(in crate::trust) fn write(label: &str, content: &[u8]) -> String {
    let base64 = STANDARD.encode(content);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(WIDTH));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for size in [0, 1, 47, 48, 49, 500] {
            let content = vec![7; size];
            let text = write("A KEY", &content);
            assert!(text.lines().all(|line| line.len() <= WIDTH));
            assert_eq!(parse(&text), Some(("A KEY", content.clone())));
            assert_eq!(parse(&text.replace('\n', "\r\n")), Some(("A KEY", content)));
        }
        for wrong in [
            "",
            "-----BEGIN A-----\n*\n-----END A-----",
            "-----BEGIN A-----\n-----END B-----",
        ] {
            assert_eq!(parse(wrong), None);
        }
    }
}
