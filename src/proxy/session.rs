//! What a client has opened, and the methods that it can call.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustix::pipe::{PipeFlags, pipe_with};
use serde_json::Value;
use tokio::net::unix::pipe::Sender;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::image::{ImageBlob, OpenedImage};
use super::message::{Fault, Reply, Request, integer, type_of};
use super::transfer::{Broken, Transfer, data_pipe, write_document};
use super::{ProxyOptions, VERSION};
use crate::image::{Digest, DigestError};
use crate::transport::BlobStream;
use crate::{Error, Kind};

/// Blobs that are downloaded at the same time.
const DOWNLOADS: usize = 48;
/// A download is put aside when the client has read none of its pipe for so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// One client.
pub(super) struct Session {
    options: ProxyOptions,
    is_initialized: bool,
    images: HashMap<u64, OpenedImage>,
    /// The last number given to an image or a pipe. They start at 1, as 0 means none.
    last_image: u64,
    last_pipe: u32,
    pipes: HashMap<u32, OpenPipe>,
    /// Blobs on their way without a pipe that is to be finished.
    transfers: JoinSet<()>,
    places: Arc<Semaphore>,
}

/// The one task that writes to a pipe. It returns the writing end, which stays open until the client finishes the pipe.
type OpenPipe = JoinSet<(Sender, Result<(), Fault>)>;

impl Session {
    pub(super) fn new(options: ProxyOptions) -> Session {
        Session {
            options,
            is_initialized: false,
            images: HashMap::new(),
            last_image: 0,
            last_pipe: 0,
            pipes: HashMap::new(),
            transfers: JoinSet::new(),
            places: Arc::new(Semaphore::new(DOWNLOADS)),
        }
    }

    /// Carries out `request`.
    pub(super) async fn call(&mut self, request: &Request) -> Result<Reply, Fault> {
        while self.transfers.try_join_next().is_some() {}
        match request.method.as_str() {
            "Initialize" => return self.initialize(request),
            "OpenImage" | "OpenImageOptional" | "CloseImage" | "GetManifest" | "GetConfig"
            | "GetFullConfig" | "GetBlob" | "GetRawBlob" | "GetLayerInfo" | "GetLayerInfoPiped"
                if !self.is_initialized =>
            {
                return Err(Fault::new("client error: must invoke Initialize"));
            }
            _ => {}
        }
        match request.method.as_str() {
            "OpenImage" => self.open(request, false).await,
            "OpenImageOptional" => self.open(request, true).await,
            "CloseImage" => self.close(request),
            "GetManifest" => self.manifest(request).await,
            "GetFullConfig" => self.config(request, true).await,
            "GetConfig" => self.config(request, false).await,
            "GetLayerInfo" => {
                let layers = self.layers(request).await?;
                Ok(Reply {
                    value: layers,
                    ..Reply::default()
                })
            }
            "GetLayerInfoPiped" => {
                let layers = self.layers(request).await?;
                self.piped(Value::Null, layers.to_string().into())
            }
            "GetBlob" => self.blob(request).await,
            "GetRawBlob" => self.raw_blob(request).await,
            "FinishPipe" => self.finish_pipe(request).await,
            unknown => Err(Fault::new(format!("unknown method: {unknown}"))),
        }
    }

    fn initialize(&mut self, request: &Request) -> Result<Reply, Fault> {
        let [] = request.args(|_| "invalid request, expecting zero arguments".into())?;
        if self.is_initialized {
            return Err(Fault::new("already initialized"));
        }
        self.is_initialized = true;
        Ok(Reply {
            value: VERSION.into(),
            ..Reply::default()
        })
    }

