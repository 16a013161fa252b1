"""A Slicer session without Slicer: the real scene, the real panel and its real .ui, on stand-ins for the rest.

What is ours here and not Slicer's: the Qt layer (`pythonqt`, `stand_ins`), the base classes of scripted modules
(`scripted_module`), the parameter node wrapper (`parameter_node`), the application and its dialogs, which keep what
they were asked and answer what the test told them (`application`), and what makes items of the data tree (`data_tree`).
"""

import os
import sys
import types

import data_tree
import dialogs
import immortal  # noqa: F401
import parameter_node
import scripted_module
import slicer
from application import Application, Dialogs, File, Settings
from patience import PATIENCE_S
from PerfusionDLLib.mrml import HeadlessScene
from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QTableWidgetItem, QVBoxLayout
from pythonqt import Timer, UiLoader, adapt, unwrapped
from scripted_module import MODULE, ModuleWidget, Parent
from stand_in_window import qSlicerMainWindow
from stand_ins import STAND_INS

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

WINDOW_PARTS = ("MenuBars", "StatusBar", "ModuleHelpSection", "ApplicationLogo", "DataProbe")
"""What `slicer.util` shows and hides around the panel; the session keeps it in `shown`."""


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
        qt.QFile = File
        qt.QTableWidgetItem, qt.QBrush, qt.QColor = QTableWidgetItem, QBrush, QColor
        qt.QKeySequence = QKeySequence
        qt.QSettings = Settings
        dialogs.offer(qt)
        qt.QShortcut = lambda keys, parent: adapt(QShortcut(keys, unwrapped(parent)))
        qt.QUiLoader = lambda: UiLoader(STAND_INS)
        qt.QFileDialog = types.SimpleNamespace(
            getExistingDirectory=self.dialogs.ask, getSaveFileName=self.dialogs.ask, getOpenFileName=self.dialogs.ask
        )
        i18n = types.ModuleType("slicer.i18n")
        i18n.tr = lambda text: text
        i18n.translate = lambda context, text: text
        sys.modules.update(
            {
                "qt": qt,
                "slicer.ScriptedLoadableModule": scripted_module,
                "slicer.parameterNodeWrapper": parameter_node,
                "slicer.i18n": i18n,
            }
        )

    def open(self):
        """Open the module, as the module selector does; returns its panel, `widget` is the module's widget."""
        self._read()
        parent = Parent()
        parent.reload = self._reload
        parent.setLayout(QVBoxLayout())
        self.parent = parent
        self.window.setModule(parent)
        widget = self.module.PerfusionDLWidget(ModuleWidget(parent))
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
        self.widget = self.module.PerfusionDLWidget(ModuleWidget(self.parent))
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
