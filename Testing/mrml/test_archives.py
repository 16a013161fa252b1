"""Scene files from anywhere: nothing is written elsewhere, nothing stops the process, all is said in words."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import small_study
from PerfusionDLLib import mrml
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.untrusted_zip import Limits
from PerfusionDLLib.mrml import archive
from PerfusionDLLib.session.opening import openStudy


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A whole scene as its files."""
    path = tmp_path_factory.mktemp("whole") / "scene.mrb"
    headless = mrml.HeadlessScene()
    mrml.writePreprocessed(headless.scene, small_study.enhancing_scan())
    mrml.saveScene(headless.scene, path)
    with zipfile.ZipFile(path) as stored:
        return {info.filename: stored.read(info) for info in stored.infolist() if not info.is_dir()}


def packed(path, files, extra=()):
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as stored:
        for name, data in (*files.items(), *extra):
            stored.writestr(name, data)
    return path


def scene_name(files):
    return next(name for name in files if name.endswith(".mrml"))


def test_a_whole_scene_is_read(files, tmp_path):
    assert len(openStudy(packed(tmp_path / "scene.mrb", files)).flow.name) > 0


@pytest.mark.parametrize(
    "name",
    [
        "../hit",
        "../../hit",
        "scene/../../hit",
        "/tmp/perfusiondl-hit",
        "scene/Data/../../../hit",
        "..\\hit",
        "C:\\hit",
        "//host/share/hit",
        "scene/a\nb",
    ],
)
def test_a_file_name_that_no_scene_has_is_refused(files, tmp_path, name):
    path = packed(tmp_path / "in" / "scene.mrb", files, [(name, b"x")])
    with pytest.raises(PerfusionError, match=r"it holds a file name that (leads out of it|no scene has)"):
        mrml.openScene(path)
    assert [one.name for one in tmp_path.rglob("*")] == ["in", "scene.mrb"]
    assert not Path("/tmp/perfusiondl-hit").exists()


@pytest.mark.parametrize("mode", [0o120777, 0o020666, 0o010666])
def test_a_link_or_a_device_is_refused(files, tmp_path, mode):
    link = zipfile.ZipInfo("scene/Data/link")
    link.external_attr = mode << 16
    with pytest.raises(PerfusionError, match="it holds a link or a device"):
        mrml.openScene(packed(tmp_path / "scene.mrb", files, [(link, "../../..")]))


def test_an_archive_that_unpacks_without_end_is_refused(files, tmp_path):
    path = tmp_path / "scene.mrb"
    with (
        zipfile.ZipFile(packed(path, files), "a", zipfile.ZIP_DEFLATED) as stored,
        stored.open("scene/Data/bomb.nrrd", "w", force_zip64=True) as target,
    ):
        for _ in range(800):
            target.write(bytes(1 << 20))
    with pytest.raises(PerfusionError, match=r"would unpack to 0\.8 GB"):
        mrml.openScene(path)


