//! `Retries`: how often a whole operation is tried again, on top of the retries of single requests.

use std::time::Duration;

use crate::{Error, Kind, Result};

/// How often an operation is tried again when the network or a registry fails, and after which wait.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    /// Tries after the first one.
    pub times: u32,
    /// The wait before each; by default a second, doubled each time.
    pub delay: Option<Duration>,
    /// An error in words, for the log.
    pub describe: fn(&Error) -> String,
}

/// No retries.
impl Default for Retries {
    fn default() -> Retries {
        Retries {
            times: 0,
            delay: None,
            describe: ToString::to_string,
        }
    }
}

impl Retries {
    /// Waits for the time to try again after `e`, with which the try after `tries` retries ended.
    ///
    /// # Errors
    /// `e`, if it will not pass by itself, or the operation has been tried often enough.
    pub async fn wait(&self, tries: &mut u32, e: Error) -> Result<()> {
        if e.kind() != Kind::Unavailable || *tries >= self.times {
            return Err(e);
        }
        let wait = self.delay.filter(|d| !d.is_zero());
        let wait = wait.unwrap_or(Duration::from_secs(1 << (*tries).min(6)));
        *tries += 1;
        let (why, times) = ((self.describe)(&e), self.times);
        tracing::warn!("{why}; trying again in {wait:.0?} ({tries} of {times})");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}
