"""Results folders that differ in a known way are found to differ in just that way."""

import json
from dataclasses import replace

import numpy as np
import pandas
import pytest
from PerfusionDLLib import report
from PerfusionDLLib.app import comparison
from PerfusionDLLib.data.contours import Label
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.preprocessed import PreprocessedStudy
from PerfusionDLLib.evaluation.agreement import compare_contours, flow_summaries, shape_summaries
from PerfusionDLLib.results import writing
from PerfusionDLLib.results.layout import INDEX
from scipy import ndimage

STUDIES = 12


def write(folder, study):
    """The part of a results folder that a comparison reads."""
    folder.mkdir(parents=True)
    (folder / "segments.csv").write_text(report.segments_csv(study.table), encoding="utf-8")
    (folder / "territories.csv").write_text(report.territories_csv(study.table), encoding="utf-8")
    writing.write_index(folder / INDEX, study.scans, {})
    for name, piece in writing.name_slices(study.scans):
        writing.write_slice(folder / name, piece.contours, piece.series, piece.series.signal[0], {})


def with_contours(study, change):
    """The same study with every slice's contours changed."""
    scans = tuple(
        replace(scan, slices=tuple(replace(part, contours=change(part.contours, part.series)) for part in scan.slices))
        for scan in study.scans
    )
    return replace(study, preprocessed=PreprocessedStudy(scans=tuple(scans)))


def with_flow(study, factor):
    """The same study with every flow multiplied; MPR stays."""

    def scaled(row):
        rest, stress = (replace(flow, mbf_ml_min_g=factor * flow.mbf_ml_min_g) for flow in (row.rest, row.stress))
        return replace(row, rest=rest, stress=stress)

    table = study.table
    return replace(
        study,
        table=replace(
            table,
            segments=tuple(map(scaled, table.segments)),
            territories=tuple(map(scaled, table.territories)),
            whole=replace(scaled(table.whole), name="global"),
        ),
    )


def disturbed(contours, series):
    """One pixel more of heart all around, insertion points turned by 5 degrees, the peak two frames late."""
    heart = contours.myocardium | contours.blood_pool
    labels = contours.labels.copy()
    labels[ndimage.binary_dilation(heart) & ~heart] = Label.MYOCARDIUM
    turn = np.radians(5)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    center = np.argwhere(heart).mean(axis=0)

    def turned(point):
        return series.ras_from_pixels(rotation @ (series.pixels_from_ras(point) - center) + center)

    return replace(
        contours,
        labels=labels,
        peak_frame=contours.peak_frame + 2,
        anterior_rv_ras_mm=turned(contours.anterior_rv_ras_mm),
        inferior_rv_ras_mm=turned(contours.inferior_rv_ras_mm),
    )


@pytest.fixture(scope="module")
def cohort(finished_study, tmp_path_factory):
    """Studies of different flow, read twice; the first reading is disturbed and 10 % high."""
    root = tmp_path_factory.mktemp("cohort")
    random = np.random.default_rng(8)
    for number, level in enumerate(random.uniform(0.6, 1.4, STUDIES)):
        manual = with_flow(finished_study, level)
        write(root / f"manual{number}", manual)
        write(root / f"automatic{number}", with_contours(with_flow(manual, 1.1 * random.normal(1, 0.02)), disturbed))
    return tuple([root / f"{who}{number}" for number in range(STUDIES)] for who in ("automatic", "manual"))


@pytest.fixture(scope="module")
def compared(cohort):
    return comparison.compare(*cohort)


def test_a_disturbance_of_the_contours_is_measured_as_what_it_is(compared):
    found = {summary.measure: summary for summary in shape_summaries(compared.slices)}
    assert found["Peak frame, error"].mean == 2
    assert found["LV cavity, Dice"].mean == 1
    assert found["Endocardium, mean distance"].mean == pytest.approx(0, abs=1e-9)
    assert 0.7 * 2.0 < found["Epicardium, mean distance"].mean < 2.0  # 0.7 pixels where it runs obliquely
    assert found["Epicardium, mean distance"].patients == STUDIES
    assert found["RV insertion points, angle"].mean == pytest.approx(5, abs=0.2)
    assert 0.75 < found["Myocardium, Dice"].mean < 0.95
    assert found["Myocardium, Dice"].slices == STUDIES * 6


