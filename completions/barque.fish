# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_barque_global_optspecs
    string join \n debug override-os= override-arch= override-variant= override-os-version= command-timeout= stall-timeout= allow-token-host= allow-private-host= ca= policy= insecure-policy require-signed policy-allow= user-agent-prefix= registries-conf= registries.d= tmpdir= max-unpacked= V/version h/help
end

function __fish_barque_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_barque_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_barque_using_subcommand
    set -l cmd (__fish_barque_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c barque -n "__fish_barque_needs_command" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_needs_command" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_needs_command" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_needs_command" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_needs_command" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_needs_command" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_needs_command" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_needs_command" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_needs_command" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_needs_command" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_needs_command" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_needs_command" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_needs_command" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_needs_command" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_needs_command" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_needs_command" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_needs_command" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_needs_command" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_needs_command" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_needs_command" -s V -l version -d 'Print version'
complete -c barque -n "__fish_barque_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_needs_command" -f -a "inspect" -d 'Show what an image is: digest, tags, labels, layers, environment'
complete -c barque -n "__fish_barque_needs_command" -f -a "copy" -d 'Copy an image from one place to another'
complete -c barque -n "__fish_barque_needs_command" -f -a "verify-copy" -d 'Check that an image arrived whole at another place'
complete -c barque -n "__fish_barque_needs_command" -f -a "tags" -d 'List the tags of a repository, or the names of the images in an archive or layout'
complete -c barque -n "__fish_barque_needs_command" -f -a "list-tags" -d 'List the tags of a repository, or the names of the images in an archive or layout'
complete -c barque -n "__fish_barque_needs_command" -f -a "repos" -d 'List the repositories of a registry'
complete -c barque -n "__fish_barque_needs_command" -f -a "layers" -d 'Download the layers of an image into a directory, or list them'
complete -c barque -n "__fish_barque_needs_command" -f -a "ls" -d 'List the files of an image'
complete -c barque -n "__fish_barque_needs_command" -f -a "cat" -d 'Print a file of an image'
complete -c barque -n "__fish_barque_needs_command" -f -a "extract" -d 'Write the files of an image into a directory'
complete -c barque -n "__fish_barque_needs_command" -f -a "diff" -d 'Show what differs between two images: config, history, layers, files'
complete -c barque -n "__fish_barque_needs_command" -f -a "du" -d 'Show what images take: by layer, by directory, shared and wasted'
complete -c barque -n "__fish_barque_needs_command" -f -a "edit" -d 'Change the config of an image, or put a layer on top'
complete -c barque -n "__fish_barque_needs_command" -f -a "verify" -d 'Verify the signatures of an image'
complete -c barque -n "__fish_barque_needs_command" -f -a "sync" -d 'Mirror many images'
complete -c barque -n "__fish_barque_needs_command" -f -a "referrers" -d 'List what refers to an image: signatures, SBOMs, attestations'
complete -c barque -n "__fish_barque_needs_command" -f -a "attest" -d 'Read the attestations of an image'
complete -c barque -n "__fish_barque_needs_command" -f -a "delete" -d 'Delete images from registries and OCI layouts'
complete -c barque -n "__fish_barque_needs_command" -f -a "manifest-digest" -d 'Print the digest of a manifest in a file'
complete -c barque -n "__fish_barque_needs_command" -f -a "standalone-sign" -d 'Sign a manifest in a file with an OpenPGP key'
complete -c barque -n "__fish_barque_needs_command" -f -a "standalone-verify" -d 'Verify the OpenPGP signature of a manifest in a file'
complete -c barque -n "__fish_barque_needs_command" -f -a "generate-sigstore-key" -d 'Make a key pair for sigstore signatures'
complete -c barque -n "__fish_barque_needs_command" -f -a "search" -d 'Search a registry for repositories'
complete -c barque -n "__fish_barque_needs_command" -f -a "serve" -d 'Serve images as a registry'
complete -c barque -n "__fish_barque_needs_command" -f -a "experimental-image-proxy" -d 'Hand manifests and blobs to another program over a socket'
complete -c barque -n "__fish_barque_needs_command" -f -a "login" -d 'Log in to a registry'
complete -c barque -n "__fish_barque_needs_command" -f -a "logout" -d 'Remove a stored login'
complete -c barque -n "__fish_barque_needs_command" -f -a "completion" -d 'Print the completion script of a shell'
complete -c barque -n "__fish_barque_needs_command" -f -a "man" -d 'Write the man pages into a directory'
complete -c barque -n "__fish_barque_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c barque -n "__fish_barque_using_subcommand inspect" -s f -l format -d 'Format the output with a Go template, as in \'{{.Digest}}\' or \'{{json .Labels}}\'' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l platform -d 'Choose this platform, as in linux/arm64 or windows/amd64:10.0.20348; an image that is for another one is an error' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand inspect" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand inspect" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand inspect" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand inspect" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand inspect" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand inspect" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand inspect" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand inspect" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand inspect" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand inspect" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand inspect" -l raw -d 'Print the manifest byte for byte, with --platform that of the platform; with --config the config'
complete -c barque -n "__fish_barque_using_subcommand inspect" -l config -d 'Print the config of the image as JSON'
complete -c barque -n "__fish_barque_using_subcommand inspect" -s n -l no-tags -d 'Do not list the tags of the repository'
complete -c barque -n "__fish_barque_using_subcommand inspect" -l verify-signature -d 'Check the signatures of a docker schema 1 manifest and print key ids and verdicts'
complete -c barque -n "__fish_barque_using_subcommand inspect" -l referrers -d 'List what refers to the image, and to the index that led to it, too'
complete -c barque -n "__fish_barque_using_subcommand inspect" -l attestations -d 'List the attestations in the image\'s index too, as docker buildx build adds them'
complete -c barque -n "__fish_barque_using_subcommand inspect" -l verify -d 'Ask the signature policy and print what it says of the image, with each signature; a refusal ends with exit code 3'
complete -c barque -n "__fish_barque_using_subcommand inspect" -l no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand inspect" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand inspect" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand inspect" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand copy" -l also-to -d 'Copy it to this destination too, reading the source once; repeatable. The --dest flags hold for all destinations' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l multi-arch -d 'Choose the images of an index: system (the one for this platform), all, index-only, or a list of platforms' -r -f -a "system\t''
all\t''
index-only\t''"
complete -c barque -n "__fish_barque_using_subcommand copy" -l platform -d 'Choose this platform; with several, as in linux/amd64,linux/arm64 or linux/arm*, the index is copied with these only' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -s f -l format -d 'Write the image in this format: oci, v2s2 (docker\'s schema 2) or v2s1 (docker\'s schema 1)' -r -f -a "oci\t''
v2s1\t''
v2s2\t''"
complete -c barque -n "__fish_barque_using_subcommand copy" -l schema1-key -d 'With --format v2s1, sign with the private key in this file [default: a key made for this copy]' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l referrers -d 'Copy what refers to the image too, such as signatures and SBOMs: all, none, or a list of artifact types' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l additional-tag -d 'Give an image in a docker-archive: this name too; repeatable' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l shared-blob-dir -d 'Keep the blobs of oci: layouts in this directory, which several layouts share, on both sides' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l allow-nondistributable -d 'Copy foreign layers too, from their URLs if the source does not have them; =false never copies them [default: true for dir: and archives of docker, false for oci: and registries]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand copy" -l digestfile -d 'Write the digest of the copied manifest to this file, without a newline' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l receipt -d 'Write a receipt to this file: a JSON record of what was copied, already present, mounted and requested' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l mount-from -d 'Try to mount blobs from this repository of the destination\'s registry; repeatable' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l image-parallel-copies -d 'Move at most this many blobs at once [default: 4 large and 16 small ones, 48 where a registry is far away]' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l authfile -d 'Read the credentials of both sides from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l sign-by -d 'Sign with this key of gpg, or with the secret key in a file, as in ./key.asc' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l sign-by-sigstore -d 'Sign as the parameters in this YAML file say: privateKeyFile and privateKeyPassphraseFile' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l sign-by-sigstore-private-key -d 'Sign with the sigstore private key in this file, as `barque generate-sigstore-key` or cosign writes it' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l sign-passphrase-file -d 'The passphrase of the key is the first line of this file' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l sign-format -d 'Sign with sigstore keys in this form: attachment, as skopeo and cosign 1 and 2 do, or bundle, as cosign 3 does' -r -f -a "attachment\t''
bundle\t''"
complete -c barque -n "__fish_barque_using_subcommand copy" -l sign-identity -d 'Sign as this image, in place of the destination' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l dest-compress-format -d 'Compress layers as gzip or zstd; layers already in that format are left alone' -r -f -a "gzip\t''
zstd\t''"
complete -c barque -n "__fish_barque_using_subcommand copy" -l dest-compress-level -d 'Compress at this level: 0 (not at all) to 9 for gzip, 1 to 20 for zstd [default: 6 for gzip, 3 for zstd]' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l src-daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l src-shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l dest-daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l dest-shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l src-creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l src-username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l src-password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l src-registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l src-authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l src-cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l src-tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand copy" -l dest-creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l dest-username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l dest-password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l dest-registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l dest-authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l dest-cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l dest-tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand copy" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand copy" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand copy" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand copy" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand copy" -l all-tags -d 'Copy each tag of the repository SOURCE to the same tag of DESTINATION; both are named without a tag'
complete -c barque -n "__fish_barque_using_subcommand copy" -s a -l all -d 'Copy an index with all its platforms, not only the image of one'
complete -c barque -n "__fish_barque_using_subcommand copy" -l sparse -d 'When copying only some platforms, keep the original index and its digest, even though it lists platforms that are not copied; with --all, copy the platforms that the source has'
complete -c barque -n "__fish_barque_using_subcommand copy" -l recheck -d 'Check every blob and manifest at the destination, even if it already has the image; local blobs are hashed'
complete -c barque -n "__fish_barque_using_subcommand copy" -l rehash -d 'Hash every blob, even those that only pass through to a registry, which checks them itself'
complete -c barque -n "__fish_barque_using_subcommand copy" -l preserve-digests -d 'Fail rather than change a digest'
complete -c barque -n "__fish_barque_using_subcommand copy" -l remove-signatures -d 'Do not copy signatures of the image, without a warning'
complete -c barque -n "__fish_barque_using_subcommand copy" -l cosign-tags -d 'Copy the signatures, attestations and SBOMs that cosign keeps at tags made of the image\'s digest'
complete -c barque -n "__fish_barque_using_subcommand copy" -l verify-signature -d 'Refuse a schema 1 manifest that was signed as another image, instead of warning'
complete -c barque -n "__fish_barque_using_subcommand copy" -l no-verify-signature -d 'Take a schema 1 manifest even if its signatures are invalid'
complete -c barque -n "__fish_barque_using_subcommand copy" -l keep-compressed -d 'Do not decompress layers written to a docker-archive:'
complete -c barque -n "__fish_barque_using_subcommand copy" -l dry-run -d 'Print what would be done, and do nothing'
complete -c barque -n "__fish_barque_using_subcommand copy" -l json -d 'With --dry-run, print JSON in place of a table'
complete -c barque -n "__fish_barque_using_subcommand copy" -s q -l quiet -d 'Print nothing but warnings and errors'
complete -c barque -n "__fish_barque_using_subcommand copy" -l dest-compress -d 'Compress layers that are not compressed; with gzip, unless a format is given'
complete -c barque -n "__fish_barque_using_subcommand copy" -l dest-decompress -d 'Write layers uncompressed'
complete -c barque -n "__fish_barque_using_subcommand copy" -l dest-force-compress-format -d 'Accepted for skopeo compatibility; has no effect, since barque always does this'
complete -c barque -n "__fish_barque_using_subcommand copy" -l dest-oci-accept-uncompressed-layers -d 'Keep uncompressed layers uncompressed, even with --dest-compress-format'
complete -c barque -n "__fish_barque_using_subcommand copy" -l src-no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand copy" -l dest-no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand copy" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand copy" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand copy" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand copy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l platform -d 'Compare only these platforms of an index, as barque copy --platform copies them' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l referrers -d 'Compare what refers to the image: all, none, or a list of artifact types' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l authfile -d 'Read the credentials of both sides from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l src-daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l src-shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l dest-daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l dest-shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l src-creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l src-username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l src-password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l src-registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l src-authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l src-cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l src-tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l dest-creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l dest-username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l dest-password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l dest-registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l dest-authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l dest-cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l dest-tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l deep -d 'Read every blob at the destination and compare its digest'
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l repair -d 'Copy what is missing or wrong, and nothing else'
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l sparse -d 'The index was kept as it is, though it lists platforms that were not copied'
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l cosign-tags -d 'Compare the signatures, attestations and SBOMs that cosign keeps at tags made of the image\'s digest'
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l json -d 'Print JSON'
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l src-no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l dest-no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand verify-copy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand tags" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand tags" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand tags" -l creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand tags" -l username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand tags" -l password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand tags" -l registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand tags" -l authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand tags" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand tags" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand tags" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand tags" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand tags" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand tags" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand tags" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand tags" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand tags" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand tags" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand tags" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand tags" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand tags" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand tags" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand tags" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand tags" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand tags" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand tags" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand tags" -l plain -d 'Print one tag a line'
complete -c barque -n "__fish_barque_using_subcommand tags" -l no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand tags" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand tags" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand tags" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand tags" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l plain -d 'Print one tag a line'
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand list-tags" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand list-tags" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand repos" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand repos" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand repos" -l creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand repos" -l username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand repos" -l password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand repos" -l registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand repos" -l authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand repos" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand repos" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand repos" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand repos" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand repos" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand repos" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand repos" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand repos" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand repos" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand repos" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand repos" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand repos" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand repos" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand repos" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand repos" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand repos" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand repos" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand repos" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand repos" -l plain -d 'Print one repository a line'
complete -c barque -n "__fish_barque_using_subcommand repos" -l no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand repos" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand repos" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand repos" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand repos" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand layers" -s o -l output -d 'Write into this directory, which must be new, empty, or left by an interrupted download of the image' -r -F
complete -c barque -n "__fish_barque_using_subcommand layers" -l platform -d 'Choose this platform, as in linux/arm64 or windows/amd64:10.0.20348; an image that is for another one is an error' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand layers" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand layers" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand layers" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand layers" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand layers" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand layers" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand layers" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand layers" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand layers" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand layers" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand layers" -l list -d 'List the layers without downloading them'
complete -c barque -n "__fish_barque_using_subcommand layers" -l json -d 'With --list, print JSON in place of a table'
complete -c barque -n "__fish_barque_using_subcommand layers" -s q -l quiet -d 'Print nothing to stderr but warnings and errors'
complete -c barque -n "__fish_barque_using_subcommand layers" -l verify-signature -d 'Refuse a schema 1 manifest that was signed as another image, instead of warning'
complete -c barque -n "__fish_barque_using_subcommand layers" -l no-verify-signature -d 'Take a schema 1 manifest even if its signatures are invalid'
complete -c barque -n "__fish_barque_using_subcommand layers" -l no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand layers" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand layers" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand layers" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand layers" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand ls" -l index -d 'Write an index of each gzip layer that is read into this directory, and read only parts of such layers later' -r -F
complete -c barque -n "__fish_barque_using_subcommand ls" -l platform -d 'Choose this platform, as in linux/arm64 or windows/amd64:10.0.20348; an image that is for another one is an error' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand ls" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand ls" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand ls" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand ls" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand ls" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand ls" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand ls" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand ls" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand ls" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand ls" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand ls" -s l -l long -d 'Show mode, user, group, size and time (UTC) before the name'
complete -c barque -n "__fish_barque_using_subcommand ls" -s R -l recursive -d 'List what is in the directories too, with full paths'
complete -c barque -n "__fish_barque_using_subcommand ls" -l json -d 'Print a JSON document a file, one a line'
complete -c barque -n "__fish_barque_using_subcommand ls" -l tree -d 'Draw a tree of all files below'
complete -c barque -n "__fish_barque_using_subcommand ls" -l no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand ls" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand ls" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand ls" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand cat" -l index -d 'Write an index of each gzip layer that is read into this directory, and read only parts of such layers later' -r -F
complete -c barque -n "__fish_barque_using_subcommand cat" -l platform -d 'Choose this platform, as in linux/arm64 or windows/amd64:10.0.20348; an image that is for another one is an error' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand cat" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand cat" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand cat" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand cat" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand cat" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand cat" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand cat" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand cat" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand cat" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand cat" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand cat" -l verify -d 'Read the layer to its end, and fail if it does not match its digest'
complete -c barque -n "__fish_barque_using_subcommand cat" -l no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand cat" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand cat" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand cat" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand cat" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand extract" -s C -l directory -d 'Write into this directory, which is made if it is not there [default: the working directory]' -r -F
complete -c barque -n "__fish_barque_using_subcommand extract" -l index -d 'Write an index of each gzip layer that is read into this directory, and read only parts of such layers later' -r -F
complete -c barque -n "__fish_barque_using_subcommand extract" -l platform -d 'Choose this platform, as in linux/arm64 or windows/amd64:10.0.20348; an image that is for another one is an error' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand extract" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand extract" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand extract" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand extract" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand extract" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand extract" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand extract" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand extract" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand extract" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand extract" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand extract" -l overwrite -d 'Replace files that are in the directory already'
complete -c barque -n "__fish_barque_using_subcommand extract" -l no-same-owner -d 'As root, make root the owner of all files in place of the owners that the image names'
complete -c barque -n "__fish_barque_using_subcommand extract" -s q -l quiet -d 'Print nothing to stderr but warnings and errors'
complete -c barque -n "__fish_barque_using_subcommand extract" -l no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand extract" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand extract" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand extract" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand extract" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand diff" -l platform -d 'Choose this platform, as in linux/arm64 or windows/amd64:10.0.20348; an image that is for another one is an error' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand diff" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand diff" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand diff" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand diff" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand diff" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand diff" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand diff" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand diff" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand diff" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand diff" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand diff" -l no-files -d 'Do not compare files'
complete -c barque -n "__fish_barque_using_subcommand diff" -l exit-code -d 'End with exit code 1 if anything differs'
complete -c barque -n "__fish_barque_using_subcommand diff" -l json -d 'Print JSON in place of lines'
complete -c barque -n "__fish_barque_using_subcommand diff" -l no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand diff" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand diff" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand diff" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand du" -s d -l depth -d 'Show directories down to this level; 0 shows the root alone' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l platform -d 'Choose this platform, as in linux/arm64 or windows/amd64:10.0.20348; an image that is for another one is an error' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand du" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand du" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand du" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand du" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand du" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand du" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand du" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand du" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand du" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand du" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand du" -l json -d 'Print JSON in place of tables'
complete -c barque -n "__fish_barque_using_subcommand du" -l no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand du" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand du" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand du" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand du" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand edit" -s l -l label -d 'Set a label; repeatable' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l remove-label -d 'Remove a label; repeatable' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -s a -l annotation -d 'Set an annotation of the manifest; repeatable' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l remove-annotation -d 'Remove an annotation of the manifest; repeatable' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -s e -l env -d 'Set a variable of the environment; repeatable' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l remove-env -d 'Remove a variable of the environment; repeatable' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l entrypoint -d 'Set the entry point: one word, or a JSON list of words; an empty value removes it. Without --cmd the command goes too' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l cmd -d 'Set the command: one word, or a JSON list of words; an empty value removes it' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -s u -l user -d 'Set the user, as in 1000:1000; an empty value removes it' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -s w -l workdir -d 'Set the working directory; an empty value removes it' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l set-platform -d 'Set the platform that the image says to be for' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l created -d 'Set the creation time, as in 2026-01-31T12:00:00Z' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l append -d 'Put the files of a tar or of a directory on top as a layer; repeatable. Files of a directory belong to root, and their time is that of --created, or 1970' -r -F
complete -c barque -n "__fish_barque_using_subcommand edit" -l authfile -d 'Read the credentials of both sides from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand edit" -l platform -d 'Choose this platform, as in linux/arm64 or windows/amd64:10.0.20348; an image that is for another one is an error' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l src-daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l src-shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand edit" -l dest-daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l dest-shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand edit" -l src-creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l src-username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l src-password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l src-registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l src-authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand edit" -l src-cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand edit" -l src-tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand edit" -l dest-creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l dest-username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l dest-password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l dest-registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l dest-authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand edit" -l dest-cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand edit" -l dest-tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand edit" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand edit" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand edit" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand edit" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand edit" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand edit" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand edit" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand edit" -s q -l quiet -d 'Print nothing but warnings and errors'
complete -c barque -n "__fish_barque_using_subcommand edit" -l src-no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand edit" -l dest-no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand edit" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand edit" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand edit" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand edit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand verify" -l key -d 'Accept signatures by the key in this file: a public key in PEM, or OpenPGP keys; repeatable' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify" -l certificate-identity -d 'Accept signatures with a certificate for this e-mail address or URI' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l certificate-identity-regexp -d 'Accept signatures with a certificate for a name in which this regular expression is found' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l certificate-oidc-issuer -d 'The login provider that the certificate has to name' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l certificate-oidc-issuer-regexp -d 'A regular expression that has to be found in the login provider that the certificate names' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l trusted-root -d 'Authorities, logs and timestamp authorities that are trusted: a trusted_root.json of sigstore' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify" -l signed-as -d 'Accept signatures that were made for this name [default: the repository of IMAGE]' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l platform -d 'Choose this platform, as in linux/arm64 or windows/amd64:10.0.20348; an image that is for another one is an error' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand verify" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand verify" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand verify" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand verify" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand verify" -l no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand verify" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand verify" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand verify" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -s s -l src -d 'What SOURCE is, as in skopeo: docker, dir or yaml' -r -f -a "docker\t''
dir\t''
yaml\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -s d -l dest -d 'What DESTINATION is, as in skopeo: docker or dir' -r -f -a "docker\t''
dir\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l append-suffix -d 'Append this to every tag at the destination' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -s f -l format -d 'Write the images in this format: oci, v2s2 (docker\'s schema 2) or v2s1 (docker\'s schema 1)' -r -f -a "oci\t''
v2s1\t''
v2s2\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l state -d 'Remember in this directory what was written, so that the source alone is asked next time' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l max-delete -d 'Delete at most this share of a repository\'s tags, or this number of them' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l rate -d 'Send at most N requests a second to this registry (repeatable; * stands for any part of a name)' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l max-pulls -d 'Read at most N manifests from each source registry, and leave the rest for a later run' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -s j -l jobs -d 'Work on so many images at a time' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l shard -d 'Do the share I of N (I counts from 0), or auto: by the variables of the scheduler that started this' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l digestfile -d 'Write a line DIGEST NAME for each image to this file' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l receipt -d 'Write a line of JSON for each image and target to this file' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l events -d 'Write a line of JSON for each thing that happens to this file (- is standard output)' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l metrics -d 'Write the sums of the run to this file at its end, in Prometheus\' text format' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l authfile -d 'Read the credentials of both sides from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l sign-by -d 'Sign with this key of gpg, or with the secret key in a file, as in ./key.asc' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l sign-by-sigstore -d 'Sign as the parameters in this YAML file say: privateKeyFile and privateKeyPassphraseFile' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l sign-by-sigstore-private-key -d 'Sign with the sigstore private key in this file, as `barque generate-sigstore-key` or cosign writes it' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l sign-passphrase-file -d 'The passphrase of the key is the first line of this file' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l sign-format -d 'Sign with sigstore keys in this form: attachment, as skopeo and cosign 1 and 2 do, or bundle, as cosign 3 does' -r -f -a "attachment\t''
bundle\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l src-creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l src-username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l src-password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l src-registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l src-authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l src-cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l src-tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l dest-creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l dest-username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l dest-password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l dest-registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l dest-authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l dest-cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l dest-tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l scoped -d 'Keep the source\'s registry and path in names at the destination'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -s a -l all -d 'Copy indexes with all their platforms; only with --src and --dest, since other forms do so anyway'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l preserve-digests -d 'Fail rather than change a digest'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l remove-signatures -d 'Do not copy signatures stored beside the images, without a warning'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l dry-run -d 'Print what would be copied, and copy nothing'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l keep-going -d 'Go on after a failure; the default except with --src and --dest'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l fail-fast -d 'Stop at the first failure'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l fast -d 'Trust the target\'s list of tags: a tag in it is unchanged unless it fits a pattern of mutable'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l deep -d 'Ask both sides for the digest of every image, whatever the state says'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l prune -d 'Delete tags that the state says barque wrote and that are no longer selected'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -s q -l quiet -d 'Print nothing but warnings and errors'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l src-no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l dest-no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -a "plan" -d 'Print what a run would do, and change nothing'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -a "apply" -d 'Do what a plan says, and nothing else'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -a "report" -d 'Join the receipts of several runs or shards'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -a "convert" -d 'Write another tool\'s file (regsync, dregsy, hauler, oc-mirror) in barque\'s own form'
complete -c barque -n "__fish_barque_using_subcommand sync; and not __fish_seen_subcommand_from plan apply report convert help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -s s -l src -d 'What SOURCE is, as in skopeo: docker, dir or yaml' -r -f -a "docker\t''
dir\t''
yaml\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -s d -l dest -d 'What DESTINATION is, as in skopeo: docker or dir' -r -f -a "docker\t''
dir\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l append-suffix -d 'Append this to every tag at the destination' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -s f -l format -d 'Write the images in this format: oci, v2s2 (docker\'s schema 2) or v2s1 (docker\'s schema 1)' -r -f -a "oci\t''
v2s1\t''
v2s2\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l state -d 'Remember in this directory what was written, so that the source alone is asked next time' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l max-delete -d 'Delete at most this share of a repository\'s tags, or this number of them' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l rate -d 'Send at most N requests a second to this registry (repeatable; * stands for any part of a name)' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l max-pulls -d 'Read at most N manifests from each source registry, and leave the rest for a later run' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -s j -l jobs -d 'Work on so many images at a time' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l shard -d 'Do the share I of N (I counts from 0), or auto: by the variables of the scheduler that started this' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l digestfile -d 'Write a line DIGEST NAME for each image to this file' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l receipt -d 'Write a line of JSON for each image and target to this file' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l events -d 'Write a line of JSON for each thing that happens to this file (- is standard output)' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l metrics -d 'Write the sums of the run to this file at its end, in Prometheus\' text format' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l authfile -d 'Read the credentials of both sides from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l sign-by -d 'Sign with this key of gpg, or with the secret key in a file, as in ./key.asc' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l sign-by-sigstore -d 'Sign as the parameters in this YAML file say: privateKeyFile and privateKeyPassphraseFile' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l sign-by-sigstore-private-key -d 'Sign with the sigstore private key in this file, as `barque generate-sigstore-key` or cosign writes it' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l sign-passphrase-file -d 'The passphrase of the key is the first line of this file' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l sign-format -d 'Sign with sigstore keys in this form: attachment, as skopeo and cosign 1 and 2 do, or bundle, as cosign 3 does' -r -f -a "attachment\t''
bundle\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l src-creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l src-username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l src-password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l src-registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l src-authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l src-cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l src-tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l dest-creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l dest-username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l dest-password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l dest-registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l dest-authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l dest-cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l dest-tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -s o -l output -d 'Write the plan to this file, for `sync apply`' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l shards -d 'Divide the plan among N shards, each with about as many bytes' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l scoped -d 'Keep the source\'s registry and path in names at the destination'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -s a -l all -d 'Copy indexes with all their platforms; only with --src and --dest, since other forms do so anyway'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l preserve-digests -d 'Fail rather than change a digest'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l remove-signatures -d 'Do not copy signatures stored beside the images, without a warning'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l dry-run -d 'Print what would be copied, and copy nothing'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l keep-going -d 'Go on after a failure; the default except with --src and --dest'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l fail-fast -d 'Stop at the first failure'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l fast -d 'Trust the target\'s list of tags: a tag in it is unchanged unless it fits a pattern of mutable'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l deep -d 'Ask both sides for the digest of every image, whatever the state says'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l prune -d 'Delete tags that the state says barque wrote and that are no longer selected'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -s q -l quiet -d 'Print nothing but warnings and errors'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l src-no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l dest-no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l json -d 'Print the plan as JSON'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -s s -l src -d 'What SOURCE is, as in skopeo: docker, dir or yaml' -r -f -a "docker\t''
dir\t''
yaml\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -s d -l dest -d 'What DESTINATION is, as in skopeo: docker or dir' -r -f -a "docker\t''
dir\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l append-suffix -d 'Append this to every tag at the destination' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -s f -l format -d 'Write the images in this format: oci, v2s2 (docker\'s schema 2) or v2s1 (docker\'s schema 1)' -r -f -a "oci\t''
v2s1\t''
v2s2\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l state -d 'Remember in this directory what was written, so that the source alone is asked next time' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l max-delete -d 'Delete at most this share of a repository\'s tags, or this number of them' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l rate -d 'Send at most N requests a second to this registry (repeatable; * stands for any part of a name)' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l max-pulls -d 'Read at most N manifests from each source registry, and leave the rest for a later run' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -s j -l jobs -d 'Work on so many images at a time' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l shard -d 'Do the share I of N (I counts from 0), or auto: by the variables of the scheduler that started this' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l digestfile -d 'Write a line DIGEST NAME for each image to this file' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l receipt -d 'Write a line of JSON for each image and target to this file' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l events -d 'Write a line of JSON for each thing that happens to this file (- is standard output)' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l metrics -d 'Write the sums of the run to this file at its end, in Prometheus\' text format' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l authfile -d 'Read the credentials of both sides from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l sign-by -d 'Sign with this key of gpg, or with the secret key in a file, as in ./key.asc' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l sign-by-sigstore -d 'Sign as the parameters in this YAML file say: privateKeyFile and privateKeyPassphraseFile' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l sign-by-sigstore-private-key -d 'Sign with the sigstore private key in this file, as `barque generate-sigstore-key` or cosign writes it' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l sign-passphrase-file -d 'The passphrase of the key is the first line of this file' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l sign-format -d 'Sign with sigstore keys in this form: attachment, as skopeo and cosign 1 and 2 do, or bundle, as cosign 3 does' -r -f -a "attachment\t''
bundle\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l src-creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l src-username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l src-password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l src-registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l src-authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l src-cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l src-tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l dest-creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l dest-username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l dest-password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l dest-registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l dest-authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l dest-cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l dest-tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l scoped -d 'Keep the source\'s registry and path in names at the destination'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -s a -l all -d 'Copy indexes with all their platforms; only with --src and --dest, since other forms do so anyway'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l preserve-digests -d 'Fail rather than change a digest'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l remove-signatures -d 'Do not copy signatures stored beside the images, without a warning'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l dry-run -d 'Print what would be copied, and copy nothing'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l keep-going -d 'Go on after a failure; the default except with --src and --dest'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l fail-fast -d 'Stop at the first failure'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l fast -d 'Trust the target\'s list of tags: a tag in it is unchanged unless it fits a pattern of mutable'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l deep -d 'Ask both sides for the digest of every image, whatever the state says'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l prune -d 'Delete tags that the state says barque wrote and that are no longer selected'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -s q -l quiet -d 'Print nothing but warnings and errors'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l src-no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l dest-no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l json -d 'Print the report as JSON'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from report" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from help" -f -a "plan" -d 'Print what a run would do, and change nothing'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from help" -f -a "apply" -d 'Do what a plan says, and nothing else'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from help" -f -a "report" -d 'Join the receipts of several runs or shards'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from help" -f -a "convert" -d 'Write another tool\'s file (regsync, dregsy, hauler, oc-mirror) in barque\'s own form'
complete -c barque -n "__fish_barque_using_subcommand sync; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c barque -n "__fish_barque_using_subcommand referrers" -l artifact-type -d 'List only referrers of these artifact types, with what refers to them' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -s f -l format -d 'Format the output with a Go template, as in \'{{range .Referrers}}{{.Digest}} {{end}}\'' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l platform -d 'Choose this platform, as in linux/arm64 or windows/amd64:10.0.20348; an image that is for another one is an error' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand referrers" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand referrers" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand referrers" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand referrers" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand referrers" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand referrers" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand referrers" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand referrers" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand referrers" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand referrers" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand referrers" -l cosign-tags -d 'List what cosign keeps at tags made of the image\'s digest too'
complete -c barque -n "__fish_barque_using_subcommand referrers" -s a -l all -d 'List what refers to each image of an index too'
complete -c barque -n "__fish_barque_using_subcommand referrers" -l json -d 'Print JSON'
complete -c barque -n "__fish_barque_using_subcommand referrers" -l no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand referrers" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand referrers" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand referrers" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand referrers" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -f -a "get" -d 'Print an attestation of an image: an in-toto statement'
complete -c barque -n "__fish_barque_using_subcommand attest; and not __fish_seen_subcommand_from get help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l type -d 'Print statements of this predicate type: spdx, cyclonedx, slsa, vuln, openvex, vsa, or a URI [default: any]' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l platform -d 'Choose this platform, as in linux/arm64 or windows/amd64:10.0.20348; an image that is for another one is an error' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from help" -f -a "get" -d 'Print an attestation of an image: an in-toto statement'
complete -c barque -n "__fish_barque_using_subcommand attest; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c barque -n "__fish_barque_using_subcommand delete" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand delete" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand delete" -l creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand delete" -l username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand delete" -l password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand delete" -l registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand delete" -l authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand delete" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand delete" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand delete" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand delete" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand delete" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand delete" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand delete" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand delete" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand delete" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand delete" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand delete" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand delete" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand delete" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand delete" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand delete" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand delete" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand delete" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand delete" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand delete" -l force -d 'Delete the manifest even if other tags point to it'
complete -c barque -n "__fish_barque_using_subcommand delete" -l no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand delete" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand delete" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand delete" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand manifest-digest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -s o -l output -d 'Write the signature to this file' -r -F
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l passphrase-file -d 'The passphrase of the key is the first line of this file' -r -F
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand standalone-sign" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l public-key-file -d 'Public keys, binary or armored' -r -F
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand standalone-verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l output-prefix -d 'Write the keys to PREFIX.private and PREFIX.pub' -r
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l passphrase-file -d 'The passphrase is the first line of this file' -r -F
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand generate-sigstore-key" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand search" -l limit -d 'Show at most this many' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l retry-times -d 'Retry the whole operation up to N times when the network or the registry fails' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l retry-delay -d 'Delay between retries [default: 1s, doubled each time]' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand search" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand search" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand search" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand search" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand search" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand search" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand search" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand search" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand search" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand search" -l json -d 'Print JSON'
complete -c barque -n "__fish_barque_using_subcommand search" -l no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand search" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand search" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand search" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand search" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand serve" -l listen -d 'Listen here; port 0 is a free one [default: 127.0.0.1:5000, with a command 127.0.0.1:0]' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l root -d 'Serve the repositories below this directory; with a command, keep what is pushed in it' -r -F
complete -c barque -n "__fish_barque_using_subcommand serve" -l as -d 'Serve images that have no repository name as this one; if repeated, one for each IMAGE' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l upstream -d 'Mirror this registry and keep what is pulled below --root; can be repeated, the first one is the default' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l fresh -d 'Ask the upstream about a tag again after this time' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l max-size -d 'Keep at most so many bytes of an upstream\'s blobs; those not used for longest go' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l htpasswd -d 'Ask clients for a user of this file, which `htpasswd -B` writes' -r -F
complete -c barque -n "__fish_barque_using_subcommand serve" -l tls-cert -d 'Serve HTTPS with the certificate in this file (PEM); read again on SIGHUP' -r -F
complete -c barque -n "__fish_barque_using_subcommand serve" -l tls-key -d 'The key of --tls-cert' -r -F
complete -c barque -n "__fish_barque_using_subcommand serve" -l client-ca -d 'Refuse clients without a certificate of an authority in this file (PEM)' -r -F
complete -c barque -n "__fish_barque_using_subcommand serve" -l log -d 'Append a line of JSON for each request to this file; - is standard output' -r -F
complete -c barque -n "__fish_barque_using_subcommand serve" -l max-blob -d 'Refuse blobs that are larger than this' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l grace -d 'Let requests under way take this long when asked to end' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l client-timeout -d 'Give a client up that takes this long for the head of a request, or stops in the middle of one' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l ready-fd -d 'Write the address as a line of JSON to this file descriptor once requests are answered' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand serve" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand serve" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand serve" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand serve" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand serve" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand serve" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand serve" -l write -d 'Let clients push'
complete -c barque -n "__fish_barque_using_subcommand serve" -l delete -d 'Let clients delete tags, manifests and blobs'
complete -c barque -n "__fish_barque_using_subcommand serve" -l v1 -d 'Serve clients of Registry V1, of Docker before 1.6, too: with --write they push as well'
complete -c barque -n "__fish_barque_using_subcommand serve" -l metrics -d 'Answer /metrics in Prometheus\' text format'
complete -c barque -n "__fish_barque_using_subcommand serve" -l print-address -d 'Print the address as a line of JSON once requests are answered'
complete -c barque -n "__fish_barque_using_subcommand serve" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand serve" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand serve" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l sockfd -d 'Serve on this open socket' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l platform -d 'Choose this platform, as in linux/arm64 or windows/amd64:10.0.20348; an image that is for another one is an error' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l daemon-host -d 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l shared-blob-dir -d 'The blobs of an oci: layout are in this directory, which several layouts share' -r -F
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l creds -d 'Log in as this user with this password; without a colon the password is empty' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l username -d 'User name (with --password)' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l password -d 'Password for --username (visible in the process list)' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l registry-token -d 'Send this bearer token as it is; no token endpoint is asked' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l authfile -d 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l no-creds -d 'Send no credentials, whatever is stored'
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand experimental-image-proxy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand login" -s u -l username -d 'The name of the user; asked for at the terminal when missing' -r
complete -c barque -n "__fish_barque_using_subcommand login" -s p -l password -d 'The password; it shows in the list of processes. Asked for without echo when missing' -r
complete -c barque -n "__fish_barque_using_subcommand login" -l authfile -d 'Store in this file [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand login" -l compat-auth-file -d 'Store in this file, in the form of Docker\'s config.json' -r -F
complete -c barque -n "__fish_barque_using_subcommand login" -l cert-dir -d 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client' -r -F
complete -c barque -n "__fish_barque_using_subcommand login" -l tls-verify -d 'With =false, accept any certificate and permit plain HTTP [default: true]' -r -f -a "true\t''
false\t''"
complete -c barque -n "__fish_barque_using_subcommand login" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand login" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand login" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand login" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand login" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand login" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand login" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand login" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand login" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand login" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand login" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand login" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand login" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand login" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand login" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand login" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand login" -l password-stdin -d 'Read the password from standard input, to its end'
complete -c barque -n "__fish_barque_using_subcommand login" -l get-login -d 'Print the name of the user that is logged in, and do nothing else'
complete -c barque -n "__fish_barque_using_subcommand login" -s v -l verbose -d 'Say where the login is stored'
complete -c barque -n "__fish_barque_using_subcommand login" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand login" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand login" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand logout" -l authfile -d 'Remove from this file [env: REGISTRY_AUTH_FILE]' -r -F
complete -c barque -n "__fish_barque_using_subcommand logout" -l compat-auth-file -d 'Remove from this file, which has the form of Docker\'s config.json' -r -F
complete -c barque -n "__fish_barque_using_subcommand logout" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand logout" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand logout" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand logout" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand logout" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand logout" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand logout" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand logout" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand logout" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand logout" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand logout" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand logout" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand logout" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand logout" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand logout" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand logout" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand logout" -s a -l all -d 'Remove all logins of the file and of its credential helpers'
complete -c barque -n "__fish_barque_using_subcommand logout" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand logout" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand logout" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand completion" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand completion" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand completion" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand completion" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand completion" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand completion" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand completion" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand completion" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand completion" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand completion" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand completion" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand completion" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand completion" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand completion" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand completion" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand completion" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand completion" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand completion" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand completion" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand completion" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand man" -l override-os -d 'Choose this operating system of a multi-platform image [default: linux]' -r
complete -c barque -n "__fish_barque_using_subcommand man" -l override-arch -d 'Choose this architecture of a multi-platform image [default: that of this machine]' -r
complete -c barque -n "__fish_barque_using_subcommand man" -l override-variant -d 'Choose this variant of the architecture' -r
complete -c barque -n "__fish_barque_using_subcommand man" -l override-os-version -d 'Choose this version of the operating system, as in 10.0.20348 of Windows' -r
complete -c barque -n "__fish_barque_using_subcommand man" -l command-timeout -d 'End the command with an error after this time, as in 90s or 10m [default: none]' -r
complete -c barque -n "__fish_barque_using_subcommand man" -l stall-timeout -d 'Give up on a connection after this time without a byte [default: 60s]' -r
complete -c barque -n "__fish_barque_using_subcommand man" -l allow-token-host -d 'Send a registry\'s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand man" -l allow-private-host -d 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud\'s network is; can be repeated' -r
complete -c barque -n "__fish_barque_using_subcommand man" -l ca -d 'Trust the certificate authorities of this system (system), or those built into the program (builtin) [default: system, or builtin if the system has none]' -r -f -a "system\t''
builtin\t''"
complete -c barque -n "__fish_barque_using_subcommand man" -l policy -d 'Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]' -r -F
complete -c barque -n "__fish_barque_using_subcommand man" -l policy-allow -d 'Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)' -r -f -a "sha1\t''
openpgp-v3\t''
unsigned-index\t''"
complete -c barque -n "__fish_barque_using_subcommand man" -l user-agent-prefix -d 'Begin the user agent of requests with this text' -r
complete -c barque -n "__fish_barque_using_subcommand man" -l registries-conf -d 'Read this registries.conf in place of the user\'s or the system\'s; drop-in files still apply' -r -F
complete -c barque -n "__fish_barque_using_subcommand man" -l registries.d -d 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]' -r -F
complete -c barque -n "__fish_barque_using_subcommand man" -l tmpdir -d 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]' -r -F
complete -c barque -n "__fish_barque_using_subcommand man" -l max-unpacked -d 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]' -r
complete -c barque -n "__fish_barque_using_subcommand man" -l debug -d 'Log each request and each decision to stderr, without secrets'
complete -c barque -n "__fish_barque_using_subcommand man" -l insecure-policy -d 'Accept all images, whatever the signature policy of this machine says'
complete -c barque -n "__fish_barque_using_subcommand man" -l require-signed -d 'Refuse images of which no rule of the signature policy has verified a signature'
complete -c barque -n "__fish_barque_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "inspect" -d 'Show what an image is: digest, tags, labels, layers, environment'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "copy" -d 'Copy an image from one place to another'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "verify-copy" -d 'Check that an image arrived whole at another place'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "tags" -d 'List the tags of a repository, or the names of the images in an archive or layout'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "repos" -d 'List the repositories of a registry'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "layers" -d 'Download the layers of an image into a directory, or list them'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "ls" -d 'List the files of an image'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "cat" -d 'Print a file of an image'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "extract" -d 'Write the files of an image into a directory'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "diff" -d 'Show what differs between two images: config, history, layers, files'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "du" -d 'Show what images take: by layer, by directory, shared and wasted'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "edit" -d 'Change the config of an image, or put a layer on top'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "verify" -d 'Verify the signatures of an image'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "sync" -d 'Mirror many images'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "referrers" -d 'List what refers to an image: signatures, SBOMs, attestations'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "attest" -d 'Read the attestations of an image'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "delete" -d 'Delete images from registries and OCI layouts'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "manifest-digest" -d 'Print the digest of a manifest in a file'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "standalone-sign" -d 'Sign a manifest in a file with an OpenPGP key'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "standalone-verify" -d 'Verify the OpenPGP signature of a manifest in a file'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "generate-sigstore-key" -d 'Make a key pair for sigstore signatures'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "search" -d 'Search a registry for repositories'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "serve" -d 'Serve images as a registry'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "experimental-image-proxy" -d 'Hand manifests and blobs to another program over a socket'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "login" -d 'Log in to a registry'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "logout" -d 'Remove a stored login'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "completion" -d 'Print the completion script of a shell'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "man" -d 'Write the man pages into a directory'
complete -c barque -n "__fish_barque_using_subcommand help; and not __fish_seen_subcommand_from inspect copy verify-copy tags repos layers ls cat extract diff du edit verify sync referrers attest delete manifest-digest standalone-sign standalone-verify generate-sigstore-key search serve experimental-image-proxy login logout completion man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c barque -n "__fish_barque_using_subcommand help; and __fish_seen_subcommand_from sync" -f -a "plan" -d 'Print what a run would do, and change nothing'
complete -c barque -n "__fish_barque_using_subcommand help; and __fish_seen_subcommand_from sync" -f -a "apply" -d 'Do what a plan says, and nothing else'
complete -c barque -n "__fish_barque_using_subcommand help; and __fish_seen_subcommand_from sync" -f -a "report" -d 'Join the receipts of several runs or shards'
complete -c barque -n "__fish_barque_using_subcommand help; and __fish_seen_subcommand_from sync" -f -a "convert" -d 'Write another tool\'s file (regsync, dregsy, hauler, oc-mirror) in barque\'s own form'
complete -c barque -n "__fish_barque_using_subcommand help; and __fish_seen_subcommand_from attest" -f -a "get" -d 'Print an attestation of an image: an in-toto statement'

# Transports, and paths behind those of places on this machine.
function __barque_images
    set -l word (commandline -ct)
    for transport in oci: oci-archive: docker-archive: dir:
        if string match -q -- "$transport*" $word
            set -l path (string replace -- $transport '' $word)
            for found in (__fish_complete_path $path)
                echo $transport$found
            end
            return
        end
    end
    printf '%s\n' docker:// docker-v1:// oci: oci-archive: docker-archive: docker-daemon: dir:
end
for command in inspect copy tags list-tags layers referrers delete
    complete -c barque -n "__fish_barque_using_subcommand $command" -f -a "(__barque_images)"
end
