#!/bin/bash
# Mirrors FILE with GNU parallel on this machine: SHARDS shards, JOBS at a time.
#
#   examples/fleet/parallel.sh FILE SHARDS JOBS DIRECTORY
#
# The job log remembers which shards succeeded: called again, also after it was killed, it runs only the others.
set -euo pipefail
file=$1 shards=$2 jobs=$3 dir=$4
mkdir -p "$dir"
exec parallel --will-cite -j "$jobs" --joblog "$dir/joblog" --resume --resume-failed \
    barque sync --shard "{}/$shards" --quiet --state "$dir/state-{}" --receipt "$dir/receipt-{}.jsonl" "$file" \
    ::: $(seq 0 $((shards - 1)))
