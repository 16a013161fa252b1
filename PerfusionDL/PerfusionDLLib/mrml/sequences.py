"""Series into sequence nodes: what was measured, and the same in one pose, played by one browser."""

from collections.abc import Generator, Iterable, Iterator, Sequence

import numpy as np
import slicer

from ..data.acquisition import acquisition_document
from ..data.preprocessed import MotionCompensation
from ..data.study import PerfusionSeries, Scan
from .hierarchy import placeScan
from .nodes import ScanNodes, SliceNodes, findScans, setAttribute

DISCLAIMER = "Not approved for clinical use"

_FRAMES_PER_SECOND = 8

DISPLACEMENT_STEP_MM = 1 / 64
"""Steps of the displacement field in a scene, mm; chosen: a quarter of the size, and off by at most 0.008 mm.

Nothing but the page on quality reads the field; the images in one pose are kept as they are."""


def writeScan(scene: slicer.vtkMRMLScene, scan: Scan, *, studyItem: int | None = None) -> ScanNodes:
    """Put a scan into the scene as it was acquired.

    One sequence browser plays all slices. Each frame keeps its own time as index value (s), so slices that were
    acquired later in the heartbeat have later values; the browser follows the latest slice, because Slicer shows for
    the others the frame before or at that time, i.e. the one of the same heartbeat.

    studyItem : subject hierarchy item to put the scan under; by default a study without any patient's identity
    """
    pieces = scanPieces(scene, scan, studyItem=studyItem)
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            return end.value


