//! PAX records and GNU long names: what stands before a header and changes its meaning.

use super::malformed;
use crate::Result;
use crate::rootfs::Time;
use crate::transport::tar_index::{PaxSparse, pax_record};

/// What stands before a header and changes its meaning.
#[derive(Default, Clone)]
pub(super) struct Extension {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) modified: Option<Time>,
    pub(super) sparse: Option<PaxSparse>,
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Extension {
    /// Takes in PAX records.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (record, after) =
                pax_record(rest).ok_or_else(|| malformed("has a malformed PAX record"))?;
            rest = after;
            let (key, value) = record;
            let text = || std::str::from_utf8(value).ok();
            let wrong =
                |what: &str| malformed(&format!("has a PAX record with a malformed {what}"));
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => {
                    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
                    let size = text().and_then(|v| v.parse().ok()).filter(|_| digits);
                    self.size = Some(size.ok_or_else(|| wrong("size"))?);
                }
                b"uid" => {
                    self.uid = Some(
                        text()
                            .and_then(|v| v.parse().ok())
                            .ok_or_else(|| wrong("uid"))?,
                    )
                }
                b"gid" => {
                    self.gid = Some(
                        text()
                            .and_then(|v| v.parse().ok())
                            .ok_or_else(|| wrong("gid"))?,
                    )
                }
                b"mtime" => {
                    self.modified = Some(text().and_then(time).ok_or_else(|| wrong("mtime"))?)
                }
                key => {
                    if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                        self.xattrs.retain(|(known, _)| known != name);
                        self.xattrs.push((name.to_vec(), value.to_vec()));
                    } else if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                        self.sparse.get_or_insert_default().record(key, value);
                    }
                }
            }
        }
        Ok(())
    }
}

/// A PAX time: seconds, perhaps with a fraction.
fn time(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let digits = &fraction[..fraction.len().min(9)];
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos = format!("{digits:0<9}").parse().ok()?;
    // Before 1970 the fraction counts the other way.
    Some(match whole.starts_with('-') && nanos > 0 {
        true => Time {
            seconds: seconds - 1,
            nanos: 1_000_000_000 - nanos,
        },
        false => Time { seconds, nanos },
    })
}
