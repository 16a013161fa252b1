"""Results of many studies as one dataset in the manner of BIDS derivatives: NIfTI images with JSON beside them.

BIDS (bids-specification 1.10) knows no perfusion of the heart: names of files follow its rules, the suffix ``mbf`` and
the folder ``perf`` for the heart are ours.
"""

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import NOTICE, __version__
from ..data.contours import Label
from ..data.errors import PerfusionError
from ..results import layout
from ..results.atomic import Kind, atomic_folder
from ..results.marker import read_marker
from ..results.writing import write_json

BIDS_VERSION = "1.10.0"
MBF = {"Quantity": "myocardial blood flow", "Units": "mL/min/g", "OSIPI": "Q.PH1.003", "DICOM": "DCM 126390"}
"""Codes of the glossary."""
README = f"""Myocardial perfusion, written by PerfusionDL {__version__}. {NOTICE}.

sub-*/perf/*_mbf.nii.gz   myocardial blood flow, mL/min/g; NaN where no flow is trustworthy
                          (programs built on ITK read 0 there)
sub-*/perf/*_dseg.nii.gz  labels, named in desc-PerfusionDL_dseg.tsv
sub-*/perf/*_segments.tsv the 16 AHA segments of the study

Each image is one short-axis slice in the pose of its reference frame, under one condition (acq-rest, acq-stress).
"""
LABEL_NAMES = {Label.MYOCARDIUM: "myocardium", Label.BLOOD_POOL: "LV blood pool", Label.RV_BLOOD_POOL: "RV blood pool"}


@dataclass(frozen=True)
class StudyResults:
    """A results folder with what its files say.

    subject : letters and digits of the study's label
    """

    folder: Path
    subject: str
    index: dict


def write_bids(folders: Sequence[Path], out: Path, *, overwrite: bool = False) -> int:
    """Write results folders as one dataset; returns how many images. It names nobody.

    Raises PerfusionError where a folder holds no results, or two hold the same study.
    """
    studies = [_read(folder) for folder in folders]
    subjects = [one.subject for one in studies]
    twice = sorted({one for one in subjects if subjects.count(one) > 1})
    if twice:
        raise PerfusionError(
            f"The study {twice[0]} is in several of the folders.", "Name one results folder for each study."
        )
    with atomic_folder(out, Kind.BIDS, overwrite=overwrite, inputs=folders) as partial:
        write_json(
            partial / "dataset_description.json",
            {
                "Name": "Myocardial blood flow",
                "BIDSVersion": BIDS_VERSION,
                "DatasetType": "derivative",
                "GeneratedBy": [{"Name": "PerfusionDL", "Version": __version__}],
                "Notice": NOTICE,
            },
        )
        (partial / "README").write_text(README, encoding="utf-8")
        rows = [("participant_id",), *((f"sub-{one}",) for one in sorted(subjects))]
        _write_tsv(partial / "participants.tsv", rows)
        named = [("index", "name"), *((int(label), name) for label, name in LABEL_NAMES.items())]
        _write_tsv(partial / "desc-PerfusionDL_dseg.tsv", named)
        return sum(_write_study(one, partial / f"sub-{one.subject}" / "perf") for one in studies)


def _read(folder: Path) -> StudyResults:
    """A results folder. Raises PerfusionError where it is none."""
    try:
        index = json.loads((folder / layout.INDEX).read_text(encoding="utf-8"))
        with (folder / layout.TIDY).open(encoding="utf-8", newline="") as tidy:
            study = next(csv.DictReader(tidy))["study"]
        marker = read_marker(folder)
        if marker is None or marker.kind is not Kind.RESULTS or not index["slices"]:
            raise ValueError("no results")
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise PerfusionError(
            f"The folder {folder.name} holds no results.", "Name folders that `perfusiondl run` wrote."
        ) from error
    return StudyResults(folder, re.sub("[^A-Za-z0-9]", "", study.removeprefix("study-")) or "study", index)


def _write_study(study: StudyResults, target: Path) -> int:
    """Both images of every slice, and the table; returns how many images."""
    import SimpleITK

    target.mkdir(parents=True)
    count = 0
    for described in study.index["slices"]:
        place = Path(described["folder"]).name
        condition, level = place.split("_", 1)
        base = f"sub-{study.subject}_acq-{condition}_chunk-{re.sub('[^A-Za-z0-9]', '', level)}"
        about = {
            "Condition": condition,
            "Level": described["level"],
            "ReferenceFrame": described["reference_frame"],
            "Contours": described["origin"],
            "Provenance": study.index["provenance"],
            "Notice": NOTICE,
        }
        images: dict[str, tuple[str, dict]] = {
            "mbf": (layout.FLOW, MBF),
            "desc-PerfusionDL_dseg": (layout.LABELS, {"Labels": {str(int(k)): v for k, v in LABEL_NAMES.items()}}),
        }
        for name, (file, meaning) in images.items():
            try:
                image = SimpleITK.ReadImage(str(study.folder / place / file))
            except RuntimeError as error:
                raise PerfusionError(
                    f"The image {file} of {place} in {study.folder.name} cannot be read.",
                    "Write the results again with `perfusiondl run` or `perfusiondl export`.",
                ) from error
            for key in image.GetMetaDataKeys():
                image.EraseMetaData(key)
            SimpleITK.WriteImage(image, str(target / f"{base}_{name}.nii.gz"))
            write_json(target / f"{base}_{name}.json", meaning | about)
            count += 1
    with (study.folder / layout.SEGMENTS).open(encoding="utf-8", newline="") as rows:
        table = list(csv.reader(rows))
    cells = [[cell.replace("\t", " ") or "n/a" for cell in row] for row in table]
    _write_tsv(target / f"sub-{study.subject}_segments.tsv", cells)
    return count


def _write_tsv(path: Path, rows: Sequence[Sequence[object]]) -> None:
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
