"""Makes what ``explain`` finds out, without coding anything."""

from __future__ import annotations

import numpy as np

from nncompress.coding.recorded_steps import Notes
from nncompress.reports.explain import Copied, Surprise


def surprise(data: bytes, network: bool = True, copies: tuple[Copied, ...] = ()) -> Surprise:
    """Costs that rise along the file; in copies they are small, and there is no network."""
    size = len(data)
    notes, sources = Notes.empty(size), np.full(size, -1, np.int64)
    notes.coded[:] = np.linspace(0.1, 9.0, size)
    notes.mixed_top[:], notes.mixed_chances[:] = 66, 0.3
    if network:
        notes.network[:] = notes.coded * 2
        notes.network_top[:], notes.network_chances[:] = 65, 0.25
    notes.matched[::3], notes.lengths[::3] = 65, 20
    for copy in copies:
        part = slice(copy.start, copy.start + copy.size)
        notes.coded[part], notes.network[part] = copy.bits / copy.size, np.nan
        sources[part] = copy.source + np.arange(copy.size)
    return Surprise(data, notes, sources, copies, ("network+mixing",))