def scanPieces(
    scene: slicer.vtkMRMLScene, scan: Scan, *, studyItem: int | None = None
) -> Generator[None, None, ScanNodes]:
    """The same a piece at a time."""
    name = scan.condition.capitalize()
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{name} perfusion")
    browser.SetPlaybackRateFps(_FRAMES_PER_SECOND)
    browser.SetIndexDisplayFormat("%.2f")
    setAttribute(browser, "condition", scan.condition)
    setAttribute(browser, "slices", len(scan.slices))
    setAttribute(browser, "assumptions", [flag.text for flag in scan.assumptions])
    setAttribute(browser, "study", scan.study)
    if np.isfinite(scan.minutes_after_other):
        setAttribute(browser, "minutes_after_other", scan.minutes_after_other)
    setAttribute(browser, "disclaimer", DISCLAIMER)
    nodes = ScanNodes(browser)
    for part, series in zip(nodes.slices, scan.slices, strict=True):
        _writeSeries(scene, part, series, f"{name} {series.level or f'slice {part.number + 1}'}")
        yield
    if scan.aif_series is not None:
        nodes.inputSeries = _inputSeries(scene, scan, f"{name} arterial input series")
    latest = int(np.argmax([np.mean(series.times_s) for series in scan.slices]))
    window = _window([series.signal for series in scan.slices])
    for part in sorted(nodes.slices, key=lambda part: part.number != latest):
        _play(browser, part.original, window)
        yield
    brightest = _brightestFrame(scan.slices[len(scan.slices) // 2].signal)
    setAttribute(browser, "brightest_frame", brightest)
    browser.SetSelectedItemNumber(min(brightest, browser.GetNumberOfItems() - 1))
    _nameStudies(scene)
    placeScan(scene, nodes, studyItem=studyItem)
    return nodes


def _nameStudies(scene: slicer.vtkMRMLScene) -> None:
    """Have scans of several studies in one scene say in their names which study they are of."""
    scans = findScans(scene)
    if len({nodes.study for nodes in scans}) > 1:
        for nodes in scans:
            if nodes.study not in nodes.browser.GetName():
                nodes.browser.SetName(f"{nodes.browser.GetName()} ({nodes.study})")


def writeMotion(
    scene: slicer.vtkMRMLScene, nodes: SliceNodes, motion: MotionCompensation, series: PerfusionSeries
) -> None:
    """Put the series of a slice in one pose, and the way between, beside the series as acquired."""
    for _ in motionPieces(scene, nodes, motion, series):
        pass


def motionPieces(
    scene: slicer.vtkMRMLScene, nodes: SliceNodes, motion: MotionCompensation, series: PerfusionSeries
) -> Iterator[None]:
    """The same a piece at a time."""
    name = sliceTitle(nodes)
    if nodes.corrected is None:
        nodes.corrected = _emptySequence(scene, f"{name} corrected")
    if nodes.displacement is None:
        nodes.displacement = _emptySequence(scene, f"{name} displacement")
    yield
    _fill(nodes.corrected, motion.corrected, series.times_s, series.ijk_to_ras)
    yield
    displacement_mm = np.rint(motion.displacement_mm / DISPLACEMENT_STEP_MM) * np.float32(DISPLACEMENT_STEP_MM)
    _fill(nodes.displacement, np.moveaxis(displacement_mm, 1, -1), series.times_s, series.ijk_to_ras)
    yield
    setAttribute(nodes.corrected, "quality", [float(value) for value in motion.quality])
    setAttribute(nodes.corrected, "aligned", [bool(value) for value in motion.aligned])
    setAttribute(nodes.corrected, "reference_frame", int(motion.reference_frame))
    region = motion.region_px
    setAttribute(nodes.corrected, "region_px", None if region is None else [float(edge) for edge in region])
    if nodes.correctedVolume is None:
        display = nodes.browser.GetProxyNode(nodes.original).GetDisplayNode()
        _play(nodes.browser, nodes.corrected, (display.GetWindowLevelMin(), display.GetWindowLevelMax()))
    else:
        nodes.browser.Modified()


def sliceTitle(nodes: SliceNodes) -> str:
    """What the names of a slice's nodes begin with, e.g. ``Stress basal``."""
    return nodes.original.GetName().removesuffix(" original")


def _writeSeries(scene: slicer.vtkMRMLScene, nodes: SliceNodes, series: PerfusionSeries, name: str) -> None:
    nodes.original = newSequence(scene, f"{name} original", series.signal, series.times_s, series.ijk_to_ras)
    setAttribute(nodes.original, "level", series.level)
    setAttribute(nodes.original, "acquisition", acquisition_document(series.acquisition))
    if series.instance_uids:
        nodes.original.SetAttribute("DICOM.instanceUIDs", " ".join(series.instance_uids))
    if series.proton_density is not None:
        frames = np.arange(len(series.proton_density), dtype=float)
        nodes.protonDensity = newSequence(
            scene, f"{name} proton density", series.proton_density, frames, series.ijk_to_ras, index=("frame", "")
        )


def _inputSeries(scene: slicer.vtkMRMLScene, scan: Scan, name: str) -> slicer.vtkMRMLSequenceNode:
    """The series made to measure the arterial input; it is not played with the slices, its heartbeats may be others."""
    series = scan.aif_series
    if series is None:
        raise ValueError(f"the {scan.condition} scan has no series of its own for the arterial input")
    sequence = newSequence(scene, name, series.signal, series.times_s, series.ijk_to_ras)
    setAttribute(sequence, "acquisition", acquisition_document(series.acquisition))
    setAttribute(sequence, "prebolus", scan.aif_is_prebolus)
    return sequence


def newSequence(
    scene: slicer.vtkMRMLScene,
    name: str,
    frames: np.ndarray,
    values: Iterable[float],
    ijkToRas: np.ndarray,
    *,
    index: tuple[str, str] = ("time", "s"),
) -> slicer.vtkMRMLSequenceNode:
    """A sequence node of one-slice volumes.

    frames : (T, Y, X) scalars or (T, Y, X, components); whole numbers are stored as such
    values : (T,) index values; written with all digits, so that they read back bit by bit
    """
    sequence = _emptySequence(scene, name, index=index)
    _fill(sequence, frames, values, ijkToRas)
    return sequence


def _emptySequence(
    scene: slicer.vtkMRMLScene, name: str, *, index: tuple[str, str] = ("time", "s")
) -> slicer.vtkMRMLSequenceNode:
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
    sequence.SetIndexType(slicer.vtkMRMLSequenceNode.NumericIndex)
    sequence.SetIndexName(index[0])
    sequence.SetIndexUnit(index[1])
    sequence.SetNumericIndexValueTolerance(1e-6)
    return sequence


def _fill(
    sequence: slicer.vtkMRMLSequenceNode, frames: np.ndarray, values: Iterable[float], ijkToRas: np.ndarray
) -> None:
    """Replace the volumes of a sequence."""
    wasModifying = sequence.StartModify()
    sequence.RemoveAllDataNodes()
    frame = slicer.vtkMRMLScalarVolumeNode() if frames.ndim == 3 else slicer.vtkMRMLVectorVolumeNode()
    frame.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(ijkToRas))
    for pixels, value in zip(_compact(frames), values, strict=True):
        slicer.util.updateVolumeFromArray(frame, pixels[np.newaxis])
        sequence.SetDataNodeAtValue(frame, repr(float(value)))
    sequence.EndModify(wasModifying)


def _compact(frames: np.ndarray) -> np.ndarray:
    """Whole numbers in the scanner's range as int16, which halves the file; anything else unchanged."""
    if frames.size and frames.min() >= -32768 and frames.max() <= 32767 and np.array_equal(frames, np.rint(frames)):
        return frames.astype(np.int16)
    return frames


def _play(
    browser: slicer.vtkMRMLSequenceBrowserNode,
    sequence: slicer.vtkMRMLSequenceNode,
    window: tuple[float, float],
) -> None:
    """Add a sequence to the browser with a volume that shows the selected frame, one window for all frames.

    window : gray values of black and white

    The Sequences module makes that volume as soon as the browser knows the sequence; a second one would be left over.
    """
    if browser.GetMasterSequenceNode() is None:
        browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    else:
        browser.AddSynchronizedSequenceNode(sequence)
    browser.SetOverwriteProxyName(sequence, False)
    browser.SetSaveChanges(sequence, False)
    volume = browser.GetProxyNode(sequence) or browser.AddProxyNode(sequence.GetNthDataNode(0), sequence, True)
    volume.SetName(sequence.GetName())
    volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(*window)


def _window(slices: Sequence[np.ndarray]) -> tuple[float, float]:
    """Gray values from black to white, the same for all slices of a scan, so that no cavity is white at its peak.

    slices : (T, Y, X) each. The brightest pixels of fat beside a coil do not set it.
    """
    limits = [np.percentile(signal[:, ::2, ::2], (1, 99.8)) for signal in slices]
    low, high = min(low for low, _ in limits), max(high for _, high in limits)
    return float(low), float(max(high, low + 1))


def _brightestFrame(signal: np.ndarray) -> int:
    """The frame (T, Y, X) in which the middle of the image enhances most: about the peak of a ventricle."""
    rows, columns = signal.shape[1:]
    middle = signal[:, rows // 4 : max(3 * rows // 4, 1), columns // 4 : max(3 * columns // 4, 1)]
    rise = (middle - np.median(middle, axis=0)).reshape(len(signal), -1)
    return int(np.argmax(np.percentile(rise, 95, axis=1)))
