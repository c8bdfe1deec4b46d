from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from nncompress.coding.options import CodingOptions
from nncompress.errors import ConfigError
from nncompress.exact.modelfile import load_model
from nncompress.reports import compare
from nncompress.reports.compare import (
    Trial,
    run_peer,
    totals,
    trial_from,
    worker_command,
    worker_job,
)
from nncompress.reports.peer import PeerSettings, settings_from
from nncompress.reports.peers import all_peers, choose_peers
from nncompress.reports.plot import pareto, require_matplotlib
from nncompress.reports.programs import PROGRAMS
from nncompress.reports.table import plain
from tests.children import ROOT
from tests.models import text, write_model

needs_scripts = pytest.mark.skipif(os.name != "posix", reason="writes shell scripts as programs")


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{script}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "name", ["gzip -9", "bzip2 -9", "xz -9e", "zstd -19", "brotli -q 11 -w 24"]
)
def test_libraries_restore_what_they_compress(name: str) -> None:
    peer = all_peers()[name]
    if peer.missing():
        pytest.skip(str(peer.missing()))
    for data in (text(5000), b""):
        trial = run_peer(peer, "file", data, PeerSettings())
        assert trial.error is None
        assert trial.restored
        assert trial.compressed == len(peer.compress(data))


@needs_scripts
def test_program_is_run_on_the_same_bytes(on_path: Path) -> None:
    script = "import sys, zlib; data = open(sys.argv[2], 'rb').read()\n"
    script += "work = zlib.compress if sys.argv[1] == '-c' else zlib.decompress\n"
    program(on_path, "cmix", script + "open(sys.argv[3], 'wb').write(work(data))")
    trial = run_peer(all_peers()["cmix"], "file", text(4000), PeerSettings())
    assert (trial.error, trial.restored) == (None, True)
    assert 0 < (trial.compressed or 0) < 4000
    assert (trial.peak_memory or 0) > 1_000_000


@needs_scripts
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import sys; print('out of luck', file=sys.stderr); sys.exit(3)", "status 3: out of luck"),
        ("", "wrote no result"),
        ("import shutil, sys; open(sys.argv[3], 'wb').write(b'x')", "did not restore the file"),
        ("import time; time.sleep(60)", "took too long"),
    ],
)
def test_program_that_fails_is_a_line_in_the_table(on_path: Path, script: str, said: str) -> None:
    program(on_path, "cmix", script)
    seconds = 1.0 if "sleep" in script else 60.0
    trial = run_peer(all_peers()["cmix"], "file", b"contents", PeerSettings(seconds=seconds))
    assert said in str(trial.error)
    assert not trial.restored


@needs_scripts
def test_what_a_slow_program_has_started_is_stopped_too(on_path: Path) -> None:
    beats = on_path / "beats"
    child = f"import time\nwhile True: open({str(beats)!r}, 'a').write('x'); time.sleep(0.05)"
    script = "import subprocess, sys, time\n"
    script += f"subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(300)"
    program(on_path, "cmix", script)
    trial = run_peer(all_peers()["cmix"], "file", b"contents", PeerSettings(seconds=5.0))
    assert trial.error == "took too long, stopped"
    counted = beats.stat().st_size
    time.sleep(1)
    assert beats.stat().st_size == counted


def test_worker_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "STARTUP_ALLOWANCE", 0.0)
    trial = run_peer(all_peers()["xz -9e"], "file", text(1000) * 3000, PeerSettings(seconds=0.2))
    assert trial.error == "took more than 0.2 s, stopped"


def test_missing_model_is_a_line_in_the_table() -> None:
    trial = run_peer(
        all_peers()["nncompress"], "file", b"contents", PeerSettings(CodingOptions("unknown"))
    )
    assert "no model 'unknown'" in str(trial.error)


@pytest.mark.parametrize("name", ["zstd -19", "brotli -q 11 -w 24"])
def test_missing_library_is_a_line_in_the_table(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda module: None)
    trial = run_peer(all_peers()[name], "file", b"contents", PeerSettings())
    assert trial.error == "not installed: pip install 'nncompress[bench]'"
    assert name in plain([trial])


