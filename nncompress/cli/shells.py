"""The scripts that let a shell complete command lines, and what they ask for.

A script runs the program with two variables: ``COMP_WORDS``, the words before the cursor, one a
line, and ``COMP_CURRENT``, the word that is being typed. The answer has a line for each candidate:
its kind, its text and its help, with tabs between. Kinds are ``plain`` words, and of files
``file``, ``dir``, and ``suffix`` for those whose name ends so; the shell looks for files itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from . import candidates
from .shorthand import GLOBAL_OPTIONS, MODES, expand_shorthand

ASKED = "_NNCOMPRESS_COMPLETE"
"""This variable of the environment is set where a shell asks for candidates."""

BASH = r"""
_nncompress_completion() {
    local IFS=$'\n' current=${COMP_WORDS[COMP_CWORD]} prefix= word= found= kind value help
    local -a words=("${COMP_WORDS[@]:0:COMP_CWORD}") suffixes=()
    COMPREPLY=()
    case $current in
        =) word= ;;
        --*=*) prefix=${current%%=*}= word=${current#*=} ;;
        [\"\']*) word=${current:1} ;;
        *) word=$current ;;
    esac
    compopt +o filenames 2>/dev/null
    while IFS=$'\t' read -r kind value help; do
        case $kind in
            plain) COMPREPLY+=("$prefix$value") ;;
            file) _nncompress_files -f ;;
            dir) _nncompress_files -d ;;
            suffix) suffixes+=("$value") ;;
        esac
    done < <(COMP_WORDS="${words[*]}" COMP_CURRENT=$current _NNCOMPRESS_COMPLETE=1 "$1" 2>/dev/null)
    if [[ ${COMPREPLY[*]} == *\ * && -z $found ]]; then # readline quotes names of files only
        for value in "${!COMPREPLY[@]}"; do
            printf -v "COMPREPLY[$value]" %q "${COMPREPLY[value]}"
        done
    fi
    if ((${#suffixes[@]})); then
        for value in "${suffixes[@]}"; do
            _nncompress_files -f -X "!*$value"
        done
        _nncompress_files -d
        ((${#COMPREPLY[@]})) || _nncompress_files -f
    fi
    return 0
}

_nncompress_files() {
    local line
    found=yes
    compopt -o filenames 2>/dev/null
    while read -r line; do
        COMPREPLY+=("$prefix$line")
    done < <(compgen "$@" -- "$word")
}

complete -o filenames -o nosort -F _nncompress_completion nncompress unnncompress nnccat \
    2>/dev/null ||
    complete -o filenames -F _nncompress_completion nncompress unnncompress nnccat
"""

ZSH = r"""#compdef nncompress unnncompress nnccat

_nncompress_completion() {
    local line files=
    local -a plain described parts suffixes response
    response=("${(@f)$(COMP_WORDS="${(pj:\n:)words[1,CURRENT-1]}" COMP_CURRENT=$PREFIX \
        _NNCOMPRESS_COMPLETE=1 ${(Q)words[1]} 2>/dev/null)}")
    [[ $PREFIX == --*=* ]] && compset -P '*='
    for line in $response; do
        parts=("${(@ps:\t:)line}")
        case $parts[1] in
            plain) described+=("${parts[2]//:/\\:}${parts[3]:+:$parts[3]}") ;;
            file) files=yes ;;
            dir) _path_files -/ ;;
            suffix) suffixes+=("*$parts[2]") ;;
        esac
    done
    (( $#described )) && _describe -V nncompress described
    [[ -n $files ]] && _files
    (( $#suffixes )) && _files -g "(${(j:|:)suffixes})(-.)"
    return 0
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _nncompress_completion "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i; }
    compdef _nncompress_completion nncompress unnncompress nnccat
fi
"""

FISH = r"""
function _nncompress_completion
    set -l words (commandline -cop)
    set -l current (commandline -ct)
    test -n "$current"; or set current ''
    set -lx COMP_WORDS (string join \n -- $words | string collect)
    set -lx COMP_CURRENT $current
    set -lx _NNCOMPRESS_COMPLETE 1
    set -l answer ($words[1] 2>/dev/null)
    set -e _NNCOMPRESS_COMPLETE
    set -l prefix ''
    if string match -qr -- '^--[^=]*=' $current
        set prefix (string replace -r -- '=.*' '=' $current)
        set current (string replace -r -- '^[^=]*=' '' $current)
    end
    set -l suffixes
    for line in $answer
        set -l parts (string split \t -- $line)
        switch $parts[1]
            case plain
                printf '%s\t%s\n' $prefix$parts[2] $parts[3]
            case file
                printf '%s\n' $prefix(complete -C "__nncompress_files $current")
            case dir
                printf '%s\n' $prefix(__fish_complete_directories $current '')
            case suffix
                set -a suffixes (string escape --style=regex -- $parts[2])
        end
    end
    if set -q suffixes[1]
        set -l files (complete -C "__nncompress_files $current")
        set -l ends (string join '|' -- / $suffixes)
        set -l found (string match -r -- ".*(?:$ends)\$" $files)
        set -q found[1]; or set found $files
        printf '%s\n' $prefix$found
    end
end

for name in nncompress unnncompress nnccat
    complete --no-files --command $name --arguments '(_nncompress_completion)'
end
"""

SCRIPTS = {"bash": BASH.lstrip(), "zsh": ZSH, "fish": FISH.lstrip()}
"""The script for each shell."""


def answer(app: click.Group, commands: Collection[str], mode: list[str]) -> str:
    """Return the candidates for what the environment asks.

    Args:
        app: the command line.
        commands: names of its commands.
        mode: words that the name of the program stands for, such as ``-d`` for unnncompress.
    """
    words = [_unquoted(word) for word in os.environ.get("COMP_WORDS", "").split("\n")]
    current = _unquoted(os.environ.get("COMP_CURRENT", ""))
    found = _found(app, commands, [*mode, *words[1:]], current)
    return "\n".join("\t".join(_fields(item)) for item in found)


def _unquoted(word: str) -> str:
    return "".join(split_arg_string(word)[:1])


def _found(
    app: click.Group, commands: Collection[str], words: list[str], current: str
) -> Iterator[CompletionItem[str]]:
    """Yield the candidates for the word ``current`` after ``words``."""
    context = click.Context(app, info_name="nncompress", resilient_parsing=True)
    if not words:
        yield from app.shell_complete(context, current)
        if not current.startswith("-"):
            yield from candidates.offer_files(context)
            return
        for name, command in MODES.items():
            if name.startswith(current):
                yield CompletionItem(name, help=f"Do as {command!r}.")
    try:
        line = expand_shorthand(words or ["-z"], commands, interactive=False)
    except click.UsageError:  # a misspelt command has no candidates
        return
    if line[-1] == "=":  # bash takes it for a word of its own
        line.pop()
    if re.fullmatch("-[A-Za-z]{2,}", line[-1]):
        line[-1] = "-" + line[-1][-1]  # of options that are joined, only the last can take a word
    current = "" if current == "=" else current
    shell = ShellComplete(app, {}, "nncompress", "")
    for item in shell.get_completions(line, current):
        if words or item.value not in GLOBAL_OPTIONS:  # which were there above
            yield item


def _fields(item: CompletionItem[str]) -> tuple[str, str, str]:
    value = item.value if item.type in ("plain", "suffix") else ""
    return item.type, value, " ".join((item.help or "").split())