    /// Opens an image; 0 in place of its number where it `may_be_missing` and is.
    async fn open(&mut self, request: &Request, may_be_missing: bool) -> Result<Reply, Fault> {
        let [name] = request.args(one_argument)?;
        let Value::String(name) = name else {
            let text = format!("expecting string imageref, not {}", type_of(name));
            return Err(Fault::new(text));
        };
        let number = match OpenedImage::open(name, &self.options).await {
            Ok(image) => {
                self.last_image += 1;
                self.images.insert(self.last_image, image);
                self.last_image
            }
            Err(e) if may_be_missing && e.kind() == Kind::NotFound => 0,
            Err(e) => return Err(self.fault(&e)),
        };
        Ok(Reply {
            value: number.into(),
            ..Reply::default()
        })
    }

    fn close(&mut self, request: &Request) -> Result<Reply, Fault> {
        let [number] = request.args(one_argument)?;
        let number = image_number(number)?;
        match self.images.remove(&number) {
            Some(_) => Ok(Reply::default()),
            None => Err(no_image(number)),
        }
    }

    async fn manifest(&mut self, request: &Request) -> Result<Reply, Fault> {
        let [number] = request.args(one_argument)?;
        let (image, options) = self.image(number)?;
        let manifest = image.manifest(options).await;
        let (digest, manifest) = manifest.map_err(|e| self.fault(&e))?;
        self.piped(digest.to_string().into(), manifest)
    }

    async fn config(&mut self, request: &Request, full: bool) -> Result<Reply, Fault> {
        let [number] = request.args(|_| "invalid request, expecting: [imgid]".into())?;
        let (image, options) = self.image(number)?;
        let config = match full {
            true => image.oci_config(options).await,
            false => image.run_config(options).await,
        };
        let config = config.map_err(|e| self.fault(&e))?;
        self.piped(Value::Null, config)
    }

    async fn layers(&mut self, request: &Request) -> Result<Value, Fault> {
        let [number] = request.args(|n| format!("found {n} args, expecting (imgid)"))?;
        let (image, options) = self.image(number)?;
        let layers = image.layers(options).await;
        let layers = layers.map_err(|e| self.fault(&e))?;
        serde_json::to_value(layers).map_err(|e| Fault::new(e.to_string()))
    }

    async fn blob(&mut self, request: &Request) -> Result<Reply, Fault> {
        let [number, digest, size] =
            request.args(|n| format!("found {n} args, expecting (imgid, digest, size)"))?;
        let (transfer, opened) = self.transfer(number, digest, Some(size)).await?;
        let size = transfer.blob.descriptor.size;
        let (reader, pipe) = data_pipe().map_err(|e| self.no_pipe(e))?;
        let describe = self.options.describe;
        let number = self.keep(async move {
            let done = transfer.run(opened, &pipe).await;
            (pipe, done.map_err(|e| broken(e, describe)))
        });
        Ok(Reply {
            value: size.into(),
            pipe: number,
            fds: vec![reader],
        })
    }

    async fn raw_blob(&mut self, request: &Request) -> Result<Reply, Fault> {
        let [number, digest] =
            request.args(|n| format!("found {n} args, expecting (imgid, digest)"))?;
        let (transfer, opened) = self.transfer(number, digest, None).await?;
        let size = transfer.blob.descriptor.size;
        let (reader, pipe) = data_pipe().map_err(|e| self.no_pipe(e))?;
        let errors = pipe_with(PipeFlags::CLOEXEC);
        let (error_reader, errors) = errors.map_err(|e| self.no_pipe(e.into()))?;
        let describe = self.options.describe;
        self.transfers.spawn(async move {
            if let Err(e) = transfer.run(opened, &pipe).await {
                // An empty pipe takes it whole; a client that is gone does not need it.
                let _ = rustix::io::write(&errors, broken(e, describe).to_json().as_bytes());
            }
        });
        Ok(Reply {
            value: size.into(),
            pipe: 0,
            fds: vec![reader, error_reader],
        })
    }

