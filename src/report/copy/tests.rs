use super::*;
use crate::copy::BlobDone;
use crate::image::Algorithm;
use std::time::Duration;

#[test]
fn the_summary_names_only_what_happened() {
    let blob = Descriptor::new("x/y", Digest::of(Algorithm::Sha256, b"b"), 1);
    let done = |outcome, resumed_from| BlobDone {
        blob: blob.clone(),
        outcome,
        resumed_from,
        recoded: None,
    };
    let mut report = CopyReport {
        source: "docker://a".into(),
        destination: "oci:b".into(),
        digest: Digest::of(Algorithm::Sha256, b""),
        up_to_date: false,
        blobs: vec![done(BlobOutcome::Written, 0)],
        bytes: 12_300_000,
        manifests: Vec::new(),
        attached: Vec::new(),
        notes: Vec::new(),
        requests: BTreeMap::new(),
        passed_over: Vec::new(),
        duration: Duration::from_millis(1234),
    };
    assert_eq!(summary(&report), "copied 1 blob (12.3 MB) in 1.2 s");
    report
        .blobs
        .extend([done(BlobOutcome::Written, 7), done(BlobOutcome::Present, 0)]);
    report.requests.insert("r.io".to_owned(), 9);
    let text = "copied 2 blobs (12.3 MB, 1 resumed), 1 already present, 9 requests in 1.2 s";
    assert_eq!(summary(&report), text);
    let receipt = serde_json::to_value(Receipt::new(&report)).unwrap();
    assert_eq!(receipt["Blobs"][1]["ResumedFrom"], 7);
    assert_eq!(receipt["Requests"]["r.io"], 9);
    report.blobs = vec![done(BlobOutcome::Written, 7)];
    report.requests.clear();
    let text = "copied 1 blob (12.3 MB, resumed) in 1.2 s";
    assert_eq!(summary(&report), text);
    report.blobs = vec![done(BlobOutcome::Present, 0)];
    report.manifests = vec![report.digest.clone()];
    let text = "wrote 1 manifest; all blobs already present";
    assert_eq!(summary(&report), text);
    report.up_to_date = true;
    assert_eq!(summary(&report), "`oci:b` is up to date");
}
