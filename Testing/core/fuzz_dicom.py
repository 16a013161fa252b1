"""Damages small phantom studies at random: what is read afterwards has the same numbers, or words say what is odd.

``python Testing/core/fuzz_dicom.py --minutes 10`` tries damages that nobody tried; ``--count`` stops after so many. A
case is a flavor and a number, from which the same damage is made again.
"""

import argparse
import json
import shutil
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from dicom_studies import small_study
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.study import Study
from PerfusionDLLib.dicom import Vendor, read_study, write_study

FLAVORS = tuple(map(str, Vendor))
FRAMES = 16
SLOWEST_S = 60.0
CORPUS = Path(__file__).parent / "data" / "fuzz_corpus.json"
ATTRIBUTES = (
    *(
        "AcquisitionTime",
        "ContentTime",
        "AcquisitionDate",
        "ContentDate",
        "TriggerTime",
        "NominalInterval",
        "HeartRate",
    ),
    *("InstanceNumber", "TemporalPositionIdentifier", "NumberOfTemporalPositions", "SeriesNumber", "EchoNumbers"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "RescaleSlope", "RescaleIntercept"),
    *("SamplesPerPixel", "PhotometricInterpretation", "ImageType", "Modality", "SOPClassUID", "SOPInstanceUID"),
    *("SeriesInstanceUID", "StudyInstanceUID", "SeriesDescription", "ProtocolName", "PatientID", "PatientWeight"),
    *("FlipAngle", "InversionTime", "RepetitionTime", "EchoTime", "EchoTrainLength", "MagneticFieldStrength"),
    *("ImagingFrequency", "ContrastBolusAgent", "ContrastBolusVolume", "NumberOfPhaseEncodingSteps", "NumberOfFrames"),
    *("CardiacNumberOfImages", "FrameOfReferenceUID", "SpecificCharacterSet", "Manufacturer", "TemporalResolution"),
)
ODD = (
    "",
    "0",
    "-1",
    "1e30",
    "-1e30",
    "nan",
    "abc",
    "000000.0",
    "99999999",
    "7",
    "1\\2\\3",
    "235959.999999",
    "$\\frac{a}{$",
)


@dataclass(frozen=True)
class Verdict:
    """What became of a damaged study: same, said, refused, or a failure (unsaid, traceback, slow)."""

    kind: str
    about: str

    @property
    def failed(self) -> bool:
        """Whether it should not be."""
        return self.kind in ("unsaid", "traceback", "slow")


