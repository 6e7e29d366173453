//! The encoders: what they make is what other programs read, and the same on any number of cores.

use std::io::Read;

use super::*;
use crate::Kind;
use crate::image::Algorithm;
use crate::transport::read_all;

/// Some of it easy and some of it hard to compress, over several blocks of either codec.
fn content(len: usize) -> Bytes {
    let mut state = 7_u32;
    let mut out = Vec::with_capacity(len + 64);
    while out.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let word = state.to_le_bytes();
        match (out.len() >> 14) % 3 {
            0 => out.extend_from_slice(&word),
            1 => out.extend_from_slice(format!("line {} of a file\n", state >> 20).as_bytes()),
            _ => out.extend([word[3] & 3; 40]),
        }
    }
    out.truncate(len);
    out.into()
}

fn cut(content: &Bytes, piece: usize) -> BlobStream {
    let content = content.clone();
    let cuts = (0..content.len()).step_by(piece);
    let pieces: Vec<_> = cuts
        .map(|at| Ok(content.slice(at..content.len().min(at + piece))))
        .collect();
    Box::pin(futures_util::stream::iter(pieces))
}

async fn packed(content: &Bytes, piece: usize, codec: Codec, cores: usize) -> Bytes {
    let stream = compressed(cut(content, piece), codec, &Cores::new(cores));
    read_all(stream, 1 << 30).await.unwrap()
}

const CODECS: [Codec; 6] = [
    Codec::Gzip(1),
    Codec::Gzip(6),
    Codec::Gzip(9),
    Codec::Zstd(1),
    Codec::Zstd(3),
    Codec::Zstd(7),
];

#[tokio::test]
async fn what_is_packed_inflates_to_what_it_was() {
    for len in [0, 1, 255, 256 << 10, (256 << 10) + 1, (2 << 20) + 1] {
        let content = content(len);
        for codec in CODECS {
            let packed = packed(&content, 100_000, codec, 2).await;
            let plain = match codec {
                Codec::Gzip(_) => {
                    // One member: nothing is left behind it.
                    let mut decoder = flate2::bufread::GzDecoder::new(&packed[..]);
                    let mut plain = Vec::new();
                    decoder.read_to_end(&mut plain).unwrap();
                    assert!(decoder.into_inner().is_empty(), "{codec:?} {len}");
                    plain
                }
                Codec::Zstd(_) => zstd::decode_all(&packed[..]).unwrap(),
            };
            assert!(plain == content, "{codec:?} {len}");
        }
    }
}

#[tokio::test]
async fn neither_cores_nor_pieces_change_a_byte() {
    let content = content(3_000_000);
    for codec in CODECS {
        let once = packed(&content, content.len(), codec, 1).await;
        for (piece, cores) in [(997, 1), (65_536, 2), (1 << 20, 7), (256 << 10, 64)] {
            let again = packed(&content, piece, codec, cores).await;
            assert!(once == again, "{codec:?} {piece} {cores}");
        }
    }
}

/// Which block an encoder compressed before is a matter of chance where several are at work.
#[tokio::test]
async fn what_stood_before_a_block_and_its_dictionary_changes_nothing() {
    const BLOCK: usize = 256 << 10;
    const DICTIONARY: usize = 32 << 10;
    let words = |seed: u32| {
        let mut state = seed;
        let mut text = Vec::with_capacity(BLOCK + 16);
        while text.len() < BLOCK {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.extend_from_slice(&b"abcdefghijklmnopqrstuvwxyz"[(state >> 28) as usize..][..4]);
        }
        text.truncate(BLOCK);
        text
    };
    for level in [1, 6, 9] {
        for seed in 0..32 {
            let (first, mut other, last) = (words(seed), words(seed + 100), words(seed + 200));
            let at = BLOCK - DICTIONARY;
            other[at..].copy_from_slice(&first[at..]);
            let mut ends = Vec::new();
            for before in [first, other] {
                let before = Bytes::from(before);
                let alone = packed(&before, BLOCK, Codec::Gzip(level), 1).await;
                let both = Bytes::from([&before[..], &last].concat());
                let both = packed(&both, BLOCK, Codec::Gzip(level), 1).await;
                // Behind the first block, in front of the checksum and the size.
                ends.push(both.slice(alone.len() - 10..both.len() - 8));
            }
            assert!(ends[0] == ends[1], "level {level}, seed {seed}");
        }
    }
}

