"""The results folder: a contract that other people's scripts read."""

import glob
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import numpy as np

from .contours import Contours, PreprocessedScan, PreprocessedSlice
from .errors import PerfusionError
from .maps import PerfusionMaps, SegmentTable
from .report import NOTICE
from .series import PerfusionSeries

FULL_BYTES = 65536
INDEX = "preprocessing.json"
SLICE_FOLDER = re.compile(r"(rest|stress)_(basal|mid|apical)(_\d+)?")
RESULT = {"segments.csv", "territories.csv", "table.json", "table.xlsx", INDEX, "report.pdf", "scene.mrb"}
STUDY = {"dicom", "truth"}
NUMBERED = re.compile(
    r"(rest|stress)_\d+(_basal|_mid|_apical)?_(contours|AHA_segments|MBF)\.dcm|(segment_table|report)\.dcm"
    r"|case_\d+\.npz|cases\.json"
)
AGREEMENT = {"agreement.csv", "slices.csv", "flows.csv", "agreement.pdf"}
SCORES = {"scores.csv", "table.md", "worst.png"}


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes its final name only when everything in it is written; a former one is replaced.

    Raises PerfusionError where it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "table.csv"
    >>> with whole_file(path) as target:
    ...     _ = target.write(b"1,2")
    >>> path.read_bytes()
    b'1,2'
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    content = BytesIO()
    yield content
    try:
        partial.write_bytes(content.getbuffer())
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise _not_written(f"The file {path.name}", error.strerror or error) from error


