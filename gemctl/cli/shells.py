"""Answers shells that ask what may come next, and writes the scripts by which they ask: for bash, zsh and fish. main.py
imports it when a shell asks, and `gemctl completion` for a script.

click finds out what is to be completed. What is different from its own scripts: a word that may go on (it ends in `/`,
`=` or `.`) gets no space; `--stack=NAME` is completed as `--stack NAME` is; whatever goes wrong, nothing is printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from click.shell_completion import BashComplete, CompletionItem, FishComplete, ShellComplete, ZshComplete
from click.shell_completion import add_completion_class as register

if TYPE_CHECKING:
    import click

ASKED_BY = "_GEMCTL_COMPLETE"  # the environment variable by which a shell asks


class _Answer(ShellComplete):
    """A line for each word: its sort (plain, file, dir), the word, and what it is for; with tabs between them."""

    def complete(self) -> str:
        try:
            return super().complete()
        except Exception:  # a person is typing: there is no place for a message
            return ""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        option, equals, _ = incomplete.partition("=")
        given = f"{option}=" if equals and option.startswith("--") else ""
        found = super().get_completions(args, incomplete)
        if given:
            found = [CompletionItem(given + one.value, one.type, one.help) for one in found]
        return found

    def format_completion(self, item: CompletionItem) -> str:
        help_ = " ".join((item.help or "").split())
        return f"{item.type}\t{item.value}\t{help_}"


class _Bash(_Answer, BashComplete):
    """readline takes `=` for the end of a word, so that --stack=NAME arrives in three pieces, and only the last one is
    replaced.
    """

    _whole = 0  # characters of the word before the piece that is replaced
    source_template = """\
%(complete_func)s() {
    local IFS=$'\\n' sort word said
    COMPREPLY=()
    while IFS=$'\\t' read -r sort word said; do
        case $sort in
            plain)
                COMPREPLY+=("$word")
                [[ $word == *[/=.] ]] && compopt -o nospace 2>/dev/null
                ;;
            file) compopt -o default 2>/dev/null ;;
            dir) compopt -o dirnames 2>/dev/null ;;
        esac
    done < <(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD="$COMP_CWORD" %(complete_var)s=bash_complete "$1" 2>/dev/null)
    return 0
}
complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null || complete -F %(complete_func)s %(prog_name)s
"""

    def source(self) -> str:
        return ShellComplete.source(self)

    def get_completion_args(self) -> tuple[list[str], str]:
        args, incomplete = super().get_completion_args()
        piece = "" if incomplete == "=" else incomplete
        *args, whole = _joined([*args, incomplete])
        self._whole = len(whole) - len(piece)
        return args, whole

    def format_completion(self, item: CompletionItem) -> str:
        return super().format_completion(CompletionItem(item.value[self._whole :], item.type, item.help))


class _Zsh(_Answer, ZshComplete):
    source_template = """\
#compdef %(prog_name)s
%(complete_func)s() {
    local sort word said
    local -a words_alone words_open words_described
    while IFS=$'\\t' read -r sort word said; do
        case $sort in
            plain)
                if [[ $word == *[/=.] ]]; then
                    words_open+=("$word")
                elif [[ -n $said ]]; then
                    words_described+=("${word//:/\\\\:}:$said")
                else
                    words_alone+=("$word")
                fi
                ;;
            file) compset -P '--*='; _path_files ;;
            dir) compset -P '--*='; _path_files -/ ;;
        esac
    done < <(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT - 1)) %(complete_var)s=zsh_complete \\
        ${~words[1]} 2>/dev/null)
    (( $#words_described )) && _describe -V %(prog_name)s words_described -U
    (( $#words_alone )) && compadd -U -V words -a words_alone
    (( $#words_open )) && compadd -U -S '' -V words -a words_open
    return 0
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""


class _Fish(_Answer, FishComplete):
    source_template = """\
function %(complete_func)s
    set -l program (commandline --current-process --tokenize --cut-at-cursor)[1]
    set -l line (commandline --current-process --cut-at-cursor | string collect)
    set -l current (commandline --current-token --cut-at-cursor | string collect)
    for answer in (env %(complete_var)s=fish_complete "COMP_WORDS=$line" "COMP_CWORD=$current" $program 2>/dev/null)
        set -l part (string split \\t -- $answer)
        switch $part[1]
            case plain
                printf '%%s\\t%%s\\n' $part[2] $part[3]
            case file
                __fish_complete_path $current
            case dir
                __fish_complete_directories $current
        end
    end
end
complete --command %(prog_name)s --no-files --arguments '(%(complete_func)s)'
"""


CLASSES: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}
for _name, _class in CLASSES.items():
    register(_class, _name)


def script(shell: str, cli: click.Command) -> str:
    """The script for a shell, which defines a function and registers it for gemctl."""
    return CLASSES[shell](cli, {}, "gemctl", ASKED_BY).source()


def _joined(pieces: Sequence[str]) -> list[str]:
    """The words of which readline has made these pieces."""
    words: list[str] = []
    goes_on = False
    for piece in pieces:
        if words and (goes_on or piece == "="):
            words[-1] += piece
        else:
            words.append(piece)
        goes_on = piece == "="
    return words
