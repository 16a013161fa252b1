"""Whose images they are: one patient under several spellings, without an identifier, or several patients."""

import re
from collections.abc import Sequence

from ...data.errors import PerfusionError
from .consistency import Uncertainty
from .frame import Frame

PLACEHOLDERS = (
    *("unknown", "unbekannt", "anon", "anonym", "anonymous", "anonymized", "none", "na", "null", "removed", "deleted"),
    *("noid", "noname", "patient", "phantom"),
)
CHOOSE = "Choose a folder with the study of one patient."


def describe_unnamed_patient(frames: Sequence[Frame]) -> tuple[str, ...]:
    """Sentences where some images name no patient, or name one in several ways; an uncertainty where names differ.

    Raises PerfusionError if the images belong to more than one patient.
    """
    patients = {frame.text("PatientID") for frame in frames}
    known = {patient for patient in patients if patient and not is_placeholder(patient)} or patients - {""}
    if not known:
        known = {frame.text("PatientName") for frame in frames}
    said: tuple[str, ...] = ()
    if len(known) > 1:
        if not is_one_in_spellings(frames, known):
            raise PerfusionError(f"The images belong to {len(known)} patients.", CHOOSE)
        said = (f"The patient ID is written in {len(known)} ways, with the same name in one study: one patient.",)
    said += find_other_names(frames)
    without = [frame for frame in frames if frame.text("PatientID") not in known]
    if not without or len(without) == len(frames):
        return said
    names = {frame.text("PatientName") for frame in frames} - {""}
    studies = {frame.text("StudyInstanceUID") for frame in frames if frame.text("PatientID") in known}
    if len(names) > 1 and any(frame.text("StudyInstanceUID") not in studies for frame in without):
        raise PerfusionError(
            f"{len(without)} images have no patient ID, and neither name nor study ties them to the others.", CHOOSE
        )
    return (*said, f"{len(without)} images have no patient ID; they were taken as those of the same patient.")


def is_placeholder(patient: str) -> bool:
    """Whether an identifier or a name stands for none, as archives and anonymizers write it.

    >>> [is_placeholder(one) for one in ("Unknown", "000000", "ANON", "4711")]
    [True, True, True, False]
    """
    plain = re.sub(r"[\W_]", "", patient).casefold()
    return plain in PLACEHOLDERS or not plain.strip("0") or not plain.strip("x")


def is_one_in_spellings(frames: Sequence[Frame], identifiers: set[str]) -> bool:
    """Whether identifiers differ in leading zeros, case and punctuation only, within one study of one name."""
    plain = {re.sub(r"[\W_]", "", one).casefold().lstrip("0") for one in identifiers}
    studies = {frame.text("StudyInstanceUID") for frame in frames}
    names = {frame.text("PatientName").casefold() for frame in frames}
    return len(plain) == len(studies) == len(names) == 1 and plain != {""} and names != {""}


def find_other_names(frames: Sequence[Frame]) -> tuple[str, ...]:
    """A sentence where images of one identifier and one study have names without a part in common.

    Raises PerfusionError where they are of different studies: an identifier that several patients share.
    """
    of_name: dict[frozenset[str], set[str]] = {}
    for frame in frames:
        parts = frozenset(part for part in re.split(r"[\W_]+", frame.text("PatientName").casefold()) if part)
        if parts and not is_placeholder("".join(parts)):
            of_name.setdefault(parts, set()).add(frame.text("StudyInstanceUID"))
    named = list(of_name)
    apart = [(one, other) for i, one in enumerate(named) for other in named[:i] if not one & other]
    if not apart:
        return ()
    if any(not of_name[one] & of_name[other] for one, other in apart):
        raise PerfusionError("Images of different studies have one patient ID, but other names.", CHOOSE)
    said = "The patient has names without a part in common, with one ID in one study. Check whose images they are."
    return (Uncertainty(said),)
