"""What a user enters beside the contours, and how the flow follows: acquisition, input, work of the heart, model."""

import numpy as np
import pytest
import slicer
from panel_user import press, table, up_to_date
from PerfusionDLLib import mrml
from PerfusionDLLib.session import choicesOfScene, givenArterialInput


def test_values_of_the_acquisition_are_shown_with_their_source_and_the_flow_follows(session, drawn):
    ui, before = drawn.ui, table(drawn)
    assert ui.hematocritSourceLabel.text == "from DICOM"
    assert ui.saturationTimeSpinBox.value == pytest.approx(100)
    ui.hematocritSpinBox.setValue(0.30)
    assert ui.hematocritSourceLabel.text == "entered"
    up_to_date(session, drawn)
    assert {mrml.readAcquisition(part).hematocrit for part in drawn.slices()} == {0.30}
    ui.saturationTimeSpinBox.setValue(120)
    up_to_date(session, drawn)
    times = [mrml.readAcquisition(nodes.slices[1]).saturation_time_s for nodes in drawn.scans()]
    assert times == pytest.approx([0.12, 0.1])
    ui.agentSelector.setCurrentText("gadoterate")
    assert ui.relaxivitySpinBox.value == pytest.approx(3.5)
    up_to_date(session, drawn)
    assert table(drawn)["1"]["stress_mbf_ml_min_g"] != before["1"]["stress_mbf_ml_min_g"]
    press(ui.undoButton)
    assert ui.relaxivitySpinBox.value == pytest.approx(mrml.readAcquisition(drawn.slices()[0]).relaxivity_l_mmol_s)
    assert ui.relaxivitySpinBox.value != pytest.approx(3.5)
    press(ui.redoButton)
    assert ui.relaxivitySpinBox.value == pytest.approx(3.5)
    press(ui.restoreAcquisitionButton)
    assert ui.hematocritSourceLabel.text == "from DICOM"
    assert not ui.restoreAcquisitionButton.enabled
    up_to_date(session, drawn)
    assert table(drawn) == before


def true_curve(path):
    """The blood of the small study, as a file."""
    times_s = np.arange(0, 32, 0.5)
    since = np.clip(times_s - 6, 0, None)
    curve = 4 * ((since / 3) ** 3 * np.exp(3 - since) + 0.15 * (since > 6))
    rows = [f"{t},{c:.4f}" for t, c in zip(times_s, curve, strict=True)]
    path.write_text("\n".join(["times_s,concentration_mmol_l", *rows]))
    return str(path)


def test_an_arterial_input_from_a_file_takes_the_place_of_the_measured_one(session, drawn, tmp_path):
    ui, before = drawn.ui, table(drawn)
    assert ui.inputSourceLabel.text == "Stress, from blood pool, basal"
    assert not ui.inputImagesButton.enabled
    session.dialogs.answers.append(true_curve(tmp_path / "truth.csv"))
    press(ui.inputFileButton)
    assert not ui.exportTableButton.enabled
    up_to_date(session, drawn)
    assert ui.inputSourceLabel.text == "Stress, from file truth.csv"
    given = table(drawn)
    low, flow, high = (float(given["1"][f"stress_mbf_{what}ml_min_g"]) for what in ("low_", "", "high_"))
    assert low < 2.0 < high
    assert flow == pytest.approx(2.0, rel=0.05)
    assert given["1"]["stress_mbf_ml_min_g"] != before["1"]["stress_mbf_ml_min_g"]
    assert given["1"]["rest_mbf_ml_min_g"] == before["1"]["rest_mbf_ml_min_g"]
    mrml.saveScene(session.scene, tmp_path / "scene.mrb")
    again = mrml.openScene(tmp_path / "scene.mrb")
    curves = {nodes.condition: givenArterialInput(nodes) for nodes in mrml.findScans(again.scene)}
    assert curves["stress"].source == "file truth.csv"
    assert curves["rest"] is None
    press(ui.inputImagesButton)
    up_to_date(session, drawn)
    assert table(drawn) == before
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n")
    session.dialogs.answers.append(str(tmp_path / "wrong.csv"))
    press(ui.inputFileButton)
    assert "wrong.csv has no column times_s" in session.dialogs.errors.pop()


def test_the_work_of_the_heart_and_thresholds_are_entered_and_kept_with_the_table(session, drawn):
    ui, before = drawn.ui, table(drawn)
    assert not ui.doseRatioSpinBox.enabled
    assert ui.doseRatioSpinBox.toolTip == "This study has no pre-bolus."
    ui.rateProductSpinBox.setValue(12500)
    up_to_date(session, drawn)
    row = table(drawn)["1"]
    assert float(row["mpr_rpp"]) == pytest.approx(float(row["mpr"]) * 1.25, rel=1e-3)
    assert row["mpr"] == before["1"]["mpr"]
    columns = slicer.util.dataframeFromTable(drawn.parameters.segmentTable).columns
    assert "MPR at RPP 10 000" in columns
    ui.thresholdsSelector.qt_object.setCurrentText("MPR below 2.19 (Vink, thesis, Amsterdam)")
    up_to_date(session, drawn)
    assert "is below 2.19" in table(drawn)["1"]["flags"]
    assert choicesOfScene(session.scene) == drawn.logic.choices(drawn.parameters)[1]
    ui.rateProductSpinBox.setValue(70)
    session.wait(lambda: "rate-pressure product is 70" in ui.statusLabel.text)
    assert not ui.exportTableButton.enabled
    ui.rateProductSpinBox.setValue(0)
    ui.thresholdsSelector.qt_object.setCurrentText("None")
    up_to_date(session, drawn)
    assert table(drawn) == before


def test_another_model_is_followed(session, drawn):
    before = table(drawn)
    drawn.ui.modelSelector.qt_object.setCurrentText("Fermi")
    up_to_date(session, drawn)
    assert table(drawn) != before


def test_values_of_a_study_that_is_no_dicom_are_not_said_to_come_from_it(drawn):
    for part in drawn.slices():
        part.original.RemoveAttribute("DICOM.instanceUIDs")
    drawn.updateDisplay()
    assert drawn.ui.hematocritSourceLabel.text == "given"
