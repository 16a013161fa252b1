"""A ZIP archive is read as the folder that it was made of, and nothing in it reaches beyond a temporary folder."""

import stat
import zipfile
from pathlib import Path

import pytest
from dicom_studies import rest_only, written
from PerfusionDLLib.cli.commands import app
from PerfusionDLLib.data import untrusted_zip
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.untrusted_zip import UnsafeZipError, check_entries
from PerfusionDLLib.dicom import read_study, unpack_archives
from PerfusionDLLib.dicom.read.packed import LIMITS
from typer.testing import CliRunner


@pytest.fixture
def archive(tmp_path):
    """A study in an archive, beside what computers put there, and the folder it was made of."""
    folder = written(tmp_path / "study", rest_only(slices=1))
    path = tmp_path / "study.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*.dcm"):
            archive.write(file, f"Jürgen: ?/{file.relative_to(folder)}")
        archive.writestr("__MACOSX/._study", b"x")
        archive.writestr(".DS_Store", b"x")
    return path, folder


def test_an_archive_reads_as_its_folder_and_is_gone_afterwards(archive):
    path, folder = archive
    with unpack_archives([path, folder, None]) as (place, same, none):
        assert (same, none) == (folder, None)
        assert read_study([place]).rest.slices[0].instance_uids == read_study([folder]).rest.slices[0].instance_uids
        assert len(list(place.rglob("*.*"))) == 14
    assert not place.exists()


def test_the_command_line_opens_archives(archive):
    path, _ = archive
    shown = CliRunner().invoke(app, ["inspect", str(path)])
    assert shown.exit_code == 0
    assert "14 images" in shown.output


def infos(**changes):
    info = zipfile.ZipInfo("a.dcm")
    for name, value in changes.items():
        setattr(info, name, value)
    return [info]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (infos(filename="../../a.dcm"), "leads out of it"),
        (infos(filename="/etc/a.dcm"), "leads out of it"),
        (infos(filename="C:\\a.dcm"), "leads out of it"),
        (infos(filename="a\\..\\..\\b.dcm"), "leads out of it"),
        (infos(external_attr=(stat.S_IFLNK | 0o777) << 16), "holds a link or a device"),
        (infos(external_attr=stat.S_IFIFO << 16), "holds a link or a device"),
        (infos(flag_bits=1), "is encrypted"),
        (infos(file_size=1 << 40), "would unpack to 1024.0 GB"),
        (infos() * 60_000, "holds 60000 files"),
    ],
)
def test_what_no_study_holds_is_refused_before_it_is_unpacked(found, words):
    with pytest.raises(UnsafeZipError, match=words):
        check_entries(found, 1000, LIMITS)


def test_a_bomb_ends_at_its_announced_size(tmp_path, monkeypatch):
    path = tmp_path / "study.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", b"\0" * 5_000_000)
    monkeypatch.setattr(untrusted_zip, "FREE_BYTES", 1000)
    with pytest.raises(PerfusionError, match="would unpack to"), unpack_archives([path]):
        pass


def test_a_damaged_archive_is_explained_and_leaves_nothing(archive, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    Path(tmp_path / "temporary").mkdir()
    path, _ = archive
    content = bytearray(path.read_bytes())
    content[400:4000] = bytes(3600)
    path.write_bytes(content)
    with pytest.raises(PerfusionError, match="is damaged or cut off"), unpack_archives([path]):
        pass
    assert not list((tmp_path / "temporary").iterdir())
