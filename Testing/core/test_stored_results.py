"""Images, segmentations and report from an archive give the same study again, to the last bit."""

import json
import shutil
from dataclasses import replace
from datetime import datetime

import highdicom as hd
import numpy as np
import pydicom
import pytest
from known_heart import heart_slice
from PerfusionDLLib import __version__, motion, pipeline
from PerfusionDLLib.app import stored_results
from PerfusionDLLib.app.stored_results import (
    RestoredScan,
    choose_version,
    compare_flow,
    find_left_out,
    read_options,
    restore_slice,
    restore_study,
)
from PerfusionDLLib.data.box import Box
from PerfusionDLLib.data.contours import Origin, Part
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.flag import FlagCode, Severity, make_flag
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.data.identity import is_same
from PerfusionDLLib.data.preprocessed import PreprocessedScan, PreprocessedSlice, PreprocessedStudy
from PerfusionDLLib.data.result import StudyResult
from PerfusionDLLib.data.study import Condition, Level, Scan, Study
from PerfusionDLLib.dicom import export_results, find_stored, name_report, read_study, write_study
from PerfusionDLLib.quantification.options import Options, options_document
from PerfusionDLLib.quantification.thresholds import thresholds_from
from PerfusionDLLib.report import table_json
from test_dicom_export import complaints

MOMENT = datetime(2025, 1, 20, 14, 30)
OPTIONS = Options(model=FlowModel.FERMI, thresholds=thresholds_from("anoca, stress=1.7"))
THIRD = 1 / 3  # has no end in decimal places


@pytest.fixture(scope="module")
def archived(tmp_path_factory):
    """Images, the objects of a corrected slice in two folders of an archive, and the results they were made from."""
    folder = tmp_path_factory.mktemp("archive")
    drawn = heart_slice(Level.MID, 2.0)
    write_study(Study(stress=Scan(condition=Condition.STRESS, slices=(drawn.series,))), folder / "images", vendor="ge")
    (scan,) = read_study([folder / "images"]).scans
    result = corrected(scan, drawn.contours)
    write(folder / "objects", folder / "images", result)
    return folder, result


def write(folder, images, result, **how):
    return export_results(folder, [images], result, moment=MOMENT, options=options_document(OPTIONS), **how)


def corrected(scan, drawn):
    """The results of a slice in which a reader corrected every part, left a heartbeat out and entered a value."""
    (series,) = scan.slices
    found = replace(
        drawn,
        origins=dict.fromkeys(Part, Origin.AUTOMATIC),
        confidences={part: THIRD for part in Part},
        weights_sha256="ab" * 32,
    )
    labels = drawn.labels.copy()
    labels[15:18, 25:40] = 0
    read_by = replace(
        found,
        peak_frame=13,
        labels=labels,
        box_px=Box(14 + THIRD, 14.5, 49.5, 49 - THIRD),
        anterior_rv_ras_mm=drawn.anterior_rv_ras_mm + np.array([THIRD, -THIRD, 0]),
        origins=dict.fromkeys(Part, Origin.EDITED),
    )
    region = Box(12.25, 13 + THIRD, 50.5, 51.5)
    part = PreprocessedSlice(
        series=replace(
            series, acquisition=replace(series.acquisition, hematocrit=0.38 + THIRD / 10, entered=("hematocrit",))
        ),
        motion=motion.compensate(series.signal, spacing_mm=series.spacing_mm, reference_frame=12, region_px=region),
        contours=read_by,
        automatic=found,
        excluded_frames=frozenset({3, 40}),
        flags=(make_flag(FlagCode.CONTOURS_UNCERTAIN, confidence=THIRD).located(level="mid"),),
    )
    preprocessed = PreprocessedScan(
        condition=scan.condition, slices=(part,), assumptions=scan.assumptions, study=scan.study
    )
    return pipeline.process(PreprocessedStudy(scans=(preprocessed,)), OPTIONS)


@pytest.fixture
def still(archived, monkeypatch):
    """The alignment is known and takes no time: these tests are about what was stored."""
    known, align = archived[1].scans[0].slices[0].motion, motion.compensate
    wanted = known.region_px

    def recall(signal, *, region_px, **how):
        return known if region_px == wanted else align(signal, region_px=region_px, **how)

    monkeypatch.setattr(motion, "compensate", recall)


