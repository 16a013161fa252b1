"""The Slicer and CTK widgets that our panel uses, as far as it uses them.

Each does what its test needs on the real scene. They cannot show how the real ones draw, ask or place things: the
Segment Editor's effects, the play widget's buttons, the combo box's menu.
"""

from stand_in_inputs import (
    ctkCollapsibleButton,
    ctkSliderWidget,
    qMRMLNodeComboBox,
    qMRMLSegmentEditorWidget,
    qMRMLWidget,
)
from stand_in_tables import qMRMLTableView
from stand_in_views import qMRMLLayoutManager, qMRMLSliceControllerWidget, qMRMLSliceView, qMRMLSliceWidget
from stand_in_window import qMRMLSequenceBrowserPlayWidget

VIEW_STAND_INS = (qMRMLSliceView, qMRMLSliceWidget, qMRMLLayoutManager, qMRMLSliceControllerWidget)


STAND_INS = {
    widget.__name__: widget
    for widget in (
        qMRMLWidget,
        qMRMLNodeComboBox,
        ctkCollapsibleButton,
        ctkSliderWidget,
        qMRMLSegmentEditorWidget,
        qMRMLSequenceBrowserPlayWidget,
        qMRMLTableView,
    )
}
