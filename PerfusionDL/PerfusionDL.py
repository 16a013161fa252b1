"""Cardiac Perfusion (MR): the panel in which a radiologist looks at a study, corrects it, and reads the flow."""

import csv
import sys

import qt
import slicer
import vtk
from PerfusionDLLib import mrml, session
from PerfusionDLLib.cache import Cache
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.panel import Panel
from PerfusionDLLib.panel.parameters import PerfusionDLParameterNode
from PerfusionDLLib.panel.self_test import correctPhantom
from PerfusionDLLib.panel.startup import onStartup
from PerfusionDLLib.session.tasks import Flow, Task, flowTask
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

NEEDED_MODULES = ("Markups", "Plots", "Segmentations", "Sequences", "SubjectHierarchy", "Tables", "Volumes")


class PerfusionDL(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent):
        super().__init__(parent)
        parent.title = _("Cardiac Perfusion (MR)")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Cardiac")]
        parent.dependencies = list(NEEDED_MODULES)
        parent.contributors = ["PerfusionDL contributors"]
        parent.helpText = _(
            "Myocardial blood flow from first-pass perfusion MRI at rest and stress. Load a study, press "
            "<i>Find contours</i>, correct what you do not like: maps, curves and the table of the 16 segments follow. "
            "Not approved for clinical use."
        )
        parent.acknowledgementText = _(
            "The order of the preprocessing follows Scannell CM et al., J Magn Reson Imaging 2020;51:1689."
        )
        slicer.app.connect("startupCompleted()", onStartup)


class PerfusionDLWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Opens and closes the panel and ties it to the scene; what the user does there is in `PerfusionDLLib.panel`."""

    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: PerfusionDLLogic | None = None
        self.panel: Panel | None = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None
        self._interrupted = False
        self._looks = False

    def setup(self) -> None:
        """Build the panel when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/PerfusionDL.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = PerfusionDLLogic()
        self.panel = Panel(self.parent, self.ui, self.logic, self.resourcePath)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartImportEvent, self.onSceneStartImport)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndImport)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, self.onNodeAdded)
        self.initializeParameterNode()
        if self.parent.isEntered:  # reloaded: Slicer does not say once more that the user is here
            self.panel.enter()

    def cleanup(self) -> None:
        """Leave nothing behind when the module is reloaded or Slicer ends."""
        self.panel.remove()
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self) -> None:
        """The user opens the module."""
        self.initializeParameterNode()
        self.panel.enter()

    def exit(self) -> None:
        """The user opens another module."""
        self.panel.exit()

    def onReload(self) -> None:
        """For developers: the library is read again too, not only this file."""
        for name in [name for name in sys.modules if name.split(".")[0] == "PerfusionDLLib"]:
            del sys.modules[name]
        super().onReload()

    def onSceneStartClose(self, caller, event) -> None:
        """The nodes are about to go."""
        self.panel.close()
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event) -> None:
        """Begin anew if the user is looking."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneStartImport(self, caller, event) -> None:
        """Nodes come in pieces, the choices among the first: look again when all are whole."""
        self._interrupted = self._parameterNode is not None
        self.setParameterNode(None)

    def onSceneEndImport(self, caller, event) -> None:
        """A scene was loaded: show what it holds."""
        if self.parent.isEntered:
            self.initializeParameterNode()
        elif self._interrupted:
            self.setParameterNode(self.logic.getParameterNode())

    def onNodeAdded(self, scene, event) -> None:
        """Perhaps a scan arrives, from the DICOM browser or Sample Data: look once it is whole."""
        if self._parameterNode is not None and not self._looks:
            self._looks = True
            qt.QTimer.singleShot(0, self.onArrived)

    def onArrived(self) -> None:
        """Choose the study that arrived while the module is open, and show it."""
        self._looks = False
        if self._parameterNode is None or self.panel.work.busy:
            return
        if self.panel.findArrived():
            self.panel.choose(mrml.findNewestStudy(slicer.mrmlScene))

    def initializeParameterNode(self) -> None:
        """Use the choices saved in the scene; choose the first scans where nothing was chosen yet."""
        parameters = self.logic.getParameterNode()
        wasEmpty = not self.logic.scans(parameters)
        for nodes in mrml.findScans(slicer.mrmlScene):
            choice = f"{nodes.condition}Scan"
            chosen = self.logic.scans(parameters)
            if getattr(parameters, choice) is None and all(one.study == nodes.study for one in chosen):
                setattr(parameters, choice, nodes.browser)
        archived = session.archivedChoices(self.logic.scans(parameters)) if wasEmpty else None
        if archived is not None:
            self.logic.take(parameters, *archived)
        if parameters.segmentTable is None and mrml.findTable(slicer.mrmlScene):
            parameters.segmentTable = mrml.findTable(slicer.mrmlScene)
        self.panel.findArrived()  # nothing that is there now arrives later
        self.setParameterNode(parameters)
        if self.logic.flow is None and not self.panel.work.busy:
            self.panel.updates.recomputeIfWanted()

    def setParameterNode(self, parameters) -> None:
        """Show other choices, or none."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.panel.onParametersModified)
        self._parameterNode = parameters
        if parameters:
            self._parameterNodeGuiTag = parameters.connectGui(self.ui)
            self.addObserver(parameters, vtk.vtkCommand.ModifiedEvent, self.panel.onParametersModified)
        self.panel.show(parameters)


