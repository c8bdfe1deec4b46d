"""Tar archives for :mod:`shutil`."""

from __future__ import annotations

import logging
import shutil
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

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


def _make_tar(
    base_name: str,
    base_dir: str,
    *,
    dry_run: bool = False,
    owner: str | None = None,
    group: str | None = None,
    logger: logging.Logger | None = None,
    root_dir: str | None = None,
    **_: object,
) -> str:
    """Make a tar archive as shutil's own formats do, and return its name."""
    name = base_name + ".tar.nnc"
    if logger is not None:
        logger.info("creating %s", name)
    if not dry_run:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        _write_tar(name, Path(root_dir or "", base_dir), base_dir, _owners(owner, group))
    return name if root_dir is None else str(Path(name).absolute())


# Newer releases of shutil then pass root_dir, and do not change the folder of the whole process.
_make_tar.supports_root_dir = True  # type: ignore[attr-defined]


def _write_tar(
    name: str, folder: Path, name_inside: str, change: Callable[[tarfile.TarInfo], tarfile.TarInfo]
) -> None:
    with (
        open_archive(name, "w", CodingOptions()) as file,
        # Knowing its own name, tarfile leaves the archive out of itself.
        tarfile.open(name, fileobj=file, mode="w|") as tar,
    ):
        tar.add(folder, name_inside, filter=change)


def _owners(owner: str | None, group: str | None) -> Callable[[tarfile.TarInfo], tarfile.TarInfo]:
    """Return what gives a member the owner and group of these names, where they are known."""
    uid, gid = _user_number(owner), _group_number(group)

    def change(member: tarfile.TarInfo) -> tarfile.TarInfo:
        if owner is not None and uid is not None:
            member.uid, member.uname = uid, owner
        if group is not None and gid is not None:
            member.gid, member.gname = gid, group
        return member

    return change


def _user_number(name: str | None) -> int | None:
    with suppress(ImportError, KeyError):  # no such module on Windows
        from pwd import getpwnam

        return getpwnam(name).pw_uid if name is not None else None
    return None


def _group_number(name: str | None) -> int | None:
    with suppress(ImportError, KeyError):
        from grp import getgrnam

        return getgrnam(name).gr_gid if name is not None else None
    return None


def _unpack_tar(filename: str, extract_dir: str, **options: object) -> None:
    with (
        open_archive(filename, "r", CodingOptions()) as file,
        tarfile.open(fileobj=file, mode="r|") as tar,
    ):
        # Releases of Python without the "data" filter extract everything as it stands.
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        tar.extractall(extract_dir, **(safe | options))  # type: ignore[arg-type]
