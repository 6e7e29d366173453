#!/usr/bin/env bash
# Measures `barque serve --upstream` when many clients ask for one large blob that it does not have yet.
#
#   benches/cold_blob.sh BARQUE [CLIENTS] [MIB]      default: 64 clients, 1024 MiB
#
# Prints wall time, the GET requests for the blob that the upstream answered, and the memory of the mirror over time. All data is in
# /dev/shm.
set -euo pipefail
barque=$(realpath "$1") clients=${2:-64} mib=${3:-1024}
work=$(mktemp -d /dev/shm/cold-XXXXXX)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

layout=upstream/app
mkdir -p "$layout/blobs/sha256"
blob() { # FILE: moves it among the blobs, prints its hash and size
    local hash
    hash=$(sha256sum "$1" | cut -d' ' -f1)
    echo "$hash $(stat -c %s "$1")"
    mv "$1" "$layout/blobs/sha256/$hash"
}
head -c "$((mib << 20))" /dev/urandom >layer
read -r layer layer_size < <(blob layer)
echo '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:'"$layer"'"]}}' >config
read -r config config_size < <(blob config)
oci=application/vnd.oci.image
echo '{"schemaVersion":2,"mediaType":"'$oci'.manifest.v1+json","config":{"mediaType":"'$oci'.config.v1+json","digest":"sha256:'"$config"'","size":'"$config_size"'},"layers":[{"mediaType":"'$oci'.layer.v1.tar","digest":"sha256:'"$layer"'","size":'"$layer_size"'}]}' >manifest
read -r manifest manifest_size < <(blob manifest)
echo '{"schemaVersion":2,"manifests":[{"mediaType":"'$oci'.manifest.v1+json","digest":"sha256:'"$manifest"'","size":'"$manifest_size"',"annotations":{"org.opencontainers.image.ref.name":"1"}}]}' >"$layout/index.json"
echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"

serve() { # PORT FURTHER...
    "$barque" serve --listen "127.0.0.1:$1" "${@:2}" 2>/dev/null &
    pids+=($!)
    until curl -s "127.0.0.1:$1/healthz" >/dev/null; do sleep 0.05; done
}
serve 5841 --root upstream --log log
serve 5842 --root kept --upstream up=http://127.0.0.1:5841
mirror=${pids[1]}
memory() { awk '/^VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$mirror/status"; }
curl -sf "127.0.0.1:5842/v2/up/app/manifests/1" >/dev/null
echo "before: $(memory) MiB"
began=$(date +%s.%N)
running=()
for ((n = 0; n < clients; n++)); do
    curl -sf "127.0.0.1:5842/v2/up/app/blobs/sha256:$layer" -o /dev/null -w '%{size_download}\n' >"got-$n" &
    running+=($!)
done
(while sleep 1; do echo "$(memory)"; done >samples) &
pids+=($!)
wait "${running[@]}"
echo "$clients clients, $mib MiB: $(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }') s"
echo "clients that got all of it: $(grep -lx "$layer_size" got-* | wc -l)"
echo "GET requests at the upstream for it: $(grep '"method":"GET"' log | grep -c "$layer")"
echo "memory by second: $(paste -sd' ' samples); most $(awk '/^VmHWM/ { printf "%.0f", $2 / 1024 }' "/proc/$mirror/status") MiB, after $(memory) MiB"
