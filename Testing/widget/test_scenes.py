"""Scenes that are saved, opened, added to, and closed while the panel works."""

import slicer
from panel_user import lines, settled, take_away_the_top_of_the_ring
from PerfusionDLLib import mrml


def test_the_scene_may_be_closed_at_any_moment(session, ready, study):
    take_away_the_top_of_the_ring(study[0].slices[0])
    session.wait(lambda: ready.work.busy)
    session.scene.Clear(False)
    assert lines(ready) == []
    assert not ready.ui.findContoursButton.enabled
    for _ in range(50):
        session.qt_application.processEvents()
    assert session.dialogs.errors == []


def test_a_scan_may_be_deleted_at_any_moment(session, ready, study):
    take_away_the_top_of_the_ring(study[0].slices[0])
    session.wait(lambda: ready.work.busy)
    session.scene.RemoveNode(study[0].browser)
    for _ in range(50):
        session.qt_application.processEvents()
    session.widget.initializeParameterNode()
    assert lines(ready) == []
    assert session.dialogs.errors == []


def test_a_saved_scene_goes_on_where_it_was(session, ready, study, tmp_path):
    take_away_the_top_of_the_ring(study[0].slices[0])
    settled(session, ready)
    mrml.saveScene(session.scene, tmp_path / "scene.mrb")
    session.scene.Clear(False)
    assert session.scene.ReadFromMRB(str(tmp_path / "scene.mrb"), True, slicer.vtkMRMLMessageCollection())
    session.wait(lambda: ready.ui.statusLabel.text == "Up to date.")
    assert lines(ready)[0].startswith("Stress basal: edited")
    assert lines(ready)[1].startswith("Stress mid: automatic")


def test_a_scene_whose_numbers_were_others_is_not_called_up_to_date_alone(session, ready, study, tmp_path):
    saved = ready.parameters.segmentTable
    column = next(one for one in range(saved.GetNumberOfColumns()) if saved.GetColumnName(one) == "Stress MBF")
    saved.SetCellText(0, column, "9.99")
    mrml.saveScene(session.scene, tmp_path / "scene.mrb")
    session.scene.Clear(False)
    assert session.scene.ReadFromMRB(str(tmp_path / "scene.mrb"), True, slicer.vtkMRMLMessageCollection())
    session.wait(lambda: ready.ui.statusLabel.text.startswith("Up to date."))
    assert "saved with other numbers (PerfusionDL" in ready.ui.statusLabel.text
    assert "): 1 of " in ready.ui.statusLabel.text


def test_the_choices_of_a_scene_that_is_added_are_kept(session, ready, study, tmp_path):
    mrml.saveScene(session.scene, tmp_path / "scene.mrb")
    assert session.scene.ReadFromMRB(str(tmp_path / "scene.mrb"), False, slicer.vtkMRMLMessageCollection())
    session.wait(lambda: ready.ui.statusLabel.text == "Up to date." and not ready.work.busy)
    added = [nodes.browser for nodes in mrml.findScans(session.scene) if nodes.browser is not study[0].browser]
    assert ready.parameters.stressScan is added[0]
    assert ready.ui.stressSelector.currentNode() is added[0]
    assert ready.slice.browser is added[0]


def test_a_scene_may_be_added_while_another_module_is_open_and_work_goes_on(session, ready, tmp_path):
    mrml.saveScene(session.scene, tmp_path / "scene.mrb")
    ready.updates.recompute()
    session.widget.exit()
    session.parent.entered = False
    assert session.scene.ReadFromMRB(str(tmp_path / "scene.mrb"), False, slicer.vtkMRMLMessageCollection())
    session.wait(lambda: not ready.work.busy)
    assert ready.parameters.segmentTable is not None
    assert len(lines(ready)) == 2
    assert session.dialogs.errors == []


def test_closing_the_panel_leaves_no_observer_behind(session, study):
    def observed():
        part = study[0].slices[0]
        nodes = (part.contours, part.rvInsertionPoints, part.box, session.scene)
        events = ("ModifiedEvent", slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent, session.scene.StartCloseEvent)
        return [node.HasObserver(event) for node in nodes for event in events]

    before = observed()
    panel = session.open()
    session.wait(lambda: panel.ui.statusLabel.text == "Up to date.")
    session.widget.cleanup()
    assert panel.parameters is None
    assert observed() == before
