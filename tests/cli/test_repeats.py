"""Repeats on the command line: files, pipes, windows, ranges, recovery."""

from __future__ import annotations

import json
import random

import pytest

NOISE = random.Random(2).randbytes(900_000)
TWICE = NOISE + bytes(100_000) + NOISE[100_000:] + NOISE[:300_000] + bytes(70_000)


@pytest.fixture
def twice(tmp_path):
    path = tmp_path / "twice"
    path.write_bytes(TWICE)
    return path


def facts_of(nnc, name="twice.nnc"):
    (facts,) = json.loads(nnc("list", "--json", name).stdout)
    return facts


def test_a_file_comes_back_whose_copies_are_read_from_the_result(real_nnc, twice):
    assert real_nnc("compress", "-1", "--verify", twice).returncode == 0
    twice.unlink()
    assert real_nnc("decompress", "twice.nnc").returncode == 0
    assert twice.read_bytes() == TWICE
    assert real_nnc("test", "twice.nnc").returncode == 0


@pytest.mark.parametrize("options", [[], ["--memory-limit", "100M"], ["-T", "1"]])
def test_a_pipe_comes_back(real_nnc, options):
    archive = real_nnc("-1", *options, data=TWICE).stdout
    assert len(archive) < len(NOISE) + 5000
    assert real_nnc("-d", *options, data=archive).stdout == TWICE


def test_a_window_of_nothing_finds_nothing(real_nnc, twice):
    assert real_nnc("compress", "-1", "--window", "0", twice).returncode == 0
    facts = facts_of(real_nnc)
    assert (facts["window"], facts["literals"]) == (0, len(TWICE))
    assert real_nnc("compress", "-1", "-f", "--window", "3M", twice).returncode == 0
    facts = facts_of(real_nnc)
    assert (facts["window"], facts["complete"]) == (1 << 22, True)
    assert facts["literals"] < len(NOISE) + 100_000
    assert facts["literals"] == sum(block["literals"] for block in facts["blocks"])
    assert any(block["copies"] and 0 in block["origins"] for block in facts["blocks"])


def test_a_list_tells_of_copies(real_nnc, twice):
    assert real_nnc("compress", "-1", twice).returncode == 0
    shown = real_nnc("list", "-v", "twice.nnc").stdout.decode()
    assert "window: 67,108,864" in shown
    assert "copies of blocks 0" in shown


def test_ranges_are_slices(real_nnc, twice):
    assert real_nnc("compress", "-1", twice).returncode == 0
    for start in (0, 950_000, 1_000_000, 1_750_000, len(TWICE) - 100):
        found = real_nnc("cat", "--range", f"{start}:{start + 100}", "twice.nnc").stdout
        assert found == TWICE[start : start + 100]


def test_recovery_names_what_a_lost_block_takes_with_it(real_nnc, twice, tmp_path):
    assert real_nnc("compress", "-1", twice).returncode == 0
    archive = tmp_path / "twice.nnc"
    first = facts_of(real_nnc)["blocks"][0]
    data = bytearray(archive.read_bytes())
    data[1000] ^= 1
    archive.write_bytes(data)
    result = real_nnc("decompress", "--recover", "-o", "back", "twice.nnc")
    assert result.returncode == 1
    back = (tmp_path / "back").read_bytes()
    assert len(back) == len(TWICE)
    expected = bytearray(TWICE)
    told = result.stderr.decode().splitlines()
    for line in told[:-1]:
        start, end = map(int, line.split(" bytes ")[1].split(" are lost")[0].split("-"))
        expected[start : end + 1] = bytes(end + 1 - start)
    assert back == expected
    assert f"bytes 0-{first['raw_size'] - 1} are lost" in told[0]
    assert len(told) > 2
