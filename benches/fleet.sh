#!/usr/bin/env bash
# Measures `barque sync` against registries that answer from memory after 50 ms (examples/fleet_registry.rs).
#
#   benches/fleet.sh BARQUE REGISTRY [SKOPEO]     all programs by their paths; ONLY=shards runs the last part alone
#
# Prints wall time, CPU time and peak memory of each run, and the requests that both sides counted.
set -euo pipefail
barque=$(realpath "$1") registry=$(realpath "$2") skopeo=${3:-}
work=$(mktemp -d)
cd "$work"
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT

start() { # PORT REPOSITORIES TAGS [empty]
    "$registry" "$1" 50 "${@:2}" &
    pids+=($!)
    until curl -s "127.0.0.1:$1/count" >/dev/null; do sleep 0.2; done
}
count() { for port in "$@"; do echo "  $port: $(curl -s "127.0.0.1:$port/count" | paste -sd';')"; done; }
timed() { /usr/bin/time -f '  %e s wall, %U + %S s CPU, %M KiB' "$@"; }
declare_all() { # FROM REPOSITORIES TO...
    echo 'barque-sync: 1'
    echo 'sync:'
    for ((r = 0; r < $2; r++)); do
        echo "  - { from: 127.0.0.1:$1/r$r, to: [$(printf "%s/r$r, " "${@:3}")] }"
    done
}
sync() { timed "$barque" sync --src-tls-verify=false --dest-tls-verify=false "$@" 2>&1 | tail -n 2; }

if [[ ${ONLY:-} != shards ]]; then
echo '1,000 repositories, 100,000 unchanged tags'
start 7801 1000 100000
start 7802 1000 100000
declare_all 7801 1000 127.0.0.1:7802 >large.yaml
count 7801 7802 >/dev/null
for how in '' '--state state' '--state state' '--fast'; do
    echo " sync $how"
    # shellcheck disable=SC2086
    sync $how large.yaml
    count 7801 7802
done

echo '1 repository, 100,000 unchanged tags'
start 7803 1 100000
start 7804 1 100000
declare_all 7803 1 127.0.0.1:7804 >one.yaml
count 7803 7804 >/dev/null
sync --fast one.yaml
count 7803 7804

echo '39 repositories, 51 tags, empty target'
start 7805 39 51
for port in 7806 7807 7808; do start "$port" 0 0 empty; done
declare_all 7805 39 127.0.0.1:7806 >cold.yaml
count 7805 7806 >/dev/null
sync cold.yaml
count 7805 7806
echo ' again, nothing to do'
sync cold.yaml
count 7805 7806
echo ' to two targets'
declare_all 7805 39 127.0.0.1:7807/a 127.0.0.1:7807/b >two.yaml
sync two.yaml
count 7805 7807
if [[ -n $skopeo ]]; then
    echo ' skopeo sync'
    {
        echo '127.0.0.1:7805:'
        echo '  tls-verify: false'
        echo '  images:'
        for ((r = 0; r < 39; r++)); do echo "    r$r: []"; done
    } >skopeo.yaml
    timed "$skopeo" sync --src yaml --dest docker --dest-tls-verify=false skopeo.yaml 127.0.0.1:7808 2>&1 | tail -n 1
    count 7805 7808
fi
fi

echo '8 shards of 390 repositories, 510 tags'
start 7809 390 510
start 7810 0 0 empty
start 7811 0 0 empty
declare_all 7809 390 127.0.0.1:7810 >shards.yaml
shard() { # NUMBER and further arguments
    "$barque" sync --src-tls-verify=false --dest-tls-verify=false --quiet --shard "$1/8" "${@:2}" || true
}
"$barque" sync plan --src-tls-verify=false --dest-tls-verify=false shards.yaml --shards 8 --output plan.json >/dev/null 2>&1
python3 - <<'P'
import json
shares = [0] * 8
for item in json.load(open("plan.json"))["items"]:
    shares[item["shard"]] += item["bytes"]
print("  bytes of the balanced shards, largest over mean: %.3f" % (max(shares) * 8 / sum(shares)))
P
count 7809 7810 >/dev/null
jobs_of() { for ((n = 0; n < 8; n++)); do shard "$n" "$@" & running[n]=$!; done; }
running=()
jobs_of --state whole --receipt /dev/null shards.yaml
wait "${running[@]}" || true
count 7809 7810
echo ' the same, each killed at a random moment, twice, and started again'
sed 's/7810/7811/' shards.yaml >killed.yaml
for _ in 1 2; do
    for ((n = 0; n < 8; n++)); do
        timeout --signal=KILL "$(awk -v s=$RANDOM 'BEGIN { print 0.5 + s / 32768 * 3 }')" \
            "$barque" sync --src-tls-verify=false --dest-tls-verify=false --quiet --shard "$n/8" --state killed killed.yaml &
        running[n]=$!
    done
    wait "${running[@]}" 2>/dev/null || true
done
jobs_of --state killed killed.yaml
wait "${running[@]}" || true
count 7809 7811 | tee killed.counts
python3 - <<'P'
import re
read, written = (int(re.search(pattern, open("killed.counts").read())[1]) for pattern in (r"bytes of blobs (\d+)", r"bytes of blobs written (\d+)"))
print(f"  {read} bytes were read and {written} written: {(read - written) / written:.1%} in vain")
P
echo ' and once more, to see that all of it is there'
timed "$barque" sync --src-tls-verify=false --dest-tls-verify=false --state killed killed.yaml 2>&1 | tail -n 2
