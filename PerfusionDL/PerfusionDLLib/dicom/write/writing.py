"""Perfusion studies into folders of DICOM files."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from pydicom.dataset import Dataset

from ...data.errors import PerfusionError
from ...data.study import Condition, Scan, Study
from ...data.vendor import Vendor
from ..header_parts import STUDY_BEGIN, WrittenVisit, make_file_meta
from .enhanced import make_enhanced_image
from .habits import write_philips_enhanced, write_siemens_xa
from .shots import compute_first_s
from .vendors import CLASSIC, make_classic_images

FIRST_SCAN = timedelta(minutes=6)  # after localizers and cines
BETWEEN_SCANS = timedelta(minutes=10)
SERIES_APART = 10


MULTI_FRAME = {
    Vendor.ENHANCED: lambda *arguments: iter([make_enhanced_image(*arguments)]),
    Vendor.SIEMENS_XA: write_siemens_xa,
    Vendor.PHILIPS_ENHANCED: write_philips_enhanced,
}
"""How each vendor writes multi-frame images."""


def write_study(
    study: Study, folder: Path, *, vendor: Vendor | str, seed: int = 0, first: Condition = Condition.STRESS
) -> None:
    """Write a study as a vendor's scanner writes first-pass perfusion, a folder per scan.

    Parameters
    ----------
    study : Study
        Its patient is made up unless its identity is given. Signals are stored as integers.
    folder : Path
        Created where it does not exist; existing files of the same names are replaced.
    vendor : Vendor
        ``siemens``, ``siemens-interoperable``, ``philips``, ``ge``, ``canon``, ``united-imaging`` (classic images),
        ``enhanced``, ``philips-enhanced`` (one multi-frame image per scan) or ``siemens-xa`` (one per heartbeat).
    seed : int
        The same seed gives the same unique identifiers.
    first : Condition
        The scan acquired first; the other follows ten minutes later.

    Raises
    ------
    PerfusionError
        Where the files cannot be written.
    """
    vendor, visit = Vendor(vendor), WrittenVisit(study.identity, seed)
    ordered = sorted(study.scans, key=lambda scan: scan.condition is not first)
    for index, scan in enumerate(ordered):
        begin = STUDY_BEGIN + FIRST_SCAN + index * BETWEEN_SCANS
        place = Path(folder) / f"scan{index + 1}"
        try:
            place.mkdir(parents=True, exist_ok=True)
            write_scan(scan, place, visit, vendor, begin, number=(index + 1) * SERIES_APART)
        except OSError as error:
            raise PerfusionError(
                f"The DICOM files cannot be written to {Path(folder).name} ({error.strerror}).",
                "Choose a folder that you may write to, on a disk with enough space.",
            ) from error


def write_scan(scan: Scan, folder: Path, visit: WrittenVisit, vendor: Vendor, begin: datetime, number: int) -> None:
    """Write one scan into a folder, and its arterial input series under the number before it."""
    zero_s = compute_first_s(scan)
    parts = [(scan, number, "")]
    if scan.aif_series is not None:
        parts.append((replace(scan, slices=(scan.aif_series,), aif_series=None), number - 1, " AIF"))
    for part, series_number, suffix in parts:
        if vendor in CLASSIC:
            images = make_classic_images(part, visit, vendor, begin, zero_s, series_number, suffix)
        else:
            images = MULTI_FRAME[vendor](part, visit, begin, zero_s, series_number, suffix)
        for image in images:
            save(image, folder / f"S{image.SeriesNumber:04d}I{image.InstanceNumber:04d}.dcm")


def save(image: Dataset, path: Path) -> None:
    """Write one file with its preamble and meta information."""
    image.file_meta = make_file_meta(image)
    image.save_as(path, enforce_file_format=True)
