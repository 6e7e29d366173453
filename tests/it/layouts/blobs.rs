//! Nothing half-written is named, and what a broken write left is continued.

use super::*;

#[tokio::test]
async fn a_body_that_fails_leaves_no_name() {
    let dir = tempfile::tempdir().unwrap();
    let content = vec![7; 600_000];
    let blob = blob(&content);
    let to: [Box<dyn Destination>; 2] = [
        Box::new(oci(&dir.path().join("oci"), Selector::Only).await),
        Box::new(DirDestination::open(&dir.path().join("dir")).await.unwrap()),
    ];
    let hex = blob.digest.hex();
    let names = [
        dir.path().join("oci/blobs/sha256").join(hex),
        dir.path().join("dir").join(hex),
    ];
    let partials = [dir.path().join("oci"), dir.path().join("dir")].map(|d| {
        let name = format!(".partial-sha256-{hex}");
        d.join(name)
    });
    for ((to, name), partial) in to.iter().zip(&names).zip(&partials) {
        for wrong in [
            vec![8; content.len()],
            vec![7; content.len() + 1],
            vec![7; content.len() - 1],
        ] {
            let error = to.put_blob(&blob, body(&blob, &wrong)).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Corrupt);
            assert!(!name.exists() && !partial.exists());
        }
        let cut = to.put_blob(&blob, broken(&content[..300_001])).await;
        assert_eq!(cut.unwrap_err().kind(), Kind::Unavailable);
        assert!(!name.exists());
        assert_eq!(std::fs::metadata(partial).unwrap().len(), 300_001);
        assert_eq!(to.has(&blob).await.unwrap(), Presence::Absent);

        // The next try asks for the rest only.
        let (rest, inner) = (content.clone(), blob.clone());
        let body = BlobBody::new(move |from| {
            assert_eq!(from, 300_001);
            let body = body(&inner, &rest);
            Box::pin(async move { body.open(from).await })
        });
        assert_eq!(
            to.put_blob(&blob, body).await.unwrap(),
            BlobOutcome::Written
        );
        assert_eq!(std::fs::read(name).unwrap(), content);
        assert!(!partial.exists());
    }
}

#[tokio::test]
async fn a_partial_that_is_wrong_is_started_over() {
    let dir = tempfile::tempdir().unwrap();
    let content = vec![7; 600_000];
    let blob = blob(&content);
    let partial = dir
        .path()
        .join(format!(".partial-sha256-{}", blob.digest.hex()));
    for left in [
        vec![0; 10],
        vec![0; 600_000],
        vec![7; 600_001],
        content.clone(),
    ] {
        let to = oci(dir.path(), Selector::Only).await;
        std::fs::write(&partial, left).unwrap();
        to.put_blob(&blob, body(&blob, &content)).await.unwrap();
        let name = dir.path().join("blobs/sha256").join(blob.digest.hex());
        assert_eq!(std::fs::read(&name).unwrap(), content);
        std::fs::remove_file(name).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_one_blob_do_not_disturb_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let content = vec![9; 1_000_000];
    let blob = blob(&content);
    let to = Arc::new(oci(dir.path(), Selector::Only).await);
    let writers = (0..8).map(|_| {
        let (to, blob, body) = (Arc::clone(&to), blob.clone(), body(&blob, &content));
        tokio::spawn(async move { to.put_blob(&blob, body).await })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap().unwrap();
    }
    let name = dir.path().join("blobs/sha256").join(blob.digest.hex());
    assert_eq!(std::fs::read(name).unwrap(), content);
    assert_eq!(files(dir.path()), ["blobs", "oci-layout"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_whose_digests_come_late_do_not_disturb_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let to = Arc::new(DirDestination::open(dir.path()).await.unwrap());
    let contents: Vec<Vec<u8>> = (0..40).map(|i| vec![i % 30; 20_000]).collect();
    let writers = contents.iter().map(|content| {
        let (to, blob) = (Arc::clone(&to), blob(content));
        let body = body(&blob, content);
        tokio::spawn(async move { to.put_stream(&blob, body).await })
    });
    for (writer, content) in writers.collect::<Vec<_>>().into_iter().zip(&contents) {
        let written = writer.await.unwrap().unwrap();
        let held = std::fs::read(dir.path().join(written.digest.hex())).unwrap();
        assert_eq!(
            (held == *content, written.digest),
            (true, blob(content).digest)
        );
    }
    let names = files(dir.path());
    let late = names.iter().filter(|name| name.contains("late"));
    assert_eq!(late.count(), 0, "{names:?}");
}
