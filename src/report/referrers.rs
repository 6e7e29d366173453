//! The documents about what belongs to an image: its referrers as a tree, and the attestations in its index.

use std::collections::{BTreeMap, HashMap};
use std::io;

use serde::Serialize;

use super::json;
use super::table::{self, Table, human_size};
use crate::image::{Descriptor, Digest, Manifest, MediaType};
use crate::open::{Attached, Attestation};
use crate::transport::Attachment;

/// The document of `referrers`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReferrersReport {
    /// The repository; absent where the place has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of what the name, or the platform, stands for.
    pub digest: Digest,
    pub media_type: MediaType,
    /// The manifests that refer to it.
    pub referrers: Vec<Referrer>,
    /// Entries of the index that something refers to; only where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<Entry>>,
}

/// A manifest of an index, with what refers to it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Entry {
    pub digest: Digest,
    pub size: u64,
    pub media_type: MediaType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    pub referrers: Vec<Referrer>,
}

/// A manifest that refers to another one.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Referrer {
    pub digest: Digest,
    /// Bytes of the manifest.
    pub size: u64,
    pub media_type: MediaType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<MediaType>,
    /// The tag by which it is found, made of the digest of its subject; a referrer has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The manifest that it refers to.
    pub subject: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// The manifests that refer to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub referrers: Vec<Referrer>,
}

/// The trees of what was found, by the digest that each tree refers to.
pub(crate) struct Trees(HashMap<Digest, Vec<Attached>>);

impl Trees {
    pub(crate) fn new(found: Vec<Attached>) -> Trees {
        let mut by_subject: HashMap<Digest, Vec<Attached>> = HashMap::new();
        for attached in found {
            let of = by_subject.entry(attached.subject.clone()).or_default();
            of.push(attached);
        }
        Trees(by_subject)
    }

    /// The manifests that refer to `subject`, each with its own referrers. Each is taken once, so that the tree ends.
    pub(crate) fn take(&mut self, subject: &Digest) -> Vec<Referrer> {
        let found = self.0.remove(subject).unwrap_or_default();
        let referrer = |attached: Attached| {
            let Attached {
                entry,
                subject,
                how,
                ..
            } = attached;
            Referrer {
                referrers: self.take(&entry.digest),
                digest: entry.digest,
                size: entry.size,
                media_type: entry.media_type,
                artifact_type: entry.artifact_type,
                tag: match how {
                    Attachment::Referrer => None,
                    Attachment::Tag(tag) => Some(tag.to_string()),
                },
                subject,
                annotations: entry.annotations,
            }
        };
        found.into_iter().map(referrer).collect()
    }
}

impl ReferrersReport {
    /// The referrers of `manifest`; with `entries`, also those of these entries of it.
    pub(crate) fn new(
        name: Option<String>,
        manifest: &Manifest,
        entries: Option<&[Descriptor]>,
        found: Vec<Attached>,
    ) -> ReferrersReport {
        let mut trees = Trees::new(found);
        let referrers = trees.take(manifest.digest());
        let entry = |entry: &Descriptor| Entry {
            digest: entry.digest.clone(),
            size: entry.size,
            media_type: entry.media_type.clone(),
            platform: entry.platform.as_ref().map(ToString::to_string),
            referrers: trees.take(&entry.digest),
        };
        let entries = entries.map(|entries| {
            let entries = entries.iter().map(entry);
            entries
                .filter(|entry| !entry.referrers.is_empty())
                .collect()
        });
        ReferrersReport {
            name,
            digest: manifest.digest().clone(),
            media_type: manifest.media_type().clone(),
            referrers,
            entries,
        }
    }

    /// As JSON, as a table on a terminal, or as lines for a pipe.
    pub(crate) fn render(&self, as_json: bool) -> String {
        if as_json {
            return json::to_go_json(self) + "\n";
        }
        match table::terminal_width(&io::stdout()) {
            Some(width) => self.table().pretty(width),
            None => self.lines().plain(),
        }
    }

    /// A tree: what refers to something stands below it, indented.
    fn table(&self) -> Table {
        let mut table = Table::new(&["TYPE", ">SIZE", "DIGEST", "ANNOTATIONS"]);
        each(&self.referrers, 0, &mut |referrer, depth| {
            table.row(referrer.cells(depth));
        });
        for entry in self.entries.iter().flatten() {
            let shown = entry.platform.clone();
            let shown = shown.unwrap_or_else(|| entry.media_type.to_string());
            table.row([
                shown,
                human_size(entry.size),
                entry.digest.to_string(),
                String::new(),
            ]);
            each(&entry.referrers, 1, &mut |referrer, depth| {
                table.row(referrer.cells(depth));
            });
        }
        table
    }

    /// One referrer a line: type, bytes, digest, subject, annotations.
    fn lines(&self) -> Table {
        let mut table = Table::new(&[]);
        let mut add = |referrer: &Referrer, _: usize| {
            table.row([
                referrer.kind(),
                referrer.size.to_string(),
                referrer.digest.to_string(),
                referrer.subject.to_string(),
                referrer.notes(),
            ]);
        };
        each(&self.referrers, 0, &mut add);
        for entry in self.entries.iter().flatten() {
            each(&entry.referrers, 1, &mut add);
        }
        table
    }
}

impl Referrer {
    /// Its row in a table, below what it refers to.
    fn cells(&self, depth: usize) -> [String; 4] {
        let branch = match depth {
            0 => String::new(),
            n => format!("{}└─ ", "   ".repeat(n - 1)),
        };
        [
            branch + &self.kind(),
            human_size(self.size),
            self.digest.to_string(),
            self.notes(),
        ]
    }

    /// Its artifact type; for a tag of cosign's that, and for a manifest without a type that of the manifest.
    fn kind(&self) -> String {
        match (&self.artifact_type, &self.tag) {
            (Some(artifact_type), _) => artifact_type.to_string(),
            (None, Some(tag)) => match tag.rsplit_once('.') {
                Some((_, suffix)) => format!("cosign .{suffix}"),
                None => tag.clone(),
            },
            (None, None) => self.media_type.to_string(),
        }
    }

    fn notes(&self) -> String {
        let annotations = self.annotations.iter().flatten();
        let notes: Vec<String> = annotations
            .map(|(key, text)| format!("{key}={text}"))
            .collect();
        notes.join(" ")
    }
}

/// Calls `show` for each of `referrers` and what refers to it.
fn each(referrers: &[Referrer], depth: usize, show: &mut impl FnMut(&Referrer, usize)) {
    for referrer in referrers {
        show(referrer, depth);
        each(&referrer.referrers, depth + 1, show);
    }
}

/// An attestation in the document of `inspect`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AttestationLine {
    /// Empty where no annotation says it.
    pub predicate_type: String,
    pub media_type: MediaType,
    /// Of the layer that holds it.
    pub digest: Digest,
    pub size: u64,
    /// The manifest of that layer.
    pub manifest: Digest,
}

impl AttestationLine {
    pub(crate) fn new(attestation: &Attestation) -> AttestationLine {
        AttestationLine {
            predicate_type: attestation.predicate_type.clone().unwrap_or_default(),
            media_type: attestation.layer.media_type.clone(),
            digest: attestation.layer.digest.clone(),
            size: attestation.layer.size,
            manifest: attestation.manifest.clone(),
        }
    }
}