def test_a_size_that_is_not_true_is_not_believed(files, tmp_path):
    """The archive says that a file has 10 bytes; it unpacks to a megabyte."""
    path = packed(tmp_path / "scene.mrb", files, [("scene/Data/bomb.bin", bytes(1 << 20))])
    stored = path.read_bytes()
    path.write_bytes(stored.replace((1 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(PerfusionError, match="damaged"):
        mrml.openScene(path)


def test_more_files_than_any_scene_has_are_refused(files, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "LIMITS", Limits(files=5, unpacked_bytes=1 << 30))
    with pytest.raises(PerfusionError, match=r"it holds \d+ files"):
        mrml.openScene(packed(tmp_path / "scene.mrb", files))


@pytest.mark.parametrize("place", [b"../", b"/etc/", b"file:///etc/", b"%2e%2e/", b"C:"])
def test_a_scene_that_refers_to_a_file_outside_is_refused(files, tmp_path, place):
    name = scene_name(files)
    changed = files | {name: files[name].replace(b'="Data/', b'="' + place, 1)}
    with pytest.raises(PerfusionError, match="refers to a file outside"):
        mrml.openScene(packed(tmp_path / "scene.mrb", changed))


def test_a_scene_that_refers_to_the_network_is_refused(files, tmp_path):
    name = scene_name(files)
    changed = files | {name: files[name].replace(b' fileName="', b' uri="http://host/x" fileName="', 1)}
    with pytest.raises(PerfusionError, match="address of the network"):
        mrml.openScene(packed(tmp_path / "scene.mrb", changed))


def test_a_scene_that_defines_entities_is_refused(files, tmp_path):
    name = scene_name(files)
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;">]>' + files[name]
    with pytest.raises(PerfusionError, match="defines entities"):
        mrml.openScene(packed(tmp_path / "scene.mrb", files | {name: bomb}))


def no_archive(data):
    return b"no archive"


def half(data):
    return data[: len(data) // 2]


@pytest.mark.parametrize("damage", [no_archive, half, lambda data: b"", lambda data: data[:-30]])
def test_a_file_that_is_no_whole_archive_is_said(files, tmp_path, damage):
    path = packed(tmp_path / "scene.mrb", files)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(PerfusionError, match=r"scene\.mrb is damaged"):
        mrml.openScene(path)


IMAGE = "contours.seg.nrrd"


@pytest.mark.parametrize(
    "damage",
    [
        half,
        lambda data: data[:-1],
        lambda data: data.split(b"\n\n")[0],
        lambda data: data.replace(b"sizes: 56 48 1", b"sizes: 56000 48 1"),
        lambda data: data.replace(b"sizes: 56 48 1", b"sizes: 56 48"),
        lambda data: data.replace(b"sizes: 56 48 1", b"sizes: -56 48 1"),
        lambda data: data.replace(b"type: unsigned char", b"type: unsigned int"),
        lambda data: data.replace(b"encoding: gzip", b"encoding: gzip\ndata file: /etc/passwd"),
        lambda data: data.replace(b"_Extent:=", b"_Extent:=9999 "),
        lambda data: data.replace(b"space origin: (", b"space origin: (nan,"),
        lambda data: data.replace(b"space directions: (", b"space directions: (1.5tions: ("),
        lambda data: data.replace(b"space directions: (", b"space directions: (1.5,1.5,1.5,"),
        lambda data: data.replace(b"kinds: domain", b"kinds: domian"),
        lambda data: data.replace(b"encoding: gzip", b"encoding: gzip\nendian: letter"),
        lambda data: data.replace(b"space: left-posterior-superior", b"space: left-posterior"),
        lambda data: data.replace(b"encoding: gzip", b"encoding: gzip\nmeasurement frame: (1,0,0)"),
        lambda data: data.replace(b"encoding: gzip", b"encoding: gzip\nblock size: 0"),
        lambda data: data.replace(b"_NameAutoGenerated:=", b"_NameAutoGe\0erated:=", 1),
        lambda data: b"NRRD0004\n\n",
        lambda data: b"",
    ],
)
def test_a_damaged_image_is_said_and_does_not_stop_the_process(files, tmp_path, damage):
    name = next(one for one in files if one.endswith(IMAGE))
    assert damage(files[name]) != files[name]
    path = packed(tmp_path / "scene.mrb", files | {name: damage(files[name])})
    program = (
        "import sys; from pathlib import Path\n"
        "from PerfusionDLLib.data.errors import PerfusionError\n"
        "from PerfusionDLLib.mrml import openScene\n"
        "try: openScene(Path(sys.argv[1]))\n"
        "except PerfusionError as error: print(error.problem); sys.exit(2)"
    )
    said = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert IMAGE in said.stdout


def value(text, name, new):
    """The scene with another value of one of our attributes, the last of that name.

    Those of sequences, which come first, stand in their own files too, and these are believed.
    """
    begin = text.rindex(b"PerfusionDL." + name.encode() + b":") + len(b"PerfusionDL." + name.encode() + b":")
    end = text.index(b";", begin)
    while text[begin:end].count(b"&quot") != text[begin : end + 1].count(b"&quot;"):
        end = text.index(b";", end + 1)
    return text[:begin] + json.dumps(new).replace('"', "&quot;").encode() + text[end:]


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("peak_frame", 999),
        ("peak_frame", None),
        ("reference_frame", -1),
        ("excluded_frames", [999]),
        ("condition", "asleep"),
        ("slices", "two"),
    ],
)
def test_values_of_a_scene_that_cannot_be_are_said(files, tmp_path, name, new):
    mark = scene_name(files)
    changed = files | {mark: value(files[mark], name, new)}
    with pytest.raises(PerfusionError, match="cannot be read"):
        openStudy(packed(tmp_path / "scene.mrb", changed))
