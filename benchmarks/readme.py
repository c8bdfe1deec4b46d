"""Write the tables in README and documentation from the JSON that other scripts left in results/.

    python benchmarks/readme.py

A table stands between ``<!-- benchmark:NAME -->`` and ``<!-- /benchmark:NAME -->``; NAME is one of
``README_TABLES``. What has not been measured yet stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nncompress.reports.compare import Trial, totals, trial_from
from nncompress.reports.table import TRIAL_COLUMNS, cells

HERE = Path(__file__).parent
FOLDERS = ("", "benchmarks", "docs", "docs/measurements", "models")
"""Where the Markdown files lie, in the project."""

MARKED = re.compile(r"(<!-- benchmark:([\w-]+) -->\n).*?(<!-- /benchmark:\2 -->)", re.DOTALL)

Facts = dict[str, Any]


def markdown_table(heading: list[str], rows: list[list[str]]) -> str:
    """Return a table whose first column is text and the others numbers."""
    lines = [heading, ["---"] + ["--:"] * (len(heading) - 1), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _trials(rows: list[Facts]) -> list[Trial]:
    return [trial_from(row) for row in rows]


def totals_table(facts: Facts) -> str:
    """Show all files together, by peer."""
    trials = sorted(_trials(facts["totals"]), key=lambda trial: trial.compressed or 0)
    return markdown_table([name for name, _ in TRIAL_COLUMNS], [cells(trial) for trial in trials])


def files_table(facts: Facts) -> str:
    """Show the compressed bytes of every file, by peer."""
    trials = _trials(facts["trials"])
    peers = list(dict.fromkeys(trial.codec for trial in trials))
    packed = {(trial.file, trial.codec): trial.compressed for trial in trials}
    rows = []
    for file, size in dict.fromkeys((trial.file, trial.size) for trial in trials):
        sizes = (packed.get((file, peer)) for peer in peers)
        rows.append([file, f"{size:,}", *("" if s is None else f"{s:,}" for s in sizes)])
    if len(rows) > 1:
        whole = {trial.codec: trial for trial in _trials(facts["totals"])}
        sums = [f"{whole[peer].compressed:,}" if peer in whole else "" for peer in peers]
        size = sum({trial.file: trial.size for trial in trials}.values())
        rows.append([f"all {len(rows)} files", f"{size:,}", *sums])
    return markdown_table(["file", "bytes", *peers], rows)


def brief_table(trials: list[Trial]) -> str:
    """Show bytes by peer: a row a file, one for each folder of several, and all with the ratio."""
    peers = list(dict.fromkeys(trial.codec for trial in trials))
    files: dict[str, list[Trial]] = {}
    folders: dict[str, list[Trial]] = {}
    for trial in trials:
        files.setdefault(trial.file, []).append(trial)
        folders.setdefault(trial.file.rpartition("/")[0], []).append(trial)
    rows = [_sums(file, own, peers) for file, own in files.items()]
    if len(folders) > 1:
        rows += [
            _sums(f"all of {name or 'no folder'}", own, peers) for name, own in folders.items()
        ]
    if len(files) > 1:
        rows.append(_sums(f"all {len(files)} files", trials, peers))
    ratios = {trial.codec: f"{trial.ratio:.3f}" for trial in totals(trials) if trial.ratio}
    rows.append(["ratio", "", *(ratios.get(peer, "") for peer in peers)])
    return markdown_table(["file", "bytes", *peers], rows)


def _sums(title: str, trials: list[Trial], peers: list[str]) -> list[str]:
    """Return a row with the bytes of all these files; a peer that failed on one has none."""
    packed = {trial.codec: f"{trial.compressed:,}" for trial in totals(trials)}
    size = sum({trial.file: trial.size for trial in trials}.values())
    return [title, f"{size:,}", *(packed.get(peer, "") for peer in peers)]


def network_table(facts: Facts) -> str:
    """Show the bits per byte of the network alone, by file."""
    rows = [
        [row["file"], f"{row['bytes']:,}", f"{row['network']['bits_per_byte']:.4f}"]
        for row in facts["rows"]
    ]
    return markdown_table(["file", "bytes", "bits per byte"], rows)


AS_FAST = 0.05
"""Variants of a network whose times differ by less are taken to be equally fast."""


def ablation_table(facts: Facts) -> str:
    """Show the variants of the paper's network."""
    heading = ["variant", "parameters", "bits per byte, equal bytes", "equal time", "ms a step"]
    bits = {(run["equal"], run["variant"]): run["bits_per_byte"] for run in facts["runs"]}
    rows = []
    for row in facts["variants"]:
        name = row["variant"]
        pace = row["processor_seconds_a_step"]
        by_bytes, by_time = (bits.get((equal, name)) for equal in ("bytes", "time"))
        if abs(facts["variants"][0]["processor_seconds_a_step"] / pace - 1) <= AS_FAST:
            by_time = by_bytes  # it needed no second run
        both = (by_bytes, by_time)
        numbers = ["" if number is None else f"{number:.3f}" for number in both]
        rows.append([name, f"{row['parameters']:,}", *numbers, f"{1000 * pace:.0f}", row["paper"]])
    return markdown_table([*heading, "the paper"], rows)


def _speeds(row: Facts) -> list[str]:
    """Return size, for each way seconds and KB/s, and the memory of the way that takes more."""
    cells = [f"{row['archive_bytes']:,}"]
    for way in ("compress", "decompress"):
        speed = row[way]["bytes_per_second"] / 1000
        cells += [f"{row[way]['seconds']:.2f}", f"{speed:,.1f}" if speed < 100 else f"{speed:,.0f}"]
    memory = max(row[way]["peak_bytes"] for way in ("compress", "decompress"))
    return [*cells, f"{memory / 2**20:,.0f}"]


