"""Write down a stranger's first minute: install, compress, decompress, compare; sizes and times.

    python benchmarks/first_minute.py            # writes docs/measurements/first-minute.md

Twice in an environment of its own, without PyTorch and with it, from a copy of the committed
sources that cannot be written, without a home folder, and with an empty cache for compiled kernels.
Versions are those of constraints.txt; pip may have its packages at hand already.
"""

from __future__ import annotations

import argparse
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from nncompress._version import __version__
from nncompress.reports.provenance import machine_facts

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "measurements" / "first-minute.md"
SAMPLE = "FORMAT.md"
WAYS = {
    "Without PyTorch": (
        "pip install -c constraints.txt -r requirements-light.txt",
        "pip install --no-deps .",
    ),
    "With it": ("pip install -c constraints.txt .",),
}
COMMANDS = (
    f"nncompress compress -v -o /tmp/sample.nnc {SAMPLE}",
    f"nncompress compress -f -o /tmp/sample.nnc {SAMPLE}",
    "nncompress decompress -o /tmp/sample.out /tmp/sample.nnc",
    f"cmp {SAMPLE} /tmp/sample.out",
    f"nncompress compare --codec nncompress --codec xz --codec gzip {SAMPLE}",
)


def main() -> None:
    """Take the figures and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--python", default=sys.executable, help="makes the environments")
    arguments = parser.parse_args()
    parts = [_head()]
    for title, installs in WAYS.items():
        with tempfile.TemporaryDirectory() as name:
            parts.append(f"## {title}\n\n" + "\n".join(_minute(Path(name), arguments, installs)))
    arguments.out.write_text("\n".join(parts), encoding="utf-8")


def _minute(
    folder: Path, arguments: argparse.Namespace, installs: tuple[str, ...]
) -> Iterator[str]:
    """Go through it in an empty folder, and give the page's lines."""
    sources, environment, place = (folder / part for part in ("src", "env", "tmp"))
    sources.mkdir()
    place.mkdir()
    archive = subprocess.run(
        ["git", "archive", "HEAD"], cwd=ROOT, check=True, stdout=subprocess.PIPE
    ).stdout
    subprocess.run(["tar", "-x", "-C", sources], input=archive, check=True)
    subprocess.run([arguments.python, "-m", "venv", environment], check=True)
    variables = {
        "PATH": f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(place),
        "NUMBA_CACHE_DIR": str(place / "kernels"),
    }
    pip = variables | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    pip |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    yield "```"
    for line in installs:
        times, _ = _run(line, sources, pip | {"HOME": os.environ.get("HOME", "/")}, place)
        yield f"$ {line}    # {times}"
    subprocess.run(["chmod", "-R", "a-w", sources], check=True)  # though root may
    yield f"$ du -sm env    # {_megabytes(environment)} MB, of them {_largest(environment)}"
    for line in COMMANDS:
        times, shown = _run(line, sources, variables, place)
        yield f"$ {line}    # {times}"
        yield from (text.rstrip() for text in shown.splitlines())
    yield "```\n"
    subprocess.run(["chmod", "-R", "u+w", sources], check=True)


def _run(line: str, folder: Path, variables: dict[str, str], place: Path) -> tuple[str, str]:
    """Run a command that must succeed; return how long it took, and what it showed."""
    words = [word.replace("/tmp/", f"{place}/") for word in shlex.split(line)]
    began, used = time.perf_counter(), _processor_seconds()
    done = subprocess.run(
        words,
        cwd=folder,
        env=variables,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    seconds, used = time.perf_counter() - began, _processor_seconds() - used
    if done.returncode:
        raise SystemExit(f"{line}\n{done.stdout}")
    shown = "" if words[0] == "pip" else done.stdout
    return f"{seconds:.1f} s, {used:.1f} s of processor", shown.replace(f"{place}/", "/tmp/")


def _processor_seconds() -> float:
    """Return what finished child processes have used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _megabytes(folder: Path) -> int:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return round(sum(path.stat().st_size for path in files) / 1e6)


def _largest(environment: Path) -> str:
    """Name the largest packages of an environment, in megabytes."""
    (packages,) = environment.glob("lib/python*/site-packages")
    sizes = {path.name: _megabytes(path) for path in packages.iterdir() if path.is_dir()}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:5]
    return ", ".join(f"{name} {sizes[name]}" for name in largest)


def _head() -> str:
    facts = machine_facts()
    machine = f"{facts['processor']}, {facts['cores']} cores, {facts['system']}"
    return f"""# The first minute

Made by `benchmarks/first_minute.py` with version {__version__}: what a stranger sees and waits
for, in a fresh environment, from read-only sources, without `HOME`, and with an empty cache of
compiled kernels. Packages came from a disk nearby; to fetch them takes as long as the network says.
{machine}, Python {facts["python"]}, commit {facts["commit"]}. Seconds of processor are those of all
processes and cores; where they are far fewer than seconds, the machine had other work to do.
"""


if __name__ == "__main__":
    main()