/// Digests that a machine of another kind has to come to as well. They change only with an encoder.
#[tokio::test]
async fn the_same_content_has_the_same_digest_everywhere() {
    let content = content(3_000_000);
    let digest = async |codec| {
        let packed = packed(&content, 65_536, codec, 3).await;
        Digest::of(Algorithm::Sha256, &packed).short().to_owned()
    };
    let found = [
        digest(Codec::Gzip(1)).await,
        digest(Codec::Gzip(6)).await,
        digest(Codec::Gzip(9)).await,
        digest(Codec::Zstd(3)).await,
        digest(Codec::Zstd(7)).await,
        digest(Codec::Zstd(19)).await,
    ];
    assert_eq!(
        found,
        [
            "335164e1617a",
            "6708222b61de",
            "af8e999182dc",
            "dc7d826592dc",
            "83c4ddf4e359",
            "315b609c7ade"
        ]
    );
}

#[tokio::test]
async fn blocks_lose_little() {
    let content = content(3_000_000);
    let whole = |level| {
        let level = flate2::Compression::new(level);
        let mut whole = Vec::new();
        let mut encoder = flate2::bufread::GzEncoder::new(&content[..], level);
        encoder.read_to_end(&mut whole).unwrap();
        whole.len()
    };
    let (ours, whole) = (
        packed(&content, 65_536, Codec::Gzip(6), 2).await.len(),
        whole(6),
    );
    assert!(ours * 100 <= whole * 101, "{ours} against {whole}");
    let ours = packed(&content, 65_536, Codec::Zstd(3), 2).await.len();
    let whole = zstd::encode_all(&content[..], 3).unwrap().len();
    assert!(ours * 100 <= whole * 104, "{ours} against {whole}");
}

#[tokio::test]
async fn an_error_of_the_content_is_the_end() {
    for codec in [Codec::Gzip(6), Codec::Zstd(3)] {
        let broken = || Err(Error::unavailable("the line is dead"));
        let content =
            cut(&content(600_000), 65_536).chain(futures_util::stream::iter([broken(), broken()]));
        let mut packed = compressed(Box::pin(content), codec, &Cores::new(2));
        let mut last = None;
        while let Some(item) = packed.next().await {
            assert!(
                !matches!(last, Some(Err(_))),
                "something comes after the error"
            );
            last = Some(item.map(drop));
        }
        let error = last.unwrap().unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
    }
}

#[tokio::test]
async fn many_streams_share_the_cores_without_waiting_for_ever() {
    let cores = Cores::new(1);
    let content = content(700_000);
    // All are begun, and only then read, the last one first.
    let mut streams: Vec<_> = (0..4)
        .map(|_| compressed(cut(&content, 1 << 16), Codec::Gzip(1), &cores))
        .collect();
    for stream in &mut streams {
        for _ in 0..2 {
            stream.next().await.unwrap().unwrap();
        }
    }
    let mut lens = Vec::new();
    for stream in streams.into_iter().rev() {
        lens.push(read_all(stream, 1 << 24).await.unwrap().len());
    }
    assert!(lens.iter().all(|len| *len == lens[0]), "{lens:?}");
}

#[tokio::test]
async fn a_layer_that_is_not_what_its_config_says_is_no_layer() {
    let content = content(100_000);
    let packed = packed(&content, 65_536, Codec::Zstd(3), 1).await;
    let right = Digest::of(Algorithm::Sha256, &content);
    let plain = inflated(cut(&packed, 1000), &right);
    assert!(read_all(plain, 1 << 20).await.unwrap() == content);
    let wrong = Digest::of(Algorithm::Sha256, b"something else");
    let error = read_all(inflated(cut(&packed, 1000), &wrong), 1 << 20).await;
    assert_eq!(error.unwrap_err().kind(), Kind::Corrupt);
}
