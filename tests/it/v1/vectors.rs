//! The shared vectors of V1: TarSums, checksums of old images, their documents.

use barque::legacy::tarsum::{TarSum, TarSummer, V1Checksum, payload_digester};
use barque::legacy::v1::V1Image;
use serde_json::Value;

use crate::support::fixtures;

/// The TarSum of `tar` by the rules that `wanted` names.
fn sum(tar: &[u8], json: &[u8], wanted: &str, owner_names: bool) -> TarSum {
    let V1Checksum::TarSum(wanted) = wanted.parse().unwrap() else {
        panic!("{wanted} is no TarSum");
    };
    let mut summer = TarSummer::new(wanted.version, wanted.digest.algorithm());
    if !owner_names {
        summer = summer.without_owner_names();
    }
    // In pieces that fit nothing.
    tar.chunks(701)
        .for_each(|piece| summer.update(piece).unwrap());
    summer.finish(json).unwrap()
}

/// A tar of one member as the generated rows describe it.
fn member(name: &str, kind: u8, row: &Value, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let header = &row["header"];
    let number = |key: &str| header[key].as_u64().unwrap_or(0);
    let mut block = |name: &str, kind: u8, mode: u64, body: &[u8]| {
        let mut h = tar::Header::new_ustar();
        h.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        h.set_mode(mode as u32);
        h.set_uid(number("uid"));
        h.set_gid(number("gid"));
        h.set_size(body.len() as u64);
        h.set_mtime(0);
        h.set_username(header["uname"].as_str().unwrap_or(""))
            .unwrap();
        h.set_groupname(header["gname"].as_str().unwrap_or(""))
            .unwrap();
        h.as_mut_bytes()[156] = kind;
        h.set_cksum();
        out.extend_from_slice(h.as_bytes());
        out.extend_from_slice(body);
        out.resize(out.len().next_multiple_of(512), 0);
    };
    if let Some(xattrs) = header["xattrs"].as_object().filter(|x| !x.is_empty()) {
        let mut pax = String::new();
        // Backwards: the order in the archive does not count.
        for (key, value) in xattrs.iter().rev() {
            let record = format!(" SCHILY.xattr.{key}={}\n", value.as_str().unwrap());
            let len = (1..)
                .find(|n| n == &(record.len() + n.to_string().len()))
                .unwrap();
            pax.push_str(&format!("{len}{record}"));
        }
        block("PaxHeaders", b'x', 0, pax.as_bytes());
    }
    block(name, kind, row["mode"].as_u64().unwrap_or(0o755), body);
    out.resize(out.len() + 1024, 0);
    out
}

#[test]
fn tarsums() {
    let Some(dir) = fixtures::dir() else { return };
    let rows: Vec<Value> = fixtures::json(&dir, "tarsum/vectors.json");
    assert_eq!(rows.len(), 18);
    for row in rows {
        let expect = row["expect"].as_str().unwrap();
        let file = |key: &str| {
            let path = row[key].as_str()?;
            Some(fixtures::read(&dir, &format!("tarsum/{path}")))
        };
        let tar = match (file("layer"), row["generated"].as_str()) {
            (Some(layer), _) => layer,
            (None, Some(text)) if text.starts_with("empty tar") => vec![0; 1024],
            (None, Some(text)) => {
                let kind = if text.contains("NUL,") { 0 } else { b'0' };
                member("/testdata0", kind, &Value::Null, &vec![0; 1 << 20])
            }
            (None, None) => {
                let name = row["header"]["name"].as_str().unwrap();
                let body = row["body"].as_str().unwrap();
                member(name, b'0', &row, body.as_bytes())
            }
        };
        let owner_names = row["unameGname"].as_bool().unwrap_or(true);
        let json = file("json").unwrap_or_default();
        assert_eq!(
            sum(&tar, &json, expect, owner_names).to_string(),
            expect,
            "{row}"
        );
    }
}

/// The payload checksum of JSON and layer.
pub(super) fn payload(json: &[u8], layer: &[u8]) -> String {
    let mut digester = payload_digester(json);
    digester.update(layer);
    digester.finish().to_string()
}

#[test]
fn checksums_of_old_images_are_those_of_the_notes() {
    let Some(dir) = fixtures::dir() else { return };
    let mut checked = 0;
    for (path, note) in fixtures::notes(&dir, "v1/") {
        let word = |begin: &str| {
            let words = note
                .split_whitespace()
                .map(|w| w.trim_end_matches([';', ')']));
            let mut found = words.filter(|w| w.starts_with(begin));
            found.next().map(str::to_owned)
        };
        let (Some(simple), Some(tarsum)) = (word("sha256:"), word("tarsum+")) else {
            continue;
        };
        checked += 1;
        let folder = path.trim_end_matches("layer.tar");
        let json = fixtures::read(&dir, &format!("{folder}json"));
        let layer = match path.ends_with("layer.tar") {
            true => fixtures::read(&dir, &path),
            false => fixtures::read(&dir, &format!("{folder}layer")),
        };
        assert_eq!(payload(&json, &layer), simple, "{path}");
        let plain = super::plain(&layer);
        assert_eq!(
            sum(&plain, &json, &tarsum, true).to_string(),
            tarsum,
            "{path}"
        );
    }
    assert_eq!(checked, 4);
}

#[test]
fn documents_of_2013_are_read() {
    let Some(dir) = fixtures::dir() else { return };
    let list: Vec<Value> = fixtures::json(&dir, "v1/redis/index-images.json");
    assert_eq!(list.len(), 3);
    for entry in list {
        let id = entry["id"].as_str().unwrap();
        let checksum = entry["checksum"].as_str().unwrap();
        assert!(matches!(checksum.parse(), Ok(V1Checksum::Payload(_))));
        let json = fixtures::read(&dir, &format!("v1/redis/images/{id}/json"));
        let image = V1Image::parse(json).unwrap();
        assert_eq!(image.id(), id);
        assert!(image.run_config().is_some());
    }
}
