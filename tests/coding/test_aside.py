"""At the first run a second process compiles the network's steps, where that helps."""

from __future__ import annotations

import pytest

from nncompress.coding import aside


@pytest.mark.parametrize(
    ("cores", "memory", "waits", "expected"),
    [(2, 4 << 30, True, 1), (1, 4 << 30, True, 0), (2, 1 << 30, True, 0), (2, 4 << 30, False, 0)],
    ids=["it helps", "one core", "little memory", "compiled already"],
)
def test_a_process_is_started_only_where_it_helps(monkeypatch, cores, memory, waits, expected):
    started: list[str] = []
    monkeypatch.setattr(aside, "start_child", started.append)
    monkeypatch.setattr(aside, "cpus", lambda: cores)
    monkeypatch.setattr(aside, "memory", lambda: memory)
    monkeypatch.setattr(aside, "waits_to_be_kept", lambda kernel: waits)
    aside.compile_network.__wrapped__()
    assert len(started) == expected
