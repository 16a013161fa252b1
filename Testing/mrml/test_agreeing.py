"""What a reader corrected in the scene, against what the networks found: the same as on the command line."""

from dataclasses import replace

import numpy as np
import pandas
import pytest
import small_study
from PerfusionDLLib import mrml, session
from PerfusionDLLib.cli import results
from PerfusionDLLib.data.contours import Label, Origin, Part
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.data.preprocessed import PreprocessedStudy
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.evaluation.agreement import dice
from PerfusionDLLib.session import tasks

FLOWS = {Condition.STRESS: 2.0, Condition.REST: 1.0}
FILES = ("agreement.csv", "slices.csv", "flows.csv")
LEFT_OUT = 20


class Corrected:
    """A scene whose basal stress slice was moved by two columns, its anterior point by 6 mm, and a frame left out."""

    def __init__(self, scans):
        self.headless = mrml.HeadlessScene()
        self.readers = [mrml.ScanReader(mrml.writePreprocessed(self.headless.scene, scan)) for scan in scans]
        self.before = self.flow() if all(part.automatic for scan in scans for part in scan.slices) else None
        part = self.readers[0].nodes.slices[0]
        self.labels = np.roll(small_study.ring_labels(), 2, axis=1)
        mrml.writeLabels(part.contours, part.originalVolume, self.labels)
        points = part.rvInsertionPoints
        normal = np.cross(*small_study.geometry()[:3, :2].T)
        anterior = np.array(points.GetNthControlPointPositionWorld(0))
        along = np.cross(normal, [1.0, 0, 0])
        points.SetNthControlPointPositionWorld(0, *(anterior + 6 * along / np.linalg.norm(along)))
        session.setFrameExcluded(self.readers[1].nodes.slices[1], LEFT_OUT, True)
        self.after = self.flow()

    def flow(self):
        return tasks.flowTask(self.headless.scene, self.readers, None, model=FlowModel.FERMI).run()


def scans():
    return [small_study.enhancing_scan(*one) for one in FLOWS.items()]


@pytest.fixture(scope="module")
def corrected():
    return Corrected(scans())


@pytest.fixture(scope="module")
def written(corrected, tmp_path_factory):
    return session.agreementTask(tmp_path_factory.mktemp("scene") / "agreement", corrected.after).run()


def numbers(table):
    """Flow of all regions as ``flows.csv`` calls them."""
    rows = [(str(row.aha_segment or row.name), row) for row in (*table.segments, *table.territories, table.whole)]
    values = {(name, quantity): getattr(row, quantity) for name, row in rows for quantity in ("rest", "stress", "mpr")}
    flat = {key: value if key[1] == "mpr" else value.mbf_ml_min_g for key, value in values.items()}
    return {key: value for key, value in flat.items() if np.isfinite(value)}


def test_contours_are_compared_slice_by_slice(corrected, written):
    slices = pandas.read_csv(written.folder / "slices.csv").set_index(["condition", "level"])
    assert len(slices) == 4
    moved = slices.loc["stress", "basal"]
    expected = dice(small_study.ring_labels() == Label.MYOCARDIUM, corrected.labels == Label.MYOCARDIUM)
    assert moved.myocardium_dice == pytest.approx(expected, rel=1e-5)
    assert moved.anterior_point_mm == pytest.approx(6, abs=1e-4)
    others = slices.drop(("stress", "basal"))
    assert (others.myocardium_dice == 1).all()
    assert (others.anterior_point_mm == 0).all()


def test_flow_of_the_automatic_contours_is_what_it_was_before_any_correction(corrected, written):
    flows = pandas.read_csv(written.folder / "flows.csv", dtype={"name": str})
    for side, table in (("first", corrected.before.table), ("second", corrected.after.table)):
        found = {
            (row.name_, row.quantity): getattr(row, side)
            for row in flows.rename(columns={"name": "name_"}).itertuples()
        }
        assert found == pytest.approx(numbers(table), rel=1e-5)
    assert set(flows.extent) == {"segment", "territory", "patient"}
    changed = flows[flows["first"] != flows["second"]]
    assert {"rest", "stress", "mpr"} == set(changed.quantity)


def test_one_patient_has_no_interval_and_the_main_figures_are_said(written):
    statistics = pandas.read_csv(written.folder / "agreement.csv")
    assert set(statistics.patients) == {1}
    assert statistics.low.isna().all()
    bias = statistics[
        (statistics.measure == "rest and stress MBF")
        & (statistics.extent == "segment")
        & (statistics.statistic == "bias_percent")
    ]
    assert f"bias {bias.value.item():.1f} %" in written.figures
    assert "insertion points 0.75 mm" in written.figures  # 6 mm in one of eight
    assert (written.folder / "agreement.pdf").read_bytes().startswith(b"%PDF")
    assert sorted(path.name for path in written.folder.glob("[!.]*")) == sorted([*FILES, "agreement.pdf"])


