//! The upgrade of an old image to a modern one.
//!
//! An image of Registry V1, of the draft of 2014, of docker schema 1 or of `docker save` before 1.10 is a chain of V1
//! documents and a layer for each. The config of a modern image lists the digests of the plain layers, which only reading
//! them tells: [`read_layer`] does that, [`modern`] makes the image, and [`gzipped`] is for layers in a form that
//! modern registries do not know. Where the layers come from, and what they have to match, is known to the callers.

use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;

use crate::Result;
use crate::image::media_type::DOCKER_LAYER_GZIP;
use crate::image::{Algorithm, Descriptor, Digest, Digester, Manifest, MediaType, convert};
use crate::legacy::v1::{V1Image, modern_config};
use crate::transport::archive_file::{ArchiveFile, spool};
use crate::transport::blob_store::blocking;
use crate::transport::codec::{Codec, Cores, compressed};
use crate::transport::inflate::{self, Compression, plain_reader};
use crate::transport::{BlobStream, tallied};

/// Bytes that are read at a time.
const PIECE: usize = 256 * 1024;

/// What reading a layer to its end tells of it.
#[derive(Debug, Clone)]
pub(super) struct Plain {
    /// The digest of its plain form.
    pub(super) diff_id: Digest,
    /// Bytes of its plain form.
    pub(super) size: u64,
    /// What it is compressed with.
    pub(super) compression: Option<Compression>,
}

impl Plain {
    /// Whether the layer has no bytes at all, which old engines meant for a tar without members.
    pub(super) fn is_nothing(&self) -> bool {
        self.size == 0 && self.compression.is_none()
    }
}

/// Reads the layer `stored` to its end; `see` gets its plain form piece by piece. Blocks. Fails with
/// [`crate::Kind::Corrupt`] for a layer that cannot be decompressed; else the error of `stored`.
pub(super) fn read_layer(stored: impl Read + Send, mut see: impl FnMut(&[u8])) -> Result<Plain> {
    let (compression, mut plain) = plain_reader(stored).map_err(|e| inflate::broken(None, e))?;
    let mut digester = Digester::new(Algorithm::Sha256);
    let mut size = 0;
    let mut piece = vec![0; PIECE];
    loop {
        match plain.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => {
                digester.update(&piece[..n]);
                see(&piece[..n]);
                size += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(inflate::broken(compression, e)),
        }
    }
    Ok(Plain {
        diff_id: digester.finish(),
        size,
        compression,
    })
}

/// As [`read_layer`], for a stream. All of `stored` is read, so that a stream that verifies itself does so.
pub(super) async fn read_stream(stored: BlobStream) -> Result<Plain> {
    let (mut stored, _feeding) = inflate::reader(stored);
    blocking(move || {
        let plain = read_layer(&mut stored, |_| {})?;
        let rest = io::copy(&mut stored, &mut io::sink());
        rest.map_err(|e| inflate::broken(plain.compression, e))?;
        Ok(plain)
    })
    .await
}

/// The layer with the plain form `plain` as gzip, in a file without a name in `tmpdir`. The same content always gives the
/// same file. Fails with the errors of `plain`, and [`crate::Kind::Refused`] when the disk is full.
pub(super) async fn gzipped(
    plain: BlobStream,
    tmpdir: Option<&Path>,
    shown: &str,
) -> Result<(Descriptor, ArchiveFile)> {
    let packed = compressed(plain, Codec::Gzip(6), &Cores::all());
    let (packed, tally) = tallied(packed, Algorithm::Sha256);
    let file = spool(packed, tmpdir, shown).await?;
    let (digest, size) = tally.ended()?;
    Ok((Descriptor::new(DOCKER_LAYER_GZIP, digest, size), file))
}

/// A modern image, in docker's schema 2.
pub(super) struct Modern {
    pub(super) manifest: Manifest,
    pub(super) config: Descriptor,
    /// The bytes of the config.
    pub(super) bytes: Bytes,
}

/// The modern image of the V1 images `chain` over `layers`, both base first; with each layer the digest of its plain
/// form. There is a layer for each image that is no throwaway. Fails as [`modern_config`] does.
pub(super) fn modern(chain: &[V1Image], layers: &[(Descriptor, Digest)]) -> Result<Modern> {
    let (layers, diff_ids): (Vec<_>, Vec<_>) = layers.iter().cloned().unzip();
    let bytes = Bytes::from(modern_config(chain, &diff_ids)?);
    let digest = Digest::of(Algorithm::Sha256, &bytes);
    let config = Descriptor::new(MediaType::DOCKER_CONFIG, digest, bytes.len() as u64);
    Ok(Modern {
        manifest: convert::schema2_over(&config, &layers)?,
        config,
        bytes,
    })
}
