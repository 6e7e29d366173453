//! The paths on which a copy spends its time: hashing, inflating, compressing, and finding the members of an archive.
//!
//! `cargo bench` runs all of them, `cargo bench -- gzip` those with that in their name. The content is made here,
//! the same in every run: half of it text-like, half of it as hard to compress as a program.

// A benchmark that cannot run has nobody to return an error to.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::LazyLock;

use barque::copy::codec::{Codec, Cores, compressed};
use barque::image::{Algorithm, Digest, Selector};
use barque::settings::Context;
use barque::transport::{BlobStream, inflate, oci_archive};
use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use futures_util::{StreamExt, stream};
use tokio::runtime::Runtime;

const SIZE: usize = 32 << 20;
/// As pieces arrive from a file.
const PIECE: usize = 256 << 10;
const MEMBERS: usize = 10_000;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static CONTENT: LazyLock<Bytes> = LazyLock::new(content);

fn main() {
    divan::main();
}

/// Words in a changing order, and between them bytes of a small alphabet.
fn content() -> Bytes {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words: Vec<Vec<u8>> = (0..2048)
        .map(|_| {
            (0..2 + random() % 9)
                .map(|_| b'a' + (random() % 26) as u8)
                .collect()
        })
        .collect();
    let mut out = Vec::with_capacity(SIZE + 64);
    while out.len() < SIZE {
        let text = (out.len() >> 16) % 2 == 0;
        if text {
            out.extend_from_slice(&words[(random() % 2048) as usize]);
            out.push(b' ');
        } else {
            out.extend(random().to_le_bytes().map(|b| b & 0x7f));
        }
    }
    out.truncate(SIZE);
    out.into()
}

fn pieces(of: &Bytes) -> BlobStream {
    let of = of.clone();
    let cuts = (0..of.len()).step_by(PIECE);
    let pieces: Vec<_> = cuts
        .map(|at| Ok(of.slice(at..of.len().min(at + PIECE))))
        .collect();
    Box::pin(stream::iter(pieces))
}

/// Reads a stream to its end; the value is its length.
fn drain(make: impl FnOnce() -> BlobStream) -> usize {
    RUNTIME.block_on(async {
        let mut stream = make();
        let mut total = 0;
        while let Some(bytes) = stream.next().await {
            total += bytes.unwrap().len();
        }
        total
    })
}

fn packed(codec: Codec) -> Bytes {
    RUNTIME.block_on(async {
        let pieces: Vec<Bytes> = compressed(pieces(&CONTENT), codec, &Cores::all())
            .map(Result::unwrap)
            .collect()
            .await;
        pieces.concat().into()
    })
}

#[divan::bench(sample_count = 20, args = [Algorithm::Sha256, Algorithm::Sha512])]
fn hash(bencher: Bencher<'_, '_>, algorithm: Algorithm) {
    bencher
        .counter(BytesCount::new(SIZE))
        .bench(|| Digest::of(algorithm, &CONTENT));
}

#[divan::bench(sample_count = 20, args = [Codec::Gzip(6), Codec::Zstd(3)])]
fn inflate(bencher: Bencher<'_, '_>, codec: Codec) {
    let packed = packed(codec);
    bencher
        .counter(BytesCount::new(SIZE))
        .bench(|| drain(|| inflate::plain(pieces(&packed))));
}

#[divan::bench(sample_count = 20, args = [Codec::Gzip(1), Codec::Gzip(6), Codec::Zstd(3)])]
fn compress_on_one_core(bencher: Bencher<'_, '_>, codec: Codec) {
    let cores = Cores::new(1);
    bencher
        .counter(BytesCount::new(SIZE))
        .bench(|| drain(|| compressed(pieces(&CONTENT), codec, &cores)));
}

#[divan::bench(sample_count = 20, args = [Codec::Gzip(1), Codec::Gzip(6), Codec::Zstd(3)])]
fn compress_on_all_cores(bencher: Bencher<'_, '_>, codec: Codec) {
    let cores = Cores::all();
    bencher
        .counter(BytesCount::new(SIZE))
        .bench(|| drain(|| compressed(pieces(&CONTENT), codec, &cores)));
}

/// Opens an archive of many members: its index is made by reading each header.
#[divan::bench(sample_count = 20)]
fn tar_index(bencher: Bencher<'_, '_>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    write_archive(file.path());
    let open = oci_archive::source;
    bencher.counter(ItemsCount::new(MEMBERS)).bench(|| {
        RUNTIME
            .block_on(open(file.path(), &Selector::Only, &Context::default()))
            .unwrap()
    });
}

/// An OCI archive with an image in its index and [`MEMBERS`] small blobs.
fn write_archive(path: &Path) {
    let mut tar = tar::Builder::new(std::fs::File::create(path).unwrap());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes).unwrap();
    };
    for n in 0..MEMBERS {
        let bytes = n.to_le_bytes();
        let digest = Digest::of(Algorithm::Sha256, &bytes);
        add(&format!("blobs/sha256/{}", digest.hex()), &bytes);
    }
    let digest = Digest::of(Algorithm::Sha256, b"image");
    let entry = r#""mediaType":"application/vnd.oci.image.manifest.v1+json","size":5"#;
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{{{entry},"digest":"{digest}"}}]}}"#);
    add("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    add("index.json", index.as_bytes());
    tar.finish().unwrap();
}