def test_plot_without_matplotlib_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda module: None)
    with pytest.raises(ConfigError, match=r"matplotlib: pip install 'nncompress\[bench\]'"):
        require_matplotlib(Path("plot.svg"))


@pytest.mark.parametrize("model", [None, "name", Path("folder", "file")])
def test_settings_survive_json(model: str | Path | None) -> None:
    settings = PeerSettings(CodingOptions(model, 3, threads=2), 5.0)
    expected = PeerSettings(CodingOptions(model and str(model), 3, threads=2), 5.0)
    assert settings_from(json.loads(json.dumps(settings.facts()))) == expected
    assert settings_from(PeerSettings().facts()) == PeerSettings()


def test_libraries_of_ours_do_not_count_as_the_memory_of_others() -> None:
    job = worker_job(all_peers()["gzip -9"], text(1000), PeerSettings(CodingOptions(level=1)))
    script = "import sys; from nncompress.reports.worker import main; main()\n"
    script += "assert not {'numpy', 'numba', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], input=job, check=True, cwd=ROOT)


def test_trial_survives_its_facts() -> None:
    trial = Trial("a", 100, "x", compressed=50, compress_seconds=1.0, restored=True)
    assert trial_from(trial.facts()) == trial


def test_programs_that_are_absent_are_named(on_path: Path) -> None:
    peers, absent = choose_peers([])
    assert "cmix" in absent
    assert [peer.name for peer in peers][:2] == ["nncompress", "nncompress mixing"]
    assert [peer.name for peer in choose_peers(["zstd", "cmix"])[0]][-1] == "cmix"
    with pytest.raises(ConfigError, match="no codec 'rar'"):
        choose_peers(["rar"])


def test_totals_leave_out_peers_that_failed_somewhere() -> None:
    trials = [
        Trial(
            "a", 100, "x", compressed=50, compress_seconds=1, decompress_seconds=2, restored=True
        ),
        Trial(
            "b", 300, "x", compressed=50, compress_seconds=3, decompress_seconds=2, restored=True
        ),
        Trial("a", 100, "y", compressed=10, restored=True),
        Trial("b", 300, "y", error="failed"),
    ]
    (total,) = totals(trials)
    assert (total.codec, total.size, total.compressed) == ("x", 400, 100)
    assert (total.ratio, total.bits_per_byte, total.compress_speed) == (4.0, 2.0, 100.0)


def test_pareto_line_keeps_what_nothing_beats() -> None:
    points = [(1.0, 1.0), (5.0, 7.0), (4.0, 7.1), (5.0, 8.0), (9.0, 9.0), (0.5, 1.0)]
    assert pareto(points) == [(9.0, 9.0), (5.0, 7.0), (1.0, 1.0)]


@pytest.mark.parametrize("name", [peer.name for peer in PROGRAMS])
def test_programs_that_are_here_restore_what_they_compress(name: str) -> None:
    peer = all_peers()[name]
    if peer.missing():
        pytest.skip(str(peer.missing()))
    data = text(3000) + bytes(range(256))
    trial = run_peer(peer, "file", data, PeerSettings())
    assert trial.error is None
    assert trial.restored
    assert 0 < (trial.compressed or 0) < len(data) + 3000
    assert trial.version
    assert trial.command.split()[0] == trial.version.split()[0]


@needs_scripts
@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ("7-Zip [64] 26.02 : Copyright (c) 1999-2026", "cmix 26.02"),
        ("zpaq v7.15 journaling archiver, compiled Jan  5 2021", "cmix 7.15"),
        ("paq8px archiver v211 (c) 2026, Matt Mahoney et al.", "cmix 211"),
        ("Kanzi 2.3.0 (c) Frederic Langlet", "cmix 2.3.0"),
        ("This is bsc, Block Sorting Compressor. Version 3.3.2. 10 April 2023.", "cmix 3.3.2"),
        ("cmix version 21", "cmix 21"),
        ("no number", ""),
    ],
)
def test_a_program_says_its_version(on_path: Path, banner: str, version: str) -> None:
    program(on_path, "cmix", f"import sys; print({banner!r}); sys.exit(1)")
    assert all_peers()["cmix"].version() == version


