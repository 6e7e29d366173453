
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'barque' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'barque'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'barque' {
            [CompletionResult]::new('--override-os', '--override-os', [CompletionResultType]::ParameterName, 'Choose this operating system of a multi-platform image [default: linux]')
            [CompletionResult]::new('--override-arch', '--override-arch', [CompletionResultType]::ParameterName, 'Choose this architecture of a multi-platform image [default: that of this machine]')
            [CompletionResult]::new('--override-variant', '--override-variant', [CompletionResultType]::ParameterName, 'Choose this variant of the architecture')
            [CompletionResult]::new('--override-os-version', '--override-os-version', [CompletionResultType]::ParameterName, 'Choose this version of the operating system, as in 10.0.20348 of Windows')
            [CompletionResult]::new('--command-timeout', '--command-timeout', [CompletionResultType]::ParameterName, 'End the command with an error after this time, as in 90s or 10m [default: none]')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up on a connection after this time without a byte [default: 60s]')
            [CompletionResult]::new('--allow-token-host', '--allow-token-host', [CompletionResultType]::ParameterName, 'Send a registry''s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated')
            [CompletionResult]::new('--allow-private-host', '--allow-private-host', [CompletionResultType]::ParameterName, 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud''s network is; can be repeated')
            [CompletionResult]::new('--registries.d', '--registries.d', [CompletionResultType]::ParameterName, 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]')
            [CompletionResult]::new('--tmpdir', '--tmpdir', [CompletionResultType]::ParameterName, 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]')
            [CompletionResult]::new('--max-unpacked', '--max-unpacked', [CompletionResultType]::ParameterName, 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Log each request and each decision to stderr, without secrets')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('inspect', 'inspect', [CompletionResultType]::ParameterValue, 'Show what an image is: digest, tags, labels, layers, environment')
            [CompletionResult]::new('copy', 'copy', [CompletionResultType]::ParameterValue, 'Copy an image from one place to another')
            [CompletionResult]::new('tags', 'tags', [CompletionResultType]::ParameterValue, 'List the tags of a repository, or the names of the images in an archive or layout')
            [CompletionResult]::new('list-tags', 'list-tags', [CompletionResultType]::ParameterValue, 'List the tags of a repository, or the names of the images in an archive or layout')
            [CompletionResult]::new('repos', 'repos', [CompletionResultType]::ParameterValue, 'List the repositories of a registry')
            [CompletionResult]::new('layers', 'layers', [CompletionResultType]::ParameterValue, 'Download the layers of an image into a directory, or list them')
            [CompletionResult]::new('sync', 'sync', [CompletionResultType]::ParameterValue, 'Mirror many images')
            [CompletionResult]::new('delete', 'delete', [CompletionResultType]::ParameterValue, 'Delete images from registries and OCI layouts')
            [CompletionResult]::new('manifest-digest', 'manifest-digest', [CompletionResultType]::ParameterValue, 'Print the digest of a manifest in a file')
            [CompletionResult]::new('search', 'search', [CompletionResultType]::ParameterValue, 'Search a registry for repositories')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Serve images as a registry')
            [CompletionResult]::new('login', 'login', [CompletionResultType]::ParameterValue, 'Log in to a registry')
            [CompletionResult]::new('logout', 'logout', [CompletionResultType]::ParameterValue, 'Remove a stored login')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Write the man pages into a directory')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'barque;inspect' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Format the output with a Go template, as in ''{{.Digest}}'' or ''{{json .Labels}}''')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Format the output with a Go template, as in ''{{.Digest}}'' or ''{{json .Labels}}''')
            [CompletionResult]::new('--platform', '--platform', [CompletionResultType]::ParameterName, 'Choose this platform, as in linux/arm64 or windows/amd64:10.0.20348; an image that is for another one is an error')
            [CompletionResult]::new('--daemon-host', '--daemon-host', [CompletionResultType]::ParameterName, 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]')
            [CompletionResult]::new('--shared-blob-dir', '--shared-blob-dir', [CompletionResultType]::ParameterName, 'The blobs of an oci: layout are in this directory, which several layouts share')
            [CompletionResult]::new('--retry-times', '--retry-times', [CompletionResultType]::ParameterName, 'Retry the whole operation up to N times when the network or the registry fails')
            [CompletionResult]::new('--retry-delay', '--retry-delay', [CompletionResultType]::ParameterName, 'Delay between retries [default: 1s, doubled each time]')
            [CompletionResult]::new('--creds', '--creds', [CompletionResultType]::ParameterName, 'Log in as this user with this password; without a colon the password is empty')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name (with --password)')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password for --username (visible in the process list)')
            [CompletionResult]::new('--registry-token', '--registry-token', [CompletionResultType]::ParameterName, 'Send this bearer token as it is; no token endpoint is asked')
            [CompletionResult]::new('--authfile', '--authfile', [CompletionResultType]::ParameterName, 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]')
            [CompletionResult]::new('--cert-dir', '--cert-dir', [CompletionResultType]::ParameterName, 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client')
            [CompletionResult]::new('--tls-verify', '--tls-verify', [CompletionResultType]::ParameterName, 'With =false, accept any certificate and permit plain HTTP [default: true]')
            [CompletionResult]::new('--override-os', '--override-os', [CompletionResultType]::ParameterName, 'Choose this operating system of a multi-platform image [default: linux]')
            [CompletionResult]::new('--override-arch', '--override-arch', [CompletionResultType]::ParameterName, 'Choose this architecture of a multi-platform image [default: that of this machine]')
            [CompletionResult]::new('--override-variant', '--override-variant', [CompletionResultType]::ParameterName, 'Choose this variant of the architecture')
            [CompletionResult]::new('--override-os-version', '--override-os-version', [CompletionResultType]::ParameterName, 'Choose this version of the operating system, as in 10.0.20348 of Windows')
            [CompletionResult]::new('--command-timeout', '--command-timeout', [CompletionResultType]::ParameterName, 'End the command with an error after this time, as in 90s or 10m [default: none]')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up on a connection after this time without a byte [default: 60s]')
            [CompletionResult]::new('--allow-token-host', '--allow-token-host', [CompletionResultType]::ParameterName, 'Send a registry''s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated')
            [CompletionResult]::new('--allow-private-host', '--allow-private-host', [CompletionResultType]::ParameterName, 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud''s network is; can be repeated')
            [CompletionResult]::new('--registries.d', '--registries.d', [CompletionResultType]::ParameterName, 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]')
            [CompletionResult]::new('--tmpdir', '--tmpdir', [CompletionResultType]::ParameterName, 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]')
            [CompletionResult]::new('--max-unpacked', '--max-unpacked', [CompletionResultType]::ParameterName, 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]')
            [CompletionResult]::new('--raw', '--raw', [CompletionResultType]::ParameterName, 'Print the manifest byte for byte, with --platform that of the platform; with --config the config')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Print the config of the image as JSON')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Do not list the tags of the repository')
            [CompletionResult]::new('--no-tags', '--no-tags', [CompletionResultType]::ParameterName, 'Do not list the tags of the repository')
            [CompletionResult]::new('--verify-signature', '--verify-signature', [CompletionResultType]::ParameterName, 'Check the signatures of a docker schema 1 manifest and print key ids and verdicts')
            [CompletionResult]::new('--no-creds', '--no-creds', [CompletionResultType]::ParameterName, 'Send no credentials, whatever is stored')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Log each request and each decision to stderr, without secrets')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'barque;copy' {
            [CompletionResult]::new('--multi-arch', '--multi-arch', [CompletionResultType]::ParameterName, 'Choose the images of an index: system (the one for this platform), all, index-only, or a list of platforms')
            [CompletionResult]::new('--platform', '--platform', [CompletionResultType]::ParameterName, 'Choose this platform; with several, as in linux/amd64,linux/arm64 or linux/arm*, the index is copied with these only')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Write the image in this format: oci, v2s2 (docker''s schema 2) or v2s1 (docker''s schema 1)')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write the image in this format: oci, v2s2 (docker''s schema 2) or v2s1 (docker''s schema 1)')
            [CompletionResult]::new('--schema1-key', '--schema1-key', [CompletionResultType]::ParameterName, 'With --format v2s1, sign with the private key in this file [default: a key made for this copy]')
            [CompletionResult]::new('--additional-tag', '--additional-tag', [CompletionResultType]::ParameterName, 'Give an image in a docker-archive: this name too; repeatable')
            [CompletionResult]::new('--shared-blob-dir', '--shared-blob-dir', [CompletionResultType]::ParameterName, 'Keep the blobs of oci: layouts in this directory, which several layouts share, on both sides')
            [CompletionResult]::new('--allow-nondistributable', '--allow-nondistributable', [CompletionResultType]::ParameterName, 'Copy foreign layers too, from their URLs if the source does not have them; =false never copies them [default: true for dir: and archives of docker, false for oci: and registries]')
            [CompletionResult]::new('--digestfile', '--digestfile', [CompletionResultType]::ParameterName, 'Write the digest of the copied manifest to this file, without a newline')
            [CompletionResult]::new('--receipt', '--receipt', [CompletionResultType]::ParameterName, 'Write a receipt to this file: a JSON record of what was copied, already present, mounted and requested')
            [CompletionResult]::new('--mount-from', '--mount-from', [CompletionResultType]::ParameterName, 'Try to mount blobs from this repository of the destination''s registry; repeatable')
            [CompletionResult]::new('--image-parallel-copies', '--image-parallel-copies', [CompletionResultType]::ParameterName, 'Move at most this many blobs at once [default: 4 large and 16 small ones, 48 where a registry is far away]')
            [CompletionResult]::new('--authfile', '--authfile', [CompletionResultType]::ParameterName, 'Read the credentials of both sides from this file only [env: REGISTRY_AUTH_FILE]')
            [CompletionResult]::new('--dest-compress-format', '--dest-compress-format', [CompletionResultType]::ParameterName, 'Compress layers as gzip or zstd; layers already in that format are left alone')
            [CompletionResult]::new('--dest-compress-level', '--dest-compress-level', [CompletionResultType]::ParameterName, 'Compress at this level: 0 (not at all) to 9 for gzip, 1 to 20 for zstd [default: 6 for gzip, 3 for zstd]')
            [CompletionResult]::new('--retry-times', '--retry-times', [CompletionResultType]::ParameterName, 'Retry the whole operation up to N times when the network or the registry fails')
            [CompletionResult]::new('--retry-delay', '--retry-delay', [CompletionResultType]::ParameterName, 'Delay between retries [default: 1s, doubled each time]')
            [CompletionResult]::new('--src-daemon-host', '--src-daemon-host', [CompletionResultType]::ParameterName, 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]')
            [CompletionResult]::new('--src-shared-blob-dir', '--src-shared-blob-dir', [CompletionResultType]::ParameterName, 'The blobs of an oci: layout are in this directory, which several layouts share')
            [CompletionResult]::new('--dest-daemon-host', '--dest-daemon-host', [CompletionResultType]::ParameterName, 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]')
            [CompletionResult]::new('--dest-shared-blob-dir', '--dest-shared-blob-dir', [CompletionResultType]::ParameterName, 'The blobs of an oci: layout are in this directory, which several layouts share')
            [CompletionResult]::new('--src-creds', '--src-creds', [CompletionResultType]::ParameterName, 'Log in as this user with this password; without a colon the password is empty')
            [CompletionResult]::new('--src-username', '--src-username', [CompletionResultType]::ParameterName, 'User name (with --password)')
            [CompletionResult]::new('--src-password', '--src-password', [CompletionResultType]::ParameterName, 'Password for --username (visible in the process list)')
            [CompletionResult]::new('--src-registry-token', '--src-registry-token', [CompletionResultType]::ParameterName, 'Send this bearer token as it is; no token endpoint is asked')
            [CompletionResult]::new('--src-authfile', '--src-authfile', [CompletionResultType]::ParameterName, 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]')
            [CompletionResult]::new('--src-cert-dir', '--src-cert-dir', [CompletionResultType]::ParameterName, 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client')
            [CompletionResult]::new('--src-tls-verify', '--src-tls-verify', [CompletionResultType]::ParameterName, 'With =false, accept any certificate and permit plain HTTP [default: true]')
            [CompletionResult]::new('--dest-creds', '--dest-creds', [CompletionResultType]::ParameterName, 'Log in as this user with this password; without a colon the password is empty')
            [CompletionResult]::new('--dest-username', '--dest-username', [CompletionResultType]::ParameterName, 'User name (with --password)')
            [CompletionResult]::new('--dest-password', '--dest-password', [CompletionResultType]::ParameterName, 'Password for --username (visible in the process list)')
            [CompletionResult]::new('--dest-registry-token', '--dest-registry-token', [CompletionResultType]::ParameterName, 'Send this bearer token as it is; no token endpoint is asked')
            [CompletionResult]::new('--dest-authfile', '--dest-authfile', [CompletionResultType]::ParameterName, 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]')
            [CompletionResult]::new('--dest-cert-dir', '--dest-cert-dir', [CompletionResultType]::ParameterName, 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client')
            [CompletionResult]::new('--dest-tls-verify', '--dest-tls-verify', [CompletionResultType]::ParameterName, 'With =false, accept any certificate and permit plain HTTP [default: true]')
            [CompletionResult]::new('--override-os', '--override-os', [CompletionResultType]::ParameterName, 'Choose this operating system of a multi-platform image [default: linux]')
            [CompletionResult]::new('--override-arch', '--override-arch', [CompletionResultType]::ParameterName, 'Choose this architecture of a multi-platform image [default: that of this machine]')
            [CompletionResult]::new('--override-variant', '--override-variant', [CompletionResultType]::ParameterName, 'Choose this variant of the architecture')
            [CompletionResult]::new('--override-os-version', '--override-os-version', [CompletionResultType]::ParameterName, 'Choose this version of the operating system, as in 10.0.20348 of Windows')
            [CompletionResult]::new('--command-timeout', '--command-timeout', [CompletionResultType]::ParameterName, 'End the command with an error after this time, as in 90s or 10m [default: none]')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up on a connection after this time without a byte [default: 60s]')
            [CompletionResult]::new('--allow-token-host', '--allow-token-host', [CompletionResultType]::ParameterName, 'Send a registry''s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated')
            [CompletionResult]::new('--allow-private-host', '--allow-private-host', [CompletionResultType]::ParameterName, 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud''s network is; can be repeated')
            [CompletionResult]::new('--registries.d', '--registries.d', [CompletionResultType]::ParameterName, 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]')
            [CompletionResult]::new('--tmpdir', '--tmpdir', [CompletionResultType]::ParameterName, 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]')
            [CompletionResult]::new('--max-unpacked', '--max-unpacked', [CompletionResultType]::ParameterName, 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Copy an index with all its platforms, not only the image of one')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Copy an index with all its platforms, not only the image of one')
            [CompletionResult]::new('--sparse', '--sparse', [CompletionResultType]::ParameterName, 'When copying only some platforms, keep the original index and its digest, even though it lists platforms that are not copied; with --all, copy the platforms that the source has')
            [CompletionResult]::new('--recheck', '--recheck', [CompletionResultType]::ParameterName, 'Check every blob and manifest at the destination, even if it already has the image; local blobs are hashed')
            [CompletionResult]::new('--rehash', '--rehash', [CompletionResultType]::ParameterName, 'Hash every blob, even those that only pass through to a registry, which checks them itself')
            [CompletionResult]::new('--preserve-digests', '--preserve-digests', [CompletionResultType]::ParameterName, 'Fail rather than change a digest')
            [CompletionResult]::new('--remove-signatures', '--remove-signatures', [CompletionResultType]::ParameterName, 'Do not copy signatures of the image, without a warning')
            [CompletionResult]::new('--verify-signature', '--verify-signature', [CompletionResultType]::ParameterName, 'Refuse a schema 1 manifest that was signed as another image, instead of warning')
            [CompletionResult]::new('--no-verify-signature', '--no-verify-signature', [CompletionResultType]::ParameterName, 'Take a schema 1 manifest even if its signatures are invalid')
            [CompletionResult]::new('--keep-compressed', '--keep-compressed', [CompletionResultType]::ParameterName, 'Do not decompress layers written to a docker-archive:')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print what would be done, and do nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'With --dry-run, print JSON in place of a table')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing but warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing but warnings and errors')
            [CompletionResult]::new('--dest-compress', '--dest-compress', [CompletionResultType]::ParameterName, 'Compress layers that are not compressed; with gzip, unless a format is given')
            [CompletionResult]::new('--dest-decompress', '--dest-decompress', [CompletionResultType]::ParameterName, 'Write layers uncompressed')
            [CompletionResult]::new('--dest-force-compress-format', '--dest-force-compress-format', [CompletionResultType]::ParameterName, 'Accepted for skopeo compatibility; has no effect, since barque always does this')
            [CompletionResult]::new('--dest-oci-accept-uncompressed-layers', '--dest-oci-accept-uncompressed-layers', [CompletionResultType]::ParameterName, 'Keep uncompressed layers uncompressed, even with --dest-compress-format')
            [CompletionResult]::new('--src-no-creds', '--src-no-creds', [CompletionResultType]::ParameterName, 'Send no credentials, whatever is stored')
            [CompletionResult]::new('--dest-no-creds', '--dest-no-creds', [CompletionResultType]::ParameterName, 'Send no credentials, whatever is stored')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Log each request and each decision to stderr, without secrets')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'barque;tags' {
            [CompletionResult]::new('--retry-times', '--retry-times', [CompletionResultType]::ParameterName, 'Retry the whole operation up to N times when the network or the registry fails')
            [CompletionResult]::new('--retry-delay', '--retry-delay', [CompletionResultType]::ParameterName, 'Delay between retries [default: 1s, doubled each time]')
            [CompletionResult]::new('--creds', '--creds', [CompletionResultType]::ParameterName, 'Log in as this user with this password; without a colon the password is empty')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name (with --password)')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password for --username (visible in the process list)')
            [CompletionResult]::new('--registry-token', '--registry-token', [CompletionResultType]::ParameterName, 'Send this bearer token as it is; no token endpoint is asked')
            [CompletionResult]::new('--authfile', '--authfile', [CompletionResultType]::ParameterName, 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]')
            [CompletionResult]::new('--cert-dir', '--cert-dir', [CompletionResultType]::ParameterName, 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client')
            [CompletionResult]::new('--tls-verify', '--tls-verify', [CompletionResultType]::ParameterName, 'With =false, accept any certificate and permit plain HTTP [default: true]')
            [CompletionResult]::new('--override-os', '--override-os', [CompletionResultType]::ParameterName, 'Choose this operating system of a multi-platform image [default: linux]')
            [CompletionResult]::new('--override-arch', '--override-arch', [CompletionResultType]::ParameterName, 'Choose this architecture of a multi-platform image [default: that of this machine]')
            [CompletionResult]::new('--override-variant', '--override-variant', [CompletionResultType]::ParameterName, 'Choose this variant of the architecture')
            [CompletionResult]::new('--override-os-version', '--override-os-version', [CompletionResultType]::ParameterName, 'Choose this version of the operating system, as in 10.0.20348 of Windows')
            [CompletionResult]::new('--command-timeout', '--command-timeout', [CompletionResultType]::ParameterName, 'End the command with an error after this time, as in 90s or 10m [default: none]')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up on a connection after this time without a byte [default: 60s]')
            [CompletionResult]::new('--allow-token-host', '--allow-token-host', [CompletionResultType]::ParameterName, 'Send a registry''s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated')
            [CompletionResult]::new('--allow-private-host', '--allow-private-host', [CompletionResultType]::ParameterName, 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud''s network is; can be repeated')
            [CompletionResult]::new('--registries.d', '--registries.d', [CompletionResultType]::ParameterName, 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]')
            [CompletionResult]::new('--tmpdir', '--tmpdir', [CompletionResultType]::ParameterName, 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]')
            [CompletionResult]::new('--max-unpacked', '--max-unpacked', [CompletionResultType]::ParameterName, 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]')
            [CompletionResult]::new('--plain', '--plain', [CompletionResultType]::ParameterName, 'Print one tag a line')
            [CompletionResult]::new('--no-creds', '--no-creds', [CompletionResultType]::ParameterName, 'Send no credentials, whatever is stored')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Log each request and each decision to stderr, without secrets')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'barque;list-tags' {
            [CompletionResult]::new('--retry-times', '--retry-times', [CompletionResultType]::ParameterName, 'Retry the whole operation up to N times when the network or the registry fails')
            [CompletionResult]::new('--retry-delay', '--retry-delay', [CompletionResultType]::ParameterName, 'Delay between retries [default: 1s, doubled each time]')
            [CompletionResult]::new('--creds', '--creds', [CompletionResultType]::ParameterName, 'Log in as this user with this password; without a colon the password is empty')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name (with --password)')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password for --username (visible in the process list)')
            [CompletionResult]::new('--registry-token', '--registry-token', [CompletionResultType]::ParameterName, 'Send this bearer token as it is; no token endpoint is asked')
            [CompletionResult]::new('--authfile', '--authfile', [CompletionResultType]::ParameterName, 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]')
            [CompletionResult]::new('--cert-dir', '--cert-dir', [CompletionResultType]::ParameterName, 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client')
            [CompletionResult]::new('--tls-verify', '--tls-verify', [CompletionResultType]::ParameterName, 'With =false, accept any certificate and permit plain HTTP [default: true]')
            [CompletionResult]::new('--override-os', '--override-os', [CompletionResultType]::ParameterName, 'Choose this operating system of a multi-platform image [default: linux]')
            [CompletionResult]::new('--override-arch', '--override-arch', [CompletionResultType]::ParameterName, 'Choose this architecture of a multi-platform image [default: that of this machine]')
            [CompletionResult]::new('--override-variant', '--override-variant', [CompletionResultType]::ParameterName, 'Choose this variant of the architecture')
            [CompletionResult]::new('--override-os-version', '--override-os-version', [CompletionResultType]::ParameterName, 'Choose this version of the operating system, as in 10.0.20348 of Windows')
            [CompletionResult]::new('--command-timeout', '--command-timeout', [CompletionResultType]::ParameterName, 'End the command with an error after this time, as in 90s or 10m [default: none]')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up on a connection after this time without a byte [default: 60s]')
            [CompletionResult]::new('--allow-token-host', '--allow-token-host', [CompletionResultType]::ParameterName, 'Send a registry''s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated')
            [CompletionResult]::new('--allow-private-host', '--allow-private-host', [CompletionResultType]::ParameterName, 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud''s network is; can be repeated')
            [CompletionResult]::new('--registries.d', '--registries.d', [CompletionResultType]::ParameterName, 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]')
            [CompletionResult]::new('--tmpdir', '--tmpdir', [CompletionResultType]::ParameterName, 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]')
            [CompletionResult]::new('--max-unpacked', '--max-unpacked', [CompletionResultType]::ParameterName, 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]')
            [CompletionResult]::new('--plain', '--plain', [CompletionResultType]::ParameterName, 'Print one tag a line')
            [CompletionResult]::new('--no-creds', '--no-creds', [CompletionResultType]::ParameterName, 'Send no credentials, whatever is stored')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Log each request and each decision to stderr, without secrets')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'barque;repos' {
            [CompletionResult]::new('--retry-times', '--retry-times', [CompletionResultType]::ParameterName, 'Retry the whole operation up to N times when the network or the registry fails')
            [CompletionResult]::new('--retry-delay', '--retry-delay', [CompletionResultType]::ParameterName, 'Delay between retries [default: 1s, doubled each time]')
            [CompletionResult]::new('--creds', '--creds', [CompletionResultType]::ParameterName, 'Log in as this user with this password; without a colon the password is empty')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name (with --password)')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password for --username (visible in the process list)')
            [CompletionResult]::new('--registry-token', '--registry-token', [CompletionResultType]::ParameterName, 'Send this bearer token as it is; no token endpoint is asked')
            [CompletionResult]::new('--authfile', '--authfile', [CompletionResultType]::ParameterName, 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]')
            [CompletionResult]::new('--cert-dir', '--cert-dir', [CompletionResultType]::ParameterName, 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client')
            [CompletionResult]::new('--tls-verify', '--tls-verify', [CompletionResultType]::ParameterName, 'With =false, accept any certificate and permit plain HTTP [default: true]')
            [CompletionResult]::new('--override-os', '--override-os', [CompletionResultType]::ParameterName, 'Choose this operating system of a multi-platform image [default: linux]')
            [CompletionResult]::new('--override-arch', '--override-arch', [CompletionResultType]::ParameterName, 'Choose this architecture of a multi-platform image [default: that of this machine]')
            [CompletionResult]::new('--override-variant', '--override-variant', [CompletionResultType]::ParameterName, 'Choose this variant of the architecture')
            [CompletionResult]::new('--override-os-version', '--override-os-version', [CompletionResultType]::ParameterName, 'Choose this version of the operating system, as in 10.0.20348 of Windows')
            [CompletionResult]::new('--command-timeout', '--command-timeout', [CompletionResultType]::ParameterName, 'End the command with an error after this time, as in 90s or 10m [default: none]')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up on a connection after this time without a byte [default: 60s]')
            [CompletionResult]::new('--allow-token-host', '--allow-token-host', [CompletionResultType]::ParameterName, 'Send a registry''s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated')
            [CompletionResult]::new('--allow-private-host', '--allow-private-host', [CompletionResultType]::ParameterName, 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud''s network is; can be repeated')
            [CompletionResult]::new('--registries.d', '--registries.d', [CompletionResultType]::ParameterName, 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]')
            [CompletionResult]::new('--tmpdir', '--tmpdir', [CompletionResultType]::ParameterName, 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]')
            [CompletionResult]::new('--max-unpacked', '--max-unpacked', [CompletionResultType]::ParameterName, 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]')
            [CompletionResult]::new('--plain', '--plain', [CompletionResultType]::ParameterName, 'Print one repository a line')
            [CompletionResult]::new('--no-creds', '--no-creds', [CompletionResultType]::ParameterName, 'Send no credentials, whatever is stored')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Log each request and each decision to stderr, without secrets')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'barque;layers' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write into this directory, which must be new, empty, or left by an interrupted download of the image')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write into this directory, which must be new, empty, or left by an interrupted download of the image')
            [CompletionResult]::new('--platform', '--platform', [CompletionResultType]::ParameterName, 'Choose this platform, as in linux/arm64 or windows/amd64:10.0.20348; an image that is for another one is an error')
            [CompletionResult]::new('--daemon-host', '--daemon-host', [CompletionResultType]::ParameterName, 'The Docker Engine of docker-daemon:, as in unix:///run/podman/podman.sock or tcp://HOST:PORT [default: $DOCKER_HOST, else unix:///var/run/docker.sock]')
            [CompletionResult]::new('--shared-blob-dir', '--shared-blob-dir', [CompletionResultType]::ParameterName, 'The blobs of an oci: layout are in this directory, which several layouts share')
            [CompletionResult]::new('--retry-times', '--retry-times', [CompletionResultType]::ParameterName, 'Retry the whole operation up to N times when the network or the registry fails')
            [CompletionResult]::new('--retry-delay', '--retry-delay', [CompletionResultType]::ParameterName, 'Delay between retries [default: 1s, doubled each time]')
            [CompletionResult]::new('--creds', '--creds', [CompletionResultType]::ParameterName, 'Log in as this user with this password; without a colon the password is empty')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name (with --password)')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password for --username (visible in the process list)')
            [CompletionResult]::new('--registry-token', '--registry-token', [CompletionResultType]::ParameterName, 'Send this bearer token as it is; no token endpoint is asked')
            [CompletionResult]::new('--authfile', '--authfile', [CompletionResultType]::ParameterName, 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]')
            [CompletionResult]::new('--cert-dir', '--cert-dir', [CompletionResultType]::ParameterName, 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client')
            [CompletionResult]::new('--tls-verify', '--tls-verify', [CompletionResultType]::ParameterName, 'With =false, accept any certificate and permit plain HTTP [default: true]')
            [CompletionResult]::new('--override-os', '--override-os', [CompletionResultType]::ParameterName, 'Choose this operating system of a multi-platform image [default: linux]')
            [CompletionResult]::new('--override-arch', '--override-arch', [CompletionResultType]::ParameterName, 'Choose this architecture of a multi-platform image [default: that of this machine]')
            [CompletionResult]::new('--override-variant', '--override-variant', [CompletionResultType]::ParameterName, 'Choose this variant of the architecture')
            [CompletionResult]::new('--override-os-version', '--override-os-version', [CompletionResultType]::ParameterName, 'Choose this version of the operating system, as in 10.0.20348 of Windows')
            [CompletionResult]::new('--command-timeout', '--command-timeout', [CompletionResultType]::ParameterName, 'End the command with an error after this time, as in 90s or 10m [default: none]')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up on a connection after this time without a byte [default: 60s]')
            [CompletionResult]::new('--allow-token-host', '--allow-token-host', [CompletionResultType]::ParameterName, 'Send a registry''s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated')
            [CompletionResult]::new('--allow-private-host', '--allow-private-host', [CompletionResultType]::ParameterName, 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud''s network is; can be repeated')
            [CompletionResult]::new('--registries.d', '--registries.d', [CompletionResultType]::ParameterName, 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]')
            [CompletionResult]::new('--tmpdir', '--tmpdir', [CompletionResultType]::ParameterName, 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]')
            [CompletionResult]::new('--max-unpacked', '--max-unpacked', [CompletionResultType]::ParameterName, 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]')
            [CompletionResult]::new('--list', '--list', [CompletionResultType]::ParameterName, 'List the layers without downloading them')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'With --list, print JSON in place of a table')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing to stderr but warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing to stderr but warnings and errors')
            [CompletionResult]::new('--verify-signature', '--verify-signature', [CompletionResultType]::ParameterName, 'Refuse a schema 1 manifest that was signed as another image, instead of warning')
            [CompletionResult]::new('--no-verify-signature', '--no-verify-signature', [CompletionResultType]::ParameterName, 'Take a schema 1 manifest even if its signatures are invalid')
            [CompletionResult]::new('--no-creds', '--no-creds', [CompletionResultType]::ParameterName, 'Send no credentials, whatever is stored')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Log each request and each decision to stderr, without secrets')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'barque;sync' {
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'What SOURCE is, as in skopeo: docker, dir or yaml')
            [CompletionResult]::new('--src', '--src', [CompletionResultType]::ParameterName, 'What SOURCE is, as in skopeo: docker, dir or yaml')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'What DESTINATION is, as in skopeo: docker or dir')
            [CompletionResult]::new('--dest', '--dest', [CompletionResultType]::ParameterName, 'What DESTINATION is, as in skopeo: docker or dir')
            [CompletionResult]::new('--append-suffix', '--append-suffix', [CompletionResultType]::ParameterName, 'Append this to every tag at the destination')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Write the images in this format: oci or v2s2 (docker''s schema 2)')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write the images in this format: oci or v2s2 (docker''s schema 2)')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Work on so many images at a time')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Work on so many images at a time')
            [CompletionResult]::new('--shard', '--shard', [CompletionResultType]::ParameterName, 'Do the share I of N (I counts from 0), or auto: by the variables of the scheduler that started this')
            [CompletionResult]::new('--digestfile', '--digestfile', [CompletionResultType]::ParameterName, 'Write a line DIGEST NAME for each image to this file')
            [CompletionResult]::new('--receipt', '--receipt', [CompletionResultType]::ParameterName, 'Write a line of JSON for each image and target to this file')
            [CompletionResult]::new('--authfile', '--authfile', [CompletionResultType]::ParameterName, 'Read the credentials of both sides from this file only [env: REGISTRY_AUTH_FILE]')
            [CompletionResult]::new('--src-creds', '--src-creds', [CompletionResultType]::ParameterName, 'Log in as this user with this password; without a colon the password is empty')
            [CompletionResult]::new('--src-username', '--src-username', [CompletionResultType]::ParameterName, 'User name (with --password)')
            [CompletionResult]::new('--src-password', '--src-password', [CompletionResultType]::ParameterName, 'Password for --username (visible in the process list)')
            [CompletionResult]::new('--src-registry-token', '--src-registry-token', [CompletionResultType]::ParameterName, 'Send this bearer token as it is; no token endpoint is asked')
            [CompletionResult]::new('--src-authfile', '--src-authfile', [CompletionResultType]::ParameterName, 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]')
            [CompletionResult]::new('--src-cert-dir', '--src-cert-dir', [CompletionResultType]::ParameterName, 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client')
            [CompletionResult]::new('--src-tls-verify', '--src-tls-verify', [CompletionResultType]::ParameterName, 'With =false, accept any certificate and permit plain HTTP [default: true]')
            [CompletionResult]::new('--dest-creds', '--dest-creds', [CompletionResultType]::ParameterName, 'Log in as this user with this password; without a colon the password is empty')
            [CompletionResult]::new('--dest-username', '--dest-username', [CompletionResultType]::ParameterName, 'User name (with --password)')
            [CompletionResult]::new('--dest-password', '--dest-password', [CompletionResultType]::ParameterName, 'Password for --username (visible in the process list)')
            [CompletionResult]::new('--dest-registry-token', '--dest-registry-token', [CompletionResultType]::ParameterName, 'Send this bearer token as it is; no token endpoint is asked')
            [CompletionResult]::new('--dest-authfile', '--dest-authfile', [CompletionResultType]::ParameterName, 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]')
            [CompletionResult]::new('--dest-cert-dir', '--dest-cert-dir', [CompletionResultType]::ParameterName, 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client')
            [CompletionResult]::new('--dest-tls-verify', '--dest-tls-verify', [CompletionResultType]::ParameterName, 'With =false, accept any certificate and permit plain HTTP [default: true]')
            [CompletionResult]::new('--override-os', '--override-os', [CompletionResultType]::ParameterName, 'Choose this operating system of a multi-platform image [default: linux]')
            [CompletionResult]::new('--override-arch', '--override-arch', [CompletionResultType]::ParameterName, 'Choose this architecture of a multi-platform image [default: that of this machine]')
            [CompletionResult]::new('--override-variant', '--override-variant', [CompletionResultType]::ParameterName, 'Choose this variant of the architecture')
            [CompletionResult]::new('--override-os-version', '--override-os-version', [CompletionResultType]::ParameterName, 'Choose this version of the operating system, as in 10.0.20348 of Windows')
            [CompletionResult]::new('--command-timeout', '--command-timeout', [CompletionResultType]::ParameterName, 'End the command with an error after this time, as in 90s or 10m [default: none]')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up on a connection after this time without a byte [default: 60s]')
            [CompletionResult]::new('--allow-token-host', '--allow-token-host', [CompletionResultType]::ParameterName, 'Send a registry''s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated')
            [CompletionResult]::new('--allow-private-host', '--allow-private-host', [CompletionResultType]::ParameterName, 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud''s network is; can be repeated')
            [CompletionResult]::new('--registries.d', '--registries.d', [CompletionResultType]::ParameterName, 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]')
            [CompletionResult]::new('--tmpdir', '--tmpdir', [CompletionResultType]::ParameterName, 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]')
            [CompletionResult]::new('--max-unpacked', '--max-unpacked', [CompletionResultType]::ParameterName, 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]')
            [CompletionResult]::new('--scoped', '--scoped', [CompletionResultType]::ParameterName, 'Keep the source''s registry and path in names at the destination')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Copy indexes with all their platforms; only with --src and --dest, since other forms do so anyway')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Copy indexes with all their platforms; only with --src and --dest, since other forms do so anyway')
            [CompletionResult]::new('--preserve-digests', '--preserve-digests', [CompletionResultType]::ParameterName, 'Fail rather than change a digest')
            [CompletionResult]::new('--remove-signatures', '--remove-signatures', [CompletionResultType]::ParameterName, 'Do not copy signatures stored beside the images, without a warning')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print what would be copied, and copy nothing')
            [CompletionResult]::new('--keep-going', '--keep-going', [CompletionResultType]::ParameterName, 'Go on after a failure; the default except with --src and --dest')
            [CompletionResult]::new('--fail-fast', '--fail-fast', [CompletionResultType]::ParameterName, 'Stop at the first failure')
            [CompletionResult]::new('--fast', '--fast', [CompletionResultType]::ParameterName, 'Trust the target''s list of tags: a tag in it is unchanged unless it fits a pattern of mutable')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing but warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing but warnings and errors')
            [CompletionResult]::new('--src-no-creds', '--src-no-creds', [CompletionResultType]::ParameterName, 'Send no credentials, whatever is stored')
            [CompletionResult]::new('--dest-no-creds', '--dest-no-creds', [CompletionResultType]::ParameterName, 'Send no credentials, whatever is stored')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Log each request and each decision to stderr, without secrets')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'barque;delete' {
            [CompletionResult]::new('--retry-times', '--retry-times', [CompletionResultType]::ParameterName, 'Retry the whole operation up to N times when the network or the registry fails')
            [CompletionResult]::new('--retry-delay', '--retry-delay', [CompletionResultType]::ParameterName, 'Delay between retries [default: 1s, doubled each time]')
            [CompletionResult]::new('--creds', '--creds', [CompletionResultType]::ParameterName, 'Log in as this user with this password; without a colon the password is empty')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name (with --password)')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password for --username (visible in the process list)')
            [CompletionResult]::new('--registry-token', '--registry-token', [CompletionResultType]::ParameterName, 'Send this bearer token as it is; no token endpoint is asked')
            [CompletionResult]::new('--authfile', '--authfile', [CompletionResultType]::ParameterName, 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]')
            [CompletionResult]::new('--cert-dir', '--cert-dir', [CompletionResultType]::ParameterName, 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client')
            [CompletionResult]::new('--tls-verify', '--tls-verify', [CompletionResultType]::ParameterName, 'With =false, accept any certificate and permit plain HTTP [default: true]')
            [CompletionResult]::new('--override-os', '--override-os', [CompletionResultType]::ParameterName, 'Choose this operating system of a multi-platform image [default: linux]')
            [CompletionResult]::new('--override-arch', '--override-arch', [CompletionResultType]::ParameterName, 'Choose this architecture of a multi-platform image [default: that of this machine]')
            [CompletionResult]::new('--override-variant', '--override-variant', [CompletionResultType]::ParameterName, 'Choose this variant of the architecture')
            [CompletionResult]::new('--override-os-version', '--override-os-version', [CompletionResultType]::ParameterName, 'Choose this version of the operating system, as in 10.0.20348 of Windows')
            [CompletionResult]::new('--command-timeout', '--command-timeout', [CompletionResultType]::ParameterName, 'End the command with an error after this time, as in 90s or 10m [default: none]')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up on a connection after this time without a byte [default: 60s]')
            [CompletionResult]::new('--allow-token-host', '--allow-token-host', [CompletionResultType]::ParameterName, 'Send a registry''s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated')
            [CompletionResult]::new('--allow-private-host', '--allow-private-host', [CompletionResultType]::ParameterName, 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud''s network is; can be repeated')
            [CompletionResult]::new('--registries.d', '--registries.d', [CompletionResultType]::ParameterName, 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]')
            [CompletionResult]::new('--tmpdir', '--tmpdir', [CompletionResultType]::ParameterName, 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]')
            [CompletionResult]::new('--max-unpacked', '--max-unpacked', [CompletionResultType]::ParameterName, 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Delete the manifest even if other tags point to it')
            [CompletionResult]::new('--no-creds', '--no-creds', [CompletionResultType]::ParameterName, 'Send no credentials, whatever is stored')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Log each request and each decision to stderr, without secrets')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'barque;manifest-digest' {
            [CompletionResult]::new('--override-os', '--override-os', [CompletionResultType]::ParameterName, 'Choose this operating system of a multi-platform image [default: linux]')
            [CompletionResult]::new('--override-arch', '--override-arch', [CompletionResultType]::ParameterName, 'Choose this architecture of a multi-platform image [default: that of this machine]')
            [CompletionResult]::new('--override-variant', '--override-variant', [CompletionResultType]::ParameterName, 'Choose this variant of the architecture')
            [CompletionResult]::new('--override-os-version', '--override-os-version', [CompletionResultType]::ParameterName, 'Choose this version of the operating system, as in 10.0.20348 of Windows')
            [CompletionResult]::new('--command-timeout', '--command-timeout', [CompletionResultType]::ParameterName, 'End the command with an error after this time, as in 90s or 10m [default: none]')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up on a connection after this time without a byte [default: 60s]')
            [CompletionResult]::new('--allow-token-host', '--allow-token-host', [CompletionResultType]::ParameterName, 'Send a registry''s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated')
            [CompletionResult]::new('--allow-private-host', '--allow-private-host', [CompletionResultType]::ParameterName, 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud''s network is; can be repeated')
            [CompletionResult]::new('--registries.d', '--registries.d', [CompletionResultType]::ParameterName, 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]')
            [CompletionResult]::new('--tmpdir', '--tmpdir', [CompletionResultType]::ParameterName, 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]')
            [CompletionResult]::new('--max-unpacked', '--max-unpacked', [CompletionResultType]::ParameterName, 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Log each request and each decision to stderr, without secrets')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'barque;search' {
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Show at most this many')
            [CompletionResult]::new('--retry-times', '--retry-times', [CompletionResultType]::ParameterName, 'Retry the whole operation up to N times when the network or the registry fails')
            [CompletionResult]::new('--retry-delay', '--retry-delay', [CompletionResultType]::ParameterName, 'Delay between retries [default: 1s, doubled each time]')
            [CompletionResult]::new('--creds', '--creds', [CompletionResultType]::ParameterName, 'Log in as this user with this password; without a colon the password is empty')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name (with --password)')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password for --username (visible in the process list)')
            [CompletionResult]::new('--registry-token', '--registry-token', [CompletionResultType]::ParameterName, 'Send this bearer token as it is; no token endpoint is asked')
            [CompletionResult]::new('--authfile', '--authfile', [CompletionResultType]::ParameterName, 'Read credentials from this file only [env: REGISTRY_AUTH_FILE]')
            [CompletionResult]::new('--cert-dir', '--cert-dir', [CompletionResultType]::ParameterName, 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client')
            [CompletionResult]::new('--tls-verify', '--tls-verify', [CompletionResultType]::ParameterName, 'With =false, accept any certificate and permit plain HTTP [default: true]')
            [CompletionResult]::new('--override-os', '--override-os', [CompletionResultType]::ParameterName, 'Choose this operating system of a multi-platform image [default: linux]')
            [CompletionResult]::new('--override-arch', '--override-arch', [CompletionResultType]::ParameterName, 'Choose this architecture of a multi-platform image [default: that of this machine]')
            [CompletionResult]::new('--override-variant', '--override-variant', [CompletionResultType]::ParameterName, 'Choose this variant of the architecture')
            [CompletionResult]::new('--override-os-version', '--override-os-version', [CompletionResultType]::ParameterName, 'Choose this version of the operating system, as in 10.0.20348 of Windows')
            [CompletionResult]::new('--command-timeout', '--command-timeout', [CompletionResultType]::ParameterName, 'End the command with an error after this time, as in 90s or 10m [default: none]')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up on a connection after this time without a byte [default: 60s]')
            [CompletionResult]::new('--allow-token-host', '--allow-token-host', [CompletionResultType]::ParameterName, 'Send a registry''s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated')
            [CompletionResult]::new('--allow-private-host', '--allow-private-host', [CompletionResultType]::ParameterName, 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud''s network is; can be repeated')
            [CompletionResult]::new('--registries.d', '--registries.d', [CompletionResultType]::ParameterName, 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]')
            [CompletionResult]::new('--tmpdir', '--tmpdir', [CompletionResultType]::ParameterName, 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]')
            [CompletionResult]::new('--max-unpacked', '--max-unpacked', [CompletionResultType]::ParameterName, 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('--no-creds', '--no-creds', [CompletionResultType]::ParameterName, 'Send no credentials, whatever is stored')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Log each request and each decision to stderr, without secrets')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'barque;serve' {
            [CompletionResult]::new('--listen', '--listen', [CompletionResultType]::ParameterName, 'Listen here; port 0 is a free one [default: 127.0.0.1:5000, with a command 127.0.0.1:0]')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'Serve the repositories below this directory; with a command, keep what is pushed in it')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'Serve images that have no repository name as this one; if repeated, one for each IMAGE')
            [CompletionResult]::new('--upstream', '--upstream', [CompletionResultType]::ParameterName, 'Mirror this registry and keep what is pulled below --root; can be repeated, the first one is the default')
            [CompletionResult]::new('--fresh', '--fresh', [CompletionResultType]::ParameterName, 'Ask the upstream about a tag again after this time')
            [CompletionResult]::new('--max-size', '--max-size', [CompletionResultType]::ParameterName, 'Keep at most so many bytes of an upstream''s blobs; those not used for longest go')
            [CompletionResult]::new('--htpasswd', '--htpasswd', [CompletionResultType]::ParameterName, 'Ask clients for a user of this file, which `htpasswd -B` writes')
            [CompletionResult]::new('--tls-cert', '--tls-cert', [CompletionResultType]::ParameterName, 'Serve HTTPS with the certificate in this file (PEM); read again on SIGHUP')
            [CompletionResult]::new('--tls-key', '--tls-key', [CompletionResultType]::ParameterName, 'The key of --tls-cert')
            [CompletionResult]::new('--client-ca', '--client-ca', [CompletionResultType]::ParameterName, 'Refuse clients without a certificate of an authority in this file (PEM)')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'Append a line of JSON for each request to this file; - is standard output')
            [CompletionResult]::new('--max-blob', '--max-blob', [CompletionResultType]::ParameterName, 'Refuse blobs that are larger than this')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'Let requests under way take this long when asked to end')
            [CompletionResult]::new('--ready-fd', '--ready-fd', [CompletionResultType]::ParameterName, 'Write the address as a line of JSON to this file descriptor once requests are answered')
            [CompletionResult]::new('--override-os', '--override-os', [CompletionResultType]::ParameterName, 'Choose this operating system of a multi-platform image [default: linux]')
            [CompletionResult]::new('--override-arch', '--override-arch', [CompletionResultType]::ParameterName, 'Choose this architecture of a multi-platform image [default: that of this machine]')
            [CompletionResult]::new('--override-variant', '--override-variant', [CompletionResultType]::ParameterName, 'Choose this variant of the architecture')
            [CompletionResult]::new('--override-os-version', '--override-os-version', [CompletionResultType]::ParameterName, 'Choose this version of the operating system, as in 10.0.20348 of Windows')
            [CompletionResult]::new('--command-timeout', '--command-timeout', [CompletionResultType]::ParameterName, 'End the command with an error after this time, as in 90s or 10m [default: none]')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up on a connection after this time without a byte [default: 60s]')
            [CompletionResult]::new('--allow-token-host', '--allow-token-host', [CompletionResultType]::ParameterName, 'Send a registry''s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated')
            [CompletionResult]::new('--allow-private-host', '--allow-private-host', [CompletionResultType]::ParameterName, 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud''s network is; can be repeated')
            [CompletionResult]::new('--registries.d', '--registries.d', [CompletionResultType]::ParameterName, 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]')
            [CompletionResult]::new('--tmpdir', '--tmpdir', [CompletionResultType]::ParameterName, 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]')
            [CompletionResult]::new('--max-unpacked', '--max-unpacked', [CompletionResultType]::ParameterName, 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]')
            [CompletionResult]::new('--write', '--write', [CompletionResultType]::ParameterName, 'Let clients push')
            [CompletionResult]::new('--delete', '--delete', [CompletionResultType]::ParameterName, 'Let clients delete tags, manifests and blobs')
            [CompletionResult]::new('--metrics', '--metrics', [CompletionResultType]::ParameterName, 'Answer /metrics in Prometheus'' text format')
            [CompletionResult]::new('--print-address', '--print-address', [CompletionResultType]::ParameterName, 'Print the address as a line of JSON once requests are answered')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Log each request and each decision to stderr, without secrets')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'barque;login' {
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The name of the user; asked for at the terminal when missing')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'The name of the user; asked for at the terminal when missing')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The password; it shows in the list of processes. Asked for without echo when missing')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'The password; it shows in the list of processes. Asked for without echo when missing')
            [CompletionResult]::new('--authfile', '--authfile', [CompletionResultType]::ParameterName, 'Store in this file [env: REGISTRY_AUTH_FILE]')
            [CompletionResult]::new('--compat-auth-file', '--compat-auth-file', [CompletionResultType]::ParameterName, 'Store in this file, in the form of Docker''s config.json')
            [CompletionResult]::new('--cert-dir', '--cert-dir', [CompletionResultType]::ParameterName, 'Take certificates from this directory: *.crt authorities, *.cert with *.key for the client')
            [CompletionResult]::new('--tls-verify', '--tls-verify', [CompletionResultType]::ParameterName, 'With =false, accept any certificate and permit plain HTTP [default: true]')
            [CompletionResult]::new('--override-os', '--override-os', [CompletionResultType]::ParameterName, 'Choose this operating system of a multi-platform image [default: linux]')
            [CompletionResult]::new('--override-arch', '--override-arch', [CompletionResultType]::ParameterName, 'Choose this architecture of a multi-platform image [default: that of this machine]')
            [CompletionResult]::new('--override-variant', '--override-variant', [CompletionResultType]::ParameterName, 'Choose this variant of the architecture')
            [CompletionResult]::new('--override-os-version', '--override-os-version', [CompletionResultType]::ParameterName, 'Choose this version of the operating system, as in 10.0.20348 of Windows')
            [CompletionResult]::new('--command-timeout', '--command-timeout', [CompletionResultType]::ParameterName, 'End the command with an error after this time, as in 90s or 10m [default: none]')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up on a connection after this time without a byte [default: 60s]')
            [CompletionResult]::new('--allow-token-host', '--allow-token-host', [CompletionResultType]::ParameterName, 'Send a registry''s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated')
            [CompletionResult]::new('--allow-private-host', '--allow-private-host', [CompletionResultType]::ParameterName, 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud''s network is; can be repeated')
            [CompletionResult]::new('--registries.d', '--registries.d', [CompletionResultType]::ParameterName, 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]')
            [CompletionResult]::new('--tmpdir', '--tmpdir', [CompletionResultType]::ParameterName, 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]')
            [CompletionResult]::new('--max-unpacked', '--max-unpacked', [CompletionResultType]::ParameterName, 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]')
            [CompletionResult]::new('--password-stdin', '--password-stdin', [CompletionResultType]::ParameterName, 'Read the password from standard input, to its end')
            [CompletionResult]::new('--get-login', '--get-login', [CompletionResultType]::ParameterName, 'Print the name of the user that is logged in, and do nothing else')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say where the login is stored')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say where the login is stored')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Log each request and each decision to stderr, without secrets')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'barque;logout' {
            [CompletionResult]::new('--authfile', '--authfile', [CompletionResultType]::ParameterName, 'Remove from this file [env: REGISTRY_AUTH_FILE]')
            [CompletionResult]::new('--compat-auth-file', '--compat-auth-file', [CompletionResultType]::ParameterName, 'Remove from this file, which has the form of Docker''s config.json')
            [CompletionResult]::new('--override-os', '--override-os', [CompletionResultType]::ParameterName, 'Choose this operating system of a multi-platform image [default: linux]')
            [CompletionResult]::new('--override-arch', '--override-arch', [CompletionResultType]::ParameterName, 'Choose this architecture of a multi-platform image [default: that of this machine]')
            [CompletionResult]::new('--override-variant', '--override-variant', [CompletionResultType]::ParameterName, 'Choose this variant of the architecture')
            [CompletionResult]::new('--override-os-version', '--override-os-version', [CompletionResultType]::ParameterName, 'Choose this version of the operating system, as in 10.0.20348 of Windows')
            [CompletionResult]::new('--command-timeout', '--command-timeout', [CompletionResultType]::ParameterName, 'End the command with an error after this time, as in 90s or 10m [default: none]')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up on a connection after this time without a byte [default: 60s]')
            [CompletionResult]::new('--allow-token-host', '--allow-token-host', [CompletionResultType]::ParameterName, 'Send a registry''s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated')
            [CompletionResult]::new('--allow-private-host', '--allow-private-host', [CompletionResultType]::ParameterName, 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud''s network is; can be repeated')
            [CompletionResult]::new('--registries.d', '--registries.d', [CompletionResultType]::ParameterName, 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]')
            [CompletionResult]::new('--tmpdir', '--tmpdir', [CompletionResultType]::ParameterName, 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]')
            [CompletionResult]::new('--max-unpacked', '--max-unpacked', [CompletionResultType]::ParameterName, 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Remove all logins that the file has')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Remove all logins that the file has')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Log each request and each decision to stderr, without secrets')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'barque;completion' {
            [CompletionResult]::new('--override-os', '--override-os', [CompletionResultType]::ParameterName, 'Choose this operating system of a multi-platform image [default: linux]')
            [CompletionResult]::new('--override-arch', '--override-arch', [CompletionResultType]::ParameterName, 'Choose this architecture of a multi-platform image [default: that of this machine]')
            [CompletionResult]::new('--override-variant', '--override-variant', [CompletionResultType]::ParameterName, 'Choose this variant of the architecture')
            [CompletionResult]::new('--override-os-version', '--override-os-version', [CompletionResultType]::ParameterName, 'Choose this version of the operating system, as in 10.0.20348 of Windows')
            [CompletionResult]::new('--command-timeout', '--command-timeout', [CompletionResultType]::ParameterName, 'End the command with an error after this time, as in 90s or 10m [default: none]')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up on a connection after this time without a byte [default: 60s]')
            [CompletionResult]::new('--allow-token-host', '--allow-token-host', [CompletionResultType]::ParameterName, 'Send a registry''s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated')
            [CompletionResult]::new('--allow-private-host', '--allow-private-host', [CompletionResultType]::ParameterName, 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud''s network is; can be repeated')
            [CompletionResult]::new('--registries.d', '--registries.d', [CompletionResultType]::ParameterName, 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]')
            [CompletionResult]::new('--tmpdir', '--tmpdir', [CompletionResultType]::ParameterName, 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]')
            [CompletionResult]::new('--max-unpacked', '--max-unpacked', [CompletionResultType]::ParameterName, 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Log each request and each decision to stderr, without secrets')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'barque;man' {
            [CompletionResult]::new('--override-os', '--override-os', [CompletionResultType]::ParameterName, 'Choose this operating system of a multi-platform image [default: linux]')
            [CompletionResult]::new('--override-arch', '--override-arch', [CompletionResultType]::ParameterName, 'Choose this architecture of a multi-platform image [default: that of this machine]')
            [CompletionResult]::new('--override-variant', '--override-variant', [CompletionResultType]::ParameterName, 'Choose this variant of the architecture')
            [CompletionResult]::new('--override-os-version', '--override-os-version', [CompletionResultType]::ParameterName, 'Choose this version of the operating system, as in 10.0.20348 of Windows')
            [CompletionResult]::new('--command-timeout', '--command-timeout', [CompletionResultType]::ParameterName, 'End the command with an error after this time, as in 90s or 10m [default: none]')
            [CompletionResult]::new('--stall-timeout', '--stall-timeout', [CompletionResultType]::ParameterName, 'Give up on a connection after this time without a byte [default: 60s]')
            [CompletionResult]::new('--allow-token-host', '--allow-token-host', [CompletionResultType]::ParameterName, 'Send a registry''s credential to the token endpoint on this host too, though it belongs to another domain; can be repeated')
            [CompletionResult]::new('--allow-private-host', '--allow-private-host', [CompletionResultType]::ParameterName, 'Let a public registry send requests to this host although it is at a private address, as storage within a cloud''s network is; can be repeated')
            [CompletionResult]::new('--registries.d', '--registries.d', [CompletionResultType]::ParameterName, 'Find the signatures of images in registries by the YAML files in this directory [default: ~/.config/containers/registries.d or /etc/containers/registries.d]')
            [CompletionResult]::new('--tmpdir', '--tmpdir', [CompletionResultType]::ParameterName, 'Put big temporary files (compressed archives, archives from a pipe) here [default: $TMPDIR or /var/tmp]')
            [CompletionResult]::new('--max-unpacked', '--max-unpacked', [CompletionResultType]::ParameterName, 'Refuse a compressed archive that unpacks to more than this, as in 64GiB [default: 1GiB, or 100 times its size]')
            [CompletionResult]::new('--debug', '--debug', [CompletionResultType]::ParameterName, 'Log each request and each decision to stderr, without secrets')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'barque;help' {
            [CompletionResult]::new('inspect', 'inspect', [CompletionResultType]::ParameterValue, 'Show what an image is: digest, tags, labels, layers, environment')
            [CompletionResult]::new('copy', 'copy', [CompletionResultType]::ParameterValue, 'Copy an image from one place to another')
            [CompletionResult]::new('tags', 'tags', [CompletionResultType]::ParameterValue, 'List the tags of a repository, or the names of the images in an archive or layout')
            [CompletionResult]::new('repos', 'repos', [CompletionResultType]::ParameterValue, 'List the repositories of a registry')
            [CompletionResult]::new('layers', 'layers', [CompletionResultType]::ParameterValue, 'Download the layers of an image into a directory, or list them')
            [CompletionResult]::new('sync', 'sync', [CompletionResultType]::ParameterValue, 'Mirror many images')
            [CompletionResult]::new('delete', 'delete', [CompletionResultType]::ParameterValue, 'Delete images from registries and OCI layouts')
            [CompletionResult]::new('manifest-digest', 'manifest-digest', [CompletionResultType]::ParameterValue, 'Print the digest of a manifest in a file')
            [CompletionResult]::new('search', 'search', [CompletionResultType]::ParameterValue, 'Search a registry for repositories')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Serve images as a registry')
            [CompletionResult]::new('login', 'login', [CompletionResultType]::ParameterValue, 'Log in to a registry')
            [CompletionResult]::new('logout', 'logout', [CompletionResultType]::ParameterValue, 'Remove a stored login')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Write the man pages into a directory')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'barque;help;inspect' {
            break
        }
        'barque;help;copy' {
            break
        }
        'barque;help;tags' {
            break
        }
        'barque;help;repos' {
            break
        }
        'barque;help;layers' {
            break
        }
        'barque;help;sync' {
            break
        }
        'barque;help;delete' {
            break
        }
        'barque;help;manifest-digest' {
            break
        }
        'barque;help;search' {
            break
        }
        'barque;help;serve' {
            break
        }
        'barque;help;login' {
            break
        }
        'barque;help;logout' {
            break
        }
        'barque;help;completion' {
            break
        }
        'barque;help;man' {
            break
        }
        'barque;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