@contextmanager
def whole_folder(folder: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A folder to write into that takes its final name only when everything in it is written.

    Raises PerfusionError where ``folder`` holds anything and ``overwrite`` is not given, or holds something that is
    not a former result.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "results"
    >>> with whole_folder(target) as partial:
    ...     _ = (partial / INDEX).write_text("{}")
    ...     target.exists()
    False
    >>> target.exists()
    True
    """
    folder = Path(folder)
    former = folder.with_name(f".{folder.name}.former")
    # Of its own for every attempt, so that two that write the same results do not get into each other's way.
    partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}-{uuid4().hex[:8]}")
    try:
        if former.exists() and not folder.exists():  # a crash between the two renamings below
            former.rename(folder)
        check_replaceable(folder, overwrite=overwrite)
        forget_partial(folder)
        partial.mkdir(parents=True)
        yield partial
        store(partial)
        check_replaceable(folder, overwrite=overwrite)  # another attempt may have written it meanwhile
        if folder.exists():
            shutil.rmtree(former, ignore_errors=True)
            folder.rename(former)
        partial.rename(folder)
        store_names(folder.parent)
    except OSError as error:
        raise _not_written(f"The folder {folder.name}", error.strerror or error) from error
    except PerfusionError as error:
        if not _is_full(partial):
            raise
        raise _not_written(f"The folder {folder.name}", "no space is left on the disk") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        with suppress(OSError):
            if former.exists() and not folder.exists():
                former.rename(folder)
            shutil.rmtree(former, ignore_errors=True)


def _not_written(what: str, reason: object) -> PerfusionError:
    return PerfusionError(
        f"{what} could not be written: {reason}.", "Check that the disk has room and that you may write there."
    )


def _is_full(folder: Path) -> bool:
    """Whether hardly anything more can be written; writers of images do not say why they failed."""
    try:
        return shutil.disk_usage(folder).free < FULL_BYTES
    except OSError:
        return False


def forget_partial(folder: Path, *, older_than_s: float = 86400) -> None:
    """Remove what attempts that were killed left beside ``folder``, once nobody can be writing it any more."""
    for partial in folder.parent.glob(f".{glob.escape(folder.name)}.partial-*"):
        with suppress(OSError):
            if time.time() - max(path.stat().st_mtime for path in (partial, *partial.rglob("*"))) >= older_than_s:
                shutil.rmtree(partial, ignore_errors=True)


def store(folder: Path) -> None:
    """Have everything in a folder on the disk, so that it is whole even if the power fails after it was renamed."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            store_names(path)
    store_names(folder)


def store_names(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system lets a folder be opened."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def check_replaceable(folder: Path, *, overwrite: bool) -> None:
    """Raise PerfusionError unless ``folder`` may be written: absent, empty, or a former result and ``overwrite``."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise PerfusionError(f"{folder.name} is a file.", "Name a folder for the results.")
    if not any(folder.iterdir()):
        return
    if not overwrite:
        raise PerfusionError(
            f"The folder {folder.name} is not empty.", "Name another folder, or add --overwrite to replace its content."
        )
    theirs = sorted(
        path.name
        for path in folder.iterdir()
        if path.name not in RESULT | STUDY | AGREEMENT | SCORES
        and not SLICE_FOLDER.fullmatch(path.name)
        and not NUMBERED.fullmatch(path.name)
    )
    if theirs:
        raise PerfusionError(
            f"The folder {folder.name} holds {theirs[0]}, which PerfusionDL did not write; it is left as it is.",
            "Name another folder.",
        )


def write_results(
    folder: Path,
    preprocessed: Sequence[PreprocessedScan],
    maps: Sequence[PerfusionMaps],
    table: SegmentTable,
    *,
    progress: Callable[[str], None] = lambda step: None,
) -> None:
    """Write everything that a study gave into an existing, empty folder.

    ``progress`` is called with the name of each step as it begins.
    """
    from . import mrml, report

    progress("tables")
    (folder / "segments.csv").write_text(report.segments_csv(table), encoding="utf-8")
    (folder / "territories.csv").write_text(report.territories_csv(table), encoding="utf-8")
    (folder / "table.json").write_text(report.table_json(table), encoding="utf-8")
    (folder / "table.xlsx").write_bytes(report.table_xlsx(table))
    progress("images")
    provenance = {"notice": NOTICE, **table.provenance}
    for (name, piece), slice_maps in zip(
        named_slices(preprocessed), (one for scan in maps for one in scan.slices), strict=True
    ):
        about = {**provenance, "origin": str(piece.contours.origin)}
        write_slice(folder / name, piece.contours, piece.series, slice_maps.mbf_ml_min_g, about)
        mrml.writeSequence(folder / name / "corrected.seq.nrrd", piece.motion.corrected, piece.series)
    write_index(folder / INDEX, preprocessed, provenance)
    progress("report")
    with (folder / "report.pdf").open("wb") as target:
        report.write_pdf(target, preprocessed, maps, table)
    progress("scene")
    mrml.saveStudy(folder / "scene.mrb", preprocessed, maps, table)


def write_dicom(
    folder: Path,
    sources: Sequence[Path],
    preprocessed: Sequence[PreprocessedScan],
    maps: Sequence[PerfusionMaps],
    table: SegmentTable,
    *,
    de_identify: bool = False,
) -> None:
    """Give the results in a folder to the archive too, as DICOM objects in its subfolder ``dicom``.

    sources : folders with the DICOM images of the study, or the files themselves
    """
    from .dicom import export_results

    export_results(
        folder / "dicom",
        sources,
        preprocessed,
        maps,
        table,
        moment=datetime.now(),
        report_pdf=(folder / "report.pdf").read_bytes(),
        de_identify=de_identify,
    )


def named_slices(preprocessed: Sequence[PreprocessedScan]) -> list[tuple[str, PreprocessedSlice]]:
    """Every slice with the name of its folder: condition and level, numbered from the second of a level on."""
    named: dict[str, PreprocessedSlice] = {}
    for scan in preprocessed:
        for piece in scan.slices:
            name = base = f"{scan.condition}_{piece.series.level}"
            number = 1
            while name in named:
                number += 1
                name = f"{base}_{number}"
            named[name] = piece
    return list(named.items())


def write_slice(
    folder: Path, contours: Contours, series: PerfusionSeries, mbf_ml_min_g: np.ndarray, provenance: Mapping[str, str]
) -> None:
    """Write ``labels.nrrd`` and ``mbf.nrrd`` of one slice, in the pose of its reference frame."""
    folder.mkdir(parents=True)
    write_image(folder / "labels.nrrd", contours.labels, series, provenance)
    write_image(folder / "mbf.nrrd", mbf_ml_min_g.astype(np.float32), series, {**provenance, "unit": "mL/min/g"})


def write_image(path: Path, image: np.ndarray, series: PerfusionSeries, metadata: Mapping[str, str]) -> None:
    """Write a (Y, X) image where its series lies in the world, as NRRD with ``metadata`` as key/value pairs."""
    import SimpleITK

    spacing = np.linalg.norm(series.ijk_to_ras[:3, :3], axis=0)
    to_lps = np.diag([-1.0, -1.0, 1.0])
    volume = SimpleITK.GetImageFromArray(image[None])
    volume.SetSpacing(spacing.tolist())
    volume.SetDirection((to_lps @ series.ijk_to_ras[:3, :3] / spacing).ravel().tolist())
    volume.SetOrigin((to_lps @ series.ijk_to_ras[:3, 3]).tolist())
    for key, value in metadata.items():
        volume.SetMetaData(f"PerfusionDL.{key}", " ".join(str(value).split()))
    try:
        SimpleITK.WriteImage(volume, str(path), useCompression=True)
    except RuntimeError as error:
        raise _not_written(f"The image {path.name}", "the disk is full or refuses it") from error


def read_image(path: Path) -> np.ndarray:
    """The (Y, X) image that `write_image` wrote."""
    import SimpleITK

    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))[0]


def write_index(path: Path, preprocessed: Sequence[PreprocessedScan], provenance: Mapping[str, str]) -> None:
    """Write ``preprocessing.json``: what was found in every slice, and what was assumed."""
    conditions = {id(piece): scan.condition for scan in preprocessed for piece in scan.slices}
    write_json(
        path,
        {
            "notice": NOTICE,
            "provenance": dict(provenance),
            "scans": [{"condition": scan.condition, "assumptions": list(scan.assumptions)} for scan in preprocessed],
            "slices": [
                {"folder": name, "condition": conditions[id(piece)], **describe(piece)}
                for name, piece in named_slices(preprocessed)
            ],
        },
    )


def write_json(path: Path, content: Mapping) -> None:
    """Write JSON that every reader understands: UTF-8, no NaN."""
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def describe(piece: PreprocessedSlice) -> dict:
    """One slice of ``preprocessing.json``; indices from 0, pixel centers at integers."""
    return {
        **describe_contours(piece.contours, piece.series),
        "flags": list(piece.flags),
        "unaligned_frames": np.flatnonzero(~piece.motion.aligned).tolist(),
        "excluded_frames": sorted(piece.excluded_frames),
        "frame_quality": np.round(piece.motion.quality.astype(float), 3).tolist(),
        "acquisition": asdict(piece.series.acquisition),
    }


def describe_contours(contours: Contours, series: PerfusionSeries) -> dict:
    """What `Contours` says about a series, in the words of ``preprocessing.json``."""
    points = {"anterior": contours.anterior_rv_ras_mm, "inferior": contours.inferior_rv_ras_mm}
    found = {name: point for name, point in points.items() if point is not None}
    missing = dict.fromkeys(points)
    return {
        "level": series.level,
        "peak_frame": int(contours.peak_frame),
        "reference_frame": int(contours.reference_frame),
        "box_px": [float(edge) for edge in contours.box_px],
        "rv_insertion_points_px": missing
        | {name: series.pixels_from_ras(point).round(3).tolist() for name, point in found.items()},
        "rv_insertion_points_ras_mm": missing | {name: np.round(point, 3).tolist() for name, point in found.items()},
        "origin": contours.origin,
        "weights_sha256": contours.weights_sha256,
        "origins": {str(part): str(origin) for part, origin in contours.origins.items()},
        "confidences": {str(part): round(float(value), 3) for part, value in contours.confidences.items()},
        "times_s": series.times_s.astype(float).round(4).tolist(),
        "shape": list(series.signal.shape),
        "ijk_to_ras": series.ijk_to_ras.tolist(),
    }
