"""The command that says what is in a folder and how every decision is made; it writes nothing and names nobody."""

from pathlib import Path
from typing import Annotated

import typer

from .acquisition import AcquisitionFile, Interval, RestSeries, StressSeries, StudyDate, read_entered
from .console import output


def inspect(
    folders: Annotated[
        list[Path], typer.Argument(help="Folders with DICOM files, or ZIP archives of them.", metavar="FOLDER...")
    ],
    rest: Annotated[Path | None, typer.Option(help="Folder that holds the rest scan.")] = None,
    stress: Annotated[Path | None, typer.Option(help="Folder that holds the stress scan.")] = None,
    rest_series: RestSeries = None,
    stress_series: StressSeries = None,
    study: StudyDate = None,
    acquisition: AcquisitionFile = None,
    rr_interval: Interval = None,
) -> None:
    """Say what was found, how each decision was made and what its witnesses say. Writes nothing, names no patient.

    The first thing to send when something reads wrongly.
    """
    from ..dicom import inspect_folders, read_choices, unpack_archives

    document = read_entered(
        acquisition, rest_series=rest_series, stress_series=stress_series, study=study, rr_interval_s=rr_interval
    )
    with unpack_archives([*folders, rest, stress]) as (*places, rest_place, stress_place):
        report = inspect_folders(
            [place for place in places if place], rest=rest_place, stress=stress_place, choices=read_choices(document)
        )
    for line in report.lines:
        output.print(line, markup=False)
    if report.refused:
        raise typer.Exit(2)
