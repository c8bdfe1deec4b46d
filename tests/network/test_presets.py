"""The shapes that training starts from."""

from __future__ import annotations

from nncompress.network.presets import PRESETS


def test_the_paper_preset_is_about_as_large_as_the_paper_says() -> None:
    # The paper gives 52 million for the single-headed network on enwik8.
    assert 50e6 < PRESETS["paper"].parameter_count() < 58e6
