#!/usr/bin/env bash
# Signs with cosign and verifies with barque, and the other way round, in both forms of signatures, with all kinds of keys, with
# certificates and timestamps of authorities made here, and after copies. Nothing outside of this machine is asked.
#
#   tests/trust-beside-cosign.sh BARQUE [COSIGN]     docker-registry, openssl, python3 and jq have to be on PATH
#
# COSIGN is a program of version 3; without it, `cosign` of PATH. Lines with `by design` say what one of the two does otherwise, and why.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
barque=$(realpath "$1")
cosign=$(realpath "${2:-$(command -v cosign)}")
work=$(mktemp -d)
cd "$work" || exit 1
export HOME=$work COSIGN_PASSWORD=secret SIGSTORE_NO_CACHE=1
unset REGISTRY_AUTH_FILE
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; rm -rf "$work"' EXIT
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# A registry without the referrers API, and one with it.
old=127.0.0.1:$(port) new=127.0.0.1:$(port) tsa=127.0.0.1:$(port)
cat >registry.yml <<Y
version: 0.1
storage: { filesystem: { rootdirectory: $work/registry } }
log: { level: error, accesslog: { disabled: true } }
http: { addr: $old }
Y
docker-registry serve registry.yml >registry.log 2>&1 &
pids+=($!)
"$barque" serve --write --root served --listen "$new" >served.log 2>&1 &
pids+=($!)

# An authority for certificates and one for timestamps.
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.pem" 2>/dev/null; }
certify() { # NAME BY SUBJECT, extensions on standard input
    cat >"$1.ext"
    openssl req -new -key "$1.pem" -subj "$3" -out "$1.csr" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.pem" -CAcreateserial -days 3 -extfile "$1.ext" -out "$1.crt" 2>/dev/null
}
for name in root between leaf stamp; do key "$name"; done
openssl req -x509 -new -key root.pem -subj '/O=Own/CN=Root' -days 3 -out root.crt \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
certify between root '/O=Own/CN=Between' <<'X'
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
extendedKeyUsage = codeSigning
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
X
login=https://login.example.com
certify leaf between / <<X
keyUsage = critical,digitalSignature
extendedKeyUsage = codeSigning
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = critical,email:alice@example.com
1.3.6.1.4.1.57264.1.1 = DER:$(printf %s "$login" | od -An -tx1 | tr -d ' \n')
1.3.6.1.4.1.57264.1.8 = ASN1:UTF8String:$login
X
certify stamp root '/O=Own/CN=Timestamps' <<'X'
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
X
cat between.crt root.crt >chain.crt
cat stamp.crt root.crt >stamps.crt
cat >tsa.cnf <<X
[tsa]
default_tsa = own
[own]
serial = $work/serial
signer_cert = $work/stamp.crt
certs = $work/root.crt
signer_key = $work/stamp.pem
signer_digest = sha256
default_policy = 1.3.6.1.4.1.57264.2
digests = sha256,sha384,sha512
ess_cert_id_alg = sha256
X
python3 - "${tsa##*:}" >tsa.log 2>&1 <<'X' &
import http.server, subprocess, sys
class Tsa(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        open("query", "wb").write(self.rfile.read(int(self.headers["content-length"])))
        reply = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query"]
        reply = subprocess.run(reply, capture_output=True).stdout
        self.send_response(201)
        self.send_header("content-type", "application/timestamp-reply")
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Tsa).serve_forever()
X
pids+=($!)
no_defaults=(--no-default-fulcio --no-default-rekor --no-default-tsa)
"$cosign" signing-config create "${no_defaults[@]}" --no-default-oidc --tsa-config EXACT:1 --out config.json \
    --tsa "url=http://$tsa/api/v1/timestamp,api-version=1,start-time=2024-01-01T00:00:00Z,operator=own"
"$cosign" trusted-root create "${no_defaults[@]}" --no-default-ctfe --out trusted_root.json \
    --fulcio url=https://fulcio.example.com,certificate-chain=chain.crt \
    --tsa "url=http://$tsa/api/v1/timestamp,certificate-chain=stamps.crt"
sleep 1

