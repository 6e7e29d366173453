#!/usr/bin/env bash
# Runs `barque sync` and `skopeo sync` side by side over each form of skopeo's command line and YAML, and compares exit codes, files,
# and tags with their digests.
#
#   tests/sync-beside-skopeo.sh BARQUE SKOPEO     docker-registry, openssl and htpasswd have to be on PATH
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
declare -A tool=([barque]=$(realpath "$1") [skopeo]=$(realpath "$2"))
layout=$here/fixtures/layout
work=$(mktemp -d)
cd "$work"
export HOME=$work
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; rm -rf "$work"' EXIT
mkdir -p .config/containers
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >.config/containers/policy.json

registry() { # NAME PORT [more lines of the configuration]
    cat >"$1.yml" <<Y
version: 0.1
storage: { filesystem: { rootdirectory: $work/$1 }, delete: { enabled: true } }
log: { level: error, accesslog: { disabled: true } }
http:
  addr: 127.0.0.1:$2
${3:-}
Y
    docker-registry serve "$1.yml" >"$1.log" 2>&1 &
    pids+=($!)
}
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=127.0.0.1 \
    -addext subjectAltName=IP:127.0.0.1 2>/dev/null
mkdir certs && cp cert.pem certs/ca.crt
htpasswd -Bbn user secret >htpasswd 2>/dev/null
src=127.0.0.1:7851 sec=127.0.0.1:7852 dst=127.0.0.1:7853
registry src 7851
registry dst 7853
registry sec 7852 "  tls: { certificate: $work/cert.pem, key: $work/key.pem }
auth: { htpasswd: { realm: r, path: $work/htpasswd } }"
sleep 1
put() { "${tool[barque]}" copy --quiet --all "oci:$layout:$1" "docker://$2" "${@:3}" >/dev/null || echo "cannot fill $2"; }
for tag in 1.0.0 1.1.0 1.2.0-rc1 2.0.0 latest edge; do put v1 "$src/app:$tag"; done
for tag in 1 2; do put multi "$src/team/multi:$tag"; done
put v1 "$src/team/deep/path:only"
for tag in 1 2; do put v1 "$sec/private:$tag" --dest-cert-dir certs --dest-creds user:secret; done
digest=$("${tool[skopeo]}" inspect --tls-verify=false --format '{{.Digest}}' "docker://$src/app:1.0.0")

