"""A Slicer session without Slicer: the real scene, the real panel and its real .ui, on stand-ins for the rest.

What is ours here and not Slicer's: the Qt layer (`pythonqt`, `stand_ins`), the base classes of scripted modules, the
parameter node wrapper, dialogs (they keep what they were asked and answer what the test told them), and what makes
items of the data tree (`data_tree`).
"""

import enum
import os
import sys
import types
import typing
from pathlib import Path

import data_tree
import dialogs
import immortal  # noqa: F401
import slicer
import vtk
from patience import PATIENCE_S
from PerfusionDLLib.mrml import HeadlessScene
from PySide6.QtCore import QFile, Qt
from PySide6.QtGui import QBrush, QColor, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QTableWidgetItem, QVBoxLayout
from pythonqt import Adapter, Timer, UiLoader, adapt, unwrapped
from stand_in_inputs import qMRMLWidget
from stand_in_views import qMRMLLayoutManager
from stand_in_window import qSlicerMainWindow
from stand_ins import STAND_INS

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

MODULE = Path(__file__).parents[2] / "PerfusionDL"

WINDOW_PARTS = ("MenuBars", "StatusBar", "ModuleHelpSection", "ApplicationLogo", "DataProbe")
"""What `slicer.util` shows and hides around the panel; the session keeps it in `shown`."""


class Settings:
    """``qt.QSettings()``: what is remembered from one session to the next, here from one panel to the next."""

    kept: typing.ClassVar[dict] = {}

    def value(self, name):
        return self.kept.get(name)

    def setValue(self, name, value):
        self.kept[name] = value


class Dialogs:
    """What the user was asked and told; `answers` are given in order."""

    def __init__(self):
        self.answers = []
        self.asked = []
        self.errors = []

    def ask(self, *arguments):
        self.asked.append(arguments)
        return self.answers.pop(0)


class Application:
    """The parts of ``slicer.app`` that are used."""

    def __init__(self, headless):
        self.started = []
        self._headless = headless
        self._layoutManager = qMRMLLayoutManager(headless.scene)

    def layoutManager(self):
        return self._layoutManager

    def connect(self, signature, function):
        assert signature == "startupCompleted()"
        self.started.append(function)

    def testingEnabled(self):
        return False

    def clipboard(self):
        return adapt(QApplication.clipboard())

    def setOverrideCursor(self, cursor):
        QApplication.setOverrideCursor(cursor)

    def restoreOverrideCursor(self):
        QApplication.restoreOverrideCursor()

    def applicationLogic(self):
        return self._headless.applicationLogic


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


class WithinRange:
    def __init__(self, minimum, maximum):
        self.minimum, self.maximum = minimum, maximum


def parameterNodeWrapper(cls):
    """Attributes with a type become parameters and references of a node; widgets are bound by their type."""
    hints = typing.get_type_hints(cls, include_extras=True)
    defaults = {name: getattr(cls, name) for name in hints if hasattr(cls, name)}

    class Wrapper:
        def __init__(self, node):
            object.__setattr__(self, "parameterNode", node)
            object.__setattr__(self, "_bindings", {})

        def __getattr__(self, name):
            if name not in hints:
                return getattr(self.parameterNode, name)
            if _is_node(hints[name]):
                return self.parameterNode.GetNodeReference(name)
            text = self.parameterNode.GetParameter(name)
            return _read(hints[name], text) if text else defaults[name]

        def __setattr__(self, name, value):
            if name not in hints:
                raise AttributeError(f"{cls.__name__} has no parameter {name!r}")
            if _is_node(hints[name]):
                if value is not None and not value.IsA(hints[name].__name__):
                    raise TypeError(f"{name} must be a {hints[name].__name__}, got {value.GetClassName()}")
                self.parameterNode.SetNodeReferenceID(name, value.GetID() if value else None)
            else:
                self.parameterNode.SetParameter(name, _written(hints[name], value))

        def connectGui(self, ui):
            widgets = {
                widget.qt_object.property("SlicerParameterName"): widget
                for widget in vars(ui).values()
                if isinstance(widget, Adapter) and widget.qt_object.property("SlicerParameterName")
            }
            unknown = set(widgets) - set(hints)
            if unknown:
                raise ValueError(f"the panel binds unknown parameters: {unknown}")
            updates = [_bind(self, name, hints[name], widget.qt_object) for name, widget in widgets.items()]

            def update(caller=None, event=None):
                for one in updates:
                    one()

            update()
            tag = self.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, update)
            self._bindings[tag] = updates
            return tag

        def disconnectGui(self, tag):
            self.parameterNode.RemoveObserver(tag)
            for update in self._bindings.pop(tag, ()):
                update.disconnect()

    Wrapper.__name__ = cls.__name__
    return Wrapper


