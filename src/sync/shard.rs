//! Shards: which of several runs of one declaration copies to a repository.
//!
//! There is no coordinator. Every run computes the same division from the target repository alone, so that a run that
//! died is started again as it was, and adding a run moves only the share that it takes over.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// Run `index` of `count`, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

/// A text that names no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// It is not written as it has to be.
    #[error("`{0}` is not a shard: write `I/N` with I from 0 to N-1, or `auto`")]
    Format(String),
    /// No scheduler has set its variables.
    #[error("`auto` finds no scheduler: none of {0} is set")]
    NoScheduler(String),
    /// The variables of a scheduler make no shard.
    #[error("`{variable}={value}` is not a shard{more}")]
    Variable {
        /// The variable with the number of this run.
        variable: String,
        /// Its value.
        value: String,
        /// What is missing, if something is.
        more: String,
    },
}

/// The variables of a scheduler: the number of this run, that of the first one and the step from one to the next, and how
/// many runs there are.
struct Scheduler {
    index: &'static str,
    first: First,
    count: &'static str,
}

enum First {
    Number(u32),
    /// Of the first number, and of the step.
    Variables(&'static str, &'static str),
}

const SCHEDULERS: [Scheduler; 6] = [
    // Slurm: an array may begin anywhere and have any step. The count is that of the tasks.
    Scheduler {
        index: "SLURM_ARRAY_TASK_ID",
        first: First::Variables("SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP"),
        count: "SLURM_ARRAY_TASK_COUNT",
    },
    // Kubernetes gives an Indexed Job its number but not the count, which the manifest sets.
    Scheduler {
        index: "JOB_COMPLETION_INDEX",
        first: First::Number(0),
        count: "BARQUE_SHARDS",
    },
    // GitLab counts from 1.
    Scheduler {
        index: "CI_NODE_INDEX",
        first: First::Number(1),
        count: "CI_NODE_TOTAL",
    },
    Scheduler {
        index: "BUILDKITE_PARALLEL_JOB",
        first: First::Number(0),
        count: "BUILDKITE_PARALLEL_JOB_COUNT",
    },
    Scheduler {
        index: "CIRCLE_NODE_INDEX",
        first: First::Number(0),
        count: "CIRCLE_NODE_TOTAL",
    },
    Scheduler {
        index: "CLOUD_RUN_TASK_INDEX",
        first: First::Number(0),
        count: "CLOUD_RUN_TASK_COUNT",
    },
];

impl Shard {
    /// Shard `index` of `count`; `None` unless `index` is below `count`.
    pub fn new(index: u32, count: u32) -> Option<Shard> {
        (index < count).then_some(Shard { index, count })
    }

    /// The shard that the scheduler of this process has given it, by the variables that `variable` looks up.
    ///
    /// # Errors
    /// When no known scheduler has set its variables, or they make no shard.
    pub fn from_scheduler(variable: &dyn Fn(&str) -> Option<String>) -> Result<Shard, ShardError> {
        let found = SCHEDULERS
            .iter()
            .find_map(|s| Some((s, variable(s.index)?)));
        let Some((scheduler, value)) = found else {
            let names = SCHEDULERS.iter().map(|s| s.index).collect::<Vec<_>>();
            return Err(ShardError::NoScheduler(names.join(", ")));
        };
        let wrong = |more: String| ShardError::Variable {
            variable: scheduler.index.to_owned(),
            value: value.clone(),
            more,
        };
        let number = |name: &str| -> Result<u32, ShardError> {
            let text = variable(name).ok_or_else(|| wrong(format!(" without `{name}`")))?;
            text.trim()
                .parse()
                .map_err(|_| wrong(format!(" with `{name}={text}`")))
        };
        let index = number(scheduler.index)?;
        let (first, step) = match scheduler.first {
            First::Number(first) => (first, 1),
            First::Variables(first, step) => {
                let step = variable(step).map(|_| number(step)).transpose()?;
                (number(first)?, step.unwrap_or(1))
            }
        };
        let count = number(scheduler.count)?;
        let index = index
            .checked_sub(first)
            .filter(|index| step > 0 && index % step == 0)
            .map(|index| index / step)
            .ok_or_else(|| wrong(String::new()))?;
        Shard::new(index, count).ok_or_else(|| wrong(format!(" of {count}")))
    }

