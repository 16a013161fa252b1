"""A researcher in the real panel: the results folder, and how far automatic and corrected agree."""

import pandas
import pytest
from panel_user import press, take_away_the_top_of_the_ring, up_to_date
from PerfusionDLLib import mrml, report
from PerfusionDLLib.app import comparison


def correct(session, panel):
    """The top of the ring of the basal stress slice is taken away."""
    part = panel.slices()[0]
    take_away_the_top_of_the_ring(part)
    session.wait(lambda: panel.logic.history.canUndo)
    up_to_date(session, panel)


def test_what_was_found_and_what_was_corrected_are_compared_in_the_panel(session, drawn, tmp_path):
    assert not drawn.ui.agreementButton.enabled
    assert drawn.ui.agreementButton.toolTip == "Nothing was corrected yet."
    found = drawn.logic.flow.table
    correct(session, drawn)
    session.dialogs.answers += [str(tmp_path), str(tmp_path)]
    press(drawn.ui.agreementButton)
    assert not drawn.ui.agreementButton.enabled
    assert drawn.work.busy
    session.wait(lambda: not drawn.work.busy)
    assert session.dialogs.errors == []
    folder = tmp_path / "PerfusionDL_agreement"
    slices, flows = (pandas.read_csv(folder / name) for name in ("slices.csv", "flows.csv"))
    assert slices.myocardium_dice.round(3).tolist() == [1.0, 1.0, pytest.approx(0.85, abs=0.1), 1.0]
    whole = flows[(flows.quantity == "stress") & (flows.extent == "patient")]
    assert whole["first"].item() == pytest.approx(found.whole.stress.mbf_ml_min_g, rel=1e-5)
    assert whole["second"].item() == pytest.approx(drawn.logic.flow.table.whole.stress.mbf_ml_min_g, rel=1e-5)
    said = drawn.ui.statusLabel.text
    assert said.startswith("Automatic against corrected: myocardium Dice 0.9")
    assert "One patient has no intervals." in said
    assert said.endswith(f"Saved: {folder}")

    press(drawn.ui.agreementButton)
    session.wait(lambda: not drawn.work.busy)
    assert drawn.ui.statusLabel.text.endswith("PerfusionDL_agreement_2")
    drawn.ui.undoButton.qt_object.click()
    up_to_date(session, drawn)
    assert not drawn.ui.agreementButton.enabled


def test_the_results_folder_goes_on_to_the_command_line(session, drawn, tmp_path):
    correct(session, drawn)
    table = drawn.logic.flow.table
    (tmp_path / "PerfusionDL_results").mkdir()
    session.dialogs.answers.append(str(tmp_path))
    press(drawn.ui.exportResultsButton)
    session.wait(lambda: not drawn.work.busy)
    assert session.dialogs.errors == []
    folder = tmp_path / "PerfusionDL_results_2"  # what is there is kept
    assert drawn.ui.statusLabel.text == f"Saved: {folder}"
    assert (
        (folder / "segments.csv").read_text(encoding="utf-8") == drawn.logic.tableText() == report.segments_csv(table)
    )
    assert (folder / "table.json").read_text(encoding="utf-8") == report.table_json(table)
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")
    again = comparison.compare([folder], [folder])
    assert [one.agreement.myocardium_dice for one in again.slices] == [1] * 4
    assert len(again.flows) == 3 * (12 + 3 + 1)
    scene = mrml.openScene(folder / "scene.mrb").scene
    assert mrml.readScan(mrml.findScans(scene)[0]).slices[0].contours.origin == "edited"
    assert len(mrml.findScans(session.scene)) == 2


def test_a_correction_meanwhile_cancels_the_export_and_that_is_said(session, drawn, tmp_path):
    session.dialogs.answers.append(str(tmp_path))
    press(drawn.ui.exportResultsButton)
    worker = drawn.work._thread
    session.wait(lambda: drawn.ui.statusLabel.text == "Report")  # the longest step
    correct(session, drawn)
    worker.join(60)
    assert drawn.ui.statusLabel.text == "Up to date. Canceled by the correction: Write results."
    assert list(tmp_path.iterdir()) == []
    drawn.ui.recomputeButton.qt_object.click()
    session.wait(lambda: drawn.ui.statusLabel.text == "Up to date.")


def test_a_comparison_can_be_canceled_and_leaves_no_file(session, drawn, tmp_path):
    correct(session, drawn)
    session.dialogs.answers += [str(tmp_path), ""]
    press(drawn.ui.agreementButton)
    worker = drawn.work._thread
    session.wait(lambda: drawn.ui.statusLabel.text in ("Flow of the automatic contours", "Comparison and figures"))
    press(drawn.ui.cancelButton)
    worker.join(60)
    assert not worker.is_alive()
    assert drawn.ui.statusLabel.text == "Canceled."
    assert list(tmp_path.iterdir()) == []
    press(drawn.ui.agreementButton)  # no folder was chosen
    assert not drawn.work.busy
    assert session.dialogs.errors == []