bad=0 number=0
expect() { # WANTED-EXIT-CODE WHAT COMMAND...
    local wanted=$1 what=$2 code
    number=$((number + 1))
    "${@:3}" >out 2>&1 </dev/null
    code=$?
    if [[ $code == "$wanted" || $wanted == fails && $code != 0 ]]; then
        echo "ok: $what"
    else
        bad=$((bad + 1))
        echo "DIFFERS: $what: exit code $code, not $wanted"
        grep -E 'Reason|^barque|^Error' out | head -n 4 | sed 's/^/    /'
    fi
}
put() { # REPOSITORY...: the same image in both registries
    local name
    for name in "$@"; do
        for host in $old $new; do
            "$barque" copy --quiet --all --dest-tls-verify=false "oci:$here/fixtures/layout:multi" "docker://$host/$name:v1" >/dev/null || echo "cannot fill $name"
        done
    done
}
offline=(--tlog-upload=false --use-signing-config=false -y)
attachment=--new-bundle-format=false
cosign_signs() { expect 0 "cosign signs ${*: -1} ($what)" "$cosign" sign "${offline[@]}" "$@"; }
barque_accepts() { expect 0 "barque accepts ${*: -1} ($what)" "$barque" verify --tls-verify=false "$@"; }
barque_refuses() { expect 3 "barque refuses ${*: -1} ($what)" "$barque" verify --tls-verify=false "$@"; }
cosign_accepts() { expect 0 "cosign accepts ${*: -1} ($what)" "$cosign" verify --insecure-ignore-tlog "$@"; }
cosign_refuses() { expect fails "cosign refuses ${*: -1} ($what)" "$cosign" verify --insecure-ignore-tlog "$@"; }

# Keys: two of cosign's own, one of barque's, and others imported.
for name in alice mallory; do "$cosign" generate-key-pair --output-key-prefix "$name" >/dev/null 2>&1; done
echo secret >passphrase
"$barque" generate-sigstore-key --output-prefix ours --passphrase-file passphrase >/dev/null
mv ours.private ours.key
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.pem 2>/dev/null
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out p521.pem 2>/dev/null
openssl genpkey -algorithm ED25519 -out ed25519.pem
openssl genrsa -out rsa.pem 2048 2>/dev/null
openssl genrsa -traditional -out rsa3072.pem 3072 2>/dev/null
for name in p384 p521 ed25519 rsa rsa3072 leaf; do
    "$cosign" import-key-pair --key "$name.pem" -o "$name" -y >/dev/null 2>&1 || echo "cannot import $name"
done
what='an encrypted key of barque'
expect 0 "cosign reads $what" "$cosign" public-key --key ours.key
cmp -s <(grep -v '^$' out) ours.pub || { bad=$((bad + 1)); echo "DIFFERS: the public key of $what"; }
COSIGN_PASSWORD=wrong expect fails "cosign refuses $what with a wrong passphrase" "$cosign" public-key --key ours.key

# cosign signs, barque verifies.
printf 'default-docker: { use-sigstore-attachments: true }\n' >attachments.yaml
mkdir registries.d && mv attachments.yaml registries.d/
for key in alice ours rsa rsa3072; do
    put "bundle/$key" "tag/$key"
    for host in $old $new; do
        what="$key, bundle"
        cosign_signs --key $key.key "$host/bundle/$key:v1"
        barque_accepts --key $key.pub "docker://$host/bundle/$key:v1"
        barque_refuses --key mallory.pub "docker://$host/bundle/$key:v1"
        what="$key, attachment"
        cosign_signs --key $key.key $attachment "$host/tag/$key:v1"
        barque_accepts --key $key.pub "docker://$host/tag/$key:v1"
        barque_refuses --key mallory.pub "docker://$host/tag/$key:v1"
    done
