"""What is said of long work is counted from its steady part, and fits the terminal."""

from __future__ import annotations

import random

import pytest

from nncompress.cli.bar import layout
from nncompress.cli.progress import ProgressMeter, View, Work
from nncompress.cli.rate import SteadyRate, duration, size_text


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def left(meter: ProgressMeter) -> float:
    found = meter.view().left
    assert found is not None
    return found


def test_start_up_does_not_count():
    clock = Clock()
    meter = ProgressMeter(clock=clock)
    meter.begin(Work("file", 1_000_000))
    clock.now += 60  # kernels are compiled
    for _ in range(100):
        clock.now += 0.1
        meter.add(1000)
    assert left(meter) == pytest.approx(90, rel=0.05)
    assert meter.view().speed == pytest.approx(10_000, rel=0.05)
    assert meter.view().elapsed == pytest.approx(70)


def test_nothing_is_guessed_before_it_is_known():
    clock = Clock()
    meter = ProgressMeter(clock=clock)
    meter.begin(Work("file", 1_000_000))
    clock.now += 30
    meter.add(10)
    clock.now += 0.1
    meter.add(10)
    view = meter.view()
    assert (view.left, view.speed, view.ratio) == (None, None, None)
    assert view.share == pytest.approx(2e-5)


def test_bursts_do_not_shake_the_estimate():
    """Four blocks at once, which report every few seconds and end one after the other."""
    clock, rng = Clock(), random.Random(1)
    total = 64 << 20
    meter = ProgressMeter(clock=clock)
    meter.begin(Work("file", total))
    done = 0
    guesses = []
    while done < total:
        clock.now += rng.choice([0.01, 0.01, 0.01, 3.97])  # a mean of one second
        step = min(1 << 18, total - done)
        done += step
        meter.add(step)
        clock.now += 0.2
        view = meter.view()
        if 0.1 < done / total < 0.9:
            assert view.left is not None
            guesses.append(view.left * (1 << 18) / 1.2 / (total - done))
    assert min(guesses) > 0.5
    assert max(guesses) < 2


def test_time_passes_where_nothing_is_reported():
    rate = SteadyRate()
    for second in range(10):
        rate.add(100, second)
    steady = rate.per_second(9)
    assert steady == pytest.approx(100)
    assert rate.per_second(9.9) == steady
    assert rate.per_second(100) < steady / 5


def test_a_stopped_process_is_not_slow():
    rate = SteadyRate()
    for second in range(10):
        rate.add(100, second)
    rate.skip(1000)
    rate.add(100, 1010)
    assert rate.per_second(1010) == pytest.approx(100)


def test_the_present_speed_counts_more_than_that_of_an_hour_ago():
    rate = SteadyRate()
    for second in range(3600):
        rate.add(1000, second)
    for second in range(3600, 4000):
        rate.add(100, second)
    assert rate.per_second(3999) == pytest.approx(100, rel=0.2)


def test_a_run_counts_all_its_files():
    clock = Clock()
    meter = ProgressMeter([1000, 5000, 4000], clock=clock)
    meter.begin(Work("a", 1000))
    clock.now += 1
    meter.add(1000, 200)
    meter.go_to_file(1)  # is left out
    meter.go_to_file(2)
    meter.begin(Work("c", 4000))
    clock.now += 5
    meter.add(2000, 400)
    view = meter.view()
    assert (view.place, view.label) == ("3 of 3", "c")
    assert (view.done, view.total, view.share) == (8000, 10_000, 0.8)
    assert view.ratio == pytest.approx(0.2)
    assert view.left == pytest.approx(2000 / (2000 / 5))
    assert view.line().startswith("3 of 3, c: 8,000 of 10,000 bytes (80.0%), ratio 20.0%, 0:06")


def test_a_run_with_a_pipe_has_no_total():
    meter = ProgressMeter([1000, None])
    meter.begin(Work("a", 1000))
    meter.add(1000)
    assert (meter.view().total, meter.view().share, meter.view().left) == (None, None, None)
    assert meter.view().done == 1000


def test_checking_is_the_second_half():
    clock = Clock()
    meter = ProgressMeter(clock=clock)
    meter.begin(Work("a", 1000, passes=2))
    for _ in range(10):
        clock.now += 1
        meter.add(100, 10)
    assert (meter.view().share, meter.view().done) == (0.5, 500)
    assert left(meter) == pytest.approx(10)
    meter.begin_check()
    assert meter.view().label == "checking a"
    meter.add_checked(1000)
    assert (meter.view().share, meter.view().ratio) == (1, pytest.approx(0.1))


def test_checking_what_came_through_a_pipe_has_a_total():
    meter = ProgressMeter()
    meter.begin(Work("standard input", passes=2))
    meter.add(300)
    meter.begin_check()
    meter.add_checked(150)
    assert (meter.view().done, meter.view().total, meter.view().share) == (150, 300, 0.5)


def test_an_archive_is_restored_at_the_speed_of_its_contents():
    clock = Clock()
    meter = ProgressMeter(clock=clock)
    meter.begin(Work("a.nnc", 1000, restores=True))
    for _ in range(6):
        clock.now += 1
        meter.add(100, 500)
    view = meter.view()
    assert (view.ratio, view.speed) == (pytest.approx(0.2), pytest.approx(500))
    assert view.left == pytest.approx(4)


def test_a_file_that_grows_is_never_more_than_done():
    meter = ProgressMeter()
    meter.begin(Work("log", 100))
    meter.add(250)
    view = meter.view()
    assert (view.share, view.done, view.total) == (1, 100, 100)


def full_view(label: str = "a file") -> View:
    return View(label, "3 of 12", 1_500_000, 4_000_000, 0.375, 0.213, 120_832.0, 23.4, 9.0)


def test_the_bar_says_all_where_there_is_room():
    assert layout(full_view(), 100) == (
        "3 of 12: a file  38% |{bar}| 0:23 left, 1.4/3.8 MiB, 118.0 KiB/s, ratio 21.3%"
    )


@pytest.mark.parametrize("label", ["a", "a name of some length.log", "x" * 300, "{bar} {0} {{"])
@pytest.mark.parametrize("width", range(20, 200, 7))
def test_the_bar_fits_the_terminal(label, width):
    shown = layout(full_view(label), width).replace("|{bar}|", "|########|")
    assert len(shown.replace("{{", "{").replace("}}", "}")) <= max(width, 60)
    assert shown.format() != ""
    assert "left" in shown


def test_without_a_total_there_is_no_bar():
    view = View("standard input", "", 1_500_000, None, None, 0.213, 120_832.0, None, 9.0)
    assert layout(view, 79) == "standard input: 0:09, 1.4 MiB, 118.0 KiB/s, ratio 21.3%"
    assert view.line() == "standard input: 1,500,000 bytes, ratio 21.3%, 0:09, 118.0 KiB/s"


def test_a_name_does_not_command_the_terminal():
    assert "\x1b" not in layout(full_view("a\x1b]0;owned\x07"), 100)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.6, "1:00"), (754, "12:34"), (3723, "1:02:03"), (273_900, "3 d 04:05")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "of", "text"),
    [
        (0, None, "0 B"),
        (812, None, "812 B"),
        (1023, None, "1.0 KiB"),
        (1_500_000, None, "1.4 MiB"),
        (1_500_000, 4_000_000, "1.4/3.8 MiB"),
        (10, 3 << 30, "0.0/3.0 GiB"),
    ],
)
def test_sizes(size, of, text):
    assert size_text(size, of=of) == text