class Fuzzer:
    """Keeps the untouched studies and tries damages on copies of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.untouched: dict[str, Study] = {}
        for flavor in FLAVORS:
            write_study(small_study(slices=2, frames=FRAMES), folder / flavor, vendor=flavor)
            self.untouched[flavor] = read_study([folder / flavor])

    def try_one(self, flavor: str, number: int) -> Verdict:
        """Damage a copy as the number says, read it and judge."""
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.folder / flavor, copy)
        about = damage(copy, np.random.default_rng([number, FLAVORS.index(flavor)]))
        began_s = time.monotonic()
        try:
            actual = read_study([copy])
        except PerfusionError as error:
            return Verdict("refused", f"{about}: {error.problem}")
        except Exception:
            return Verdict("traceback", f"{about}\n{traceback.format_exc(limit=-4)}")
        if time.monotonic() - began_s > SLOWEST_S:
            return Verdict("slow", about)
        changed = unsaid_changes(self.untouched[flavor], actual)
        if changed is None:
            return Verdict("same", about)
        return Verdict("unsaid" if changed else "said", f"{about}: {changed}")


def damage(folder: Path, random: np.random.Generator) -> str:
    """Damage the files of a folder; returns what was done, in words."""
    files = sorted(folder.rglob("*.dcm"))
    how = random.choice(
        [flip_bytes, truncate, remove, set_attribute, set_attribute, set_attribute, swap, append, double]
    )
    return how(files, random)


def flip_bytes(files, random) -> str:
    """Change some bytes of the headers of one to three files."""
    chosen = random.choice(len(files), size=min(len(files), int(random.integers(1, 4))), replace=False)
    for index in chosen:
        content = bytearray(files[index].read_bytes())
        end = content.rfind(b"\xe0\x7f\x10\x00")  # pixels are what they are
        end = end if end > 200 else len(content)
        for place in random.integers(0, end, size=int(random.integers(1, 5))):
            content[place] = int(random.integers(0, 256))
        files[index].write_bytes(content)
    return f"bytes of {[files[index].name for index in chosen]}"


def truncate(files, random) -> str:
    """Cut off the end of one file."""
    path = files[int(random.integers(len(files)))]
    content = path.read_bytes()
    path.write_bytes(content[: int(random.integers(0, len(content)))])
    return f"cut off {path.name}"


def remove(files, random) -> str:
    """Remove some files, but not the last heartbeat of a scan, whose loss nothing can tell."""
    candidates = files[: max(1, len(files) - 2)]
    chosen = random.choice(len(candidates), size=min(len(candidates), int(random.integers(1, 4))), replace=False)
    last = {path for folder in {path.parent for path in files} for path in sorted(folder.glob("*.dcm"))[-2:]}
    gone = [candidates[index] for index in chosen if len(files) < 4 or candidates[index] not in last]
    for path in gone:
        path.unlink()
    return f"removed {[path.name for path in gone]}"


def set_attribute(files, random) -> str:
    """Delete an attribute or write an odd value, in one, a few, or all files of one scan."""
    keyword = str(random.choice(ATTRIBUTES))
    share = random.choice(["one", "few", "scan"])
    scan = [path for path in files if path.parent.name == str(random.choice(["scan1", "scan2"]))] or files
    count = {"one": 1, "few": min(len(scan), 1 + int(random.integers(2, 12))), "scan": len(scan)}[share]
    value = str(random.choice(ODD)) if random.random() < 0.75 else None
    for index in random.choice(len(scan), size=count, replace=False):
        edit(scan[index], keyword, value, random)
    return f"{keyword} = {value!r} in {count} files"


def edit(path: Path, keyword: str, value: str | None, random) -> None:
    """Write a value as it is into a file, or delete the attribute; in a multi-frame file also within its frames."""
    image = pydicom.dcmread(path)
    places = [image]
    groups = list(image.get("PerFrameFunctionalGroupsSequence") or ())
    for index in random.choice(len(groups), size=min(len(groups), int(random.integers(1, 6))), replace=False):
        places += [item for element in groups[index] if element.VR == "SQ" for item in element.value]
    for place in places:
        if keyword in place:
            if value is None:
                del place[keyword]
                continue
            vr = place[keyword].VR
            binary = vr in ("US", "SS", "UL", "FD", "FL", "SL")
            raw = np.array([int(float(value)) % 65536 if is_number(value) else 0], "<u2").tobytes() if binary else None
            raw = raw if raw is not None else (value + " " * (len(value) % 2)).encode()
            place._dict[pydicom.tag.Tag(keyword)] = pydicom.dataelem.RawDataElement(
                pydicom.tag.Tag(keyword), vr, len(raw), raw, 0, False, True
            )
    with pydicom.config.disable_value_validation():
        image.save_as(path, enforce_file_format=False)


def is_number(value: str) -> bool:
    """Whether a text is a finite number."""
    try:
        return bool(np.isfinite(float(value)))
    except ValueError:
        return False


def swap(files, random) -> str:
    """Exchange the values of one attribute between two files of a scan."""
    keyword = str(random.choice(ATTRIBUTES))
    scan = [path for path in files if path.parent == files[0].parent]
    if len(scan) < 2:
        return "nothing"
    first, second = (scan[index] for index in random.choice(len(scan), size=2, replace=False))
    one, other = pydicom.dcmread(first), pydicom.dcmread(second)
    if keyword in one and keyword in other:
        one[keyword].value, other[keyword].value = other[keyword].value, one[keyword].value
        one.save_as(first, enforce_file_format=False)
        other.save_as(second, enforce_file_format=False)
    return f"{keyword} of {first.name} and {second.name} exchanged"


def append(files, random) -> str:
    """Put bytes behind the end of a file, or a foreign file beside it."""
    path = files[int(random.integers(len(files)))]
    content = bytes(random.integers(0, 256, size=int(random.integers(1, 400)), dtype=np.uint8))
    if random.random() < 0.5:
        path.write_bytes(path.read_bytes() + content)
        return f"bytes behind {path.name}"
    path.with_name("foreign.dcm").write_bytes(b"\0" * 128 + b"DICM" + content)
    return "a foreign file"


def double(files, random) -> str:
    """Put a changed copy of a file beside it."""
    path = files[int(random.integers(len(files)))]
    copy = path.with_name(f"copy_{path.name}")
    shutil.copy(path, copy)
    keyword = str(random.choice(ATTRIBUTES))
    edit(copy, keyword, str(random.choice(ODD)), random)
    return f"a copy of {path.name} with another {keyword}"


def unsaid_changes(expected: Study, actual: Study) -> str | None:
    """None where nothing changed, "" where all changes were said, else what changed without a word."""
    unsaid, any_change = [], False
    for which in ("rest", "stress"):
        one, other = getattr(expected, which), getattr(actual, which)
        if other is None:
            any_change = True
            if not new_words(expected, actual):
                unsaid.append(f"{which} is gone")
            continue
        changes = differences(one, other)
        any_change |= bool(changes)
        if changes and not set(other.assumptions) - set(one.assumptions):
            unsaid.append(f"{which}: {', '.join(changes)}")
    return "; ".join(unsaid) if any_change else None


def new_words(expected: Study, actual: Study) -> set[str]:
    """Sentences on any scan that the untouched study does not have."""
    known = {flag.text for scan in expected.scans for flag in scan.assumptions}
    return {flag.text for scan in actual.scans for flag in scan.assumptions} - known


def differences(one, other) -> list[str]:
    """Which numbers of a scan differ."""
    if len(one.slices) != len(other.slices):
        return ["slices"]
    found = set()
    for first, second in zip(one.slices, other.slices, strict=True):
        if first.signal.shape != second.signal.shape:
            found.add("frames")
            continue
        if not np.allclose(first.signal, second.signal, rtol=1e-3):
            found.add("signal")
        if not np.allclose(first.times_s, second.times_s, atol=0.02):
            found.add("times")
        if not np.allclose(first.ijk_to_ras, second.ijk_to_ras, atol=0.1):
            found.add("geometry")
        for name in ("saturation_time_s", "repetition_time_s", "flip_angle_deg", "relaxivity_l_mmol_s", "t10_blood_s"):
            if not np.isclose(getattr(first.acquisition, name), getattr(second.acquisition, name), rtol=1e-3):
                found.add(name)
    return sorted(found)


def main() -> None:
    """Try new damages until the time or the count is used up; the exit code says whether all went well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--count", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else int(time.time())
    counts: dict[str, int] = {}
    failures = []
    with tempfile.TemporaryDirectory() as place:
        fuzzer = Fuzzer(Path(place))
        ends_s = time.monotonic() + 60 * options.minutes
        tried = 0
        while time.monotonic() < ends_s and tried < options.count:
            flavor = FLAVORS[tried % len(FLAVORS)]
            number = seed + tried
            verdict = fuzzer.try_one(flavor, number)
            counts[verdict.kind] = counts.get(verdict.kind, 0) + 1
            if verdict.failed:
                failures.append([flavor, number])
                print(f"{flavor} {number} {verdict.kind}: {verdict.about}", flush=True)
            tried += 1
    print(
        f"{tried} damaged studies from seed {seed}: " + ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items()))
    )
    if failures:
        print(f"Add to {CORPUS.name}: {json.dumps(failures)}")
        raise SystemExit(1)


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    main()