_SPEEDS = ["bytes", "compress s", "KB/s", "decompress s", "KB/s", "peak MiB"]


def throughput_table(facts: Facts) -> str:
    """Show speed and memory of whole processes, and what ``--help`` takes."""
    rows = [[row["what"], *_speeds(row)] for row in facts["rows"]]
    if "help" in facts:
        help_cells = ["", f"{facts['help']['seconds']:.2f}", "", "", ""]
        rows.append(["`--help`", *help_cells, f"{facts['help']['peak_bytes'] / 2**20:,.0f}"])
    return markdown_table(["", *_SPEEDS], rows)


def levels_table(facts: Facts) -> str:
    """Show size, speed and memory by level, and what xz took just before."""
    rows = [
        [f"`-{row['level']}`", *_speeds(row), f"{row['xz']['compress']['seconds']:.2f}"]
        for row in facts["rows"]
    ]
    return markdown_table(["level", *_SPEEDS, "`xz -9e`, s"], rows)


def lanes_table(facts: Facts) -> str:
    """Show what lanes cost over one, by method."""
    one = {row["method"]: row["bytes"] for row in facts["rows"] if row["lanes"] == 1}
    rows = []
    for row in sorted(facts["rows"], key=lambda row: (row["method"], row["lanes"])):
        least = one.get(row["method"])
        cost = f"{100 * (row['bytes'] / least - 1):+.2f}%" if least else ""
        rows.append([row["method"], str(row["lanes"]), f"{row['bytes']:,}", cost])
    return markdown_table(["method", "lanes", "bytes", "over one lane"], rows)


def device_steps_table(facts: Facts) -> str:
    """Show what a step of many rows takes on a device, and the bytes a second of two halves."""
    rows = []
    for row in facts["rows"]:
        device = row["network_us"] + row["copies_us"]
        both = 1000 * row["rows"] / max(device, row["mixing_us"])
        times = [f"{row[name]:,.0f}" for name in ("network_us", "copies_us", "mixing_us")]
        rows.append([f"{row['rows']:,}", str(row["blocks"]), *times, f"{both:,.1f}"])
    heads = ["rows", "blocks", "network µs", "copies µs", "mixing µs", "KB/s, two halves in turn"]
    return markdown_table(heads, rows)


def step_traffic_table(facts: Facts) -> str:
    """Show the launches of a step, and the bytes that they read and write."""
    launches, reference = facts["launches"], facts["reference"]
    names = "launches", "read", "written"
    total = {name: sum(launch[name] for launch in launches) for name in names}
    together = {"kernel": "all together", **total}
    rows = [
        [f"`{row['kernel']}`" if row["launches"] == 1 else row["kernel"], str(row["launches"])]
        + [f"{row[name] / 1e6:,.1f}" for name in ("read", "written")]
        for row in [*launches, together, reference]
    ]
    return markdown_table(["kernel", "launches", "MB read", "MB written"], rows)


def contention_table(facts: Facts) -> str:
    """Show seconds beside each load, and the default's as a multiple of the best fixed number's."""
    names = list(dict.fromkeys(name for row in facts["rows"] for name in row["seconds"]))
    fixed_ones = sorted((n for n in names if n.startswith("-T")), key=lambda n: int(n[2:]))
    variants = [*fixed_ones, *(name for name in names if name not in fixed_ones)]
    rows = []
    for row in facts["rows"]:
        times = row["seconds"]
        fixed = [time for name, time in times.items() if name.startswith("-T")]
        ratio = f"{times['default'] / min(fixed):.2f}" if fixed and "default" in times else ""
        blocks = -(-row["bytes"] // row["block_size"]) if row["block_size"] else 1
        cells = [f"{times[name]:.1f}" if name in times else "" for name in variants]
        rows.append([row["load"], str(blocks), *cells, ratio])
    return markdown_table(["beside", "blocks", *variants, "default / best -T"], rows)


README_TABLES: dict[str, tuple[str, Callable[[Facts], str]]] = {
    "ratio": ("ratio.json", totals_table),
    "ratio-files": ("ratio.json", files_table),
    "network": ("network_bits.json", network_table),
    "ablation": ("ablation.json", ablation_table),
    "throughput": ("throughput.json", throughput_table),
    "levels": ("levels.json", levels_table),
    "lanes": ("lanes.json", lanes_table),
    "device-steps": ("device_steps.json", device_steps_table),
    "step-traffic": ("step_traffic.json", step_traffic_table),
    "contention": ("contention.json", contention_table),
}
"""By name: the JSON file that a table shows, and what writes it."""


def filled(text: str, results: Path = HERE / "results") -> str:
    """Return a text with its tables as the JSON under ``results`` has them."""

    def table(match: re.Match[str]) -> str:
        name, render = README_TABLES[match[2]]
        if not (results / name).exists():
            return match[0]
        facts = json.loads((results / name).read_text(encoding="utf-8"))
        return match[1] + render(facts) + match[3]

    return MARKED.sub(table, text)


def pages() -> list[Path]:
    """List the Markdown files that have tables."""
    found = [path for folder in FOLDERS for path in sorted((HERE.parent / folder).glob("*.md"))]
    return [path for path in found if MARKED.search(path.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    for page in pages():
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