done
# cosign signs with the hash of the curve's own length, and wants to be told when it verifies.
for key in p384:sha384 p521:sha512; do
    hash=${key#*:} key=${key%:*}
    put "bundle/$key" "tag/$key"
    what="$key with $hash, bundle"
    cosign_signs --key $key.key "$new/bundle/$key:v1"
    barque_accepts --key $key.pub "docker://$new/bundle/$key:v1"
    cosign_accepts --signature-digest-algorithm $hash --key $key.pub "$new/bundle/$key:v1"
    what="$key with $hash, attachment"
    cosign_signs --key $key.key $attachment "$new/tag/$key:v1"
    barque_accepts --key $key.pub "docker://$new/tag/$key:v1"
    barque_refuses --key mallory.pub "docker://$new/tag/$key:v1"
done
what='by design: cosign 3.1 signs with Ed25519ph, and itself verifies plain Ed25519'
put ph
cosign_signs --key ed25519.key "$new/ph:v1"
cosign_refuses --key ed25519.pub "$new/ph:v1"
barque_refuses --key ed25519.pub "docker://$new/ph:v1"

# By a policy, and only for those it names.
cat >policy.json <<P
{ "default": [{ "type": "reject" }], "transports": { "docker": {
    "$new/tag/alice": [{ "type": "sigstoreSigned", "keyPath": "$work/alice.pub", "signedIdentity": { "type": "matchRepository" } }],
    "$old/bundle/alice": [{ "type": "sigstoreBundleSigned", "keyPath": "$work/alice.pub", "signedIdentity": { "type": "matchDigest" } }],
    "$new/bundle/alice": [{ "type": "sigstoreBundleSigned", "keyPath": "$work/alice.pub", "signedIdentity": { "type": "matchDigest" } }],
    "$new/bundle/ours": [{ "type": "sigstoreBundleSigned", "keyPath": "$work/alice.pub", "signedIdentity": { "type": "matchDigest" } }]
} } }
P
by_policy=("$barque" --policy policy.json copy --multi-arch=index-only --quiet --src-tls-verify=false)
expect 0 'the policy admits an attachment' "${by_policy[@]}" --registries.d registries.d "docker://$new/tag/alice:v1" dir:tag
expect 3 'and says that attachments are off without registries.d' "${by_policy[@]}" "docker://$new/tag/alice:v1" dir:none
grep -q use-sigstore-attachments out || { bad=$((bad + 1)); echo "DIFFERS: the reason"; }
expect 0 'the policy admits a bundle' "${by_policy[@]}" "docker://$new/bundle/alice:v1" dir:bundle
expect 0 'the policy admits a bundle from a registry without the referrers API' "${by_policy[@]}" "docker://$old/bundle/alice:v1" dir:bundle-old
expect 3 'the policy refuses another key' "${by_policy[@]}" "docker://$new/bundle/ours:v1" dir:none
expect 3 'the policy refuses what it does not name' "${by_policy[@]}" "docker://$new/bundle/rsa:v1" dir:none

# barque signs, cosign verifies.
for key in alice ours rsa p384 p521 ed25519; do
    for form in attachment bundle; do
        what="$key, $form by barque"
        for host in $old $new; do
            expect 0 "barque signs ($what)" "$barque" --registries.d registries.d copy --quiet --dest-tls-verify=false \
                --sign-by-sigstore-private-key $key.key --sign-passphrase-file passphrase --sign-format $form \
                "oci:$here/fixtures/layout:v1" "docker://$host/by-barque/$key-$form:v1"
            cosign_accepts --key $key.pub "$host/by-barque/$key-$form:v1"
            expect 0 "cosign accepts it as of private infrastructure" "$cosign" verify --private-infrastructure --key $key.pub "$host/by-barque/$key-$form:v1"
            cosign_refuses --key mallory.pub "$host/by-barque/$key-$form:v1"
            barque_accepts --key $key.pub "docker://$host/by-barque/$key-$form:v1"
        done
    done
done

# Attestations are no signatures.
put attested attested-tag
echo '{ "scanned": true }' >predicate.json
predicate=https://example.com/scan
what=attestation
for host in $old $new; do
    attest=("$cosign" attest "${offline[@]}" --key alice.key --type $predicate --predicate predicate.json)
    expect 0 'cosign attests' "${attest[@]}" "$host/attested:v1"
    expect 0 'cosign attests at a tag' "${attest[@]}" $attachment "$host/attested-tag:v1"
    for name in attested attested-tag; do
        barque_refuses --key alice.pub "docker://$host/$name:v1"
        expect 0 "barque reads the attestation of $host/$name" "$barque" attest get --tls-verify=false --type $predicate "docker://$host/$name:v1"
    done
done

# Copies carry all of it, whether the registry has the referrers API or not, and through a layout.
carry=("$barque" copy --quiet --all --referrers all --cosign-tags --src-tls-verify=false)
for from in $old $new; do
    to=$new
    [[ $from == "$new" ]] && to=$old
    for name in bundle/alice tag/alice attested attested-tag; do
        check=("$cosign" verify --insecure-ignore-tlog --key alice.pub)
        [[ $name == attested* ]] && check=("$cosign" verify-attestation --type $predicate --insecure-ignore-tlog --key alice.pub)
        expect 0 "$name is copied" "${carry[@]}" --dest-tls-verify=false "docker://$from/$name:v1" "docker://$to/copied/$name:v1"
        expect 0 "cosign accepts the copy of $name" "${check[@]}" "$to/copied/$name:v1"
        rm -rf layout
        expect 0 "$name is copied to a layout" "${carry[@]}" "docker://$from/$name:v1" oci:layout:v1
        [[ $name == bundle/alice ]] && what='in a layout' barque_accepts --key alice.pub oci:layout:v1
        expect 0 "$name is copied from the layout" "${carry[@]}" --dest-tls-verify=false oci:layout:v1 "docker://$to/again/$name:v1"
        expect 0 "cosign accepts $name from the layout" "${check[@]}" "$to/again/$name:v1"
    done
    # Where sigstore signatures are looked for, both forms go along unasked; from a layout, bundles do anyway.
    unasked=("$barque" copy --quiet --all --dest-tls-verify=false)
    for name in bundle/alice tag/alice; do
        expect 0 "$name is copied unasked" "${unasked[@]}" --registries.d registries.d "docker://$from/$name:v1" "docker://$to/unasked/$name:v1"
        what='copied unasked'
        cosign_accepts --key alice.pub "$to/unasked/$name:v1"
        expect 0 "$name is copied without signatures" "${unasked[@]}" --registries.d registries.d --remove-signatures \
            "docker://$from/$name:v1" "docker://$to/left/$name:v1"
        what='signatures were left'
        cosign_refuses --key alice.pub "$to/left/$name:v1"
    done
    rm -rf layout
    expect 0 'a bundle is copied to a layout unasked' "${unasked[@]}" --registries.d registries.d "docker://$from/bundle/alice:v1" oci:layout:v1
    expect 0 'and from it' "${unasked[@]}" oci:layout:v1 "docker://$to/unasked/layout:v1"
    what='copied unasked by a layout'
    cosign_accepts --key alice.pub "$to/unasked/layout:v1"
    expect 0 'bundles are copied by their type' "$barque" copy --quiet --all --src-tls-verify=false --dest-tls-verify=false \
        --referrers application/vnd.dev.sigstore.bundle.v0.3+json "docker://$from/bundle/alice:v1" "docker://$to/typed:v1"
    what='copied by type'
    cosign_accepts --key alice.pub "$to/typed:v1"
done

# Certificates and timestamps of own authorities.
put stamped certified stamped-tag certified-tag pki
by_tsa=(--signing-config config.json -y)
old_tsa=("${offline[@]}" $attachment --timestamp-server-url "http://$tsa/api/v1/timestamp")
certificate=(--key leaf.key --certificate leaf.crt --certificate-chain chain.crt)
identity=(--certificate-identity alice@example.com --certificate-oidc-issuer $login)
root=(--trusted-root trusted_root.json)
expect 0 'cosign signs with a key and a timestamp' "$cosign" sign "${by_tsa[@]}" --key alice.key "$new/stamped:v1"
expect 0 'cosign signs with a certificate and a timestamp' "$cosign" sign "${by_tsa[@]}" "${certificate[@]}" "$new/certified:v1"
expect 0 'the same with a key as attachment' "$cosign" sign "${old_tsa[@]}" --key alice.key "$new/stamped-tag:v1"
expect 0 'the same with a certificate as attachment' "$cosign" sign "${old_tsa[@]}" "${certificate[@]}" "$new/certified-tag:v1"
for name in stamped stamped-tag; do
    what='key and timestamp'
    barque_accepts --key alice.pub "docker://$new/$name:v1"
    barque_accepts "${root[@]}" --key alice.pub "docker://$new/$name:v1"
    barque_refuses "${root[@]}" --key mallory.pub "docker://$new/$name:v1"
done
what='no timestamp, which the trusted root asks for'
barque_refuses "${root[@]}" --key alice.pub "docker://$new/bundle/alice:v1"
barque_refuses "${root[@]}" --key alice.pub "docker://$new/tag/alice:v1"
for name in certified certified-tag; do
    what='certificate and timestamp'
    cosign_accepts "${root[@]}" "${identity[@]}" --insecure-ignore-sct --use-signed-timestamps "$new/$name:v1"
    barque_accepts "${root[@]}" "${identity[@]}" "docker://$new/$name:v1"
    barque_refuses "${root[@]}" --certificate-identity mallory@example.com --certificate-oidc-issuer $login "docker://$new/$name:v1"
    barque_refuses "${root[@]}" --certificate-identity alice@example.com --certificate-oidc-issuer https://other.example.com "docker://$new/$name:v1"
done
what='certificate without a timestamp'
cosign_signs "${certificate[@]}" $attachment "$new/pki:v1"
barque_refuses "${root[@]}" "${identity[@]}" "docker://$new/pki:v1"
cat >pki.json <<P
{ "default": [{ "type": "sigstoreSigned", "signedIdentity": { "type": "matchRepository" }, "pki": {
    "caRootsPath": "$work/root.crt", "caIntermediatesPath": "$work/between.crt", "subjectEmail": "EMAIL" } }] }
P
for email in alice mallory; do
    sed "s/EMAIL/$email@example.com/" pki.json >policy.json
    [[ $email == alice ]] && code=0 || code=3
    expect $code "the policy's own authority, for $email" "${by_policy[@]}" --registries.d registries.d "docker://$new/pki:v1" "dir:pki-$email"
done
echo "$number cases, $bad differ"
[[ $bad -eq 0 ]]
