//! Layers with a table of contents: eStargz and zstd:chunked, made from a plain tar.

use std::io::{Read, Write};

use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tar::EntryType;

use super::{LayerTar, sha256};

/// A layer as it is stored, with what its manifest has to say of it.
pub struct Tabled {
    pub stored: Vec<u8>,
    /// `+gzip` or `+zstd`.
    pub suffix: &'static str,
    pub diff_id: String,
    pub annotations: Value,
}

/// Bytes of a file in one chunk.
const CHUNK: usize = 50_000;

/// A file's row without its chunks, where its content is in the tar, and its size.
struct Part {
    row: Value,
    at: usize,
    size: usize,
}

fn parts(tar: &[u8]) -> Vec<Part> {
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let header = entry.header().clone();
        let kind = match header.entry_type() {
            EntryType::Directory => "dir",
            EntryType::Symlink => "symlink",
            EntryType::Link => "hardlink",
            _ => "reg",
        };
        let link = entry.link_name_bytes().unwrap_or_default().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let mut row = json!({
            "name": String::from_utf8(entry.path_bytes().into_owned()).unwrap(),
            "type": kind,
            "size": content.len(),
            "mode": header.mode().unwrap(),
            "modtime": "2023-11-14T22:13:20Z",
        });
        if !link.is_empty() {
            row["linkName"] = String::from_utf8(link).unwrap().into();
        }
        if !content.is_empty() {
            row["digest"] = sha256(&content).to_string().into();
        }
        Part {
            row,
            at: entry.raw_file_position() as usize,
            size: content.len(),
        }
    });
    entries.collect()
}

/// The rows of a file in chunks at these offsets.
fn rows(part: &Part, content: &[u8], offsets: &[usize]) -> Vec<Value> {
    let mut rows = Vec::new();
    for (i, (chunk, offset)) in content.chunks(CHUNK).zip(offsets).enumerate() {
        let mut row = match i {
            0 => part.row.clone(),
            _ => json!({ "name": part.row["name"], "type": "chunk", "chunkOffset": i * CHUNK }),
        };
        row["offset"] = (*offset).into();
        if offsets.len() > 1 {
            row["chunkSize"] = chunk.len().into();
            row["chunkDigest"] = sha256(chunk).to_string().into();
        }
        rows.push(row);
    }
    match rows.is_empty() {
        true => vec![part.row.clone()],
        false => rows,
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The tar as an eStargz layer: a new gzip member at each chunk, the table, and a footer that says where that is.
pub fn estargz(layer: LayerTar) -> Tabled {
    let tar = layer.finish();
    let (mut stored, mut table, mut done) = (Vec::new(), Vec::new(), 0);
    for part in parts(&tar) {
        let content = &tar[part.at..part.at + part.size];
        let mut offsets = Vec::new();
        for chunk in content.chunks(CHUNK) {
            // What comes before a content is in the member before it: padding and headers.
            let at = part.at + offsets.len() * CHUNK;
            stored.extend(gzip(&tar[done..at]));
            done = at;
            offsets.push(stored.len());
            let _ = chunk;
        }
        let mut of_file = rows(&part, content, &offsets);
        if let [row] = &mut of_file[..]
            && part.size > 0
        {
            row["chunkDigest"] = row["digest"].clone();
        }
        table.extend(of_file);
    }
    stored.extend(gzip(&tar[done..tar.len() - 1024]));
    let begins = stored.len();
    let json = json!({ "version": 1, "entries": table }).to_string();
    let index = LayerTar::new().file("stargz.index.json", &json).finish();
    stored.extend(gzip(&index));
    let mut footer = vec![
        0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 26, 0, b'S', b'G', 22, 0,
    ];
    footer.extend(format!("{begins:016x}STARGZ").bytes());
    footer.extend([1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(footer.len(), 51);
    stored.extend(footer);
    let plain = [&tar[..tar.len() - 1024], &index].concat();
    Tabled {
        stored,
        suffix: "+gzip",
        diff_id: sha256(&plain).to_string(),
        annotations: json!({ "containerd.io/snapshot/stargz/toc.digest": sha256(json.as_bytes()) }),
    }
}

/// The tar as a zstd:chunked layer: a frame for each chunk and for what is between, the table in a skippable frame.
pub fn chunked(layer: LayerTar) -> Tabled {
    let tar = layer.finish();
    let frame = |bytes: &[u8]| zstd::stream::encode_all(bytes, 3).unwrap();
    let (mut stored, mut table, mut done) = (Vec::new(), Vec::new(), 0);
    for part in parts(&tar) {
        let content = &tar[part.at..part.at + part.size];
        let mut offsets = Vec::new();
        if part.size > 0 {
            stored.extend(frame(&tar[done..part.at]));
            done = part.at + part.size;
        }
        for chunk in content.chunks(CHUNK) {
            offsets.push(stored.len());
            stored.extend(frame(chunk));
        }
        let mut of_file = rows(&part, content, &offsets);
        if part.size > 0 {
            of_file[0]["endOffset"] = stored.len().into();
        }
        table.extend(of_file);
    }
    stored.extend(frame(&tar[done..]));
    let json = json!({ "version": 1, "entries": table }).to_string();
    let packed = frame(json.as_bytes());
    let skippable = |bytes: &[u8]| {
        let len = (bytes.len() as u32).to_le_bytes();
        [b"\x50\x2a\x4d\x18", &len, bytes].concat()
    };
    let begins = stored.len() + 8;
    stored.extend(skippable(&packed));
    stored.extend(skippable(&[0; 64]));
    let position = format!("{begins}:{}:{}:1", packed.len(), json.len());
    Tabled {
        stored,
        suffix: "+zstd",
        diff_id: sha256(&tar).to_string(),
        annotations: json!({
            "io.github.containers.zstd-chunked.manifest-position": position,
            "io.github.containers.zstd-chunked.manifest-checksum": sha256(&packed),
        }),
    }
}
