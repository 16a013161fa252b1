"""The stand-ins are strict: what the real widget does not offer to Python, they refuse."""

import pytest
from PySide6 import QtWidgets
from pythonqt import API
from stand_ins import STAND_INS, VIEW_STAND_INS


def test_what_the_real_widgets_do_not_offer_is_refused(panel):
    ui = panel.ui
    with pytest.raises(AttributeError, match="does not offer 'noneEnable'"):
        ui.restSelector.noneEnable = True
    with pytest.raises(AttributeError, match="has no property 'txt'"):
        ui.statusLabel.txt = "x"
    with pytest.raises(AttributeError, match="has no signal"):
        ui.findContoursButton.connect("clicked(int)", print)
    with pytest.raises(AttributeError, match="does not offer 'nodeChanged'"):
        ui.restSelector.connect("nodeChanged(vtkMRMLNode*)", print)
    with pytest.raises(AttributeError, match="does not offer 'setNodeTypes'"):
        ui.restSelector.setNodeTypes([])  # a property to PythonQt, whatever C++ has
    with pytest.raises(TypeError, match="cannot be"):
        ui.progressBar.value = [1]
    with pytest.raises(TypeError, match="cannot be None"):
        ui.statusLabel.text = None


def test_what_a_stand_in_lacks_is_not_passed_over(panel):
    with pytest.raises(NotImplementedError, match="lacks 'setReadOnly'"):
        panel.ui.segmentEditorWidget.setReadOnly(True)


def test_functions_get_as_many_arguments_as_they_take(panel):
    got = []
    button = panel.ui.recomputeButton
    button.connect("toggled(bool)", lambda: got.append("none"))
    button.connect("toggled(bool)", lambda on: got.append(on))
    button.qt_object.setCheckable(True)
    button.qt_object.toggle()
    assert got == ["none", True]


@pytest.mark.parametrize("stand_in", [*STAND_INS.values(), *VIEW_STAND_INS], ids=lambda stand_in: stand_in.__name__)
def test_a_stand_in_has_nothing_that_the_real_class_lacks(stand_in):
    """Names of the real class come from its header in Slicer v5.12.3 and the CTK that it is built with."""
    offered, known = stand_in.__name__, set()
    while offered in API:
        entry = API[offered]
        known |= {*entry["properties"], *entry["callables"], *(text.split("(")[0] for text in entry["signals"])}
        offered = entry["base"]
    known |= set(dir(getattr(QtWidgets, offered, object)))
    assert {name for name in vars(stand_in) if not name.startswith("_") and name != "staticMetaObject"} <= known