def test_images_segmentations_and_report_give_the_same_study_to_the_last_bit(archived):
    folder, result = archived
    restored, options, stored = restore_study([folder])
    assert stored.is_corrected
    assert options == OPTIONS
    assert is_same(restored.scans, result.scans)
    assert table_json(restored.table) == table_json(result.table)
    assert len(stored.mbf_ml_min_g) == 10, "six segments of the slice, three territories, the whole"
    assert compare_flow(stored, restored.table) == ""
    assert (
        restored.scans[0].slices[0].contours.anterior_rv_ras_mm[0]
        == (result.scans[0].slices[0].contours.anterior_rv_ras_mm[0])
    )


def item_named(container, code):
    return next(item for item in container.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == code)


def test_flow_that_is_not_what_the_report_says_is_said(archived, tmp_path):
    folder, _ = archived
    shutil.copytree(folder, tmp_path / "changed")
    path = tmp_path / "changed" / "objects" / "segment_table.dcm"
    report = pydicom.dcmread(path)
    content = item_named(report, "PREPROCESSING")
    state = item_named(item_named(content, "SLICE"), "SLICE_STATE")
    document = json.loads(state.TextValue)
    document["excluded_frames"] = [3, 14, 40]
    state.TextValue = json.dumps(document)
    report.save_as(path)
    restored, _, stored = restore_study([tmp_path / "changed"])
    said = compare_flow(stored, restored.table)
    assert "of 10 regions is not what the archived report says" in said
    assert f"PerfusionDL {__version__} wrote the report" in said
    nothing = replace(stored, mbf_ml_min_g=dict.fromkeys(stored.mbf_ml_min_g, 0.0))
    assert "by up to 100.0 %" in compare_flow(nothing, restored.table)


def test_slices_that_only_the_images_or_only_the_results_have_are_said(archived, still, monkeypatch):
    folder, result = archived
    (stored,) = find_stored(sorted((folder / "objects").iterdir()))
    (scan,) = read_study([folder / "images"]).scans
    (known,) = result.scans[0].slices
    assert find_left_out([RestoredScan(scan, (known,))], stored) == ()
    apex = replace(known.series, level=Level.APICAL, instance_uids=("1.2.3",) * len(known.series.instance_uids))
    both = replace(scan, slices=(*scan.slices, apex))
    (flag,) = find_left_out([RestoredScan(both, (known, None))], stored)
    assert "no contours of slice rest 2 (apical), which is left out" in flag.text
    assert flag.severity is Severity.UNRELIABLE
    more = replace(stored, slices=(*stored.slices, replace(stored.slices[0], condition=Condition.STRESS, image="1.2")))
    (flag,) = find_left_out([RestoredScan(scan, (known,))], more)
    assert "made with slice stress 1 too, whose images are not here" in flag.text
    monkeypatch.setattr(stored_results, "find_stored", lambda files: (more,))
    restored, _, _ = restore_study([folder])
    assert flag.text in {found.text for found in restored.table.whole.flags}


def test_other_programs_see_points_box_and_heartbeats_left_out(archived):
    folder, result = archived
    report = hd.sr.srread(folder / "objects" / "segment_table.dcm")
    (content,) = [item for item in report.content[0].ContentSequence if item.name.value == "PREPROCESSING"]
    (piece,) = [item for item in content.ContentSequence if item.name.value == "SLICE"]
    items = {item.name.value: item for item in piece.ContentSequence}
    contours = result.scans[0].slices[0].contours
    for code, point in (("RV_ANTERIOR", contours.anterior_rv_ras_mm), ("RV_INFERIOR", contours.inferior_rv_ras_mm)):
        np.testing.assert_allclose(items[code].value[0], point * [-1, -1, 1], atol=1e-4)
        assert items[code].graphic_type.value == "POINT"
    assert items["LV_BOX"].value.shape == (5, 3)
    assert items["FRAMES_LEFT_OUT"].value == "[4, 41]"
    assert items["CONTOURS"].referenced_sop_instance_uid != items["AUTO_CONTOURS"].referenced_sop_instance_uid


