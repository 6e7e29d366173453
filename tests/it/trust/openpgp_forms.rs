//! Messages and key files in forms that are rare: each is taken or refused as gpg does it.

use std::path::Path;

use serde_json::json;

use super::gpg::{Gpg, payload, signed_by};
use super::hostile::{REFERENCE, digest, refusal};
use crate::support::peers;

/// gpg takes none of these, and skopeo asks gpg.
#[test]
fn messages_and_keys_that_gpg_does_not_take_are_refused() {
    peers::needs!("gpg");
    let gpg = Gpg::new();
    let key = gpg.key("alice", "ed25519");
    let good = payload(&digest(), REFERENCE);
    let plain = ["--local-user", "=alice", "--compress-algo", "none"];
    let message = gpg.sign_with(&plain, &good);
    let by = |key: &Path, message: &[u8]| {
        let rules = json!([signed_by(key, REFERENCE)]);
        refusal(rules, "dir:/x", &[message.to_vec()])
    };
    assert!(by(&key, &message).starts_with("accepted"));
    // Headers of packets that end within them.
    let ends: [&[u8]; 7] = [
        b"\xff",
        b"\xc0",
        b"\x80",
        b"\xcb",
        b"\xac",
        b"\xd1",
        b"\xc2\xff\0\0\0",
    ];
    for end in ends {
        let why = by(&key, &[&message, end].concat());
        assert!(
            why.contains("no OpenPGP message, or one that is cut off"),
            "{end:x?}: {why}"
        );
    }
    // Its first packet announces the signature: version, type and hash stand behind the header.
    for (at, byte) in [(2, 6), (3, 1), (4, 9)] {
        let mut other = message.clone();
        assert_ne!(other[at], byte);
        other[at] = byte;
        let why = by(&key, &other);
        assert!(
            why.contains("it is no OpenPGP message")
                || why.contains("of another kind than announced"),
            "{at}: {why}"
        );
    }
    // A packet of an unknown type is refused in plain words, without the parser's debug text.
    let why = by(&key, &[&message[..], b"\xfc\x01a"].concat());
    assert!(
        why.ends_with("no OpenPGP message, or one that is cut off"),
        "{why}"
    );

    let armored = String::from_utf8(gpg.run(&["--armor", "--export", "=alice"], b"")).unwrap();
    let file = key.with_file_name("armored");
    std::fs::write(&file, &armored).unwrap();
    assert!(by(&file, &message).starts_with("accepted"));
    let sum = armored.lines().find(|line| line.starts_with('=')).unwrap();
    std::fs::write(&file, armored.replace(sum, "=AAAA")).unwrap();
    assert!(by(&file, &message).contains("there is no OpenPGP key in"));
}

#[test]
fn keys_are_read_with_what_a_backup_has() {
    peers::needs!("gpg");
    let gpg = Gpg::new();
    let key = gpg.key("alice", "ed25519");
    let message = gpg.sign("alice", payload(&digest(), REFERENCE));
    let backup = ["--export-options", "backup", "--export", "=alice"];
    std::fs::write(&key, gpg.run(&backup, b"")).unwrap();
    let why = refusal(json!([signed_by(&key, REFERENCE)]), "dir:/x", &[message]);
    assert!(why.starts_with("accepted"), "{why}");
    let key = gpg.key("eve", "brainpoolP256r1");
    let message = gpg.sign("eve", payload(&digest(), REFERENCE));
    let why = refusal(json!([signed_by(&key, REFERENCE)]), "dir:/x", &[message]);
    assert!(why.contains("of a kind that is not supported"), "{why}");
}
