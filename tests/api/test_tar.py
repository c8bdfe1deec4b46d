"""``shutil`` with the format "nnctar" does what it does with its own formats."""

from __future__ import annotations

import logging
import shutil
import tarfile
from pathlib import Path

import pytest

import nncompress


@pytest.fixture
def folder(tmp_path):
    nncompress.register_archive_format()
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "note").write_text("hello")
    return folder


def members(name: str) -> dict[str, tarfile.TarInfo]:
    open_it = nncompress.open if name.endswith(".nnc") else open
    with open_it(name, "rb") as file, tarfile.open(fileobj=file, mode="r|*") as tar:
        return {member.name: member for member in tar}


@pytest.mark.parametrize(
    "options",
    [
        {"root_dir": "folder"},
        {"root_dir": "folder", "base_dir": "sub"},
        {"root_dir": "folder", "base_dir": str(Path("sub", "note"))},
        {"base_dir": "folder"},
        {},
    ],
)
def test_folders_are_those_of_shutil(folder, options, monkeypatch):
    monkeypatch.chdir(folder.parent)
    ours = shutil.make_archive("new/out", "nnctar", **options)
    assert Path(ours).is_file()
    theirs = shutil.make_archive("other/out", "gztar", **options)
    got, wanted = members(ours), members(theirs)
    for made in ("new", "other"):  # by the calls themselves
        for names in (got, wanted):
            for name in [name for name in names if made in Path(name).parts]:
                del names[name]
    assert set(got) == set(wanted)
    assert Path(ours).is_absolute() == Path(theirs).is_absolute()
    shutil.unpack_archive(ours, "copy")
    assert [path.read_text() for path in Path("copy").rglob("note")] == ["hello"]


def test_a_dry_run_makes_nothing(folder, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        name = shutil.make_archive(
            str(tmp_path / "new" / "out"),
            "nnctar",
            folder,
            dry_run=True,
            logger=logging.getLogger(),
        )
    assert name == str(tmp_path / "new" / "out.tar.nnc")
    assert not (tmp_path / "new").exists()
    assert name in caplog.text


def test_missing_folders_are_made(folder, tmp_path):
    name = shutil.make_archive(str(tmp_path / "new" / "er" / "out"), "nnctar", folder)
    assert "./sub/note" in members(name)


def test_owner_and_group_are_written(folder, tmp_path):
    grp, pwd = pytest.importorskip("grp"), pytest.importorskip("pwd")
    user, group = pwd.getpwall()[-1], grp.getgrall()[-1]
    name = shutil.make_archive(
        str(tmp_path / "out"), "nnctar", folder, owner=user.pw_name, group=group.gr_name
    )
    for member in members(name).values():
        assert (member.uid, member.uname) == (user.pw_uid, user.pw_name)
        assert (member.gid, member.gname) == (group.gr_gid, group.gr_name)
    plain = shutil.make_archive(str(tmp_path / "plain"), "nnctar", folder, owner="no such user")
    assert members(plain)["./sub/note"].uid == (folder / "sub" / "note").stat().st_uid


def test_an_archive_in_the_folder_is_left_out_of_itself(folder):
    name = shutil.make_archive(str(folder / "out"), "nnctar", folder)
    assert "./sub/note" in members(name)
    assert "./out.tar.nnc" not in members(name)


def test_what_cannot_be_archived_leaves_what_shutil_leaves(folder, tmp_path):
    with pytest.raises(FileNotFoundError):
        shutil.make_archive(str(tmp_path / "out"), "nnctar", folder, "missing")
    with nncompress.open(tmp_path / "out.tar.nnc") as file:
        file.read()