def test_a_new_version_names_the_former_and_is_current(archived, tmp_path):
    folder, result = archived
    first = sorted((folder / "objects").iterdir())
    second = write(tmp_path / "second", folder / "images", shifted(result), former=name_report(first))
    third = write(tmp_path / "third", folder / "images", result, former=name_report(second))
    assert [complaints(path) for path in second] == [[]] * len(second)
    assert {(pydicom.dcmread(path).SeriesNumber - 9001) // 20 for path in second} == {1}
    found = find_stored([*second, *first])
    assert [(one.report["version"], one.is_replaced) for one in found] == [("2", False), ("1", True)]
    assert found[0].title == "version 2 of 2025-01-20 14:30, corrected"
    uids = set(result.scans[0].slices[0].series.instance_uids)
    assert choose_version(found, uids, 1).report == name_report(first)
    with pytest.raises(PerfusionError, match="no version 3"):
        choose_version(found, uids, 3)
    assert name_report(third)["sop"] == name_report(first)["sop"], "the same results are the same object"
    again = write(tmp_path / "again", folder / "images", shifted(result), former=name_report(second))
    assert name_report(again) == name_report(second), "and replace what they replaced"


def shifted(result):
    """The results after the box was moved, which changes no number."""
    (scan,) = result.scans
    (part,) = scan.slices
    contours = replace(part.contours, box_px=part.contours.box_px.moved(1, 0))
    scans = (replace(scan, slices=(replace(part, contours=contours),)),)
    return StudyResult(preprocessed=PreprocessedStudy(scans=scans), maps=result.maps, table=result.table)


def test_results_without_the_patient_are_gone_on_from_by_whoever_has_the_key(archived, tmp_path):
    folder, result = archived
    former = name_report(sorted((folder / "objects").iterdir()))
    write(tmp_path, folder / "images", result, de_identify=True, former=former)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(former[name].encode() in written for name in ("study", "series", "sop"))
    assert [complaints(path) for path in tmp_path.iterdir()] == [[]] * len(list(tmp_path.iterdir()))
    restored, _, _ = restore_study([folder / "images", tmp_path])
    assert is_same(restored.scans[0].slices[0].contours, result.scans[0].slices[0].contours)
    assert restored.table.whole.rest.mbf_ml_min_g == result.table.whole.rest.mbf_ml_min_g


def test_images_that_came_or_went_since_are_said(archived, tmp_path):
    folder, _ = archived
    shutil.copytree(folder, tmp_path / "later")
    sorted((tmp_path / "later" / "images").rglob("*.dcm"))[-1].unlink()
    with pytest.raises(PerfusionError, match="other images"):
        restore_study([tmp_path / "later"])


def test_images_alone_are_said_to_be_alone(archived):
    folder, _ = archived
    with pytest.raises(PerfusionError, match="no results of PerfusionDL"):
        restore_study([folder / "images"])


def go_on(objects, result):
    """What `restore_study` does with the objects beside images that were read."""
    (scan,) = result.scans
    stored = choose_version(find_stored(sorted(objects.iterdir())), set(scan.slices[0].series.instance_uids), None)
    read_options(stored)
    (one,) = stored.slices
    return restore_slice(scan.slices[0].series, one)


@pytest.mark.parametrize("name", ["*_contours.dcm", "*_automatic.dcm", "segment_table.dcm"])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_objects_that_are_damaged_are_said_and_nothing_else_is_raised(archived, tmp_path, still, name, kept):
    folder, result = archived
    shutil.copytree(folder / "objects", tmp_path / "objects")
    (path,) = (tmp_path / "objects").glob(name)
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(PerfusionError, match=r"cannot be read|no results of PerfusionDL"):
        go_on(tmp_path / "objects", result)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('"frames": ', '"frames": "x", "f": ', "no results of PerfusionDL"),
        ('"excluded_frames": [3', '"excluded_frames": [-3', "no results of PerfusionDL"),
        ('"region_px": [', '"region_px": [1e9, ', "what the archived report says of a slice"),
        ('"anterior_rv_ras_mm": [', '"anterior_rv_ras_mm": [NaN, ', "what the archived report says of a slice"),
        ('"model": "fermi"', '"model": "other"', "says of the choices"),
    ],
)
def test_a_report_that_says_what_cannot_be_is_refused_in_words(archived, tmp_path, still, before, after, words):
    folder, result = archived
    shutil.copytree(folder / "objects", tmp_path / "objects")
    path = tmp_path / "objects" / "segment_table.dcm"
    report = pydicom.dcmread(path)
    (item,) = [one for one in report.iterall() if one.keyword == "TextValue" and before in one.value]
    item.value = item.value.replace(before, after, 1)
    report.save_as(path)
    with pytest.raises(PerfusionError, match=f"(?i){words}"):
        go_on(tmp_path / "objects", result)
