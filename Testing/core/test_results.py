"""The results folder: nothing half-written is ever taken for a result, nothing of the user's is lost."""

import numpy as np
import pytest
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.study import PerfusionSeries
from PerfusionDLLib.results.atomic import INDEX, whole_folder
from PerfusionDLLib.results.writing import read_image, write_image


def former_result(folder):
    folder.mkdir()
    (folder / INDEX).write_text("{}")
    return folder


def test_a_failure_leaves_no_folder(tmp_path):
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "results") as partial:
        (partial / "half").write_text("written")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_former_result(tmp_path):
    folder = former_result(tmp_path / "results")
    with pytest.raises(RuntimeError), whole_folder(folder, overwrite=True) as partial:
        (partial / INDEX).write_text("new")
        raise RuntimeError
    assert (folder / INDEX).read_text() == "{}"
    assert list(tmp_path.iterdir()) == [folder]


def test_overwriting_replaces_the_former_result_whole(tmp_path):
    folder = former_result(tmp_path / "results")
    (folder / "segments.csv").write_text("old")
    with whole_folder(folder, overwrite=True) as partial:
        (partial / INDEX).write_text("new")
    assert [path.name for path in folder.iterdir()] == [INDEX]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_former_result_is_kept_unless_asked(tmp_path):
    with pytest.raises(PerfusionError, match="not empty"), whole_folder(former_result(tmp_path / "results")):
        pass


def test_a_folder_of_something_else_is_never_replaced(tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(PerfusionError, match="did not write"), whole_folder(tmp_path, overwrite=True):
        pass
    assert (tmp_path / "thesis.docx").read_text() == "years of work"


def test_a_former_result_with_a_note_of_the_reader_is_never_replaced(tmp_path):
    folder = former_result(tmp_path / "results")
    (folder / "second opinion.txt").write_text("agree")
    with pytest.raises(PerfusionError, match="second opinion"), whole_folder(folder, overwrite=True):
        pass
    assert (folder / "second opinion.txt").exists()


def test_a_full_disk_is_said_in_words(tmp_path):
    with pytest.raises(PerfusionError, match="No space left"), whole_folder(tmp_path / "results"):
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
