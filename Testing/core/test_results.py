"""The results folder: nothing half-written is ever taken for a result, nothing of the user's is lost."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from patience import PATIENCE_S
from PerfusionDLLib import NOTICE
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.study import PerfusionSeries
from PerfusionDLLib.results.atomic import Kind, atomic_folder
from PerfusionDLLib.results.layout import INDEX
from PerfusionDLLib.results.marker import MARKER
from PerfusionDLLib.results.reading import read_image
from PerfusionDLLib.results.writing import write_image


def former_result(folder, kind=Kind.RESULTS, *, corrected=False, content="{}"):
    with atomic_folder(folder, kind, corrected=corrected) as partial:
        (partial / INDEX).write_text(content)
    return folder


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != MARKER)


def test_a_failure_leaves_no_folder(tmp_path):
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "results") as partial:
        (partial / "half").write_text("written")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_former_result(tmp_path):
    folder = former_result(tmp_path / "results")
    with pytest.raises(RuntimeError), atomic_folder(folder, overwrite=True) as partial:
        (partial / INDEX).write_text("new")
        raise RuntimeError
    assert (folder / INDEX).read_text() == "{}"
    assert list(tmp_path.iterdir()) == [folder]


def test_overwriting_replaces_the_former_result_whole(tmp_path):
    folder = former_result(tmp_path / "results")
    with atomic_folder(folder, overwrite=True) as partial:
        (partial / INDEX).write_text("new")
    assert visible(folder) == [INDEX]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_former_result_is_kept_unless_asked(tmp_path):
    with pytest.raises(PerfusionError, match="not empty"), atomic_folder(former_result(tmp_path / "results")):
        pass


def test_a_folder_of_something_else_is_never_replaced(tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(PerfusionError, match="did not write"), atomic_folder(tmp_path, overwrite=True):
        pass
    assert (tmp_path / "thesis.docx").read_text() == "years of work"


def test_a_former_result_with_a_note_of_the_reader_is_never_replaced(tmp_path):
    folder = former_result(tmp_path / "results")
    (folder / "second opinion.txt").write_text("agree")
    with pytest.raises(PerfusionError, match="second opinion"), atomic_folder(folder, overwrite=True):
        pass
    assert (folder / "second opinion.txt").exists()


@pytest.mark.parametrize("names", [("dicom",), ("segments.csv", "report.pdf"), (INDEX, "table.json"), (".hidden",)])
def test_names_alone_make_no_former_result(tmp_path, names):
    """A patient's folder with the originals in `dicom`, tables of another program."""
    folder = tmp_path / "patient"
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "IM0001.dcm").write_text("original")
    with pytest.raises(PerfusionError, match="did not write"), atomic_folder(folder, Kind.AGREEMENT, overwrite=True):
        pass
    assert len(list(folder.rglob("IM0001.dcm"))) == len(names)


@pytest.mark.parametrize("inner", ["", "rest_mid", "dicom/study"])
def test_a_folder_that_is_or_holds_an_input_is_never_replaced(tmp_path, inner):
    folder = former_result(tmp_path / "results")
    with (
        pytest.raises(PerfusionError, match="is or holds what is to be read"),
        atomic_folder(folder, overwrite=True, inputs=[folder / inner]),
    ):
        pass
    assert (folder / INDEX).exists()


def test_one_kind_never_replaces_another(tmp_path):
    folder = former_result(tmp_path / "results")
    with (
        pytest.raises(PerfusionError, match="an agreement would"),
        atomic_folder(folder, Kind.AGREEMENT, overwrite=True),
    ):
        pass
    assert visible(folder) == [INDEX]


def test_corrections_are_replaced_by_automatic_results_only_if_asked_for_by_name(tmp_path):
    folder = former_result(tmp_path / "results", corrected=True)
    with pytest.raises(PerfusionError, match="--replace-corrections"), atomic_folder(folder, overwrite=True):
        pass
    assert (folder / INDEX).read_text() == "{}"
    with atomic_folder(folder, overwrite=True, corrected=True) as partial:
        (partial / INDEX).write_text("corrected again")
    with atomic_folder(folder, overwrite=True, replace_corrections=True) as partial:
        (partial / INDEX).write_text("automatic")
    assert (folder / INDEX).read_text() == "automatic"


def test_what_was_saved_over_a_result_is_never_replaced(tmp_path):
    """A scene that was corrected in 3D Slicer and saved where it lay."""
    folder = former_result(tmp_path / "results")
    (folder / INDEX).write_text("[]")
    with pytest.raises(PerfusionError, match="was changed since"), atomic_folder(folder, overwrite=True):
        pass
    assert (folder / INDEX).read_text() == "[]"


def test_a_link_in_a_former_result_is_not_followed(tmp_path):
    folder = former_result(tmp_path / "results")
    (tmp_path / "originals").mkdir()
    (tmp_path / "originals" / "IM0001.dcm").write_text("original")
    (folder / "dicom").symlink_to(tmp_path / "originals")
    with pytest.raises(PerfusionError, match="did not write"), atomic_folder(folder, overwrite=True):
        pass
    assert (tmp_path / "originals" / "IM0001.dcm").exists()


@pytest.mark.parametrize("marker", ["", "{}", "[]", "null", '{"kind": "results", "files": [1]}', "\0", '{"kind": 7}'])
def test_a_damaged_marker_is_none(tmp_path, marker):
    folder = former_result(tmp_path / "results")
    (folder / MARKER).write_text(marker)
    with pytest.raises(PerfusionError, match="did not write"), atomic_folder(folder, overwrite=True):
        pass
    assert (folder / INDEX).exists()


