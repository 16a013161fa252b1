"""The Python API: a study from its DICOM files to its table in four calls, one for each link of the chain."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path

from threadpoolctl import threadpool_limits

from . import pipeline
from .app.parallel import compute_in_parallel, count_cores, one_thread
from .data.flow import ArterialInput, FlowModel, PerfusionMaps
from .data.preprocessed import PreprocessedStudy
from .data.study import Condition, Study
from .data.table import SegmentTable
from .dicom import read_study as read_files
from .networks import choose_device, load_networks
from .quantification.options import Options
from .quantification.thresholds import Threshold


def read_study(
    *folders: str | PathLike[str], rest: str | PathLike[str] | None = None, stress: str | PathLike[str] | None = None
) -> Study:
    """Read the rest and the stress scan of one patient from DICOM files.

    Parameters
    ----------
    *folders : str or Path
        Folders or files. Everything below a folder is searched; other series and other files are passed over.
    rest, stress : str or Path, optional
        Folder of the rest or of the stress scan, where the headers do not tell them apart or tell them wrongly.

    Returns
    -------
    Study
        ``study.rest`` and ``study.stress``, of which one may be None. Signals are (frame, row, column), times in
        seconds from the first frame of the scan, positions in RAS millimeters. ``scan.assumptions`` says in flags
        what was decided and what was assumed.

    Raises
    ------
    PerfusionError
        If the files are not a readable, complete perfusion study of one patient.
    """
    return read_files(
        [Path(folder) for folder in folders],
        rest=None if rest is None else Path(rest),
        stress=None if stress is None else Path(stress),
    )


def preprocess(
    study: Study,
    *,
    weights: str | PathLike[str] | None = None,
    device: str = "auto",
    workers: int | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> PreprocessedStudy:
    """Find peak frame, box, motion, contours and RV insertion points in every slice; needs PyTorch.

    Parameters
    ----------
    study : Study
    weights : str or Path, optional
        Folder with networks and their cards, as ``perfusiondl train`` writes it. The shipped networks if None.
    device : str
        Where the networks run: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    workers : int, optional
        Slices that are computed beside each other; as many as there are cores if None.
    progress : callable
        Called with each step as it begins: ``rest basal: motion compensation``.

    Returns
    -------
    PreprocessedStudy
        ``preprocessed.scans`` are the scans, rest first. Each holds its slices, base to apex: images as acquired
        (``slice.series``), in one pose (``slice.motion``), and what was found in them (``slice.contours``).

    Raises
    ------
    PerfusionError
        If PyTorch is missing, the device is not there, a network is damaged, or a slice shows no left ventricle.
    """
    networks = load_networks(None if weights is None else Path(weights), choose_device(device))
    with one_thread():
        find_slices = partial(compute_in_parallel, workers=workers or count_cores())
        return pipeline.preprocess(study, networks, find_slices=find_slices, progress=progress)


def quantify(
    preprocessed: PreprocessedStudy,
    *,
    model: FlowModel | str = FlowModel.AVERAGED,
    arterial_inputs: Mapping[str, ArterialInput] | None = None,
    dose_ratio: float | None = None,
) -> tuple[PerfusionMaps, ...]:
    """Compute the myocardial blood flow (MBF) of every pixel of a study, mL/min/g.

    Rest and stress know of each other: contrast agent that an earlier injection left is taken into account.

    Parameters
    ----------
    preprocessed : PreprocessedStudy
        The scans of one study, as `preprocess` returns them or as they were corrected.
    model : FlowModel or str
        How the residue function is constrained: ``averaged``, ``fermi``, ``capillary``, ``two_compartment``,
        ``spline`` or ``patlak``.
    arterial_inputs : mapping of str to ArterialInput, optional
        Concentration in the blood by condition (``rest``, ``stress``), mmol/L over s, in place of the one that is
        measured in the images.
    dose_ratio : float, optional
        Dose of the main bolus over that of the pre-bolus, where a study has one and its headers do not say it.

    Returns
    -------
    tuple of PerfusionMaps
        In the order of the scans. ``maps.slices[n].mbf_ml_min_g`` is a map in the pose of the slice's contours; a
        pixel that cannot be fitted is NaN, and ``status`` says why (`FitStatus`).

    Raises
    ------
    PerfusionError
        If no slice has a myocardium, or no arterial input can be measured.
    ValueError
        If there is no such flow model or condition.
    """
    given = {Condition(name): curve for name, curve in (arterial_inputs or {}).items()}
    with threadpool_limits(1):
        options = Options(model=FlowModel(model), arterial_inputs=given, dose_ratio=dose_ratio)
        return pipeline.quantify(preprocessed, options)


def summarize(
    maps: Sequence[PerfusionMaps],
    *,
    rate_pressure_product: float | None = None,
    thresholds: Sequence[Threshold] = (),
) -> SegmentTable:
    """Report the flow of the 16 AHA segments, the three coronary territories and the whole left ventricle.

    Parameters
    ----------
    maps : sequence of PerfusionMaps
        Of the rest scan, the stress scan, or both, of one study.
    rate_pressure_product : float, optional
        Heart rate times systolic pressure at rest, mmHg/min. Rest flow is then also given at 10 000 mmHg/min.
    thresholds : sequence of Threshold
        Regions with a value below are flagged (`quantification.thresholds`).

    Returns
    -------
    SegmentTable
        ``table.segments``, ``table.territories`` and ``table.whole``. ``row.rest`` and ``row.stress`` hold flow with
        its 95 % interval, mL/min/g; ``row.mpr`` is the myocardial perfusion reserve, stress over rest. What no slice
        shows is NaN. ``table.provenance`` says where the numbers come from.

    Raises
    ------
    PerfusionError
        If the rate-pressure product is implausible.
    ValueError
        If two maps are of the same condition.
    """
    if len({scan.condition for scan in maps}) < len(maps):
        raise ValueError(f"each condition may come once, got {[str(scan.condition) for scan in maps]}")
    options = Options(rate_pressure_product=rate_pressure_product, thresholds=tuple(thresholds))
    return pipeline.summarize_study(maps, options)