bad=0 number=0
tags() { # PREFIX: all tags below it with their digests
    local repository tag
    for repository in $(curl -s "http://$dst/v2/_catalog?n=1000" | tr -d '[]{}"\n' | sed 's/repositories://; s/,/ /g'); do
        case $repository in "$1"/*) ;; *) continue ;; esac
        for tag in $(curl -s "http://$dst/v2/$repository/tags/list" | jq -r '.tags // [] | .[]') "${digest:-latest}"; do
            echo "${repository#"$1"/}:$tag $(curl -sI -H 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json' "http://$dst/v2/$repository/manifests/$tag" | grep -i docker-content-digest | tr -d '\r' | cut -d' ' -f2)"
        done
    done | sort
}
# skopeo leaves a folder with its file `version` where the image could not be read.
files() { (cd "$1" 2>/dev/null && find . -type f ! -name version -exec sha256sum {} + | sort -k2); }
# DEST is the word for this tool's own destination; YAML is the file that is declared.
same() { # NAME dir|docker ARGUMENTS...
    local name=$1 kind=$2 one place
    number=$((number + 1))
    for one in skopeo barque; do
        case $kind in
            dir) place=$work/out-$number-$one && mkdir -p "$place" ;;
            docker) place=$dst/case$number-$one ;;
        esac
        "${tool[$one]}" sync "${@:3}" "$place" >"$one.out" 2>&1 </dev/null
        echo "exit $?" >"$one.seen"
        case $kind in
            dir) files "$place" >>"$one.seen" ;;
            docker) tags "case$number-$one" >>"$one.seen" ;;
        esac
    done
    if diff skopeo.seen barque.seen >difference; then
        [[ -z $purpose ]] || bad=$((bad + 1))
        echo "same: $name ($(head -n 1 skopeo.seen), $(($(wc -l <skopeo.seen) - 1)) $kind entries)"
    elif [[ -n $purpose ]]; then
        echo "differs on purpose: $name: $purpose"
    else
        bad=$((bad + 1))
        echo "DIFFERS: $name"
        sed 's/^/    /' difference | head -n 12
        tail -n 3 skopeo.out | sed 's/^/    skopeo: /'
        tail -n 3 barque.out | sed 's/^/    barque: /'
    fi
}
# As `same`, for what barque does otherwise, and why.
other() {
    local purpose=$1
    same "${@:2}"
}
purpose=
plain=(--src-tls-verify=false --dest-tls-verify=false)
from_docker=(--src docker "${plain[@]}")
same 'docker to dir, one tag' dir "${from_docker[@]}" --dest dir "$src/app:1.0.0"
same 'docker to dir, all tags' dir "${from_docker[@]}" --dest dir "$src/app"
same 'docker to dir, scoped' dir "${from_docker[@]}" --dest dir --scoped "$src/team/deep/path"
same 'docker to dir, a digest' dir "${from_docker[@]}" --dest dir "$src/app@$digest"
same 'docker to dir, all platforms' dir "${from_docker[@]}" --dest dir --all "$src/team/multi"
same 'docker to dir, suffix' dir "${from_docker[@]}" --dest dir --append-suffix -x "$src/app:latest"
same 'docker to dir, format' dir "${from_docker[@]}" --dest dir --format v2s2 "$src/app:1.0.0"
same 'docker to dir, dry run' dir "${from_docker[@]}" --dest dir --dry-run "$src/app"
same 'docker to dir, a missing tag' dir "${from_docker[@]}" --dest dir "$src/app:none"
same 'docker to dir, a missing repository' dir "${from_docker[@]}" --dest dir "$src/none"
same 'docker to docker, all tags' docker "${from_docker[@]}" --dest docker "$src/app"
same 'docker to docker, scoped' docker "${from_docker[@]}" --dest docker --scoped "$src/team/multi"
same 'docker to docker, all platforms' docker "${from_docker[@]}" --dest docker --all "$src/team/multi"
same 'docker to docker, suffix' docker "${from_docker[@]}" --dest docker --append-suffix -x "$src/app:2.0.0"
same 'docker to docker, a digest' docker "${from_docker[@]}" --dest docker "$src/app@$digest"
same 'docker to docker, preserve digests' docker "${from_docker[@]}" --dest docker --all --preserve-digests "$src/team/multi:1"
other 'skopeo leaves the format out, barque refuses' 'docker to docker, another format with preserved digests' docker "${from_docker[@]}" --dest docker --preserve-digests --format v2s2 "$src/app:1.0.0"
same 'docker with credentials' docker --src docker --src-creds user:secret --src-cert-dir certs --dest-tls-verify=false --dest docker "$sec/private"
same 'docker with wrong credentials' docker --src docker --src-creds user:wrong --src-cert-dir certs --dest-tls-verify=false --dest docker "$sec/private"
same 'docker with an unknown certificate' docker --src docker --src-creds user:secret --dest-tls-verify=false --dest docker "$sec/private"
mkdir folder
"${tool[skopeo]}" sync "${from_docker[@]}" --dest dir --scoped "$src/app" folder >/dev/null 2>&1
same 'dir to docker' docker --src dir --dest docker --dest-tls-verify=false "folder/$src"
same 'dir to docker, scoped' docker --src dir --dest docker --dest-tls-verify=false --scoped "folder/$src"
same 'dir to docker, one image' docker --src dir --dest docker --dest-tls-verify=false "folder/$src/app:latest"
same 'dir to docker, suffix' docker --src dir --dest docker --dest-tls-verify=false --append-suffix -x "folder/$src/app:latest"
same 'dir to dir' dir --src dir --dest dir "folder/$src"
same 'a missing dir' docker --src dir --dest docker --dest-tls-verify=false nothing
yaml() { # NAME KIND, $why if it differs on purpose, then the YAML on standard input; further flags
    cat >"case.yml"
    purpose=${why:-} same "yaml: $1" "$2" --src yaml --dest "$2" --dest-tls-verify=false "${@:3}" case.yml
}
yaml 'images, all tags' docker <<Y
$src: { tls-verify: false, images: { app: [] } }
Y
yaml 'images, tags' dir <<Y
$src: { tls-verify: false, images: { app: ["1.0.0", latest], team/multi: ["1"] } }
Y
yaml 'images, digests' dir <<Y
$src: { tls-verify: false, images: { app: ["$digest", "2.0.0"] } }
Y
yaml 'images, scoped' docker --scoped <<Y
$src: { tls-verify: false, images: { team/deep/path: [only] } }
Y
why='barque finishes the images that it has begun' yaml 'a missing tag' dir <<Y
$src: { tls-verify: false, images: { app: [none, "1.0.0"] } }
Y
yaml 'a missing tag, keep going' dir --keep-going <<Y
$src: { tls-verify: false, images: { app: [none, "1.0.0"] } }
Y
why='skopeo says that all went well' yaml 'a missing repository, keep going' docker --keep-going <<Y
$src: { tls-verify: false, images: { none: [], app: ["1.0.0"] } }
Y
yaml 'regex' docker <<Y
$src: { tls-verify: false, images-by-tag-regex: { app: "^1\\\\.[0-9]+\\\\.0$" } }
Y
yaml 'regex without an anchor' dir <<Y
$src: { tls-verify: false, images-by-tag-regex: { app: "rc|edge" } }
Y
yaml 'regex that fits nothing' dir <<Y
$src: { tls-verify: false, images-by-tag-regex: { app: "^nothing$" } }
Y
yaml 'regex that is none' dir <<Y
$src: { tls-verify: false, images-by-tag-regex: { app: "(" }, images: { app: [edge] } }
Y
yaml 'semver' docker <<Y
$src: { tls-verify: false, images-by-semver: { app: ">= 1.1.0" } }
Y
yaml 'semver with a prerelease' dir <<Y
$src: { tls-verify: false, images-by-semver: { app: ">= 1.1.0-0 || 1.0.x" } }
Y
yaml 'semver that is none' dir <<Y
$src: { tls-verify: false, images-by-semver: { app: "what" }, images: { app: [edge] } }
Y
yaml 'all forms at once' docker <<Y
$src:
  tls-verify: false
  images: { team/multi: ["1"] }
  images-by-tag-regex: { app: "^edge$" }
  images-by-semver: { app: "^1.0" }
Y
yaml 'credentials and cert-dir' docker <<Y
$sec: { credentials: { username: user, password: secret }, cert-dir: $work/certs, images: { private: [] } }
Y
yaml 'credentials without verification' dir <<Y
$sec: { credentials: { username: user, password: secret }, tls-verify: false, images: { private: ["1"] } }
Y
yaml 'wrong credentials' dir <<Y
$sec: { credentials: { username: user, password: wrong }, cert-dir: $work/certs, images: { private: ["1"] } }
Y
yaml 'no credentials' dir <<Y
$sec: { cert-dir: $work/certs, images: { private: ["1"] } }
Y
yaml 'an unknown certificate' dir <<Y
$sec: { credentials: { username: user, password: secret }, images: { private: ["1"] } }
Y
yaml 'two registries' docker <<Y
$src: { tls-verify: false, images: { app: [latest] } }
$sec: { credentials: { username: user, password: secret }, cert-dir: $work/certs, images: { private: ["2"] } }
Y
yaml 'an unknown key' dir <<Y
$src: { tls-verify: false, pictures: { app: [] }, images: { app: [latest] } }
Y
yaml 'no images' dir <<Y
$src: { tls-verify: false }
Y
yaml 'no YAML' dir <<Y
{ : [
Y
yaml 'empty' dir </dev/null
yaml 'an image name that is none' dir <<Y
$src: { tls-verify: false, images: { "UPPER": [latest], app: [latest] } }
Y
yaml 'tags that are one text' dir <<Y
$src: { tls-verify: false, images: { app: latest } }
Y
yaml 'numbers as tags' dir <<Y
$src: { tls-verify: false, images: { team/multi: [1, 2] } }
Y
echo "$number cases, $bad differ"
[[ $bad -eq 0 ]]
