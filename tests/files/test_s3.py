"""Commands with an S3 store on this machine, where moto's server and s3fs are installed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import nncompress

moto = pytest.importorskip("moto.server", reason="needs moto[server]")
s3fs = pytest.importorskip("s3fs")

LARGE = random.Random(3).randbytes(1 << 20) * 60
"""More than s3fs sends at once."""


@pytest.fixture
def bucket(monkeypatch):
    server = moto.ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    import fsspec.config

    settings = {"endpoint_url": f"http://{host}:{port}", "key": "a", "secret": "b"}
    monkeypatch.setitem(fsspec.config.conf, "s3", settings)
    files = s3fs.S3FileSystem()
    files.mkdir("bucket")
    yield files
    server.stop()


def test_objects_are_sources_and_results(nnc, bucket):
    Path("large").write_bytes(LARGE)
    bucket.pipe({"bucket/in/text": b"some text" * 1000, "bucket/in/empty": b""})
    assert nnc("-r", "s3://bucket/in").status == 0
    assert "already exists" in nnc("s3://bucket/in/text").said
    assert nnc("--rm", "-f", "s3://bucket/in/text").status == 0
    assert not bucket.exists("bucket/in/text")
    assert nnc("cat", "--range", "5:9", "s3://bucket/in/text.nnc").out == b"text"
    assert nnc("-d", "s3://bucket/in/text.nnc", "-o", "s3://bucket/").status == 0
    assert bucket.cat("bucket/text") == b"some text" * 1000
    assert nnc("-o", "s3://bucket/large.nnc", "large").status == 0
    assert nncompress.decompress(bucket.cat("bucket/large.nnc")) == LARGE
    missing = nnc("-o", "s3://elsewhere/x.nnc", "large").said
    assert "s3://elsewhere/x.nnc: The specified bucket does not exist" in missing
