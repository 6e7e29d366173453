#!/bin/bash
# Mirrors mirror.yaml with a Slurm array of 8 tasks, each a shard.
#
#   sbatch examples/fleet/slurm-array.sh mirror.yaml /shared/mirror
#
# Tasks may run on any nodes, at any time, and again: a task that Slurm starts anew, even while the old one still runs,
# finds what is there and copies the rest. Rates and pulls of the file are divided by the number of tasks.
#SBATCH --job-name=barque-sync
#SBATCH --array=0-7
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail
file=$1 shared=$2
# One directory a run, on a file system that all nodes have; each task writes files of its own there.
run=$shared/run-${SLURM_ARRAY_JOB_ID:-0}
state=$shared/state-$SLURM_ARRAY_TASK_ID
mkdir -p "$run"
exec barque sync --shard auto --quiet --state "$state" \
    --receipt "$run/receipt-$SLURM_ARRAY_TASK_ID-${SLURM_RESTART_COUNT:-0}.jsonl" "$file"
# Afterwards: barque sync report /shared/mirror/run-JOB/receipt-*.jsonl
