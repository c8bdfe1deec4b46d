"""Completion in real shells: what the user sees after Tab."""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.children import environment
from tests.cli.test_conventions import posix

pytestmark = posix

CASES = {
    "": {"compress", "models", "help", "my notes.txt", "old.nnc", "old.log"},
    "comp": {"compress", "compare", "completion"},
    "compress ": {"my notes.txt", "old.nnc", "old.log", "folder/"},
    "compress old.": {"old.nnc", "old.log"},
    "-c old.": {"old.nnc", "old.log"},
    "-d ": {"old.nnc", "pack.tnn", "folder/"},
    "decompress old": {"old.nnc"},
    "test ": {"old.nnc", "pack.tnn", "folder/"},
    "list folder/": {"folder/inner.nnc"},
    "compress -m ": {"default", "large", "quick", "mine.nncmodel", "folder/"},
    "-km d": {"default"},
    "compress --model=la": {"large"},
    "compress --model la": {"large"},
    "compress -o fol": {"folder/"},
    "compress --output=fol": {"folder/"},
    "compress --meth": {"--method"},
    "compress --method ": {"auto", "network", "network+mixing", "mixing", "stored"},
    "train --preset ": {"paper", "small", "quick", "default", "large"},
    "train --optimizer ": {"adamw", "muon", "lamb"},
    "compare --codec xz": {"xz -9e"},
    "models show qu": {"quick"},
    "models re": {"rename", "remove"},
    "models import ": {"mine.nncmodel", "folder/"},
    "help decom": {"decompress"},
    "completion ": {"bash", "zsh", "fish"},
    "comprss ": set(),
}
"""What is typed after the name of the program, and what is offered.
Where these are none, nothing is.
"""

LEFT_OUT = {
    "-d ": {"old.log", "my notes.txt"},
    "test ": {"old.log"},
    "list folder/": {"folder/inner.log"},
    "compress ": {"quantize", "test"},
    "compress -m ": {"old.nnc", "old.log"},
    "compress --method ": {"old.log"},
    "models import ": {"old.log"},
}
"""What is not offered."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of files to be completed, with the program's three names in ``bin``."""
    home = tmp_path_factory.mktemp("home")
    names = ("my notes.txt", "old.nnc", "old.log", "pack.tnn", "mine.nncmodel")
    here = home / "here"
    for name in (*names, "folder/inner.nnc", "folder/inner.log"):
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (home / "bin").mkdir()
    for name, entry in {"nncompress": "main", "unnncompress": "unnncompress"}.items():
        script = home / "bin" / name
        script.write_text(f"#!{sys.executable}\nfrom nncompress.cli import {entry}\n{entry}()\n")
        script.chmod(0o755)
    return here


