"""A researcher in the real panel: the results folder, and how far automatic and corrected agree."""

import pandas
import pytest
import small_study
from PerfusionDLLib import comparison, mrml, report
from PerfusionDLLib.series import Condition


@pytest.fixture
def ready(session):
    """The panel of a study whose contours are as they were found."""
    flows = ((Condition.STRESS, 2.0), (Condition.REST, 1.0))
    mrml.writeStudy(session.scene, [small_study.enhancing_scan(*one) for one in flows])
    panel = session.open()
    up_to_date(session, panel)
    return panel


def up_to_date(session, panel):
    session.wait(lambda: panel.logic.flowIsCurrent(panel.parameters) and not panel.work.busy, seconds=60)


def press(button):
    assert button.enabled, button.toolTip
    button.qt_object.click()


def correct(session, panel):
    """The top of the ring of the basal stress slice is taken away."""
    part = panel.slices()[0]
    labels = small_study.ring_labels()
    labels[:14] = 0
    mrml.writeLabels(part.contours, part.originalVolume, labels)
    session.wait(lambda: panel.logic.history.canUndo)
    up_to_date(session, panel)


def test_what_was_found_and_what_was_corrected_are_compared_in_the_panel(session, ready, tmp_path):
    assert not ready.ui.agreementButton.enabled
    assert ready.ui.agreementButton.toolTip == "Nothing was corrected yet."
    found = ready.logic.flow.table
    correct(session, ready)
    session.dialogs.answers += [str(tmp_path), str(tmp_path)]
    press(ready.ui.agreementButton)
    assert not ready.ui.agreementButton.enabled
    assert ready.work.busy
    session.wait(lambda: not ready.work.busy, seconds=60)
    assert session.dialogs.errors == []
    folder = tmp_path / "PerfusionDL_agreement"
    slices, flows = (pandas.read_csv(folder / name) for name in ("slices.csv", "flows.csv"))
    assert slices.myocardium_dice.round(3).tolist() == [1.0, 1.0, pytest.approx(0.85, abs=0.1), 1.0]
    whole = flows[(flows.quantity == "stress") & (flows.extent == "patient")]
    assert whole["first"].item() == pytest.approx(found.whole.stress.mbf_ml_min_g, rel=1e-5)
    assert whole["second"].item() == pytest.approx(ready.logic.flow.table.whole.stress.mbf_ml_min_g, rel=1e-5)
    said = ready.ui.statusLabel.text
    assert said.startswith("Automatic against corrected: myocardium Dice 0.9")
    assert "One patient has no intervals." in said
    assert said.endswith(f"Saved: {folder}")

    press(ready.ui.agreementButton)
    session.wait(lambda: not ready.work.busy, seconds=60)
    assert ready.ui.statusLabel.text.endswith("PerfusionDL_agreement_2")
    ready.ui.undoButton.qt_object.click()
    up_to_date(session, ready)
    assert not ready.ui.agreementButton.enabled


def test_the_results_folder_goes_on_to_the_command_line(session, ready, tmp_path):
    correct(session, ready)
    table = ready.logic.flow.table
    (tmp_path / "PerfusionDL_results").mkdir()
    session.dialogs.answers.append(str(tmp_path))
    press(ready.ui.exportResultsButton)
    session.wait(lambda: not ready.work.busy, seconds=60)
    assert session.dialogs.errors == []
    folder = tmp_path / "PerfusionDL_results_2"  # what is there is kept
    assert ready.ui.statusLabel.text == f"Saved: {folder}"
    assert (
        (folder / "segments.csv").read_text(encoding="utf-8") == ready.logic.tableText() == report.segments_csv(table)
    )
    assert (folder / "table.json").read_text(encoding="utf-8") == report.table_json(table)
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")
    again = comparison.compare([folder], [folder])
    assert [one.agreement.myocardium_dice for one in again.slices] == [1] * 4
    assert len(again.flows) == 3 * (12 + 3 + 1)
    scene = mrml.openScene(folder / "scene.mrb").scene
    assert mrml.readScan(mrml.findScans(scene)[0]).slices[0].contours.origin == "edited"
    assert len(mrml.findScans(session.scene)) == 2


def test_a_correction_meanwhile_cancels_the_export_and_that_is_said(session, ready, tmp_path):
    session.dialogs.answers.append(str(tmp_path))
    press(ready.ui.exportResultsButton)
    worker = ready.work._thread
    session.wait(lambda: ready.ui.statusLabel.text == "images")
    correct(session, ready)
    worker.join(60)
    assert ready.ui.statusLabel.text == "Up to date. Canceled by the correction: Write results."
    assert list(tmp_path.iterdir()) == []
    ready.ui.recomputeButton.qt_object.click()
    session.wait(lambda: ready.ui.statusLabel.text == "Up to date.")


def test_a_comparison_can_be_canceled_and_leaves_no_file(session, ready, tmp_path):
    correct(session, ready)
    session.dialogs.answers += [str(tmp_path), ""]
    press(ready.ui.agreementButton)
    worker = ready.work._thread
    session.wait(lambda: ready.ui.statusLabel.text == "flow of the automatic contours")
    press(ready.ui.cancelButton)
    worker.join(60)
    assert not worker.is_alive()
    assert ready.ui.statusLabel.text == "Canceled."
    assert list(tmp_path.iterdir()) == []
    press(ready.ui.agreementButton)  # no folder was chosen
    assert not ready.work.busy
    assert session.dialogs.errors == []
