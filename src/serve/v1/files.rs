//! The files in the layer of an image: name, type, whether it is deleted, size, time, mode, owner and group of each.

use serde_json::json;

use super::images::layer_of;
use super::{V1, missing, wrong};
use crate::Result;
use crate::image::V1Id;
use crate::rootfs::{Change, Content, Entry, EntryKind, Next, Visit, walk_stream};
use crate::serve::App;
use crate::serve::answer::Answer;
use crate::serve::refusal::Refusal;
use crate::serve::request::Asked;

/// Bytes of a list.
const MOST: usize = 64 << 20;

/// The answer to `images/ID/files`.
pub(super) async fn files(app: &App, v1: &V1, asked: &Asked, id: &V1Id) -> Result<Answer, Refusal> {
    let image = v1.image(app, id).await?.ok_or_else(|| v1.absent(id))?;
    let blob = layer_of(app, &image).await?;
    let blob = blob.ok_or_else(|| missing("the layer is not here"))?;
    let _turn = super::unpacking().await;
    let list = walk_stream(blob.read(0).await?, List::default()).await?;
    match list.text.len() > MOST {
        true => Err(wrong("the layer has too many files to list")),
        false => Ok(super::json(format!("[{}]", list.text), asked)),
    }
}

/// The rows so far, as JSON.
#[derive(Default)]
struct List {
    text: String,
}

impl Visit for List {
    fn entry(&mut self, entry: Entry, _: &mut Content<'_, '_>) -> Result<Next> {
        let (path, is_deleted) = match entry.change() {
            Ok(Change::Sets) => (entry.path.clone(), false),
            Ok(Change::Hides(path)) => (path, true),
            // The notes of a storage driver are left out.
            Ok(Change::Opaque(_) | Change::Nothing) | Err(_) => return Ok(Next::Go),
        };
        let row = json!([
            format!("/{}", String::from_utf8_lossy(path.as_bytes())),
            letter(entry.kind),
            is_deleted,
            entry.size,
            entry.modified.seconds,
            entry.mode,
            entry.uid,
            entry.gid,
        ]);
        if !self.text.is_empty() {
            self.text.push(',');
        }
        self.text += &row.to_string();
        Ok(match self.text.len() > MOST {
            true => Next::Stop,
            false => Next::Go,
        })
    }
}

/// The letter that stands for a type.
fn letter(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "f",
        EntryKind::Directory => "d",
        EntryKind::Symlink => "s",
        EntryKind::HardLink => "l",
        EntryKind::CharDevice => "c",
        EntryKind::BlockDevice => "b",
        EntryKind::Fifo => "i",
    }
}