    /// The blob that a request means, ready to be moved. A blob that the manifest lists is not waited for: its size is
    /// known, and many can be asked for side by side. Of any other the answer comes first.
    async fn transfer(
        &mut self,
        number: &Value,
        digest: &Value,
        size: Option<&Value>,
    ) -> Result<(Transfer, Option<BlobStream>), Fault> {
        let (image, options) = self.image(number)?;
        let Value::String(digest) = digest else {
            return Err(Fault::new("expecting string blobid"));
        };
        let (check_digest, size) = (size.is_some(), size.map(integer).transpose()?);
        let digest: Digest = digest
            .parse()
            .map_err(|e: DigestError| Fault::new(e.to_string()))?;
        let found = async {
            let blob = image.blob(&digest, size, options).await?;
            let opened = match blob.is_listed {
                true => None,
                false => Some(blob.body.open_unhashed(0).await?),
            };
            Ok::<(ImageBlob, _), Error>((blob, opened))
        };
        let found = found.await;
        let (blob, opened) = found.map_err(|e| self.fault(&e))?;
        let transfer = Transfer {
            blob,
            check_digest,
            places: self.places.clone(),
            patience: PATIENCE.min(self.options.context.timeouts.stall),
        };
        Ok((transfer, opened))
    }

    async fn finish_pipe(&mut self, request: &Request) -> Result<Reply, Fault> {
        let [number] = request.args(|n| format!("found {n} args, expecting (pipeid)"))?;
        let number = integer(number)?;
        let pipe = u32::try_from(number).ok();
        let Some(mut task) = pipe.and_then(|pipe| self.pipes.remove(&pipe)) else {
            return Err(Fault::new(format!("finishpipe: no active pipe {number}")));
        };
        match task.join_next().await {
            // The writing end is closed only now, so that the client has to ask how it went.
            Some(Ok((_pipe, done))) => done.map(|()| Reply::default()),
            _ => Err(Fault::new("the work on the pipe died")),
        }
    }

    /// A reply with `document` in a pipe.
    fn piped(&mut self, value: Value, document: Bytes) -> Result<Reply, Fault> {
        let (reader, pipe) = data_pipe().map_err(|e| self.no_pipe(e))?;
        let describe = self.options.describe;
        let number = self.keep(async move {
            let done = write_document(document, &pipe).await;
            (pipe, done.map_err(|e| broken(e, describe)))
        });
        Ok(Reply {
            value,
            pipe: number,
            fds: vec![reader],
        })
    }

    /// Starts `work` on a pipe and returns the pipe's number.
    fn keep(
        &mut self,
        work: impl Future<Output = (Sender, Result<(), Fault>)> + Send + 'static,
    ) -> u32 {
        let mut task = JoinSet::new();
        task.spawn(work);
        self.last_pipe = self.last_pipe.wrapping_add(1).max(1);
        self.pipes.insert(self.last_pipe, task);
        self.last_pipe
    }

    /// The image that a request means.
    fn image(&mut self, number: &Value) -> Result<(&mut OpenedImage, &ProxyOptions), Fault> {
        let number = image_number(number)?;
        let image = self.images.get_mut(&number);
        Ok((image.ok_or_else(|| no_image(number))?, &self.options))
    }

    fn fault(&self, e: &Error) -> Fault {
        Fault::of(e, (self.options.describe)(e))
    }

    fn no_pipe(&self, e: io::Error) -> Fault {
        self.fault(&Error::other("opening a pipe").because(e))
    }
}

fn one_argument(_: usize) -> String {
    "invalid request, expecting one argument".into()
}

fn image_number(value: &Value) -> Result<u64, Fault> {
    match integer(value)? {
        0 => Err(Fault::new("Invalid imageid value of zero")),
        number => Ok(number),
    }
}

fn no_image(number: u64) -> Fault {
    Fault::new(format!("no image {number}"))
}

fn broken(e: Broken, describe: fn(&Error) -> String) -> Fault {
    match e {
        Broken::Closed => Fault::closed_pipe(),
        Broken::Failed(e) => Fault::of(&e, describe(&e)),
    }
}
