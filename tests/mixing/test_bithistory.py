"""Bit histories remember how many of which bits came, the last ones most."""

from __future__ import annotations

from nncompress.mixing.bithistory import EXPECTED_ONE, NEXT_HISTORY, after, histories


def test_histories_fit_in_a_byte_and_lead_to_histories():
    known = histories()
    assert len(known) <= 256
    for number, history in enumerate(known):
        for bit in (0, 1):
            assert known[NEXT_HISTORY[2 * number + bit]] == after(history, bit)


def test_numbers_rise_with_what_was_seen():
    seen = [history.zeros + history.ones for history in histories()]
    assert seen[0] == 0
    assert seen == sorted(seen)


def test_a_run_of_one_bit_is_remembered_and_expected_to_go_on():
    for bit in (0, 1):
        number, before = 0, 1 << 15
        for _ in range(20):
            number = int(NEXT_HISTORY[2 * number + bit])
            chance = int(EXPECTED_ONE[number]) if bit else 65536 - int(EXPECTED_ONE[number])
            assert chance > before
            before = chance
        assert before > 63000


def test_zeros_and_ones_are_treated_alike():
    known = histories()
    mirror = {
        i: known.index(h._replace(zeros=h.ones, ones=h.zeros, last=_flipped(h)))
        for i, h in enumerate(known)
    }
    for i, other in mirror.items():
        for bit in (0, 1):
            assert mirror[int(NEXT_HISTORY[2 * i + bit])] == NEXT_HISTORY[2 * other + 1 - bit]


def _flipped(history):
    both = history.zeros and history.ones
    return 1 - history.last if both and history.zeros + history.ones <= 17 else 0


def test_a_surprise_shortens_a_long_run():
    history = next(h for h in histories() if (h.zeros, h.ones) == (20, 0))
    assert after(history, 1).zeros < 10