def test_a_reading_ten_percent_high_has_that_bias_and_mpr_has_none(compared):
    found = {
        (summary.quantity, summary.extent): summary
        for summary in flow_summaries(compared.flows, np.random.default_rng(0))
    }
    both = found["rest and stress", "segment"]
    assert both.bias_percent.value == pytest.approx(200 * 0.1 / 2.1, abs=1)
    assert both.bias_percent.low < 200 * 0.1 / 2.1 < both.bias_percent.high
    assert both.slope.value == pytest.approx(0.1 / 1.05, abs=0.02)
    assert both.limits.pairs == STUDIES * 32
    assert found["mpr", "segment"].limits.bias.value == pytest.approx(0, abs=1e-3)
    assert both.drawn
    assert found["stress", "patient"].limits.pairs == found["stress", "patient"].patients == STUDIES
    assert not found["stress", "patient"].drawn
    assert found["rest", "territory"].limits.pairs == STUDIES * 3


@pytest.fixture(scope="module")
def written(cohort, tmp_path_factory):
    """The folder and the text of a comparison."""
    out = tmp_path_factory.mktemp("comparison") / "agreement"
    return out, comparison.agree(*cohort, out)


def test_the_comparison_writes_tables_that_hold_every_pair(written):
    out, text = written
    statistics = pandas.read_csv(out / "agreement.csv")
    slices, flows = pandas.read_csv(out / "slices.csv"), pandas.read_csv(out / "flows.csv")
    assert len(slices) == STUDIES * 6
    assert len(flows) == STUDIES * 3 * (16 + 3 + 1)
    bias = statistics[
        (statistics.statistic == "bias_percent")
        & (statistics.extent == "segment")
        & (statistics.measure == "rest and stress MBF")
    ]
    assert bias.paper.tolist() == ["2.6"]
    assert (out / "agreement.pdf").read_bytes().startswith(b"%PDF")
    for row in ("Peak frame, error", "1.49 (1.4)", "0.80 (0.06)", "over patients", "Not approved for clinical use"):
        assert row in text
    assert set(statistics.patients) == {STUDIES}


@pytest.mark.parametrize(("studies", "said"), [(1, "No interval over patients exists"), (3, "3 patients are few")])
def test_few_patients_are_said(cohort, tmp_path, studies, said):
    text = comparison.agree(*(folders[:studies] for folders in cohort), tmp_path / "few")
    assert said in text
    statistics = pandas.read_csv(tmp_path / "few" / "agreement.csv")
    flows = statistics[statistics.measure.str.contains("MBF|MPR") & (statistics.extent == "segment")]
    assert len(flows) == 4 * 8
    assert flows.low.isna().all() == flows.high.isna().all() == (studies == 1)


def test_a_reading_compared_with_itself_agrees_fully(cohort):
    _, manual = cohort
    itself = comparison.compare(manual[:3], manual[:3])
    found = {summary.measure: summary for summary in shape_summaries(itself.slices)}
    assert {found[name].worst for name in found if "Dice" in name} == {1}
    assert max(found[name].worst for name in found if "Dice" not in name) == pytest.approx(0, abs=1e-9)
    for summary in flow_summaries(itself.flows, np.random.default_rng(0)):
        varies = (summary.quantity, summary.extent) != ("mpr", "patient")
        assert summary.icc_agreement.value == 1 if varies else np.isnan(summary.icc_agreement.value)


def test_readings_in_different_poses_are_compared_in_one_where_the_motion_is_known(finished_study, tmp_path):
    """The second reading knows the displacement of every frame; the first was drawn in a frame 4 mm lower."""
    piece = finished_study.scans[0].slices[0]
    frame = int(np.argmax(piece.motion.displacement_mm[:, 0, 30, 30]))
    shift_px = int(piece.motion.displacement_mm[frame, 0, 30, 30] / 2.0)
    assert shift_px == 2

    def lowered(contours, series):
        down = series.ras_from_pixels((shift_px, 0)) - series.ras_from_pixels((0, 0))
        row0, column0, row1, column1 = contours.box_px
        return replace(
            contours,
            reference_frame=frame,
            labels=np.roll(contours.labels, shift_px, axis=0),
            box_px=(row0 + shift_px, column0, row1 + shift_px, column1),
            anterior_rv_ras_mm=contours.anterior_rv_ras_mm + down,
            inferior_rv_ras_mm=contours.inferior_rv_ras_mm + down,
        )

    write(tmp_path / "second", finished_study)
    write(tmp_path / "first", with_contours(finished_study, lowered))
    apart = comparison.compare([tmp_path / "first"], [tmp_path / "second"]).slices[0].agreement
    for name, part in writing.name_slices(finished_study.scans):
        np.savez(tmp_path / "second" / name / "displacement.npz", displacement_mm=part.motion.displacement_mm)
    together = comparison.compare([tmp_path / "first"], [tmp_path / "second"]).slices[0].agreement
    assert not apart.one_pose
    assert apart.anterior_point_mm == pytest.approx(4, abs=0.01)
    assert together.one_pose
    assert together.myocardium_dice == 1
    assert together.box_dice == pytest.approx(1)
    assert together.anterior_point_mm == pytest.approx(0, abs=0.01)


