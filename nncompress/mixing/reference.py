"""Define the predictor in plain Python: what the compiled kernels must compute, number by number.

It is slow, and made to be read: nothing is laid out for speed, and lanes are objects. With the
tables of :mod:`.bithistory` and :mod:`.tables`, :mod:`.reference_contexts` and
:mod:`.reference_network` it is enough to write a decoder in another language. Tests hold the
kernels to it. All numbers are whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nncompress.lanes import Layout

from .allocation import MAP_TRUST, ONE, Sizes, matches
from .apm import FINAL_MAP_RATE, FINAL_MAPS, FINAL_SHARES, MIXED_SHARE
from .bithistory import EXPECTED_ONE, NEXT_HISTORY
from .counters import MAP_LIMIT
from .instruction import AT_DISPLACEMENT
from .matchmodel import run_bucket
from .mixer import FALL, FINAL_RATE, LEAST_ERROR, SHIFT
from .profiles import Profile, Selector
from .reference_contexts import (
    STIR,
    WORD64,
    Lane,
    Shared,
    Text,
    back,
    context_values,
    low_bytes,
    mix64,
    small_hash,
)
from .reference_parts import (
    Cell,
    Match,
    Runs,
    Slots,
    clamped,
    dot,
    error_of,
    knots,
    match_cells,
    squash,
    train,
)
from .state import IMMEDIATE, PHASE, REMAINING
from .tables import COARSE_STRETCH, STRETCH_MAX, STRETCH_ONE

if TYPE_CHECKING:
    from .reference_network import NetworkPart


class Reference:
    """Predicts and learns as :class:`~nncompress.mixing.predictor.Predictor` does.

    Arguments as there; ``network`` is the part that needs a network, None where there is none.
    Starting values are not among them: a new predictor's are stated here.
    """

    def __init__(
        self,
        profile: Profile,
        lanes: int,
        size: int,
        network: NetworkPart | None = None,
        period: int = 0,
        step: int = 0,
    ) -> None:
        self.profile, self.network = profile, network
        self.shared = Shared(size, period, step)
        sizes = Sizes.of(profile, size)
        self.match_bits, self.apm_bits, self.inputs = (
            sizes.match_bits,
            sizes.apm_bits,
            sizes.inputs,
        )
        self.slots = Slots(sizes.slot_bits)
        followed: dict[int, tuple[int, int, int]] = {}
        self.runs = [Runs(followed, sizes.run_bits) for _ in range(profile.runs)]
        self.maps = [
            [Cell(int(p), MAP_TRUST, MAP_LIMIT) for p in EXPECTED_ONE] for _ in profile.contexts
        ]
        tables: list[dict[int, int]] = [{} for _ in range(matches(profile))]
        self.match_cells = [match_cells() for _ in tables]
        least = (profile.match_bytes, profile.local_match_bytes)
        self.lanes = [
            Lane(number, int(start), [Match(n, t) for n, t in zip(least, tables, strict=False)])
            for number, start in enumerate(Layout(size, lanes).starts())
        ]
        self.sets: list[dict[int, list[int]]] = [{} for _ in profile.selectors]
        self.last: dict[int, list[int]] = {}
        self.final: list[dict[int, list[int]]] = [{} for _ in range(FINAL_MAPS)]

    def encode_step(self, lo: int, hi: int, symbols: Sequence[int]) -> list[list[int]]:
        """Predict and learn the next byte of lanes lo..hi-1; return P(bit = 1) by plane and lane.

        Probabilities are in 65536ths.
        """
        lanes = self.lanes[lo:hi]
        for lane in lanes:
            values = context_values(self.shared, lane)
            lane.keys = [mix64(values[c], (c + 1) * STIR) for c in self.profile.contexts]
            lane.runs = [runs.find(key) for runs, key in zip(self.runs, lane.keys, strict=False)]
        planes = []
        for plane in range(8):
            bits = [symbol >> (7 - plane) & 1 for symbol in symbols]
            for lane in lanes:
                if plane % 4 == 0:
                    keys = [mix64(k, lane.node) for k in lane.keys] if plane else lane.keys
                    lane.slots = [self.slots.find(key) for key in keys]
            planes.append([self.predict(lane, plane) for lane in lanes])
            self.learn(lanes, plane, bits)
        for lane in lanes:
            self._end_byte(lane)
        self._move_matches(lanes)
        return planes

    def predict(self, lane: Lane, plane: int) -> int:
        """Return P(next bit = 1) of a lane in 65536ths."""
        node = _node_of_half(lane.node, plane)
        lane.cells = [cells[slot[node]] for cells, slot in zip(self.maps, lane.slots, strict=True)]
        x = []
        for cell in lane.cells:
            x += [int(COARSE_STRETCH[cell.p16 >> 4]), (cell.p16 - 32768) >> 2]
        for model, cells in zip(lane.models, self.match_cells, strict=True):
            x += model.predict(lane.node, plane, cells)
        if self.network:
            x += self.network.inputs(lane, plane)
        x += [run.predict(plane) for run in lane.runs]
        lane.inputs = [*x, STRETCH_ONE // 8] + [0] * (self.inputs - len(x) - 1)
        self._mix(lane, plane)
        x_mixed = self.network.correct(lane) if self.network else lane.mixed
        return self._refine(lane, x_mixed)

    def _mix(self, lane: Lane, plane: int) -> None:
        choices = [self._choice(lane, selector, plane) for selector in self.profile.selectors]
        lane.chosen = [
            weights.setdefault(choice, self._first_weights())
            for weights, choice in zip(self.sets, choices, strict=True)
        ]
        lane.outputs = [clamped(dot(w, lane.inputs) >> SHIFT) for w in lane.chosen]
        lane.outputs += [0] * (len(lane.outputs) % 2)
        first = [ONE // len(choices)] * len(lane.outputs)
        lane.last_mix = self.last.setdefault(lane.text.c1 << 8 | lane.node & 255, first)
        lane.mixed = clamped(dot(lane.last_mix, lane.outputs) >> SHIFT)

    def _refine(self, lane: Lane, x: int) -> int:
        part, at = (x + STRETCH_MAX) % STRETCH_ONE, (x + STRETCH_MAX) // STRETCH_ONE
        p, lane.final_places = MIXED_SHARE * squash(x), []
        for context, maps, share in zip(
            self._final_contexts(lane), self.final, FINAL_SHARES, strict=True
        ):
            row = maps.setdefault(small_hash(context, self.apm_bits), knots())
            p += share * (row[at] * (STRETCH_ONE - part) + row[at + 1] * part >> 11)
            lane.final_places.append((row, at + (part >= STRETCH_ONE // 2)))
        return min(max((p + 4) // 8, 1), 65535)

    def _final_contexts(self, lane: Lane) -> list[int]:
        node, recent, word = lane.node, lane.text.recent, mix64(lane.text.word, lane.text.c1)
        best, length = -1, 0
        for model in lane.models:
            if model.fits(node) and (best < 0 or model.run > length):
                best, length = model.expected, model.run
        return [
            node << 16 | low_bytes(recent, 2),
            node << 24 | low_bytes(recent, 3),
            word + node & WORD64,
            node | best + 1 << 9 | min(length, 31) << 18,
        ]

    def learn(self, lanes: Sequence[Lane], plane: int, bits: Sequence[int]) -> None:
        """Learn the bits that the lanes had in a plane, one lane after the other."""
        coded = (lanes[0].position - lanes[0].start) * len(self.lanes)
        rate, first = self.profile.rate, self.profile.first_rate
        rate += (first - rate) * FALL // (coded + FALL)
        for lane, bit in zip(lanes, bits, strict=True):
            node = _node_of_half(lane.node, plane)
            for cell, slot in zip(lane.cells, lane.slots, strict=True):
                slot[node] = int(NEXT_HISTORY[2 * slot[node] + bit])
                cell.learn(bit)
            for model in lane.models:
                model.learn(bit)
            for run in lane.runs:
                run.learn(plane, bit)
            for weights, output in zip(lane.chosen, lane.outputs, strict=False):
                error = error_of(output, bit)
                if abs(error) >= LEAST_ERROR:
                    train(weights, lane.inputs, error * rate >> 12)
            train(lane.last_mix, lane.outputs, error_of(lane.mixed, bit) * FINAL_RATE >> 12)
            if self.network:
                self.network.learn(lane, bit)
            for row, at in lane.final_places:
                step = (bit << 16) - bit - row[at] + (bit << (FINAL_MAP_RATE - 1))
                row[at] += step >> FINAL_MAP_RATE
        for lane, bit in zip(lanes, bits, strict=True):
            lane.node = 2 * lane.node + bit

    def _choice(self, lane: Lane, selector: Selector, plane: int) -> int:
        text, first = lane.text, lane.models[0]
        matched = first.used is not None
        if selector is Selector.SEEN:
            node = _node_of_half(lane.node, plane)
            seen = sum(slot[node] != 0 for slot in lane.slots)
            return plane + 8 * ((2 if first.run >= 32 else 1) * matched + 3 * seen)
        if selector is Selector.CLUSTER:
            assert self.network
            return self.network.cluster(lane)
        return {
            Selector.NODE: lane.node,
            Selector.CLASSES: text.classes & 2047,
            Selector.MATCH: plane + (8 * (1 + int(run_bucket(first.run))) if matched else 0),
            Selector.LANE: lane.number & 255,
            Selector.BYTE: text.c1 | plane << 8,
            Selector.BRACKET: text.bracket,
            Selector.BYTE2: text.recent >> 8 & 255,
            Selector.SIZES: (text.sizes & 255) << 3 | plane,
            Selector.INSTRUCTION: self._place_in_instruction(text) << 3 | plane,
            Selector.RECORD: self._place_in_record(lane) << 3 | plane,
            Selector.WORD: min(text.word_length, 15) | plane << 4 | (text.classes & 15) << 7,
        }[selector]

    def _place_in_instruction(self, text: Text) -> int:
        phase = int(text.row[PHASE])
        rest = int(text.row[REMAINING if phase >= AT_DISPLACEMENT else IMMEDIATE])
        return phase | (rest & 15) << 4

    def _place_in_record(self, lane: Lane) -> int:
        period, step = max(self.shared.period, 1), max(self.shared.step, 1)
        place = (lane.position - lane.start) % step & 3
        above = back(self.shared, lane, period) == back(self.shared, lane, 2 * period)
        before = back(self.shared, lane, 1) == back(self.shared, lane, period + 1)
        return place | (lane.text.sizes >> 4 & 15) << 2 | above << 6 | before << 7

    def _first_weights(self) -> list[int]:
        n, weights = len(self.profile.contexts), [0] * self.inputs
        for i in range(n):
            weights[2 * i] = ONE // 8 if self.network else 2 * ONE // (n + 4)
        for model in range(matches(self.profile)):
            weights[2 * (n + model)] = ONE // (4 + 4 * model)
        if self.network:
            weights[2 * (n + matches(self.profile))] = ONE // 2
        return weights

    def _end_byte(self, lane: Lane) -> None:
        byte = lane.node & 255
        self.shared.history[lane.position] = byte
        for run in lane.runs:
            run.end(byte)
        lane.position += 1
        for table, key in zip(self.shared.followers, lane.followed, strict=True):
            table[key] = table.get(key, 0) << 8 & 0xFF00 | byte
        lane.text.read(byte, lane.position)
        lane.followed = lane.text.followed_keys()
        lane.node = 1

    def _move_matches(self, lanes: Sequence[Lane]) -> None:
        """Follow and search; then enter positions, the first model's a step late."""
        size, recent = len(self.shared.history) - 1, [lane.text.recent for lane in lanes]
        keys = [[mix64(low_bytes(word, self.profile.match_bytes), 1)] for word in recent]
        for lane, key, word in zip(lanes, keys, recent, strict=True):
            local = low_bytes(word, self.profile.local_match_bytes)
            key += [mix64(local, lane.number + 2)]
        for m in range(matches(self.profile)):
            for lane, key in zip(lanes, keys, strict=True):
                model, string = lane.models[m], key[m] >> (64 - self.match_bits)
                model.follow(self.shared.history, size, lane.text.c1)
                model.search(self.shared.history, string, lane.position, lane.position - lane.start)
        for lane, key in zip(lanes, keys, strict=True):
            if len(lane.models) > 1:
                lane.models[1].table[key[1] >> (64 - self.match_bits)] = lane.position
            if lane.pending is not None:
                lane.models[0].table[lane.pending] = lane.position - 1
            lane.pending = key[0] >> (64 - self.match_bits) or None


def _node_of_half(node: int, plane: int) -> int:
    """Return the number of a node within its half byte, 1..15."""
    one = 1 << (plane & 3)
    return node & (one - 1) | one
