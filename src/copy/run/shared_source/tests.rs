use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;

use super::*;
use crate::copy::BlobStep;
use crate::image::Algorithm;
use crate::transport::BlobOutcome;

const PIECE: usize = 256 << 10;
const PIECES: usize = 40;

/// A blob of [`PIECES`] pieces that counts how many of them were read.
struct Counting(Arc<AtomicUsize>);

#[async_trait]
impl Source for Counting {
    fn name(&self) -> String {
        "counting".to_owned()
    }

    async fn manifest(&self, _which: &ManifestRef) -> Result<Manifest> {
        Err(Error::other("there is no manifest"))
    }

    async fn blob(&self, _blob: &Descriptor, _from: u64) -> Result<BlobStream> {
        let read = self.0.clone();
        let pieces = (0..PIECES).map(move |_| {
            read.fetch_add(1, Ordering::Relaxed);
            Ok(Bytes::from(vec![0; PIECE]))
        });
        Ok(Box::pin(stream::iter(pieces)))
    }
}

fn blob() -> Descriptor {
    let digest = Digest::of(Algorithm::Sha256, b"");
    Descriptor::new("x/y", digest, (PIECES * PIECE) as u64)
}

/// A source for two copies that both lack its blob, and the count of pieces that were read.
fn shared() -> (Arc<SharedSource>, Arc<AtomicUsize>) {
    let read = Arc::new(AtomicUsize::new(0));
    let shared = SharedSource::new(Arc::new(Counting(read.clone())), None);
    let step = BlobStep {
        blob: blob(),
        content: Content::Source,
        urls: Vec::new(),
        presence: Presence::AskedOnWrite,
        expected: BlobOutcome::Written,
    };
    let plan = CopyPlan {
        blobs: vec![step],
        ..CopyPlan::default()
    };
    shared.expect(0, &plan);
    shared.expect(1, &plan);
    (shared, read)
}

/// Takes what arrives until nothing more does.
async fn drain(bytes: &mut BlobStream) -> usize {
    let mut taken = 0;
    loop {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        match bytes.next().now_or_never() {
            Some(Some(Ok(piece))) => taken += piece.len(),
            _ => return taken,
        }
    }
}

#[tokio::test]
async fn a_slow_copy_holds_the_other_back_by_a_buffer() {
    let (shared, read) = shared();
    let mut fast = shared.reader(0).blob_unhashed(&blob(), 0).await.unwrap();
    let mut slow = shared.reader(1).blob_unhashed(&blob(), 0).await.unwrap();
    let mut taken = [drain(&mut fast).await, 0];
    assert!(
        taken[0] >= BUFFER && taken[0] <= BUFFER + PIECE,
        "{taken:?}"
    );
    while taken[0] < PIECES * PIECE {
        let next = slow.next().await.unwrap().unwrap();
        taken[1] += next.len();
        taken[0] += drain(&mut fast).await;
        assert!(taken[0] - taken[1] <= BUFFER + PIECE, "{taken:?}");
    }
    assert_eq!(taken[1] + drain(&mut slow).await, PIECES * PIECE);
    assert_eq!(read.load(Ordering::Relaxed), PIECES);
}

#[tokio::test]
async fn a_copy_that_needs_nothing_is_not_waited_for() {
    let (shared, read) = shared();
    let lane = AdaptiveLimit::new(1);
    let (first, second) = (shared.reader(0), shared.reader(1));
    // Both have the one place at once.
    let turn = first.turn(&blob().digest, &lane).await.unwrap();
    let other = second.turn(&blob().digest, &lane).await.unwrap();
    let mut bytes = first.blob_unhashed(&blob(), 0).await.unwrap();
    let before = drain(&mut bytes).await;
    assert!(before < PIECES * PIECE);
    other.leave(false);
    assert_eq!(before + drain(&mut bytes).await, PIECES * PIECE);
    assert!(
        lane.enter().now_or_never().is_none(),
        "the blob has its place"
    );
    turn.leave(false);
    assert!(lane.enter().now_or_never().is_some());
    assert_eq!(read.load(Ordering::Relaxed), PIECES);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_comes_late_reads_by_itself() {
    let (shared, read) = shared();
    let mut bytes = shared.reader(0).blob_unhashed(&blob(), 0).await.unwrap();
    let before = drain(&mut bytes).await;
    assert!(before < PIECES * PIECE);
    tokio::time::advance(PATIENCE * 2).await;
    assert_eq!(before + drain(&mut bytes).await, PIECES * PIECE);
    let mut late = shared.reader(1).blob_unhashed(&blob(), 0).await.unwrap();
    assert_eq!(drain(&mut late).await, PIECES * PIECE);
    assert_eq!(read.load(Ordering::Relaxed), 2 * PIECES);
    // A copy that ended takes nothing more, and others do not wait.
    shared.ended(0);
}
