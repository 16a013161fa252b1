"""A scan with its pixels, and everything that is said about it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median_low
from typing import Any

import numpy as np

from ...data.acquisition import Acquisition
from ...data.errors import PerfusionError
from ...data.flag import FlagCode, make_flag
from ...data.study import Condition, Level, PerfusionSeries, Scan
from . import protocol
from .archive import make_study_label
from .brightness import describe_brightness_steps
from .consistency import Aside, Uncertainty, find_typical_number, is_same_number, make_uncertainties, name_images
from .continuity import put_back
from .doubles import has_identifiers
from .frame import Frame
from .frames_apart import count_proton_density_frames, find_frames_apart, remove_own_lead
from .oddities import find_oddities, find_other_sequence
from .pixels import PixelReader, check_scale
from .repeats import remove_repeated
from .scans import FoundScan
from .slices import Slice
from .stored_values import check_signal, remove_padding

MOST_LOST = 0.25  # share of the frames of a slice whose pixels may be missing
FEW_FRAMES = 0.1  # chosen: share of the frames of a slice that may say something else by mistake
COMPARED = ("MagneticFieldStrength", "InversionTime", "FlipAngle", "EchoTime", "RepetitionTime", "SliceThickness")
Values = Mapping[str, Any]
NOTHING_ENTERED: Values = {}


def load(
    which: Condition,
    scan: FoundScan,
    how: str,
    placed: Sequence[Level],
    reader: PixelReader,
    entered: Values = NOTHING_ENTERED,
    beside: FoundScan | None = None,
) -> Scan:
    """A scan with its pixels; ``beside`` is the other scan of the visit.

    Raises PerfusionError where pixels cannot be read or values cannot be right.
    """
    notes, uncertainties = [how, *scan.notes], list(scan.uncertainties)
    read_pieces, read_signals = [], []
    for one in scan.slices:
        piece, signal, said, uncertain = read_slice_pixels(one, reader)
        read_pieces.append(piece)
        read_signals.append(signal)
        notes += said
        uncertainties += uncertain
    pieces, signals, changing = unify_scan(read_pieces, read_signals)
    uncertainties += changing
    leads = [count_proton_density_frames(one.frames, signal) for one, signal in zip(pieces, signals, strict=True)]
    lead = median_low(leads)
    pieces, signals, own = remove_own_lead(pieces, signals, leads, lead)
    uncertainties += make_uncertainties(FlagCode.IMAGES_MISSING, own)
    zero_s = min(one.times_s[lead] for one in pieces)
    acquisitions, said = read_acquisitions(pieces, placed, lead, beside.all_frames if beside else ())
    named = filter(None, (find_other_sequence(protocol.Header(one.frames[lead:], [])) for one in pieces))
    odd, grave_odd = find_disagreements(pieces, lead)
    notes += [*said, *odd]
    units = dict.fromkeys(
        said for one in pieces for said in protocol.find_other_units(protocol.Header(one.frames[lead:]))
    )
    late = find_delays_beyond_a_heartbeat(pieces, acquisitions)
    uncertainties += make_uncertainties(FlagCode.SEQUENCE_UNCERTAIN, (*named, *grave_odd, *units, *late))
    uncertainties += make_uncertainties(FlagCode.SEQUENCE_UNCERTAIN, find_contradicting_groups(pieces))
    doses = (
        said for one in pieces for said in protocol.find_acquisition_uncertainties(protocol.Header(one.frames[lead:]))
    )
    uncertainties += make_uncertainties(FlagCode.ACQUISITION_UNCERTAIN, dict.fromkeys(doses))
    if lead:
        notes.append(f"The first {lead} frames are proton-density images and were set apart.")
    if len(pieces) > 3 or len(pieces) == 2:
        notes.append(f"{len(pieces)} slices were taken as {', '.join(placed)}.")
    notes += reader.notes
    grave = tuple(
        make_flag(uncertainty.code, found=str(uncertainty))
        for uncertainty in map(Uncertainty, dict.fromkeys(uncertainties))
    )
    slices = tuple(
        make_series(one, signal, lead, zero_s, level, replace(enter(acquisition, entered), findings=grave))
        for one, signal, level, acquisition in zip(pieces, signals, placed, acquisitions, strict=True)
    )
    aif = None
    if scan.aif is not None:
        piece, signal, said, _ = read_slice_pixels(scan.aif, reader)
        aif_lead = count_proton_density_frames(piece.frames, signal)
        aif_zero_s = zero_s if scan.aif_shares_clock else piece.times_s[aif_lead]
        acquisition = protocol.read_acquisition(protocol.Header(piece.frames[aif_lead:]))
        aif = make_series(piece, signal, aif_lead, aif_zero_s, None, enter(acquisition, remove_timing(entered)))
        notes += said
    return Scan(
        condition=which,
        slices=slices,
        aif_series=aif,
        aif_is_prebolus=aif is not None and not scan.aif_shares_clock,
        assumptions=tuple(
            make_flag(FlagCode.READ_AS, found=str(note)) for note in dict.fromkeys((*notes, *uncertainties)) if note
        ),
        study=make_study_label(scan.slices[0].first.text("StudyInstanceUID")),
    )


def read_slice_pixels(one: Slice, reader: PixelReader) -> tuple[Slice, np.ndarray, list[str], list[Uncertainty]]:
    """A slice and its signal, without classic images whose pixels cannot be read, and what is said about it.

    Raises PerfusionError where too many of them are lost, or the values cannot be right.
    """
    notes, uneven = check_scale(one.frames)
    uncertainties = make_uncertainties(FlagCode.STORED_VALUES_UNCERTAIN, uneven)
    try:
        signal = reader.read(one.frames)
    except PerfusionError:
        if any(frame.frames > 1 for frame in one.frames):
            raise
        one, signal, lost = remove_lost_pixels(one, reader)
        notes.append(lost)
        uncertainties.append(Uncertainty(lost, FlagCode.IMAGES_MISSING))
    signal, padded = remove_padding(one.frames, signal)
    notes += [padded] if padded else []
    apart = find_frames_apart(one.frames, signal, one.times_s)
    notes += apart.notes
    uncertainties += make_uncertainties(FlagCode.IMAGES_MISSING, apart.uncertainties)
    if apart.mask.any():
        one, signal = one.with_times(np.where(apart.mask, np.nan, one.times_s)), signal[~apart.mask]
    said, uncertain = check_signal(one.frames, signal)
    uncertainties += make_uncertainties(FlagCode.STORED_VALUES_UNCERTAIN, uncertain)
    return one, signal, [*notes, *said, *uncertainties], uncertainties


def unify_scan(
    pieces: Sequence[Slice], signals: Sequence[np.ndarray]
) -> tuple[tuple[Slice, ...], tuple[np.ndarray, ...], list[Uncertainty]]:
    """Slices and signals without what changes in the middle of the scan, and uncertainties that say so."""
    pieces, signals, repeated = remove_repeated(pieces, signals)
    found = put_back(pieces, signals)
    steps: list[str] = []
    for one, signal in zip(found.pieces, found.signals, strict=True):
        lead = count_proton_density_frames(one.frames, signal)
        steps += describe_brightness_steps(one.frames[lead:], one.times_s[lead:], signal[lead:])
    lost = make_uncertainties(FlagCode.IMAGES_MISSING, repeated)
    put = make_uncertainties(FlagCode.GEOMETRY_UNCERTAIN, found.uncertainties)
    return found.pieces, found.signals, [*lost, *put, *make_uncertainties(FlagCode.STORED_VALUES_UNCERTAIN, steps)]


def remove_lost_pixels(one: Slice, reader: PixelReader) -> tuple[Slice, np.ndarray, str]:
    """A slice without the images whose pixels cannot be read, its signal, and a sentence that names them."""
    images: list[np.ndarray | None] = []
    failures: list[tuple[Frame, PerfusionError]] = []
    for frame in one.frames:
        try:
            images.append(reader.read([frame])[0])
        except PerfusionError as error:
            images.append(None)
            failures.append((frame, error))
    if len(failures) > MOST_LOST * len(one.frames):
        raise failures[0][1]
    times_s = np.where([image is None for image in images], np.nan, one.times_s)
    reason = failures[0][1].problem.rstrip(".")
    sentence = Aside(tuple(frame for frame, _ in failures), reason[0].lower() + reason[1:]).sentence
    return one.with_times(times_s), np.stack([image for image in images if image is not None]), sentence


def read_acquisitions(
    pieces: Sequence[Slice], placed: Sequence[Level], lead: int, beside: Sequence[Frame] = ()
) -> tuple[list[Acquisition], list[str]]:
    """The acquisition of each slice, and sentences on what was assumed and what is odd, said once for all slices."""
    found: list[Acquisition] = []
    said: dict[str, list[str]] = {}
    for one, level in zip(pieces, placed, strict=True):
        others = [frame for other in pieces if other is not one for frame in other.frames[lead:]]
        header = protocol.Header(one.frames[lead:], others, beside)
        acquisition = protocol.read_acquisition(header)
        found.append(acquisition)
        for sentence in (protocol.describe_assumption(acquisition), *find_oddities(header, acquisition)):
            if sentence:
                said.setdefault(sentence, []).append(str(level))
    everywhere = len(pieces)
    return found, [
        sentence if len(levels) == everywhere else f"Slice {' and '.join(levels)}: {sentence}"
        for sentence, levels in said.items()
    ]


def find_contradicting_groups(pieces: Sequence[Slice]) -> list[str]:
    """Sentences on what an enhanced image says of all frames and otherwise of single ones."""
    frames = [frame for one in pieces for frame in one.frames]
    named = dict.fromkeys(text for frame in frames if (text := frame.text("GroupsContradicting")))
    return [
        f"The functional groups of all frames and of single frames of {frames[0].series} differ in {text}; those of "
        "the frame were taken."
        for text in named
    ]


def find_delays_beyond_a_heartbeat(pieces: Sequence[Slice], acquisitions: Sequence[Acquisition]) -> list[str]:
    """A sentence where an image would be acquired after the next one was prepared."""
    for one, acquisition in zip(pieces, acquisitions, strict=True):
        step_s = float(np.median(np.diff(one.times_s)))
        if "saturation_time_s" not in acquisition.assumed and acquisition.saturation_time_s > step_s:
            return [
                f"The saturation time of {one.first.series} ({acquisition.saturation_time_s:.2f} s) is longer than the "
                f"time between frames ({step_s:.2f} s): one of them cannot be right."
            ]
    return []


def find_disagreements(pieces: Sequence[Slice], lead: int) -> tuple[list[str], list[str]]:
    """Sentences on values of the sequence that differ between frames of a slice, or between slices.

    Notes where a few frames say something else; uncertainties where many do, or whole slices.
    """
    notes: list[str] = []
    uncertainties: list[str] = []
    for keyword in COMPARED:
        usual = []
        for one in pieces:
            frames = one.frames[lead:]
            value = find_typical_number(frames, keyword)
            usual.append(value)
            odd = [frame for frame in frames if not close(frame.number(keyword), value)]
            if odd:
                seen = sorted({frame.text(keyword)[:16] or "missing" for frame in odd})[:3]
                differ = [frame for frame in odd if np.isfinite(frame.number(keyword))]
                matters = keyword != "SliceThickness" and len(differ) > FEW_FRAMES * len(frames)
                (uncertainties if matters else notes).append(
                    f"{keyword} is {' or '.join(seen)} in {name_images(odd)} and {value:g} in the other frames, which "
                    "was taken."
                )
        known = [value for value in usual if np.isfinite(value)]
        if known and not all(close(value, known[0]) for value in known):
            said = f"{keyword} differs between slices ({', '.join(f'{value:g}' for value in usual)})."
            (notes if keyword == "SliceThickness" else uncertainties).append(said)
    return notes, uncertainties


def close(value: float, usual: float) -> bool:
    """Whether two values of a sequence are one, up to the timing raster; both missing included."""
    return is_same_number(value, usual) or abs(value - usual) < 0.02 * abs(usual)


def enter(acquisition: Acquisition, values: Values) -> Acquisition:
    """An acquisition with what the user entered; constants follow a new field strength or agent unless entered too."""
    if not values:
        return acquisition
    agent = values.get("contrast_agent", acquisition.contrast_agent)
    field_t = values.get("field_strength_t", acquisition.field_strength_t)
    follow = protocol.choose_constants(agent, field_t) if {"contrast_agent", "field_strength_t"} & set(values) else {}
    assumed = tuple(name for name in acquisition.assumed if name not in values)
    return replace(acquisition, **(follow | dict(values)), assumed=assumed, entered=tuple(sorted(values)))


def remove_timing(values: Values) -> dict[str, Any]:
    """What was entered and holds for an arterial input series too, which has a timing of its own."""
    of_sequence = {"saturation_time_s", "repetition_time_s", "echo_time_s", "flip_angle_deg", "pulses_to_center"}
    return {name: value for name, value in values.items() if name not in of_sequence}


def make_series(
    one: Slice, signal: np.ndarray, lead: int, zero_s: float, level: Level | None, acquisition: Acquisition
) -> PerfusionSeries:
    """A slice with its pixels; the leading proton-density frames set apart."""
    frames = one.frames[lead:]
    return PerfusionSeries(
        signal=signal[lead:],
        times_s=one.times_s[lead:] - zero_s,
        ijk_to_ras=one.matrix,
        acquisition=acquisition,
        level=level,
        proton_density=signal[:lead] if lead else None,
        instance_uids=tuple(frame.text("SOPInstanceUID") for frame in frames) if has_identifiers(frames) else (),
    )
