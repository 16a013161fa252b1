"""Stand-ins for the base classes of a scripted module, and for the widget that Slicer puts it into."""

from pathlib import Path

import slicer
from pythonqt import Adapter, adapt
from stand_in_inputs import qMRMLWidget

MODULE = Path(__file__).parents[2] / "PerfusionDL"


class ScriptedLoadableModule:
    def __init__(self, parent):
        self.parent = parent


class ScriptedLoadableModuleWidget:
    def __init__(self, parent=None):
        self.parent = parent
        self.layout = parent.layout()

    def resourcePath(self, name):
        return str(MODULE / "Resources" / name)

    def setup(self):
        pass

    def onReload(self):
        self.parent.qt_object.reload()


class ScriptedLoadableModuleLogic:
    def __init__(self, parent=None):
        self.moduleName = type(self).__name__.removesuffix("Logic")

    def getParameterNode(self):
        node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.vtkMRMLScriptedModuleNode()
            node.SetSingletonTag(self.moduleName)
            node.SetAttribute("ModuleName", self.moduleName)
            node = slicer.mrmlScene.AddNode(node)
        return node


class ScriptedLoadableModuleTest:
    def delayDisplay(self, message):
        pass

    def assertGreater(self, one, other):
        assert one > other

    def assertLess(self, one, other):
        assert one < other


class Parent(qMRMLWidget):
    entered = False


class ModuleWidget(Adapter):
    """The module's own widget, a qSlicerScriptedLoadableModuleWidget in Slicer."""

    __slots__ = ()

    def __getattr__(self, name):
        if name == "isEntered":
            return self.qt_object.entered
        if name == "layout":
            return lambda: adapt(self.qt_object.layout())
        return super().__getattr__(name)
