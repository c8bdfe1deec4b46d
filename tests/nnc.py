"""``python -m tests.nnc``: the command line, with the small codec of ``tests.fakes``.

NNC_BLOCK sets the block size, NNC_DELAY seconds that each block takes, NNC_NOTICE what it logs.
NNC_WRONG makes archives that decode to other bytes than those they were made of.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import nncompress.pipeline.options
from nncompress.archive.codec import BlockCodec
from nncompress.errors import ModelNotFoundError
from nncompress.pipeline.options import CodecOptions
from tests.fakes import MODEL_ID, ZlibCodec


class SlowCodec(ZlibCodec):
    def encode(self, data: bytes) -> tuple[int, bytes]:
        if notice := os.environ.get("NNC_NOTICE"):
            logging.getLogger("nncompress").info(notice)
        time.sleep(float(os.environ.get("NNC_DELAY", "0")))
        method, payload = super().encode(data)
        return method, super().encode(data[::-1])[1] if os.environ.get("NNC_WRONG") else payload

    def decode(self, method: int, payload: bytes, size: int) -> bytes:
        time.sleep(float(os.environ.get("NNC_DELAY", "0")))
        return super().decode(method, payload, size)


def _open_codec(options: CodecOptions, model: str | Path | None, method: str | None) -> BlockCodec:
    model_id = None if method == "mixing" else b"o" * 16 if model == "other" else MODEL_ID
    return SlowCodec(model_id, int(os.environ.get("NNC_BLOCK", str(1 << 20))))


def _find_model(model_id: bytes) -> Path:
    if model_id != MODEL_ID:
        raise ModelNotFoundError(f"model {model_id.hex()} is not here", wanted=model_id.hex())
    return Path("known")


nncompress.pipeline.options._open_codec = _open_codec
nncompress.pipeline.options._find_model = _find_model

if __name__ == "__main__":
    from nncompress.cli import main

    main()
