"""The Python interface is tested with the small codec."""

from __future__ import annotations

import pytest

import nncompress.pipeline.options
from tests.fakes import MODEL_ID, ZlibCodec


@pytest.fixture(autouse=True, scope="package")
def _small_codec():
    """Not per test, since hypothesis runs many examples in one; not for the tests outside."""

    def open_codec(options, model, method):
        return ZlibCodec(None if method == "mixing" else MODEL_ID)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nncompress.pipeline.options, "_open_codec", open_codec)
        patch.setattr(nncompress.pipeline.options, "_find_model", lambda model_id: "known")
        yield
