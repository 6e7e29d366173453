//! `--retry-times`: the whole operation once more, on top of the retries of single requests.

use std::time::Duration;

use clap::Args;

use super::values::duration;
use crate::Result;
use crate::report::failure;
use crate::settings::Retries;

/// Retries of a whole operation.
#[derive(Args, Clone)]
#[command(next_help_heading = "Retries")]
pub(crate) struct RetryFlags {
    /// Retry the whole operation up to N times when the network or the registry fails
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    retry_times: u32,

    /// Delay between retries [default: 1s, doubled each time]
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true)]
    retry_delay: Option<Duration>,
}

impl RetryFlags {
    /// Takes the retries back: what goes through a pipe cannot be had or written again.
    pub(crate) fn never(&mut self) {
        self.retry_times = 0;
    }

    /// What the flags mean, for an operation that tries parts of it again by itself.
    pub(crate) fn retries(&self) -> Retries {
        Retries {
            times: self.retry_times,
            delay: self.retry_delay,
            describe: failure::one_line,
        }
    }

    /// Runs `operation` until it succeeds, fails for good, or has been tried often enough.
    pub(crate) async fn run<T>(&self, mut operation: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        let (retries, mut tries) = (self.retries(), 0);
        loop {
            match operation().await {
                Err(e) => retries.wait(&mut tries, e).await?,
                done => return done,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, Kind};

    async fn tries(kind: Kind, times: u32) -> (u32, Duration) {
        let (mut count, started) = (0, tokio::time::Instant::now());
        let flags = RetryFlags {
            retry_times: times,
            retry_delay: None,
        };
        let ended: Result<()> = flags
            .run(async || {
                count += 1;
                Err(Error::new(kind, "no"))
            })
            .await;
        assert_eq!(ended.unwrap_err().kind(), kind);
        (count, started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_may_pass_is_tried_again() {
        let (count, waited) = tries(Kind::Unavailable, 3).await;
        assert_eq!((count, waited.as_secs()), (4, 1 + 2 + 4));
        assert_eq!(tries(Kind::NotFound, 3).await.0, 1);
        assert_eq!(tries(Kind::Unavailable, 0).await.0, 1);
    }
}
