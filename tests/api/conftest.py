"""The Python interface is tested with the small codec."""

from __future__ import annotations

import pytest

import nncompress.pipeline.coder
from tests.fakes import MODEL_ID, ZlibCodec


@pytest.fixture(autouse=True, scope="package")
def _small_codec():
    """Not per test, since hypothesis runs many examples in one; not for the tests outside."""

    def open_codec(options):
        return ZlibCodec(None if options.method == "mixing" else MODEL_ID)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nncompress.pipeline.coder, "_open_codec", open_codec)
        patch.setattr(nncompress.pipeline.coder, "_find_model", lambda model_id: "known")
        yield
