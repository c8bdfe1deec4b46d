"""Each integration, with the library itself."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import nncompress
import nncompress.pipeline.coder
from nncompress.errors import LimitError, NotAnArchiveError
from tests.children import ROOT, environment
from tests.fakes import ZlibCodec

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = None

LINES = "".join(f"{number},{number**2}\n" for number in range(5000))


@pytest.fixture(autouse=True)
def small_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        nncompress.pipeline.coder, "_open_codec", lambda options: ZlibCodec(block_size=1 << 14)
    )


def integration(name: str):
    """Import what is needed for a library, or skip where that is absent."""
    library = pytest.importorskip(name)
    import_module(f"nncompress.integrations.{name}")
    return library


def is_archive(path: Path) -> bool:
    return nncompress.info(path)["raw_size"] > 0


def test_fsspec_infers_it_from_the_name(tmp_path):
    fsspec = integration("fsspec")
    path = tmp_path / "lines.csv.nnc"
    with fsspec.open(path, "wt", compression="infer") as file:
        file.write(LINES)
    assert is_archive(path)
    with fsspec.open(path, "rt", compression="infer") as file:
        assert file.read() == LINES
    with fsspec.open(path, "rb", compression="infer") as file:
        file.seek(-7, io.SEEK_END)
        assert file.read() == LINES.encode()[-7:]


def test_fsspec_takes_it_by_its_name(tmp_path):
    fsspec = integration("fsspec")
    memory = fsspec.filesystem("memory")
    with memory.open("/integrations/x", "wb", compression="nnc") as file:
        file.write(LINES.encode())
    with memory.open("/integrations/x", "rb", compression="nnc") as file:
        assert file.read() == LINES.encode()
    local = fsspec.filesystem("file")
    file = local.open(str(tmp_path / "y"), "wb", compression="nnc")
    file.write(LINES.encode())
    file.close()  # and so the file below it
    assert nncompress.decompress((tmp_path / "y").read_bytes()) == LINES.encode()
    memory.rm("/integrations", recursive=True)


def test_pandas_through_fsspec(tmp_path):
    fsspec, pandas = integration("fsspec"), pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": range(100), "b": ["x"] * 100})
    path = tmp_path / "table.csv.nnc"
    with fsspec.open(path, "wt", compression="infer", newline="") as file:
        table.to_csv(file, index=False)
    with fsspec.open(path, "rt", compression="infer") as file:
        pandas.testing.assert_frame_equal(pandas.read_csv(file), table)
    assert is_archive(path)


def test_dask_bags(tmp_path):
    integration("fsspec")
    bag = pytest.importorskip("dask.bag")
    items = bag.from_sequence([f"item {number}" for number in range(100)], npartitions=2)
    with pytest.importorskip("dask").config.set(scheduler="synchronous"):
        names = items.to_textfiles(str(tmp_path / "*.txt.nnc"))
        assert all(is_archive(Path(name)) for name in names)
        read = bag.read_text(str(tmp_path / "*.txt.nnc")).map(str.strip)
        assert read.compute() == items.compute()


@pytest.mark.parametrize("mode", ["t", "b"])
def test_smart_open(tmp_path, mode):
    smart_open = integration("smart_open")
    path = tmp_path / "lines.nnc"
    data = LINES if mode == "t" else LINES.encode()
    with smart_open.open(path, f"w{mode}") as file:
        file.write(data)
    assert is_archive(path)
    with smart_open.open(path, f"r{mode}") as file:
        assert file.read() == data
    options = {"level": 10}
    with pytest.raises(ValueError, match="level"):
        smart_open.open(path, f"w{mode}", compression_kwargs=options).close()


def test_joblib_by_the_files_name_and_by_the_codecs(tmp_path):
    joblib = integration("joblib")
    value = {"numbers": np.arange(3000), "text": LINES}
    for number, options in enumerate([{}, {"compress": ("nncompress", 3)}]):
        path = tmp_path / (f"{number}.nnc" if not options else f"{number}.pkl")
        joblib.dump(value, path, **options)
        assert is_archive(path)
        found = joblib.load(path)
        assert found["text"] == LINES
        assert np.array_equal(found["numbers"], value["numbers"])
    file = io.BytesIO()
    joblib.dump(value, file, compress=("nncompress", 3))
    file.seek(0)
    assert joblib.load(file)["text"] == LINES


@pytest.mark.parametrize("dtype", ["u1", "<i4", "f8", "M8[s]"])
def test_numcodecs(dtype):
    numcodecs = integration("numcodecs")
    array = np.arange(6000).astype(dtype).reshape(60, 100)
    codec = numcodecs.get_codec(json.loads('{"id": "nncompress", "level": 2}'))
    options = {"level": 2, "method": "auto", "model": None}
    assert codec.get_config() == {"id": "nncompress", **options}
    for order in (array, np.asfortranarray(array)):
        packed = codec.encode(order)
        assert nncompress.decompress(packed) == order.tobytes("A")
        out = np.empty_like(order)
        codec.decode(packed, out)
        assert np.array_equal(out, array)
    with pytest.raises(LimitError):
        codec.decode(packed, np.empty(10, "u1"))
    with pytest.raises(NotAnArchiveError):
        codec.decode(b"something else")


def test_zarr_in_its_third_format(tmp_path):
    zarr = integration("zarr")
    from nncompress.integrations.zarr import NNCompressCodec

    made = zarr.create_array(
        tmp_path / "a.zarr",
        shape=(200, 200),
        chunks=(100, 100),
        dtype="i4",
        compressors=[NNCompressCodec(level=1)],
    )
    data = np.arange(40_000, dtype="i4").reshape(200, 200)
    made[:] = data
    found = zarr.open_array(tmp_path / "a.zarr", mode="r")
    assert np.array_equal(found[:], data)
    assert found.compressors == (NNCompressCodec(level=1),)
    metadata = json.loads((tmp_path / "a.zarr" / "zarr.json").read_text())
    options = {"level": 1, "method": "auto", "model": None}
    assert {"name": "nncompress.nnc", "configuration": options} in metadata["codecs"]
    assert is_archive(tmp_path / "a.zarr" / "c" / "0" / "0")


def test_zarr_in_its_second_format(tmp_path):
    zarr = integration("zarr")
    integration("numcodecs")
    from nncompress.integrations.numcodecs import NNCompress

    made = zarr.create_array(
        tmp_path / "b.zarr",
        shape=100,
        chunks=50,
        dtype="f8",
        zarr_format=2,
        compressors=NNCompress(level=1),
    )
    made[:] = np.arange(100.0)
    assert np.array_equal(zarr.open_array(tmp_path / "b.zarr", mode="r")[:], np.arange(100.0))


@pytest.mark.parametrize("module", ["numcodecs", "zarr"])
def test_arrays_are_coded_with_the_model_that_is_named(module, monkeypatch):
    integration(module)
    seen = []

    def open_codec(options):
        seen.append((options.level, options.model))
        return ZlibCodec()

    monkeypatch.setattr(nncompress.pipeline.coder, "_open_codec", open_codec)
    if module == "numcodecs":
        from nncompress.integrations.numcodecs import NNCompress

        packed = NNCompress(3, model="mine").encode(b"data")
    else:
        from nncompress.integrations.zarr import NNCompressCodec

        packed = NNCompressCodec(3, model="mine")._encode(b"data")
    assert seen == [(3, "mine")]
    assert nncompress.decompress(packed) == b"data"


ENTRIES = [
    ("numcodecs.codecs", "numcodecs", "numcodecs.get_codec({'id': 'nncompress'})"),
    ("zarr.codecs", "zarr", "zarr.registry.get_codec_class('nncompress.nnc')"),
]


@pytest.mark.parametrize(("group", "library", "call"), ENTRIES)
def test_codecs_are_found_without_an_import(group, library, call):
    pytest.importorskip(library)
    if not any(entry.value.startswith("nncompress.") for entry in entry_points(group=group)):
        pytest.skip("nncompress is not installed with these entry points: pip install -e .")
    code = f"import {library}, {library}.registry; print({call})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment()
    )
    assert "NNCompress" in done.stdout, done.stderr


@pytest.mark.skipif(tomllib is None, reason="tomllib is in Python from 3.11 on")
@pytest.mark.parametrize(("group", "library"), [entry[:2] for entry in ENTRIES])
def test_declared_entry_points_are_there(group, library):
    pytest.importorskip(library)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for name, value in project["entry-points"][group].items():
        assert EntryPoint(name, value, group).load()


def test_register_does_so_for_all_that_are_installed():
    from nncompress.integrations import REGISTERED, register

    assert set(register()) == {name for name in REGISTERED if find_spec(name)}
    if "fsspec" in register():
        from fsspec.compression import compr

        assert "nnc" in compr


def test_the_package_itself_imports_no_library():
    code = (
        "import sys, nncompress.integrations;"
        "print(*{'fsspec', 'joblib', 'numcodecs', 'numpy', 'smart_open', 'zarr'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment()
    )
    assert done.stdout.strip() == ""