def test_missing_insertion_points_are_left_out_not_counted_as_agreement(finished_study):
    piece = finished_study.scans[0].slices[0]
    without = replace(piece.contours, anterior_rv_ras_mm=None)
    found = compare_contours(without, piece.contours, ijk_to_ras=piece.series.ijk_to_ras)
    assert np.isnan(found.anterior_point_mm)
    assert found.inferior_point_mm == 0


def test_the_folders_must_be_results_and_as_many(cohort, tmp_path):
    automatic, manual = cohort
    with pytest.raises(PerfusionError, match="12 results folders cannot be compared with 11"):
        comparison.agree(automatic, manual[:-1], tmp_path / "out")
    with pytest.raises(PerfusionError, match="holds no results"):
        comparison.agree([tmp_path], manual[:1], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_written_names_a_folder(written):
    """Folder names may name patients."""
    tables = list(written[0].glob("*.csv"))
    assert len(tables) == 3
    for file in tables:
        text = file.read_text(encoding="utf-8")
        assert "automatic0" not in text
        assert "manual0" not in text


@pytest.fixture
def pair(finished_study, tmp_path):
    """Two results folders that are the same."""
    for name in ("first", "second"):
        write(tmp_path / name, finished_study)
    return tmp_path / "first", tmp_path / "second"


def excel(text):
    """As a spreadsheet of a language with decimal commas saves a table again."""
    return ("\ufeff" + text.replace(",", ";").replace(".", ",")).replace("\n", "\r\n").encode()


def test_a_table_that_a_spreadsheet_saved_again_is_the_same_table(pair):
    before = comparison.compare([pair[0]], [pair[1]])
    for file in ("segments.csv", "territories.csv"):
        path = pair[1] / file
        path.write_bytes(excel(path.read_text(encoding="utf-8")))
    after = comparison.compare([pair[0]], [pair[1]])
    assert after.flows == before.flows


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:200],
        lambda data: data.replace(b"stress_mbf_ml_min_g", b"stress"),
        lambda data: data.replace(b"\n1,", b"\n1,\x00,"),
        lambda data: data.replace(b"0.", b"x."),
        lambda data: data.replace(b"0.", b"9999"),
        lambda data: data + data,
        lambda data: data.decode().encode("utf-16"),
        lambda data: data + b'1,"',
        lambda data: data + b"1\n",
    ],
)
def test_a_damaged_table_is_said(pair, damage):
    path = pair[0] / "segments.csv"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(PerfusionError, match=r"The table segments\.csv in first cannot be used"):
        comparison.compare([pair[0]], [pair[1]])


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.update(box_px=[1, 2]),
        lambda one: one.update(peak_frame="two"),
        lambda one: one.update(reference_frame=10**6),
        lambda one: one.update(ijk_to_ras=[[0]]),
        lambda one: one.update(condition="asleep"),
        lambda one: one.update(rv_insertion_points_ras_mm=[]),
        lambda one: one.update(rv_insertion_points_ras_mm={"anterior": [1], "inferior": None}),
        lambda one: one.pop("box_px"),
    ],
)
def test_a_damaged_index_is_said(pair, change):
    path = pair[0] / INDEX
    index = json.loads(path.read_text(encoding="utf-8"))
    change(index["slices"][0])
    path.write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(PerfusionError, match="in first are damaged"):
        comparison.compare([pair[0]], [pair[1]])


@pytest.mark.parametrize("folder", ["../second/rest_basal", "/tmp", "", 7, None])
def test_an_index_that_leads_elsewhere_is_said(pair, folder):
    path = pair[0] / INDEX
    index = json.loads(path.read_text(encoding="utf-8"))
    index["slices"][0]["folder"] = folder
    path.write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(PerfusionError, match="holds no results"):
        comparison.compare([pair[0]], [pair[1]])


def test_a_damaged_label_image_is_said(pair):
    path = next(pair[0].rglob("labels.nrrd"))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(PerfusionError, match="in first are damaged"):
        comparison.compare([pair[0]], [pair[1]])
