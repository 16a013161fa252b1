"""Insertion points are placed one after the other, and nothing is lost meanwhile."""

import numpy as np
import slicer
from panel_user import key, press, up_to_date


def test_points_are_placed_one_after_the_other_and_escape_gives_them_back(session, drawn):
    part, points = drawn.slice, drawn.slice.rvInsertionPoints
    former = [np.array(points.GetNthControlPointPositionWorld(index)) for index in range(2)]
    press(drawn.ui.placePointsButton)
    assert "anterior" in drawn.ui.statusLabel.text
    assert points.GetNumberOfUndefinedControlPoints() == 0
    clicked = slicer.modules.markups.logic().GetActiveListID()
    clicked = session.scene.GetNodeByID(clicked)
    clicked.SetNthControlPointPositionWorld(0, *(former[0] + 2))
    assert "inferior" in drawn.ui.statusLabel.text
    np.testing.assert_allclose(points.GetNthControlPointPositionWorld(0), former[0] + 2)
    np.testing.assert_allclose(points.GetNthControlPointPositionWorld(1), former[1])
    key(session, drawn, "Escape")
    np.testing.assert_allclose(points.GetNthControlPointPositionWorld(0), former[0])
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    assert interaction.GetCurrentInteractionMode() == interaction.ViewTransform
    assert clicked.GetScene() is None
    assert part.hasContours


def test_what_to_click_next_stays_said_while_the_flow_follows_the_first_point(session, drawn):
    press(drawn.ui.placePointsButton)
    clicked = session.scene.GetNodeByID(slicer.modules.markups.logic().GetActiveListID())
    former = np.array(drawn.slice.rvInsertionPoints.GetNthControlPointPositionWorld(0))
    clicked.SetNthControlPointPositionWorld(0, *(former + 2))
    session.wait(lambda: drawn.work.busy)
    up_to_date(session, drawn)
    assert "inferior" in drawn.ui.statusLabel.text
    key(session, drawn, "Escape")
    up_to_date(session, drawn)
    assert drawn.ui.statusLabel.text == "Up to date."
