"""Results as a dataset in the manner of BIDS: the same numbers in the same places, named by its rules."""

import csv
import gzip
import json
import re

import numpy as np
import pytest
import SimpleITK
from PerfusionDLLib import report
from PerfusionDLLib.app.bids import write_bids
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.results import layout, writing
from PerfusionDLLib.results.atomic import atomic_folder

NAME = re.compile(r"sub-[A-Za-z0-9]+(_(acq|chunk|desc)-[A-Za-z0-9]+)*_[A-Za-z]+\.(nii\.gz|json|tsv)")


def write_results(folder, study, label):
    with atomic_folder(folder) as partial:
        (partial / layout.SEGMENTS).write_text(report.segments_csv(study.table))
        (partial / layout.TIDY).write_text(report.tidy_csv(study.table, study=label))
        writing.write_index(partial / layout.INDEX, study.scans, {"software": "PerfusionDL"})
        flows = (one for scan in study.maps for one in scan.slices)
        for (name, piece), maps in zip(writing.name_slices(study.scans), flows, strict=True):
            writing.write_slice(partial / name, piece.contours, piece.series, maps.mbf_ml_min_g, {})
    return folder


def values_in(path):
    """The (Y, X) values of a NIfTI-1 file as they stand in it: the library for reading makes zeros of NaN."""
    stored = gzip.decompress(path.read_bytes())
    columns, rows = np.frombuffer(stored, "<i2", 2, offset=42)
    kind = {2: "u1", 16: "<f4"}[int(np.frombuffer(stored, "<i2", 1, offset=70)[0])]
    start = int(np.frombuffer(stored, "<f4", 1, offset=108)[0])
    return np.frombuffer(stored, kind, int(columns) * int(rows), offset=start).reshape(rows, columns)


@pytest.fixture(scope="module")
def written(finished_study, stress_only_study, tmp_path_factory):
    root = tmp_path_factory.mktemp("bids")
    folders = [
        write_results(root / "Doe_John", finished_study, "study-12ab"),
        write_results(root / "Roe_Jane", stress_only_study, "study-34cd"),
    ]
    assert write_bids(folders, root / "out") == 2 * (6 + 3)
    return folders, root / "out"


def test_every_image_has_the_values_and_the_place_of_the_results(written):
    (first, _), out = written
    for condition in ("rest", "stress"):
        for level in ("basal", "mid", "apical"):
            for file, name in ((layout.FLOW, "mbf"), (layout.LABELS, "desc-PerfusionDL_dseg")):
                path = out / f"sub-12ab/perf/sub-12ab_acq-{condition}_chunk-{level}_{name}.nii.gz"
                kept, made = (SimpleITK.ReadImage(str(one)) for one in (first / f"{condition}_{level}" / file, path))
                np.testing.assert_array_equal(values_in(path), SimpleITK.GetArrayFromImage(kept)[0])
                for corner in ((0, 0, 0), (71, 0, 0), (0, 71, 0)):
                    places = [one.TransformIndexToPhysicalPoint(corner) for one in (kept, made)]
                    np.testing.assert_allclose(*places, atol=1e-4)


def test_the_text_beside_an_image_says_unit_codes_and_provenance(written):
    _, out = written
    about = json.loads((out / "sub-34cd/perf/sub-34cd_acq-stress_chunk-mid_mbf.json").read_text())
    assert (about["Units"], about["OSIPI"], about["Condition"], about["Level"]) == (
        "mL/min/g",
        "Q.PH1.003",
        "stress",
        "mid",
    )
    assert about["Provenance"] == {"software": "PerfusionDL"}
    description = json.loads((out / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    assert (out / "participants.tsv").read_text() == "participant_id\nsub-12ab\nsub-34cd\n"


def test_names_follow_the_rules_and_name_nobody(written):
    _, out = written
    for path in (out / "sub-12ab").rglob("*.*"):
        assert NAME.fullmatch(path.name), path.name
    assert not any("Doe" in path.name or "Roe" in path.name for path in out.rglob("*"))


def test_the_table_is_that_of_the_results(written):
    (first, _), out = written
    with (first / layout.SEGMENTS).open(newline="") as rows:
        kept = [[cell or "n/a" for cell in row] for row in csv.reader(rows)]
    made = (out / "sub-12ab/perf/sub-12ab_segments.tsv").read_text().splitlines()
    assert [line.split("\t") for line in made] == kept


def test_what_is_no_results_folder_and_a_study_named_twice_are_said(written, tmp_path):
    (first, _), _ = written
    with pytest.raises(PerfusionError, match="holds no results"):
        write_bids([tmp_path], tmp_path / "out")
    with pytest.raises(PerfusionError, match="in several"):
        write_bids([first, first], tmp_path / "out")