def _is_node(hint):
    return isinstance(hint, type) and issubclass(hint, slicer.vtkMRMLNode)


def _bare(hint):
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint


def _read(hint, text):
    kind = _bare(hint)
    if issubclass(kind, enum.Enum):
        return kind[text]
    return text == "True" if kind is bool else kind(text)


def _written(hint, value):
    for limits in typing.get_args(hint)[1:]:
        if not limits.minimum <= value <= limits.maximum:
            raise ValueError(f"{value} is not within {limits.minimum} and {limits.maximum}")
    return value.name if isinstance(value, enum.Enum) else str(value)


def _bind(parameters, name, hint, widget):
    """Connect one widget; returns what updates it, with a way to disconnect."""
    kind = _bare(hint)
    match type(widget).__name__:
        case "qMRMLNodeComboBox" if _is_node(kind):
            signal, write, read = widget.currentNodeChanged, widget.setCurrentNode, widget.currentNode
        case "QCheckBox" if kind is bool:
            signal, write, read = widget.toggled, widget.setChecked, widget.isChecked
        case "ctkSliderWidget" if kind in (float, int):
            signal, write, read = widget.valueChanged, widget.setValue, lambda: widget.value
        case "QComboBox" if issubclass(kind, enum.Enum):
            label = getattr(kind, "label", lambda member: member.name)  # as Slicer's connector does
            members = {label(member): member for member in kind}
            if widget.count() == 0:
                widget.addItems(list(members))
            signal = widget.currentIndexChanged
            write, read = lambda member: widget.setCurrentText(label(member)), lambda: members[widget.currentText()]
        case other:
            raise ValueError(f"a {other} cannot be bound to {name}: {hint}")

    def store(*_):
        if read() != getattr(parameters, name):
            setattr(parameters, name, read())

    def update():
        if read() != getattr(parameters, name):
            write(getattr(parameters, name))

    signal.connect(store)
    update.disconnect = lambda: signal.disconnect(store)
    return update


