//! One copy to several destinations: planned and carried out side by side, over one [`SharedSource`].

use std::sync::Arc;

use futures_util::future::join_all;

use super::options::CopyOptions;
use super::plan::plan_with;
use super::progress::Progress;
use super::shared_source::SharedSource;
use super::types::CopyReport;
use crate::Result;
use crate::transport::{Destination, Source};

/// Copies `source` to all of `destinations`, each with the listener for its progress. The source is read once: its manifests, and
/// the blobs that any destination lacks. The results are in the order of `destinations`; a destination that fails does not stop the
/// others, and a slow one holds them back by 2 MiB of a blob at most.
///
/// # Errors
/// Each copy has a result, as from [`super::PlannedCopy::run`]; the function itself does not fail.
pub async fn copy_to_all(
    source: Arc<dyn Source>,
    destinations: Vec<(Arc<dyn Destination>, Arc<dyn Progress>)>,
    want: &CopyOptions,
) -> Vec<Result<CopyReport>> {
    let shared = SharedSource::new(source, want.locations.clone());
    let plans = destinations
        .iter()
        .enumerate()
        .map(|(copy, (destination, _))| {
            let reader = shared.reader(copy);
            plan_with(reader, destination.clone(), want.clone())
        });
    let plans = join_all(plans).await;
    for (copy, plan) in plans.iter().enumerate() {
        if let Ok(plan) = plan {
            shared.expect(copy, plan.plan());
        }
    }
    let copies = plans.into_iter().zip(destinations).enumerate();
    let copies = copies.map(|(copy, (plan, (_, progress)))| {
        let shared = &shared;
        async move {
            let done = match plan {
                Ok(copy) => copy.run(progress).await,
                Err(e) => Err(e),
            };
            shared.ended(copy);
            done
        }
    });
    join_all(copies).await
}
