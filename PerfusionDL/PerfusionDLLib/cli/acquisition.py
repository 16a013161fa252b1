"""Options by which a user enters what no header says, or chooses a series; all of them may stand in a file too."""

import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from ..data.errors import PerfusionError

AcquisitionFile = Annotated[
    Path | None, typer.Option("--acquisition", help="TOML file with values that no header gives.", metavar="FILE")
]
RestSeries = Annotated[str | None, typer.Option(help="Number of the series that is the rest scan.", metavar="NUMBER")]
StressSeries = Annotated[
    str | None, typer.Option(help="Number of the series that is the stress scan.", metavar="NUMBER")
]
StudyDate = Annotated[str | None, typer.Option("--study", help="Date of the study to read, YYYYMMDD.")]
Agent = Annotated[str | None, typer.Option("--agent", help="Contrast agent, generic or trade name.")]
Dose = Annotated[float | None, typer.Option("--dose", help="Dose, mmol/kg.")]
Hematocrit = Annotated[float | None, typer.Option(help="Hematocrit, 0 to 1.")]
Field = Annotated[float | None, typer.Option("--field-strength", help="Field strength, T.")]
SaturationTime = Annotated[
    float | None, typer.Option(help="Saturation to the center of k-space, s (TS; the inversion time of the header).")
]
RepetitionTime = Annotated[float | None, typer.Option(help="Time between excitations, s.")]
FlipAngle = Annotated[float | None, typer.Option(help="Flip angle, degrees.")]
Pulses = Annotated[int | None, typer.Option(help="Excitations before the center of k-space.")]
Interval = Annotated[float | None, typer.Option("--rr-interval", help="Time between frames, s, if no header says.")]


def read_document(path: Path | None) -> dict[str, Any]:
    """What a file of acquisition values holds; nothing where there is none.

    Raises PerfusionError where it cannot be read.
    """
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise PerfusionError(f"{path.name} cannot be read as text.", "Name a TOML file.") from error
    except tomllib.TOMLDecodeError as error:
        raise PerfusionError(
            f"{path.name} is no TOML file: {error}.", "Write one line per value: name = value."
        ) from error


def read_entered(path: Path | None, **options: float | int | str | None) -> dict[str, Any]:
    """The document of a file with the single options over it. Raises PerfusionError as `read_document`."""
    return read_document(path) | {name: value for name, value in options.items() if value is not None}