@needs_scripts
def test_every_row_says_what_ran_and_when(on_path: Path) -> None:
    script = "import shutil, sys\nif len(sys.argv) < 2: print('cmix version 21')\n"
    program(on_path, "cmix", script + "else: shutil.copy(*sys.argv[2:])")
    names = ["nncompress mixing", "gzip -9", "bzip2 -9", "xz -9e", "cmix"]
    peers = [all_peers()[name] for name in names]
    settings = PeerSettings(CodingOptions(level=2))
    trials = compare.compare([("file", text(500))], peers, settings, lambda *_: None)
    assert [trial.error for trial in trials] == [None] * len(names)
    assert [trial.label for trial in trials] == ["nncompress mixing -2", *names[1:]]
    for trial in trials:
        assert trial.version
        assert trial.command
        assert datetime.fromisoformat(trial.date).tzinfo is not None
    shown = plain(trials)
    for trial in trials:
        assert trial.command in shown
        assert trial.version in shown
    assert "nncompress compress -2 --method mixing input" in shown
    assert "cmix -c input packed" in shown


def test_our_own_rows_name_model_and_level(tmp_path: Path) -> None:
    model = write_model(tmp_path / "tiny.nncmodel")
    found = []
    for level, name in ((3, "nncompress"), (5, "nncompress"), (5, "nncompress mixing")):
        peer = all_peers()[name]
        peer.configure(PeerSettings(CodingOptions(model, level)))
        found.append(peer.facts())
    assert [(facts["level"], facts["model"]) for facts in found] == [
        (3, None),
        (5, "tiny"),
        (5, None),
    ]
    assert found[1]["model_identity"] == load_model(model).identity.hex()
    assert str(model) in found[1]["command"]


def test_results_of_before_are_read_too() -> None:
    assert trial_from({"file": "a", "size": 1, "codec": "x"}) == Trial("a", 1, "x")


INTRUDERS = ("resource", "json", "click", "numpy", "lzma", "sitecustomize", "nncompress")


@pytest.mark.parametrize("pythonpath", [None, "", ".", os.pathsep])
def test_nothing_of_the_current_folder_is_imported(tmp_path: Path, pythonpath: str | None) -> None:
    here = tmp_path / "here"
    here.mkdir()
    for name in INTRUDERS:
        mark = f"open({str(tmp_path / name)!r}, 'w').close()\nraise SystemExit('intruder')\n"
        (here / f"{name}.py").write_text(mark)
    code = (
        "import os, sys\n"
        "from nncompress.reports.compare import run_peer\n"
        "from nncompress.reports.peer import PeerSettings\n"
        "from nncompress.reports.peers import all_peers\n"
        f"os.chdir({str(here)!r})\n"
        f"sys.path[:0] = ['', '.', {str(here)!r}]\n"
        "trial = run_peer(all_peers()['xz -9e'], 'file', b'contents', PeerSettings())\n"
        "assert trial.error is None and trial.peak_memory, trial\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    if pythonpath is not None:
        code = code.replace("os.chdir", f"os.environ['PYTHONPATH'] = {pythonpath!r}\nos.chdir")
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
    assert {path.name for path in tmp_path.iterdir()} == {"here"}


def test_a_worker_runs_this_very_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is in the current folder, as in a fresh clone."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    words = worker_command()
    assert str(ROOT) not in json.loads(words[-2])
    assert Path(words[-1]) == ROOT / "nncompress" / "__init__.py"
    trial = run_peer(all_peers()["gzip -9"], "file", b"contents", PeerSettings())
    assert (trial.error, trial.restored) == (None, True)
