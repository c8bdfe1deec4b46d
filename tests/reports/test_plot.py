"""Labels in pictures can be read: none lies on another, on a point, or outside."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncompress.reports.compare import Trial
from nncompress.reports.labels import Box, place_labels

AREA = Box(0, 0, 400, 300)
POINTS = st.lists(st.tuples(st.floats(0, 400), st.floats(0, 300)), min_size=1, max_size=16)


@given(POINTS, st.floats(20, 120))
def test_labels_lie_inside_and_on_nothing(points: list[tuple[float, float]], width: float) -> None:
    sizes = [(width, 12.0)] * len(points)
    placed = place_labels(points, sizes, AREA, 4.0)
    boxes = [box for box in placed if box is not None]
    for box in boxes:
        assert AREA.holds(box)
        assert (box.right - box.left, box.top - box.bottom) == pytest.approx((width, 12.0))
        for x, y in points:
            assert not box.overlaps(Box(x - 4, y - 4, x + 4, y + 4))
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)


def test_a_label_alone_stands_right_beside_its_point() -> None:
    (box,) = place_labels([(100.0, 100.0)], [(50.0, 12.0)], AREA, 4.0)
    assert box == Box(104, 94, 154, 106)


def test_sixteen_points_in_one_place_all_get_labels() -> None:
    placed = place_labels([(200.0, 150.0)] * 16, [(80.0, 12.0)] * 16, AREA, 4.0)
    assert None not in placed


def test_a_label_that_has_no_room_is_left_out() -> None:
    assert place_labels([(5.0, 5.0)], [(50.0, 12.0)], Box(0, 0, 10, 10), 1.0) == [None]


TRIALS = [
    Trial(
        "file",
        100_000,
        f"codec number {place}",
        compressed=30_000 + 100 * (place % 5),
        compress_seconds=1 + place / 50,
        decompress_seconds=0.1 + place % 3 / 1000,
        restored=True,
    )
    for place in range(14)
]


@pytest.mark.parametrize("form", ["png", "svg"])
@pytest.mark.parametrize("name", ["a$b$c$", "\udcff\x1b[2J", "<b>\u65e5\u672c", ""])
def test_any_name_can_be_drawn(name: str, form: str, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    from nncompress.reports.plot import draw

    trials = [dataclasses.replace(TRIALS[0], file=name, model=name, level=6)]
    assert draw(trials, form).startswith(b"\x89PNG" if form == "png" else b"<?xml")
    assert capfd.readouterr().err == ""


def test_without_any_figure_there_is_a_picture_all_the_same() -> None:
    pytest.importorskip("matplotlib")
    from nncompress.reports.plot import draw

    assert draw([Trial("a", 100, "x", error="failed")], "svg").startswith(b"<?xml")


@pytest.mark.parametrize("narrow", [False, True])
def test_labels_of_a_picture_do_not_overlap(narrow: bool) -> None:
    """Measured in the picture as it is drawn, of codecs that are nearly the same."""
    pytest.importorskip("matplotlib")
    from nncompress.reports import plot

    made = plot.figure(TRIALS, plot.NARROW_INCHES if narrow else plot.WIDE_INCHES)
    made.draw_without_rendering()
    for axes in made.axes:
        assert {label.get_text() for label in axes.texts} == {trial.codec for trial in TRIALS}
        extents = [label.get_window_extent() for label in axes.texts]
        for one, other in itertools.combinations(extents, 2):
            across = min(one.x1, other.x1) - max(one.x0, other.x0)
            up = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert min(across, up) < 1  # pixel
        frame = axes.get_window_extent()
        for extent in extents:
            assert frame.x0 - 1 <= extent.x0
            assert extent.x1 <= frame.x1 + 1
