//! What completion scripts know of the names of images: transports, and paths behind those of local places.
//!
//! clap generates the scripts from flags and knows no such names. What is added here is put around its functions.

use clap_complete::Shell;

/// `script` of clap for `shell`, with the names of images; `with_value` are the flags after which no image comes.
pub(super) fn with_images(shell: Shell, script: &str, with_value: &[String]) -> String {
    match shell {
        Shell::Bash => {
            let own = BASH.replace("@FLAGS@", &with_value.join("|"));
            // clap's last lines register its function.
            let (functions, registered) =
                script.split_at(script.rfind("\nif [[").unwrap_or(script.len()));
            let registered = registered.replace("-F _barque ", "-F _barque_with_images ");
            format!("{functions}\n{own}{registered}")
        }
        Shell::Zsh => {
            let is_image = |line: &str| {
                let name = line
                    .trim_start_matches(['\'', '*', ':'])
                    .split(" -- ")
                    .next();
                line.starts_with(['\''])
                    && matches!(
                        name,
                        Some("image" | "images" | "source" | "destination" | "more" | "repository")
                    )
            };
            let lines = script.lines().map(|line| match is_image(line) {
                true => line.replace(":_default'", ":_barque_images'") + "\n",
                false => line.to_owned() + "\n",
            });
            let script: String = lines.collect();
            let at = script.find("\nif [ \"$funcstack").unwrap_or(script.len());
            let (functions, registered) = script.split_at(at);
            format!("{functions}\n{ZSH}{registered}")
        }
        Shell::Fish => format!("{script}{FISH}"),
        _ => script.to_owned(),
    }
}

const BASH: &str = r#"
# Transports, and paths behind those of places on this machine. bash takes a name apart at its colons, where they
# are among COMP_WORDBREAKS; then only what follows the last colon is replaced.
_barque_with_images() {
    local line=${COMP_LINE:0:COMP_POINT}
    local word=${line##*[[:space:]]}
    local before=${line%"$word"}
    before=${before%"${before##*[![:space:]]}"}
    before=${before##*[[:space:]]}
    local command
    for command in "${COMP_WORDS[@]:1}"; do
        [[ $command != -* ]] && break
    done
    case $command in
        inspect|copy|tags|list-tags|layers|referrers|delete) ;;
        *) _barque "$@"; return ;;
    esac
    case $before in
        barque|*/barque|@FLAGS@) _barque "$@"; return ;;
    esac
    case $word in
        -*) _barque "$@"; return ;;
        oci:*|oci-archive:*|docker-archive:*|dir:*)
            local IFS=$'\n' path=${word#*:} transport=${word%%:*}:
            [[ $COMP_WORDBREAKS == *:* ]] && transport=
            COMPREPLY=($(compgen -f -P "$transport" -- "$path"))
            compopt -o filenames 2>/dev/null
            ;;
        *:*) COMPREPLY=() ;;
        *)
            COMPREPLY=($(compgen -W "docker:// docker-v1:// oci: oci-archive: docker-archive: docker-daemon: dir:" -- "$word"))
            compopt -o nospace 2>/dev/null
            ;;
    esac
}
"#;

const ZSH: &str = r#"
(( $+functions[_barque_images] )) ||
_barque_images() {
    if compset -P '(oci|oci-archive|docker-archive|dir):'; then
        _files
    else
        compadd -S '' -- docker:// docker-v1:// oci: oci-archive: docker-archive: docker-daemon: dir:
    fi
}
"#;

const FISH: &str = r#"
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
"#;