    /// Which of them this is, from 0 on.
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many shards there are.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Whether this shard copies to `repository`: each shard bids with a hash, and the highest bid has it
    /// (rendezvous hashing).
    pub fn owns(self, repository: &str) -> bool {
        let bid = |shard: u32| {
            let hash = Sha256::new()
                .chain_update(shard.to_be_bytes())
                .chain_update(repository)
                .finalize();
            (hash, shard)
        };
        (0..self.count)
            .map(bid)
            .max()
            .is_some_and(|(_, shard)| shard == self.index)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    /// Reads `I/N`.
    fn from_str(text: &str) -> Result<Shard, ShardError> {
        let read = || {
            let (index, count) = text.split_once('/')?;
            Shard::new(index.trim().parse().ok()?, count.trim().parse().ok()?)
        };
        read().ok_or_else(|| ShardError::Format(text.to_owned()))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(repository: &str, count: u32) -> u32 {
        let owners = (0..count)
            .filter(|&n| Shard::new(n, count).expect("a shard").owns(repository))
            .collect::<Vec<_>>();
        assert_eq!(owners.len(), 1, "{repository} has owners {owners:?}");
        owners[0]
    }

    #[test]
    fn each_repository_has_one_owner_and_a_new_shard_takes_only_its_share() {
        let names = (0..400)
            .map(|n| format!("a.example/team/app-{n}"))
            .collect::<Vec<_>>();
        let mut share = [0; 4];
        let mut moved = 0;
        for name in &names {
            let (before, after) = (owner(name, 4), owner(name, 5));
            share[before as usize] += 1;
            assert!(
                after == before || after == 4,
                "{name} moved from {before} to {after}"
            );
            moved += usize::from(after != before);
        }
        assert!(share.iter().all(|&n| (60..=140).contains(&n)), "{share:?}");
        assert!((40..=120).contains(&moved), "{moved} moved");
    }

    #[test]
    fn schedulers_say_which_shard_this_is() {
        let from = |set: &[(&str, &str)]| {
            let look = |name: &str| {
                set.iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, value)| (*value).to_owned())
            };
            Shard::from_scheduler(&look)
                .map(|shard| shard.to_string())
                .map_err(|e| e.to_string())
        };
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "12"),
            ("SLURM_ARRAY_TASK_MIN", "10"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ];
        assert_eq!(from(&slurm), Ok("2/4".to_owned()));
        let steps = [
            ("SLURM_ARRAY_TASK_ID", "8"),
            ("SLURM_ARRAY_TASK_MIN", "2"),
            ("SLURM_ARRAY_TASK_COUNT", "3"),
            ("SLURM_ARRAY_TASK_STEP", "3"),
        ];
        assert_eq!(from(&steps), Ok("2/3".to_owned()));
        assert_eq!(
            from(&[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "3")]),
            Ok("0/3".to_owned())
        );
        assert_eq!(
            from(&[("JOB_COMPLETION_INDEX", "7"), ("BARQUE_SHARDS", "8")]),
            Ok("7/8".to_owned())
        );
        assert_eq!(
            from(&[("JOB_COMPLETION_INDEX", "7")]),
            Err("`JOB_COMPLETION_INDEX=7` is not a shard without `BARQUE_SHARDS`".to_owned())
        );
        assert_eq!(
            from(&[("CIRCLE_NODE_INDEX", "3"), ("CIRCLE_NODE_TOTAL", "3")]),
            Err("`CIRCLE_NODE_INDEX=3` is not a shard of 3".to_owned())
        );
        assert!(from(&[]).is_err_and(|e| e.contains("no scheduler")));
    }

    #[test]
    fn shards_are_written_as_index_and_count() {
        assert_eq!(
            "0/8".parse::<Shard>().map(|shard| shard.to_string()),
            Ok("0/8".to_owned())
        );
        for text in ["8/8", "1", "-1/2", "a/b", "0/0", ""] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
