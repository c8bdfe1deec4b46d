"""Tar archives for :mod:`shutil`."""

from __future__ import annotations

import shutil
import tarfile

from nncompress.coding.options import CodingOptions
from nncompress.pipeline.fileobj import open_archive

TAR_FORMAT = "nnctar"


def register_archive_format() -> None:
    """Teach :mod:`shutil` the format "nnctar": tar archives named ``.tar.nnc`` or ``.tnn``.

    Calling it again does nothing.

    >>> import nncompress, pathlib, shutil, tempfile
    >>> nncompress.register_archive_format()
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "note").write_text("hello")
    >>> name = shutil.make_archive(str(folder.parent / folder.name), "nnctar", folder)
    >>> name.endswith(".tar.nnc")
    True
    >>> shutil.unpack_archive(name, folder / "copy")
    >>> (folder / "copy" / "note").read_text()
    'hello'
    """
    if TAR_FORMAT not in dict(shutil.get_archive_formats()):
        shutil.register_archive_format(TAR_FORMAT, _make_tar, description="nncompress'ed tar-file")
    if TAR_FORMAT not in {name for name, *_ in shutil.get_unpack_formats()}:
        shutil.register_unpack_format(TAR_FORMAT, [".tar.nnc", ".tnn"], _unpack_tar)


def _make_tar(base_name: str, base_dir: str, **_: object) -> str:
    name = base_name + ".tar.nnc"
    with (
        open_archive(name, "w", CodingOptions()) as file,
        tarfile.open(fileobj=file, mode="w|") as tar,
    ):
        tar.add(base_dir)
    return name


def _unpack_tar(filename: str, extract_dir: str, **options: object) -> None:
    with (
        open_archive(filename, "r", CodingOptions()) as file,
        tarfile.open(fileobj=file, mode="r|") as tar,
    ):
        # Releases of Python without the "data" filter extract everything as it stands.
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        tar.extractall(extract_dir, **safe)  # type: ignore[arg-type]
