"""Size the arrays of a predictor for a block, and fill them with what they start with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nncompress.lanes import Layout
from nncompress.machine.int16 import LENGTH

from .apm import APM_ROW, FINAL_MAPS, FINAL_ROW, NETWORK_MAPS
from .bithistory import EXPECTED_ONE
from .clusters import CENTROIDS
from .counters import MAP_SIZE
from .hashtable import SLOT_SIZE
from .matchmodel import MATCH_INPUTS, MISS_LEVELS, RUN_BUCKETS
from .mixer import CHOICES
from .networkmodel import NETWORK_INPUTS
from .profiles import Context, Profile, Selector
from .regression import FIRST_ENERGY, MAX_WIDTH
from .runs import RUN_LEVELS
from .state import (
    APM_BITS,
    CONFIG_SIZE,
    CONTEXT_IDS,
    CONTEXTS,
    EXPECTED,
    FINAL_WEIGHTS,
    FIRST_RATE,
    FOLLOWER,
    FOLLOWERS,
    INPUTS,
    KEYS,
    LANE_SIZE,
    LINE,
    LINE_BEFORE,
    LOCAL_MATCH_BYTES,
    MATCH_BITS,
    MATCH_BYTES,
    MATCH_CELLS,
    MATCHES,
    MAX_CONTEXTS,
    MAX_SETS,
    NETWORK,
    NETWORK_CELLS,
    NODE,
    OF_MATCH,
    PERIOD,
    POSITION,
    RATE,
    RUN_BITS,
    RUN_CELLS,
    RUN_INPUT,
    RUNS,
    SELECTORS,
    SET_WEIGHTS,
    SETS,
    SIZE,
    SLOT_BITS,
    START,
    STEP,
    WHERE_SIZE,
    WIDTH,
    WITH_CODE,
    WITH_FOLLOWERS,
    Array,
    State,
)
from .tables import SQUASH, STRETCH_MAX, STRETCH_ONE
from .text import FOLLOWERS_BITS

CACHE_LINE = 64
FINAL_CHOICES = 1 << 16  # of the last mix: byte and node
ONE = 1 << 14  # a weight of 1
OF_FOLLOWERS = {Context.FOLLOWED1, Context.FOLLOWED2, Context.FOLLOWED4}
OF_CODE = {Context.INSTRUCTION_BYTES, Context.OPCODES}
CODE_SELECTOR = Selector.INSTRUCTION
FULL_BLOCK_BITS = 22  # log2 of the bytes of a block; larger ones have larger tables
MAP_TRUST = 6  # counts that maps start with: how slowly they leave their first values
MATCH_TRUST = 4
APM_TRUST = 6


@dataclass(frozen=True)
class Sizes:
    """Lengths of a predictor's arrays; all follow from the profile and the bytes of a block."""

    inputs: int
    slot_bits: int
    match_bits: int
    apm_bits: int
    match_cells: int
    run_cells: int
    run_bits: int
    network_cells: int
    cells: int
    set_weights: tuple[int, ...]
    weights: int

    @classmethod
    def of(cls, profile: Profile, size: int) -> Sizes:
        """Compute them for a block of ``size`` bytes; a few bytes get tables of a few KiB."""
        n = len(profile.contexts)
        grown = max((size - 1).bit_length() - FULL_BLOCK_BITS, 0)
        inputs = bias_input(profile) + 1
        inputs += -inputs % LENGTH  # whole vectors
        apm_bits = min(max(size.bit_length() - 2, 8), 16)
        match_cells = n * MAP_SIZE
        run_cells = match_cells + matches(profile) * RUN_BUCKETS * MISS_LEVELS
        network_cells = run_cells + profile.runs * RUN_LEVELS * 8
        slot_bits = min(max((size * n).bit_length() + 1, 8), profile.slot_bits + min(grown, 1))
        starts = np.cumsum([0] + [CHOICES[s] * inputs for s in profile.selectors]).tolist()
        return cls(
            inputs=inputs,
            slot_bits=slot_bits,
            match_bits=min(max(size.bit_length(), 8), 22 + min(grown, 2)),
            apm_bits=apm_bits,
            match_cells=match_cells,
            run_cells=run_cells,
            run_bits=slot_bits - 1 if profile.runs else 0,
            network_cells=network_cells,
            cells=network_cells + (NETWORK_MAPS * (APM_ROW << apm_bits) if profile.network else 0),
            set_weights=tuple(starts[:-1]),
            weights=starts[-1] + FINAL_CHOICES * MAX_SETS,
        )