def unmarked(folder, *, origin="automatic"):
    """A results folder as the version before wrote it."""
    (folder / "rest_mid").mkdir(parents=True)
    (folder / "rest_mid" / "labels.nrrd").write_text("x")
    slices = [{"folder": "rest_mid", "origin": origin, "excluded_frames": []}]
    (folder / INDEX).write_text(json.dumps({"notice": NOTICE, "slices": slices}))
    (folder / "table.json").write_text(json.dumps({"notice": NOTICE}))
    (folder / "scene.mrb").write_text("x")
    return folder


def test_results_of_the_version_before_are_known_by_their_content(tmp_path):
    folder = unmarked(tmp_path / "results")
    with atomic_folder(folder, overwrite=True) as partial:
        (partial / INDEX).write_text("new")
    assert visible(folder) == [INDEX]


@pytest.mark.parametrize(
    ("foreign", "said"),
    [
        ("rest_mid/IM0001.dcm", "did not write"),
        ("stress_mid/labels.nrrd", "did not write"),
        ("dicom/IM0001.dcm", "did not write"),
        ("corrected.mrb", "did not write"),
    ],
)
def test_results_of_the_version_before_with_anything_foreign_are_left(tmp_path, foreign, said):
    folder = unmarked(tmp_path / "results")
    (folder / foreign).parent.mkdir(exist_ok=True)
    (folder / foreign).write_text("mine")
    with pytest.raises(PerfusionError, match=said), atomic_folder(folder, overwrite=True):
        pass
    assert (folder / foreign).read_text() == "mine"


def test_results_of_the_version_before_that_were_corrected_are_left(tmp_path):
    folder = unmarked(tmp_path / "exported", origin="edited")
    with pytest.raises(PerfusionError, match="corrections of a reader"), atomic_folder(folder, overwrite=True):
        pass
    folder = unmarked(tmp_path / "saved")
    later = (folder / INDEX).stat().st_mtime + 3600
    os.utime(folder / "scene.mrb", (later, later))
    with pytest.raises(PerfusionError, match=r"scene\.mrb was changed"), atomic_folder(folder, overwrite=True):
        pass


def test_a_deleted_result_does_not_come_back(tmp_path):
    """A crash after the new folder took its name left the former one hidden; then the user deleted the new one."""
    (tmp_path / ".results.former-1-a").mkdir()
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "results"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_result_comes_back_that_was_set_aside_when_the_power_failed(tmp_path):
    former_result(tmp_path / "results").rename(tmp_path / ".results.former-1-a")
    (tmp_path / ".results.partial-1-a").mkdir()
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "results", overwrite=True):
        raise RuntimeError
    assert (tmp_path / "results" / INDEX).read_text() == "{}"


@pytest.mark.parametrize("name", [".", "..", "../.."])
def test_the_folder_one_works_in_is_never_replaced(tmp_path, monkeypatch, name):
    former_result(tmp_path / "a" / "results")
    monkeypatch.chdir(tmp_path / "a" / "results")
    with pytest.raises(PerfusionError, match="working in"), atomic_folder(name, overwrite=True):
        pass
    assert (tmp_path / "a" / "results" / INDEX).exists()


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_asked_to_end_leaves_nothing_hidden(tmp_path, number):
    program = (
        "import signal, time, sys; from pathlib import Path\n"
        f"signal.signal({int(number)}, signal.SIG_DFL)\n"  # whoever runs the tests may ignore it, as nohup does
        "from PerfusionDLLib.cli import commands\n"
        "from PerfusionDLLib.results.atomic import atomic_folder\n"
        "@commands.app.command()\n"
        "def wait():\n"
        "    with atomic_folder(Path('results')) as partial:\n"
        "        (partial / 'half').write_text('x'); print('begun', flush=True); time.sleep(60)\n"
        "sys.argv[1:] = ['wait']; commands.main()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout.readline() == "begun\n"
        assert len(list(tmp_path.iterdir())) == 1
        command.send_signal(number)
        assert command.wait(timeout=PATIENCE_S) == 128 + number
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_in_words(tmp_path):
    with pytest.raises(PerfusionError, match="No space left"), atomic_folder(tmp_path / "results"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_an_image_lies_in_the_file_where_it_lies_in_the_world(tmp_path):
    import SimpleITK

    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    ijk_to_ras = np.eye(4)
    ijk_to_ras[:3, :3] = rotation * [1.9, 2.1, 10.0]
    ijk_to_ras[:3, 3] = [10.0, -20.0, 30.0]
    series = PerfusionSeries(
        signal=np.zeros((2, 5, 7), np.float32), times_s=np.array([0.0, 1.0]), ijk_to_ras=ijk_to_ras
    )
    image = np.arange(35, dtype=np.float32).reshape(5, 7)
    image[0, 0] = np.nan
    write_image(tmp_path / "image.nrrd", image, series, {"notice": "two\nlines"})

    np.testing.assert_array_equal(read_image(tmp_path / "image.nrrd"), image)
    stored = SimpleITK.ReadImage(str(tmp_path / "image.nrrd"))
    lps = stored.TransformContinuousIndexToPhysicalPoint((6.0, 4.0, 0.0))
    np.testing.assert_allclose(np.multiply(lps, [-1, -1, 1]), series.ras_from_pixels((4, 6)), atol=1e-6)
    assert stored.GetMetaData("PerfusionDL.notice") == "two lines"
