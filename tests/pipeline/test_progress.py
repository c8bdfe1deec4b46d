"""Progress adds up to the whole, whatever a codec reports from inside a block."""

from __future__ import annotations

import io

from hypothesis import given, settings
from hypothesis import strategies as st

from nncompress.archive.codec import Progress, no_progress
from nncompress.archive.copies import NO_REPEATS, CopyRules
from nncompress.coding.options import CodingOptions
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.stream import compress_stream, decompress_stream
from tests.fakes import ZlibCodec


class Talkative(ZlibCodec):
    steps: tuple[int, ...] = ()

    def encode(
        self, data: bytes, progress: Progress = no_progress, *, alone: bool = False
    ) -> tuple[int, bytes]:
        for step in self.steps:
            progress(step)
        return super().encode(data)

    def decode(
        self, method: int, payload: bytes, size: int, progress: Progress = no_progress
    ) -> bytes:
        for step in self.steps:
            progress(step)
        return super().decode(method, payload, size)


@settings(deadline=None)
@given(
    st.binary(max_size=900),
    st.lists(st.integers(0, 500), max_size=5).map(tuple),
    st.sampled_from([NO_REPEATS, CopyRules(1 << 20, 32, 64)]),
)
def test_progress_adds_up(data, steps, copy_rules):
    codec = Talkative(block_size=300, copy_rules=copy_rules)
    codec.steps = steps
    coder = Coder(CodingOptions(threads=3))
    coder._encoder = coder._decoders[None] = codec
    told: list[int] = []
    made: list[int] = []

    def tell(size: int, more: int = 0, /) -> None:
        told.append(size)
        made.append(more)

    archive = io.BytesIO()
    compress_stream(io.BytesIO(data * 3), archive, coder, tell)
    assert min(told, default=0) >= 0
    assert sum(told) == 3 * len(data)
    assert 0 <= sum(made) <= len(archive.getvalue())  # all but headers, copies and index
    told.clear()
    made.clear()
    restored = io.BytesIO()
    totals = decompress_stream(io.BytesIO(archive.getvalue()), restored, coder, None, tell)
    assert restored.getvalue() == data * 3
    assert min(told, default=0) >= 0
    assert sum(made) == 3 * len(data)
    assert len(archive.getvalue()) - sum(told) < 4 + 300  # all but header and index
    assert totals.archive_size == len(archive.getvalue())
