"""Any bytes, any flags, any block size: the same bytes come back."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nncompress.pipeline.coder
from nncompress.cli.app import run
from tests.fakes import MODEL_ID, ZlibCodec

contents = st.one_of(
    st.binary(max_size=300),
    st.tuples(st.binary(min_size=1, max_size=20), st.integers(1, 900)).map(lambda t: t[0] * t[1]),
    st.integers(0, 20_000).map(bytes),
)
both_ways = st.lists(
    st.sampled_from(["-f", "-v", "-q", "-k", "--rm", "--threads=2", "--memory-limit=1G"]),
    max_size=4,
)
strength = st.sampled_from(
    ["-1", "-6", "-9", "--level=3", "--method=stored", "--method=mixing", "--verify", "-r"]
)
restoring = st.sampled_from(["--sparse", "--no-sparse", "--max-output-size=1M", "-r", "-f"])


@settings(max_examples=40)
@given(
    contents,
    st.sampled_from([1, 7, 100, 4096, 1 << 20]),
    both_ways,
    st.lists(strength, max_size=3),
    both_ways,
    st.lists(restoring, max_size=3),
)
def test_round_trip(data, block_size, flags, packing, flags_back, unpacking):
    def open_codec(options):
        return ZlibCodec(None if options.method == "mixing" else MODEL_ID, block_size)

    with (
        tempfile.TemporaryDirectory() as name,
        contextlib.redirect_stderr(io.StringIO()) as said,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(nncompress.pipeline.coder, "_open_codec", open_codec)
        patch.setattr(nncompress.pipeline.coder, "_find_model", lambda model_id: "known")
        source, archive = Path(name) / "file", Path(name) / "file.nnc"
        source.write_bytes(data)
        assert run([*flags, *packing, str(source)]) == 0, said.getvalue()
        source.unlink(missing_ok=True)
        assert run(["test", str(archive)]) == 0, said.getvalue()
        assert run(["-d", *flags_back, *unpacking, str(archive)]) == 0, said.getvalue()
        assert source.read_bytes() == data
