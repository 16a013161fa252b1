"""Headers of the images that a result was made from: whose study it belongs to."""

from collections.abc import Iterable
from pathlib import Path

import highdicom as hd
import pydicom
from pydicom.dataset import Dataset

from ...data.errors import PerfusionError
from ..header_parts import make_stable_uid
from ..pseudonyms import KEPT, make_image_reference
from ..read.headers import find_files, read_frames, tolerate_broken_rules
from .deidentification import remove_patient

REQUIRED = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime")


@tolerate_broken_rules()
def find_source_headers(
    folders: Iterable[Path], wanted: Iterable[str], *, de_identify: bool = False
) -> dict[str, Dataset]:
    """Headers of the wanted images by what was wanted, found again in the folders they were read from.

    wanted : SOPInstanceUIDs, or the references that stand for them in saved scenes
    de_identify : take over only what places the images, and replace the unique identifiers

    Raises PerfusionError where one is not there any more.
    """
    wanted = set(wanted)
    kept = any(one.startswith(KEPT) for one in wanted)
    found: dict[str, Dataset] = {}
    for path in sorted({path for folder in folders for path in find_files(Path(folder))}):
        frames = read_frames(path)
        uid = frames[0].text("SOPInstanceUID") if frames else ""
        name = make_image_reference(uid) if uid and uid not in wanted and kept else uid
        if name in wanted and name not in found:
            found[name] = complete(pydicom.dcmread(path, stop_before_pixels=True, force=True))
    if wanted - set(found):
        raise PerfusionError(
            f"{len(wanted - set(found))} of the images that the result was made from are not in the folder any more.",
            "Choose the folder with the original DICOM images, which tell whose study the result belongs to. "
            "A saved scene finds them only with the key of the pseudonyms that it was written with.",
        )
    return {uid: complete(remove_patient(header)) for uid, header in found.items()} if de_identify else found


def complete(header: Dataset) -> Dataset:
    """The header with every attribute that derived objects must copy, empty where it was missing."""
    for keyword in (*REQUIRED, "AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator"):
        if keyword not in header:
            setattr(header, keyword, "")
    if "FrameOfReferenceUID" not in header:
        header.FrameOfReferenceUID = make_stable_uid("frame of reference", header.StudyInstanceUID)
    header.decode()  # names of people, in whatever characters; results are written in UTF-8
    header.SpecificCharacterSet = "ISO_IR 192"
    share_plane(header)
    return header


def share_plane(header: Dataset) -> None:
    """Put plane attributes of a multi-frame image where highdicom looks for them, if its frames hold them."""
    if not header.get("PerFrameFunctionalGroupsSequence") or not header.get("SharedFunctionalGroupsSequence"):
        return
    shared, first = header.SharedFunctionalGroupsSequence[0], header.PerFrameFunctionalGroupsSequence[0]
    for keyword in ("PixelMeasuresSequence", "PlaneOrientationSequence"):
        if keyword not in shared and keyword in first:
            setattr(shared, keyword, getattr(first, keyword))
    # highdicom 0.27 compares planes only if they are of its own classes
    for groups in header.PerFrameFunctionalGroupsSequence:
        if "PlanePositionSequence" in groups:
            groups.PlanePositionSequence = hd.PlanePositionSequence.from_sequence(groups.PlanePositionSequence)
    if "PlaneOrientationSequence" in shared:
        shared.PlaneOrientationSequence = hd.PlaneOrientationSequence.from_sequence(shared.PlaneOrientationSequence)