class Session:
    """Start one in each test; `stop` takes everything back that was put into the ``slicer`` package."""

    def __init__(self):
        self.qt_application = QApplication.instance() or QApplication([])
        self.headless = HeadlessScene()
        self.scene = self.headless.scene
        self._tree = data_tree.followed(self.scene)
        self._tree.__enter__()
        self.dialogs = Dialogs()
        self._modules = dict(sys.modules)
        slicer.mrmlScene = self.scene
        slicer.app = Application(self.headless)
        slicer.modules = types.SimpleNamespace(
            **{
                name.lower(): types.SimpleNamespace(logic=lambda logic=self.headless.logics[name]: logic)
                for name in ("Markups", "Segmentations", "Volumes")
            }
        )
        Settings.kept.clear()
        self.window = qSlicerMainWindow()
        if self.scene.GetFirstNodeByClass("vtkMRMLCrosshairNode") is None:  # in Slicer the application adds it
            self.scene.AddNode(slicer.vtkMRMLCrosshairNode())
        self._errorDisplay, self._mainWindow = slicer.util.errorDisplay, slicer.util.mainWindow
        slicer.util.mainWindow = lambda: adapt(self.window)
        slicer.util.errorDisplay = lambda text, **kwargs: self.dialogs.errors.append(text)
        self._confirm = slicer.util.confirmOkCancelDisplay
        slicer.util.confirmOkCancelDisplay = lambda text, **kwargs: self.dialogs.ask(text)
        self.shown = dict.fromkeys(WINDOW_PARTS, True)
        self._windowParts = {part: getattr(slicer.util, f"set{part}Visible") for part in WINDOW_PARTS}
        for part in WINDOW_PARTS:
            setattr(slicer.util, f"set{part}Visible", lambda on, part=part: self.shown.update({part: on}))
        self._install()

    def _install(self):
        qt = types.ModuleType("qt")
        qt.Qt, qt.QTimer = Qt, Timer
        qt.QFile = _File
        qt.QTableWidgetItem, qt.QBrush, qt.QColor = QTableWidgetItem, QBrush, QColor
        qt.QKeySequence = QKeySequence
        qt.QSettings = Settings
        dialogs.offer(qt)
        qt.QShortcut = lambda keys, parent: adapt(QShortcut(keys, unwrapped(parent)))
        qt.QUiLoader = lambda: UiLoader(STAND_INS)
        qt.QFileDialog = types.SimpleNamespace(
            getExistingDirectory=self.dialogs.ask, getSaveFileName=self.dialogs.ask, getOpenFileName=self.dialogs.ask
        )
        base = types.ModuleType("slicer.ScriptedLoadableModule")
        for one in (
            ScriptedLoadableModule,
            ScriptedLoadableModuleWidget,
            ScriptedLoadableModuleLogic,
            ScriptedLoadableModuleTest,
        ):
            setattr(base, one.__name__, one)
        wrapper = types.ModuleType("slicer.parameterNodeWrapper")
        wrapper.parameterNodeWrapper, wrapper.WithinRange = parameterNodeWrapper, WithinRange
        i18n = types.ModuleType("slicer.i18n")
        i18n.tr = lambda text: text
        i18n.translate = lambda context, text: text
        sys.modules.update(
            {
                "qt": qt,
                "slicer.ScriptedLoadableModule": base,
                "slicer.parameterNodeWrapper": wrapper,
                "slicer.i18n": i18n,
            }
        )

    def open(self):
        """Open the module, as the module selector does; returns its panel, `widget` is the module's widget."""
        self._read()
        parent = _Parent()
        parent.reload = self._reload
        parent.setLayout(QVBoxLayout())
        self.parent = parent
        self.window.setModule(parent)
        widget = self.module.PerfusionDLWidget(_ParentAdapter(parent))
        widget.setup()
        parent.entered = True
        widget.enter()
        self.widget = widget
        return widget.panel

    def _read(self):
        import importlib.util

        spec = importlib.util.spec_from_file_location("PerfusionDL", MODULE / "PerfusionDL.py")
        self.module = importlib.util.module_from_spec(spec)
        sys.modules["PerfusionDL"] = self.module
        spec.loader.exec_module(self.module)

    def _reload(self):
        """As ``slicer.util.reloadScriptedModule``: a new widget is set up in the old place; nobody enters it."""
        self._read()
        self.widget.cleanup()
        layout = self.parent.layout()
        while layout.count():
            layout.takeAt(0).widget().hide()
        self.widget = self.module.PerfusionDLWidget(_ParentAdapter(self.parent))
        self.widget.setup()

    def wait(self, condition):
        """Let the event loop run until something is so."""
        import time

        until = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > until:
                status = self.widget.ui.statusLabel.text
                raise TimeoutError(f"it did not happen; the panel says {status!r}, shown were {self.dialogs.errors}")
            self.qt_application.processEvents()

    def stop(self):
        """Close the panel and leave no trace; a second time it does nothing."""
        if not hasattr(slicer, "mrmlScene") or slicer.mrmlScene is not self.scene:
            return
        if hasattr(self, "widget"):
            self.widget.cleanup()
        self._tree.__exit__(None, None, None)
        self.scene.RemoveObservers(self.scene.NodeAboutToBeRemovedEvent)  # selectors outlive their session in PySide
        slicer.util.errorDisplay, slicer.util.mainWindow = self._errorDisplay, self._mainWindow
        slicer.util.confirmOkCancelDisplay = self._confirm
        for part, function in self._windowParts.items():
            setattr(slicer.util, f"set{part}Visible", function)
        for name in ("mrmlScene", "app", "modules"):
            delattr(slicer, name)
        for name in set(sys.modules) - set(self._modules):
            if name in {"qt", "PerfusionDL"} or name.startswith(("slicer.", "PerfusionDLLib.panel")):
                del sys.modules[name]
        sys.modules.update({name: self._modules[name] for name in self._modules if name.startswith("PerfusionDLLib")})


class _Parent(qMRMLWidget):
    entered = False


class _ParentAdapter(Adapter):
    """The module's own widget, a qSlicerScriptedLoadableModuleWidget in Slicer."""

    __slots__ = ()

    def __getattr__(self, name):
        if name == "isEntered":
            return self.qt_object.entered
        if name == "layout":
            return lambda: adapt(self.qt_object.layout())
        return super().__getattr__(name)


class _File(Adapter):
    """``qt.QFile(path)``."""

    ReadOnly = QFile.OpenModeFlag.ReadOnly
    __slots__ = ()

    def __init__(self, path):
        super().__init__(QFile(path))