def environment_of(place: Path) -> dict[str, str]:
    """The environment of a shell that knows nothing of its user."""
    home = str(place.parent)
    path = os.pathsep.join([str(place.parent / "bin"), os.environ["PATH"]])
    names = ("HOME", "ZDOTDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
    return environment(**dict.fromkeys(names, home), PATH=path, TERM="dumb", LC_ALL="C")


def need(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")


class Typist:
    """Types into a shell on a pseudo-terminal."""

    def __init__(self, words: list[str], place: Path) -> None:
        pty = pytest.importorskip("pty")
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(place)
            os.execvpe(words[0], words, environment_of(place))

    def type(self, text: str, until: str) -> str:
        """Type, and return what is shown up to ``until``, without the terminal's own codes."""
        os.write(self.terminal, text.encode())
        shown, end = b"", time.monotonic() + 120
        while until not in shown.decode(errors="replace"):
            assert time.monotonic() < end, shown
            if select.select([self.terminal], [], [], 1)[0]:
                shown += os.read(self.terminal, 4096)
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", shown.decode())

    def line(self, typed: str, key: str) -> str:
        """Type a command line and a key into bash, and return the line it has then."""
        shown = self.type(f"\x15{typed}{key}\x07", ">>")
        return re.findall("<<(.*?)>>", shown, re.DOTALL)[-1]

    def end(self) -> None:
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


@pytest.fixture(scope="module")
def bash(place):
    """A bash that prints its line, between << and >>, for Ctrl-G."""
    need("bash")
    typist = Typist(["bash", "--norc", "--noprofile"], place)
    typist.type(
        'PS1=; bind -x \'"\\C-g": printf "<%s%s>%s" "<" "$READLINE_LINE" ">"\';'
        ' eval "$(nncompress completion bash)"; echo READ""Y\n',
        "READY",
    )
    yield typist
    typist.end()


def test_bash(bash):
    for typed, words in CASES.items():
        line = shlex.split(bash.line(f"nncompress {typed}", ALL_AT_ONCE))[1:]
        before = len(typed.split()) - (not typed.endswith(" ") and typed != "")
        found = {word.rpartition("=")[2] for word in line[before:]}
        check(typed, found, words)


def test_bash_inserts_a_name_that_needs_quotes(bash):
    """As Tab does: the rest of the name, quoted, and a space; a slash after a folder's name."""
    for typed, expected in (
        ("compress my", "compress my\\ notes.txt "),
        ("compress my\\ n", "compress my\\ notes.txt "),
        ("compress 'my n", "compress 'my notes.txt' "),
        ("compress fo", "compress folder/"),
        ("-d fo", "-d folder/"),
        ("compress -m def", "compress -m default "),
        ("models verify --dev", "models verify --device "),
    ):
        assert bash.line(f"nncompress {typed}", "\t") == f"nncompress {expected}"


def test_other_names_of_the_program(bash):
    line = bash.line("unnncompress ", ALL_AT_ONCE)
    assert set(line.split()) == {"unnncompress", "old.nnc", "pack.tnn", "folder"}


ZSH = r"""
PS1=; autoload -Uz compinit; compinit -u
compadd() {
    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
        local -a offered; builtin compadd -A offered "$@"; print -rl -- $offered
    fi
    builtin compadd "$@"
}
tell() { print "<""<>>" }
ask() { print; comppostfuncs=(tell); zle list-choices }
zle -N ask; bindkey "^G" ask
eval "$(nncompress completion zsh)"; echo READ""Y
"""
"""Lets zsh print what it is offered, a line each, since it lists nothing while keys are waiting."""


def test_zsh(place):
    need("zsh")
    typist = Typist(["zsh", "-f", "-i"], place)
    (place.parent / "asking.zsh").write_text(ZSH)
    typist.type("source ../asking.zsh\n", "READY")
    try:
        for typed, words in CASES.items():
            shown = typist.type(f"\x15nncompress {typed}\x07", "<<>>")
            listed = shown.partition(f"nncompress {typed}")[2].replace("\\ ", " ")
            lines = listed.split("\n")[1:]
            check(typed, {word for word in ALL if name_of(word) in map(name_of, lines)}, words)
    finally:
        typist.end()


def test_fish(place):
    need("fish")
    script = ["nncompress completion fish | source"]
    script += [f"echo '= {typed}'; complete -C 'nncompress {typed}'" for typed in CASES]
    done = subprocess.run(
        ["fish", "-c", "\n".join(script)],
        cwd=place,
        env=environment_of(place),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stderr == ""
    for part in f"\n{done.stdout}".split("\n= ")[1:]:
        typed, *lines = part.split("\n")
        found = {line.partition("\t")[0].rpartition("=")[2] for line in lines} - {""}
        check(typed, found, CASES[typed])


ALL_AT_ONCE = "\x1b*"
"""The key on which bash inserts all that it offers."""

ALL = set().union(*CASES.values(), *LEFT_OUT.values())


def check(typed: str, found: set[str], words: set[str]) -> None:
    """Whether what is offered is what is expected, and nothing of what is not."""
    offered = {name_of(word) for word in found}
    assert {name_of(word) for word in words} <= offered, typed
    assert not {name_of(word) for word in LEFT_OUT.get(typed, ())} & offered, typed
    if not words:
        assert not offered, typed


def name_of(word: str) -> str:
    """A word without its folders: shells differ in what they show of them."""
    return word.rstrip("/").rpartition("/")[2]
