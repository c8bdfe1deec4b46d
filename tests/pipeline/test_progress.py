"""Progress adds up to the whole, whatever a codec reports from inside a block."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from nncompress.pipeline.options import CodecOptions
from nncompress.pipeline.stream import compress_stream, decompress_stream
from nncompress.pipeline.workers import Coder
from tests.fakes import ZlibCodec


class Talkative(ZlibCodec):
    progress = None
    steps: tuple[int, ...] = ()

    def for_block(self, progress: Callable[[int], None]) -> Talkative:
        own = copy.copy(self)
        own.progress = progress
        return own

    def encode(self, data: bytes) -> tuple[int, bytes]:
        self._talk()
        return super().encode(data)

    def decode(self, method: int, payload: bytes, size: int) -> bytes:
        self._talk()
        return super().decode(method, payload, size)

    def _talk(self) -> None:
        for step in self.steps:
            if self.progress is not None:
                self.progress(step)


@given(st.binary(max_size=900), st.lists(st.integers(0, 500), max_size=5).map(tuple))
def test_progress_adds_up(data, steps):
    codec = Talkative(block_size=300)
    codec.steps = steps
    coder = Coder(CodecOptions(threads=3))
    coder._encoder = coder._decoders[None] = codec
    told: list[int] = []
    archive = io.BytesIO()
    compress_stream(io.BytesIO(data * 3), archive, coder, told.append)
    assert min(told, default=0) >= 0
    assert sum(told) == 3 * len(data)
    told.clear()
    restored = io.BytesIO()
    totals = decompress_stream(io.BytesIO(archive.getvalue()), restored, coder, None, told.append)
    assert restored.getvalue() == data * 3
    assert min(told, default=0) >= 0
    assert len(archive.getvalue()) - sum(told) < 4 + 300  # all but header and index
    assert totals.archive_size == len(archive.getvalue())