def test_corrections_can_be_forgotten_as_the_command_line_does(corrected, tmp_path):
    mrml.saveScene(corrected.headless.scene, tmp_path / "scene.mrb")
    opened = mrml.openScene(tmp_path / "scene.mrb")
    readers = [mrml.ScanReader(nodes) for nodes in mrml.findScans(opened.scene)]
    for reader in readers:
        session.forgetCorrections(opened.scene, reader)
    again = tasks.flowTask(opened.scene, readers, None, model=FlowModel.FERMI).run()
    assert numbers(again.table) == numbers(corrected.before.table)
    assert session.whyNoAgreement(again) == "Nothing was corrected yet."


@pytest.mark.slow
def test_the_command_line_says_the_same_of_the_saved_scene(corrected, written, tmp_path):
    mrml.saveScene(corrected.headless.scene, tmp_path / "scene.mrb")
    for name, automatic in (("automatic", True), ("corrected", False)):
        results.export(tmp_path / "scene.mrb", tmp_path / name, automatic=automatic)
    results.agree([tmp_path / "automatic"], [tmp_path / "corrected"], tmp_path / "agreement")
    tables = {
        name: [pandas.read_csv(folder / name) for folder in (written.folder, tmp_path / "agreement")] for name in FILES
    }
    # a results folder keeps points to a thousandth of a mm, flow to four decimals
    pandas.testing.assert_frame_equal(*tables["slices.csv"], check_dtype=False, rtol=1e-5, atol=5e-3)
    pandas.testing.assert_frame_equal(*tables["flows.csv"], rtol=0, atol=1.1e-4)
    keys = ["measure", "extent", "unit", "n", "patients", "statistic"]
    here, there = tables["agreement.csv"]
    pandas.testing.assert_frame_equal(here[keys], there[keys])
    in_units = here.statistic.isin(["mean", "sd", "median", "worst", "bias", "lower_limit", "upper_limit"])
    pandas.testing.assert_series_equal(here.value[in_units], there.value[in_units], rtol=1e-5, atol=5e-3)


def test_a_slice_drawn_by_hand_is_left_out_of_both_readings(tmp_path):
    stress, rest = scans()
    by_hand = replace(
        stress.slices[1],
        automatic=None,
        contours=replace(stress.slices[1].contours, origins=dict.fromkeys(Part, Origin.MANUAL)),
    )
    scene = Corrected([replace(stress, slices=(stress.slices[0], by_hand)), rest])
    written = session.agreementTask(tmp_path / "agreement", scene.after).run()
    assert written.leftOut == 1
    flows = pandas.read_csv(tmp_path / "agreement" / "flows.csv", dtype={"name": str})
    stress_segments = flows[(flows.quantity == "stress") & (flows.extent == "segment")]
    assert set(stress_segments.name) == {str(number) for number in range(1, 7)}
    whole = flows[(flows.quantity == "stress") & (flows.extent == "patient")]
    assert whole.second.item() == pytest.approx(stress_segments.second.mean(), rel=0.05)
    assert len(pandas.read_csv(tmp_path / "agreement" / "slices.csv")) == 3


def test_a_peak_that_the_reader_gave_agrees_with_nothing(corrected, tmp_path):
    rest, stress = corrected.after.scans
    given = {part: Origin.AUTOMATIC for part in Part} | {Part.PEAK_FRAME: Origin.EDITED}
    found = replace(stress.slices[0].automatic, origins=given)
    now = (rest, replace(stress, slices=(replace(stress.slices[0], automatic=found), stress.slices[1])))
    result = replace(corrected.after.result, preprocessed=PreprocessedStudy(scans=now))
    session.agreementTask(tmp_path / "agreement", replace(corrected.after, result=result)).run()
    slices = pandas.read_csv(tmp_path / "agreement" / "slices.csv").set_index(["condition", "level"])
    assert slices.peak_frame_error.isna().tolist() == (slices.index == ("stress", "basal")).tolist()
    assert slices.box_dice.notna().all()


@pytest.mark.parametrize("step", ["flow of the automatic contours", "comparison and figures", "saving"])
def test_a_comparison_that_is_canceled_leaves_nothing(corrected, tmp_path, step):
    def cancel(began):
        if began == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.agreementTask(tmp_path / "agreement", corrected.after).run(cancel)
    assert list(tmp_path.iterdir()) == []


def test_without_corrections_there_is_nothing_to_compare(corrected, tmp_path):
    assert session.whyNoAgreement(corrected.before) == "Nothing was corrected yet."
    with pytest.raises(PerfusionError, match="Nothing was corrected"):
        session.agreementTask(tmp_path / "agreement", corrected.before)
    bare = tuple(
        replace(scan, slices=tuple(replace(part, automatic=None) for part in scan.slices))
        for scan in corrected.after.scans
    )
    drawn = replace(corrected.after, result=replace(corrected.after.result, preprocessed=PreprocessedStudy(scans=bare)))
    assert "No slice has automatic contours" in session.whyNoAgreement(drawn)