def memory_bytes(profile: Profile, lanes: int, size: int, width: int = 0) -> int:
    """Return the bytes that a predictor takes, apart from the program.

    Args:
        profile: what it consists of.
        lanes: their number.
        size: bytes of the block.
        width: length of the network's hidden vector; 0 without one.
    """
    sizes = Sizes.of(profile, size)
    common = (
        (SLOT_SIZE << sizes.slot_bits)
        + 4 * sizes.cells
        + 2 * sizes.weights
        + 2 * FINAL_MAPS * (FINAL_ROW << sizes.apm_bits)
        + 4 * (matches(profile) << sizes.match_bits)
        + (4 << sizes.run_bits)
        + 2 * FOLLOWERS
    )
    a_lane = 8 * (KEYS + len(profile.contexts) + len(Context))
    a_lane += 4 * (LANE_SIZE + WHERE_SIZE + 257 + 1) + 2 * (sizes.inputs + MAX_SETS) + MAX_CONTEXTS
    width = features(profile, width)
    common += 4 * (256 * width + CENTROIDS * width // 4 + CENTROIDS)
    a_lane += width + 4 * CENTROIDS + 4
    return common + lanes * a_lane + size + 8 * (CONFIG_SIZE + 256) + 1024


def make_state(
    profile: Profile, lanes: int, size: int, width: int = 0, period: int = 0, step: int = 0
) -> State:
    """Make the arrays of a predictor that has seen nothing; arguments as :func:`memory_bytes`.

    ``period`` is the length of a record, and ``step`` that of its parts, 0 for none.
    """
    sizes, width = Sizes.of(profile, size), features(profile, width)
    return State(
        config=_config(profile, sizes, size, width, period, step),
        history=np.zeros(size + 1, np.uint8),
        slots=_aligned_zeros(SLOT_SIZE << sizes.slot_bits),
        checks=np.zeros((lanes, MAX_CONTEXTS), np.uint8),
        keys=np.zeros((lanes, KEYS + len(profile.contexts)), np.uint64),
        values=np.zeros((lanes, len(Context)), np.uint64),
        lanes=_lanes(lanes, size),
        inputs=_inputs(lanes, sizes.inputs, profile),
        outputs=np.zeros((lanes, MAX_SETS), np.int16),
        where=np.zeros((lanes, WHERE_SIZE), np.int32),
        cells=_cells(sizes),
        weights=_weights(profile, sizes),
        apms=_final_maps(FINAL_MAPS << sizes.apm_bits),
        runs=np.zeros(1 << sizes.run_bits, np.uint32),
        heads=np.zeros(matches(profile) << sizes.match_bits, np.int32),
        sums=np.zeros((lanes if profile.network else 1, 257), np.int32),
        followers=np.zeros(FOLLOWERS, np.uint16),
        hidden=np.zeros((lanes, width), np.int8),
        regression=np.zeros(256 * width, np.int32),
        energies=np.full(256, FIRST_ENERGY, np.int64),
        centroids=np.zeros(CENTROIDS * width, np.uint8),
        centroid_biases=np.zeros(CENTROIDS, np.int32),
    )


def features(profile: Profile, width: int) -> int:
    """Count the numbers of a hidden vector that are used, padded to a multiple of 4."""
    return (min(width, MAX_WIDTH) + 3) // 4 * 4 if profile.network else 0


def _aligned_zeros(count: int) -> Array:
    """Make zeroed bytes that begin with a cache line."""
    raw = np.zeros(count + CACHE_LINE, np.uint8)
    skip = -raw.ctypes.data % CACHE_LINE
    return raw[skip : skip + count]


def _final_maps(rows: int) -> Array:
    """Make neutral final maps: each cell says what its place says."""
    maps = _aligned_zeros(2 * FINAL_ROW * rows).view(np.uint16).reshape(rows, FINAL_ROW)
    maps[:, :APM_ROW] = _knots()
    return maps.reshape(-1)


def _knots() -> Array:
    knots: Array = SQUASH[np.arange(-12, 13) * STRETCH_ONE + STRETCH_MAX]
    return knots


def _config(profile: Profile, sizes: Sizes, size: int, width: int, period: int, step: int) -> Array:
    config = np.zeros(CONFIG_SIZE, np.int64)
    config[CONTEXTS] = len(profile.contexts)
    config[INPUTS] = sizes.inputs
    config[SETS] = len(profile.selectors)
    config[SLOT_BITS] = sizes.slot_bits
    config[MATCH_BITS] = sizes.match_bits
    config[MATCHES] = matches(profile)
    config[MATCH_BYTES] = profile.match_bytes
    config[LOCAL_MATCH_BYTES] = profile.local_match_bytes
    config[APM_BITS] = sizes.apm_bits
    config[NETWORK] = profile.network
    config[SIZE] = size
    config[WIDTH] = width
    config[PERIOD], config[STEP] = period, step
    config[WITH_FOLLOWERS] = bool(OF_FOLLOWERS & set(profile.contexts))
    config[WITH_CODE] = bool(OF_CODE & set(profile.contexts)) or CODE_SELECTOR in profile.selectors
    config[RATE] = profile.rate
    config[FIRST_RATE] = profile.first_rate
    config[FINAL_WEIGHTS] = sizes.weights - FINAL_CHOICES * MAX_SETS
    config[MATCH_CELLS] = sizes.match_cells
    config[RUNS], config[RUN_BITS] = profile.runs, sizes.run_bits
    config[RUN_INPUT], config[RUN_CELLS] = run_input(profile), sizes.run_cells
    config[NETWORK_CELLS] = sizes.network_cells
    for first, values in (
        (CONTEXT_IDS, profile.contexts),
        (SELECTORS, profile.selectors),
        (SET_WEIGHTS, sizes.set_weights),
    ):
        config[first : first + len(values)] = values
    return config


def _lanes(count: int, size: int) -> Array:
    lanes = np.zeros((count, LANE_SIZE), np.int32)
    starts = Layout(size, count).starts()
    lanes[:, NODE] = 1
    lanes[:, FOLLOWER : FOLLOWER + 6] = np.arange(6) << FOLLOWERS_BITS
    for column in (POSITION, START, LINE, LINE_BEFORE):
        lanes[:, column] = starts
    lanes[:, EXPECTED] = lanes[:, OF_MATCH + EXPECTED] = -1
    return lanes


def _inputs(lanes: int, count: int, profile: Profile) -> Array:
    """Make the inputs: each prediction writes all but a constant bias and the padding."""
    inputs = np.zeros((lanes, count), np.int16)
    inputs[:, bias_input(profile)] = STRETCH_ONE // 8
    return inputs


def matches(profile: Profile) -> int:
    """Count the match models."""
    return 2 if profile.local_match_bytes else 1


def network_input(profile: Profile) -> int:
    """Return the number of the network's first input."""
    return 2 * len(profile.contexts) + MATCH_INPUTS * matches(profile)


def bias_input(profile: Profile) -> int:
    """Return the number of the constant input."""
    return run_input(profile) + profile.runs


def run_input(profile: Profile) -> int:
    """Return the number of the first input of the runs."""
    return network_input(profile) + (NETWORK_INPUTS if profile.network else 0)


def _cell(p16: Array, count: int) -> Array:
    cells: Array = (p16.astype(np.uint32) << np.uint32(16)) | np.uint32(count)
    return cells


def _cells(sizes: Sizes) -> Array:
    """Make maps that believe the histories, match models that trust long runs, and neutral APMs."""
    cells = np.empty(sizes.cells, np.uint32)
    believed = _cell(EXPECTED_ONE, MAP_TRUST)
    cells[: sizes.match_cells] = np.tile(believed, sizes.match_cells // MAP_SIZE)
    run = np.arange(RUN_BUCKETS)
    right = _cell(65536 - 65536 // (2 * run + 4), MATCH_TRUST)
    models = (sizes.run_cells - sizes.match_cells) // (RUN_BUCKETS * MISS_LEVELS)
    cells[sizes.match_cells : sizes.run_cells] = np.tile(np.repeat(right, MISS_LEVELS), models)
    sure = _cell(65536 - 65536 // (2 * np.arange(RUN_LEVELS) + 4), MATCH_TRUST)
    of_runs = (sizes.network_cells - sizes.run_cells) // (RUN_LEVELS * 8)
    cells[sizes.run_cells : sizes.network_cells] = np.tile(np.repeat(sure, 8), of_runs)
    cells[sizes.network_cells :] = np.tile(
        _cell(_knots(), APM_TRUST), (sizes.cells - sizes.network_cells) // APM_ROW
    )
    return cells


def _weights(profile: Profile, sizes: Sizes) -> Array:
    """Make weights near what training finds: the contexts share, the network counts most."""
    n = len(profile.contexts)
    vector = np.zeros(sizes.inputs, np.int16)
    vector[0 : 2 * n : 2] = ONE // 8 if profile.network else 2 * ONE // (n + 4)
    for model in range(matches(profile)):
        vector[2 * (n + model)] = ONE // (4 + 4 * model)
    if profile.network:
        vector[network_input(profile)] = ONE // 2
    weights = np.zeros(sizes.weights, np.int16)
    final = sizes.weights - FINAL_CHOICES * MAX_SETS
    weights[:final] = np.tile(vector, final // sizes.inputs)
    sets = len(profile.selectors)
    weights[final:].reshape(FINAL_CHOICES, MAX_SETS)[:, :sets] = ONE // sets
    return weights
