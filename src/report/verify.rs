//! The document of `verify-copy`: what was compared, and what is missing or wrong.

use serde::Serialize;

use super::json;
use super::table::{Table, counted, human_size};
use crate::copy::{Fault, PartKind, Problem, Verified};
use crate::image::{Digest, MediaType, Tag};

/// The result of a comparison.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VerifyReport<'a> {
    source: String,
    destination: String,
    digest: &'a Digest,
    /// How many were compared.
    manifests: usize,
    blobs: usize,
    attached: usize,
    faults: Vec<FaultLine<'a>>,
    /// Whether the faults were mended afterwards.
    pub repaired: bool,
}

/// A part that is missing or wrong.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct FaultLine<'a> {
    /// `missing`, `other-content`, `corrupt` or `not-listed`.
    problem: &'static str,
    /// `name`, `manifest`, `blob` or `attached`.
    part: &'static str,
    digest: &'a Digest,
    size: u64,
    media_type: &'a MediaType,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
}

impl<'a> FaultLine<'a> {
    fn new(fault: &'a Fault) -> FaultLine<'a> {
        FaultLine {
            problem: match fault.problem {
                Problem::Missing => "missing",
                Problem::OtherContent => "other-content",
                Problem::Corrupt => "corrupt",
                Problem::NotListed => "not-listed",
            },
            part: match fault.part {
                PartKind::Name => "name",
                PartKind::Manifest => "manifest",
                PartKind::Blob => "blob",
                PartKind::Attached => "attached",
            },
            digest: &fault.digest,
            size: fault.size,
            media_type: &fault.media_type,
            tag: fault.tag.as_ref().map(Tag::as_str),
        }
    }
}

impl<'a> VerifyReport<'a> {
    /// The report of `verified`; the names are as the user wrote them.
    pub(crate) fn new(
        verified: &'a Verified,
        source: String,
        destination: String,
    ) -> VerifyReport<'a> {
        VerifyReport {
            source,
            destination,
            digest: &verified.digest,
            manifests: verified.manifests,
            blobs: verified.blobs,
            attached: verified.attached,
            faults: verified.faults.iter().map(FaultLine::new).collect(),
            repaired: false,
        }
    }

    /// As JSON; else one line where all is well, or is so again, and a line for each fault.
    pub(crate) fn render(&self, as_json: bool) -> String {
        if as_json {
            return json::to_go_json(self) + "\n";
        }
        if self.faults.is_empty() || self.repaired {
            let repaired = match self.faults.len() as u64 {
                0 => String::new(),
                parts => format!("; repaired {}", counted(parts, "part")),
            };
            return format!(
                "complete: {}, {}, {} attached{repaired}\n",
                counted(self.manifests as u64, "manifest"),
                counted(self.blobs as u64, "blob"),
                self.attached
            );
        }
        let mut table = Table::new(&["PROBLEM", "PART", ">SIZE", "DIGEST", "TYPE"]);
        for fault in &self.faults {
            table.row([
                fault.problem.to_owned(),
                fault.part.to_owned(),
                human_size(fault.size),
                fault.digest.to_string(),
                fault
                    .tag
                    .map_or_else(|| fault.media_type.to_string(), str::to_owned),
            ]);
        }
        table.shown()
    }
}