class PerfusionDLLogic(ScriptedLoadableModuleLogic):
    """Scene in, scene out. Every number comes from PerfusionDLLib.

    history : undo and redo of corrections
    flow : what was computed last, or None
    cache : what need not be computed again after a correction
    """

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        self.history = session.History(slicer.mrmlScene)
        self.flow: Flow | None = None
        self.cache = Cache()
        self._readers: dict[str, mrml.ScanReader] = {}

    def getParameterNode(self) -> PerfusionDLParameterNode:
        """The user's choices in this scene."""
        return PerfusionDLParameterNode(super().getParameterNode())

    def forget(self) -> None:
        """Let go of everything that belongs to a scene that is being closed."""
        self.history.clear()
        self.flow = None
        self.cache.clear()
        self._readers.clear()

    def scans(self, parameters: PerfusionDLParameterNode) -> tuple[mrml.ScanNodes, ...]:
        """The chosen scans, stress first."""
        browsers = (parameters.stressScan, parameters.restScan)
        return tuple(mrml.ScanNodes(browser) for browser in browsers if browser is not None)

    def reader(self, nodes: mrml.ScanNodes) -> mrml.ScanReader:
        """Reads a scan, the images only once."""
        return self._readers.setdefault(nodes.browser.GetID(), mrml.ScanReader(nodes))

    def choices(self, parameters: PerfusionDLParameterNode) -> tuple[FlowModel, session.FlowChoices]:
        """The model, and what else was chosen that the numbers depend on; 0 stands for a value that is not known."""
        known = session.FlowChoices(
            dose_ratio=parameters.doseRatio or None,
            rate_pressure_product=parameters.restRatePressureProduct or None,
            thresholds=parameters.thresholds,
        )
        return parameters.flowModel, known

    def take(self, parameters: PerfusionDLParameterNode, model: FlowModel, choices: session.FlowChoices) -> None:
        """Choose what was chosen for results that the archive holds."""
        parameters.flowModel = model
        parameters.doseRatio = choices.dose_ratio or 0.0
        parameters.restRatePressureProduct = choices.rate_pressure_product or 0.0
        parameters.thresholds = choices.thresholds

    def flowTask(self, parameters: PerfusionDLParameterNode) -> Task:
        """Compute maps, curves and table from the contours as they are now.

        The first computation and every recomputation after a correction are this call.
        """
        readers = [self.reader(nodes) for nodes in self.scans(parameters)]
        model, choices = self.choices(parameters)
        return flowTask(
            slicer.mrmlScene,
            readers,
            parameters.segmentTable,
            model=model,
            choices=choices,
            former=self.flow,
            cache=self.cache,
        )

    def flowIsCurrent(self, parameters: PerfusionDLParameterNode | None) -> bool:
        """Whether the numbers were computed from the contours on screen; only then may they be exported."""
        if parameters is None or self.flow is None:
            return False
        return self.flow.isCurrent([self.reader(nodes) for nodes in self.scans(parameters)], *self.choices(parameters))

    def isDrawn(self, part: mrml.SliceNodes) -> bool:
        """Whether a slice has a myocardium to compute flow in."""
        if not part.hasContours:
            return False
        return bool(self.reader(mrml.ScanNodes(part.browser)).readSlice(part).contours.myocardium.any())

    def isDrawnByReader(self, part: mrml.SliceNodes) -> bool:
        """Whether finding contours anew would replace what a reader corrected or drew."""
        return part.hasContours and session.isDrawnByReader(self.reader(mrml.ScanNodes(part.browser)).readSlice(part))

    def needsCheck(self, part: mrml.SliceNodes) -> bool:
        """Whether a slice has no contours, or contours with something to check."""
        return not part.hasContours or bool(self.reader(mrml.ScanNodes(part.browser)).readSlice(part).flags)

    def nameOf(self, part: mrml.SliceNodes) -> str:
        """What a slice is called, e.g. ``Stress basal``, or ``Stress basal 2`` where a scan has several of a level."""
        nodes = mrml.ScanNodes(part.browser)
        alike = [one.number for one in nodes.slices if one.name == part.name]
        number = f" {alike.index(part.number) + 1}" if len(alike) > 1 else ""
        return f"{nodes.condition} {part.name}{number}".capitalize()

    def describe(self, part: mrml.SliceNodes) -> str:
        """One line on a slice for the list: what it is, who made its contours, what to check."""
        name = self.nameOf(part)
        if not part.hasContours:
            return _("{slice}: no contours").format(slice=name)
        found = self.reader(mrml.ScanNodes(part.browser)).readSlice(part)
        line = f"{name}: {found.contours.origin}"
        return line + (" \u26a0 " + " ".join(flag.text for flag in found.flags) if found.flags else "")

    def tableText(self, *, separator: str = ",") -> str:
        """The segment table as text."""
        from PerfusionDLLib import report

        text = report.segments_csv(self.flow.table)
        return text if separator == "," else "\n".join(separator.join(row) for row in csv.reader(text.splitlines()))


class PerfusionDLTest(ScriptedLoadableModuleTest):
    """A radiologist's session on the digital phantom, without PyTorch: draw, correct, read."""

    def setUp(self) -> None:
        """Begin with an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """From Reload and Test, and from ctest."""
        self.setUp()
        self.test_correctingAContourCorrectsTheFlow()

    def test_correctingAContourCorrectsTheFlow(self) -> None:
        """A shifted contour gives a wrong flow; the right one gives the phantom's."""
        self.delayDisplay("Computing the phantom")
        errors = correctPhantom(PerfusionDLLogic())
        self.delayDisplay(f"Mean error {errors[0]:.2f}, corrected {errors[1]:.2f} mL/min/g")
        self.assertGreater(errors[0], 1.5 * errors[1])
        self.assertLess(errors[1], 0.5)
