"""``python -m tests.nnc``: the command line, with the small codec of ``tests.fakes``.

NNC_BLOCK sets the block size, NNC_DELAY seconds that each block takes, NNC_NOTICE what it logs.
A tenth of a block is reported after a tenth of its time.
NNC_WRONG makes archives that decode to other bytes than those they were made of.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import nncompress.pipeline.coder
from nncompress.archive.codec import BlockCodec, Progress, no_progress
from nncompress.coding.options import CodingOptions
from nncompress.errors import ModelNotFoundError
from tests.fakes import MODEL_ID, ZlibCodec


def _take_long(size: int, progress: Progress, made: int) -> None:
    if delay := float(os.environ.get("NNC_DELAY", "0")):
        for _ in range(10):
            time.sleep(delay / 10)
            progress(size // 10, made // 10)


class SlowCodec(ZlibCodec):
    def encode(
        self, data: bytes, progress: Progress = no_progress, *, alone: bool = False
    ) -> tuple[int, bytes]:
        if notice := os.environ.get("NNC_NOTICE"):
            logging.getLogger("nncompress").info(notice)
        _take_long(len(data), progress, made=len(data) // 5)
        method, payload = super().encode(data)
        return method, super().encode(data[::-1])[1] if os.environ.get("NNC_WRONG") else payload

    def decode(
        self, method: int, payload: bytes, size: int, progress: Progress = no_progress
    ) -> bytes:
        _take_long(size, progress, made=size)
        return super().decode(method, payload, size)


def _open_codec(options: CodingOptions) -> BlockCodec:
    other = b"o" * 16 if options.model == "other" else MODEL_ID
    model_id = None if options.method == "mixing" else other
    return SlowCodec(model_id, int(os.environ.get("NNC_BLOCK", str(1 << 20))))


def _find_model(model_id: bytes) -> Path:
    if model_id != MODEL_ID:
        raise ModelNotFoundError(f"model {model_id.hex()} is not here", wanted=model_id.hex())
    return Path("known")


if "NNC_DELAY" in os.environ:
    import tqdm  # noqa: F401 (a bar is drawn at once, however busy the machine)

nncompress.pipeline.coder._open_codec = _open_codec
nncompress.pipeline.coder._find_model = _find_model

if __name__ == "__main__":
    from nncompress.cli import main

    main()
