"""The command line: `perfusiondl run`, `simulate` and what surrounds them."""

import gc
import sys
from pathlib import Path
from typing import Annotated

import typer

from .. import NOTICE, __version__
from ..data.errors import PerfusionError
from ..data.flow import FlowModel
from ..data.study import Condition, Scan
from ..data.vendor import Vendor
from ..report import table_text
from ..results.atomic import Kind, atomic_folder, check_replaceable
from ..results.layout import DICOM
from . import acquisition as given
from . import batch, judging, results
from .console import (
    Device,
    Overwrite,
    ReplaceCorrections,
    Step,
    Steps,
    end_on_signal,
    messages,
    output,
    print_any_name,
    print_line,
)
from .inspect import inspect
from .serve import send, serve

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=f"Quantitative myocardial perfusion MRI. {NOTICE}.",
)


@app.command()
def run(
    folders: Annotated[
        list[Path],
        typer.Argument(help="Folders with the DICOM files of one patient, or ZIP archives.", metavar="FOLDER..."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    rest: Annotated[Path | None, typer.Option(help="Folder that holds the rest scan.")] = None,
    stress: Annotated[Path | None, typer.Option(help="Folder that holds the stress scan.")] = None,
    model: Annotated[FlowModel, typer.Option(help="How the residue function is constrained.")] = FlowModel.AVERAGED,
    device: Annotated[Device, typer.Option(help="Where the networks run.")] = Device.AUTO,
    weights: Annotated[Path | None, typer.Option(help="Folder with networks of your own.")] = None,
    dicom: Annotated[
        bool, typer.Option("--dicom", help="Write DICOM objects for the patient's archive too; they name the patient.")
    ] = False,
    de_identify: Annotated[bool, typer.Option("--de-identify", help="Leave the patient out of the DICOM.")] = False,
    rest_aif: Annotated[
        Path | None, typer.Option(help="CSV with the arterial input at rest: times_s,concentration_mmol_l.")
    ] = None,
    stress_aif: Annotated[Path | None, typer.Option(help="The same for stress.")] = None,
    dose_ratio: Annotated[
        float | None, typer.Option(min=1.0, help="Dose of the main bolus over that of the pre-bolus.")
    ] = None,
    rest_rpp: Annotated[
        float | None, typer.Option(help="Heart rate times systolic pressure at rest, to correct rest flow for.")
    ] = None,
    thresholds: Annotated[
        str, typer.Option(help="Flag values below, for example stress=1.8,mpr=2, or a preset: anoca, pet-risk.")
    ] = "",
    rest_series: given.RestSeries = None,
    stress_series: given.StressSeries = None,
    study_date: given.StudyDate = None,
    acquisition: given.AcquisitionFile = None,
    agent: given.Agent = None,
    dose: given.Dose = None,
    hematocrit: given.Hematocrit = None,
    field_strength: given.Field = None,
    saturation_time: given.SaturationTime = None,
    repetition_time: given.RepetitionTime = None,
    flip_angle: given.FlipAngle = None,
    pulses_to_center: given.Pulses = None,
    rr_interval: given.Interval = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Slices that are computed beside each other; 0 for as many as there are cores.")
    ] = 0,
    overwrite: Overwrite = False,
    replace_corrections: ReplaceCorrections = False,
    profile: Annotated[bool, typer.Option("--profile", help="Say where the time went.")] = False,
) -> None:
    """Find contours, compute blood flow and write the results of one study."""
    inputs = [one for one in (*folders, rest, stress, weights, rest_aif, stress_aif) if one is not None]
    check_replaceable(out, inputs=inputs, overwrite=overwrite, replace_corrections=replace_corrections)
    options = read_options(model, rest_aif, stress_aif, dose_ratio, rest_rpp, thresholds)
    document = given.read_entered(
        acquisition,
        rest_series=rest_series,
        stress_series=stress_series,
        study=study_date,
        contrast_agent=agent,
        dose_mmol_kg=dose,
        hematocrit=hematocrit,
        field_strength_t=field_strength,
        saturation_time_s=saturation_time,
        repetition_time_s=repetition_time,
        flip_angle_deg=flip_angle,
        pulses_to_center=pulses_to_center,
        rr_interval_s=rr_interval,
    )
    steps = Steps(messages)
    try:
        steps("loading software")
        from ..app.parallel import count_cores
        from ..app.process_study import run_study
        from ..dicom import read_choices, unpack_archives
        from ..networks import choose_device, load_networks

        choices = read_choices(document)
        with unpack_archives([*folders, rest, stress]) as (*places, rest_place, stress_place):
            study = run_study(
                [place for place in places if place],
                out,
                lambda: load_networks(weights, device=choose_device(device)),
                rest=rest_place,
                stress=stress_place,
                choices=choices,
                options=options,
                dicom=dicom,
                de_identify=de_identify,
                workers=workers or count_cores(),
                progress=steps,
                found=print_scan,
                overwrite=overwrite,
                replace_corrections=replace_corrections,
            )
    finally:
        steps.finish()
    output.print(table_text(study.table), markup=False)
    for scan in study.scans:
        for piece in scan.slices:
            for flag in piece.flags:
                output.print(f"{scan.condition} {piece.series.level}: {flag.text}", markup=False)
    output.print(f"\nResults in {out}:", markup=False)
    for path in sorted(path for path in out.iterdir() if not path.name.startswith(".")):
        output.print(f"  {path}{'/' if path.is_dir() else ''}", markup=False)
    output.print(f"{NOTICE}.")
    if profile:
        messages.print(steps.profile(), markup=False)


def read_options(model, rest_aif, stress_aif, dose_ratio, rest_rpp, thresholds):
    """What the user chose that the numbers depend on, checked before any work begins."""
    from ..quantification.options import Options
    from ..quantification.segment_table import check_rate_pressure_product
    from ..quantification.thresholds import thresholds_from

    curves = {}
    for condition, path in ((Condition.REST, rest_aif), (Condition.STRESS, stress_aif)):
        if path is None:
            continue
        from ..aif.csv import arterial_input_from_csv

        try:
            curves[condition] = arterial_input_from_csv(path.read_text(encoding="utf-8-sig"), path.name)
        except (OSError, UnicodeDecodeError) as error:
            raise PerfusionError(f"{path.name} cannot be read as text.", "Name a CSV file.") from error
    if rest_rpp is not None:
        check_rate_pressure_product(rest_rpp)
    return Options(
        model=model,
        arterial_inputs=curves,
        dose_ratio=dose_ratio,
        rate_pressure_product=rest_rpp,
        thresholds=thresholds_from(thresholds),
    )


def print_scan(scan: Scan) -> None:
    """Say what was found and what was assumed."""
    count = len(scan.slices)
    messages.print(f"Found the {scan.condition} scan with {count} {'slice' if count == 1 else 'slices'}.")
    for flag in scan.assumptions:
        messages.print(f"  {flag.text}", markup=False)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder for the study and its truth.")],
    seed: Annotated[int, typer.Option(min=0, help="Another number, another patient.")] = 0,
    vendor: Annotated[Vendor, typer.Option(help="Whose way of writing DICOM.")] = Vendor.SIEMENS,
    overwrite: Overwrite = False,
) -> None:
    """Write a phantom patient, rest and stress, as DICOM with the truth beside it."""
    from .. import phantom
    from ..app.phantom_truth import write_truth
    from ..dicom import write_study

    with atomic_folder(out, Kind.STUDY, overwrite=overwrite) as partial:
        patient = phantom.simulate_study(seed)
        write_study(patient.study, partial / DICOM, vendor=vendor, seed=seed, first=Condition.REST)
        write_truth(partial / "truth", patient)
    output.print(f"Phantom patient {seed} in {out / 'dicom'}, its truth in {out / 'truth'}.", markup=False)


app.command()(inspect)
app.command()(batch.batch)
app.command()(serve)
app.command()(send)
app.command()(results.export)
app.command()(results.restore)
app.command()(results.agree)
app.command()(results.bids)
app.command()(results.export_cases)
for command in (judging.evaluate, judging.calibrate, judging.resemblance):
    app.command()(command)


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder for weights and cards; an interrupted training goes on there.")],
    cases: Annotated[
        list[Path] | None,
        typer.Option(help="Results that readers corrected, or cases from `export-cases`: learn from them, OUT is new."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="How long; 60 by default, 10 with --cases.", show_default=False)
    ] = None,
    step: Annotated[Step, typer.Option(help="Which network.")] = Step.ALL,
    seed: Annotated[int, typer.Option(help="Of the random images.")] = 0,
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.AUTO,
    weights: Annotated[Path | None, typer.Option(help="Folder with networks to go on from.")] = None,
) -> None:
    """Train networks on images drawn at random, or further on what readers corrected; use them with `run --weights`."""
    from .. import training
    from ..networks import choose_device

    chosen = choose_device(device)
    if cases:
        learned = training.learn(
            cases, out, minutes=minutes or 10, step=step, seed=seed, device=chosen, weights=weights, progress=print_line
        )
        output.print(f"\n{learned}\n\nNetworks in {out}. {NOTICE}.", markup=False)
        output.print(
            f"Their confidences are those of the networks before; `perfusiondl calibrate {out}` counts them anew.",
            markup=False,
        )
        return
    cards = training.train(
        out, minutes=minutes or 60, step=step, seed=seed, device=chosen, weights=weights, progress=print_line
    )
    for card in cards:
        output.print(f"Wrote {card}", markup=False)


@app.command()
def version() -> None:
    """Say which version this is."""
    output.print(f"PerfusionDL {__version__}. {NOTICE}.")


def find_repeated(options: tuple[str, ...], arguments: list[str]) -> list[str]:
    """Arguments in which an option stands before each of its values, as the parser wants it.

    Examples
    --------
    >>> find_repeated(("--with",), ["agree", "a", "b", "--with", "c", "d", "--out", "e"])
    ['agree', 'a', 'b', '--with', 'c', '--with', 'd', '--out', 'e']
    """
    spread: list[str] = []
    inside = ""
    for argument in arguments:
        if argument.startswith("-"):
            inside = argument if argument in options else ""
        if argument not in options:
            spread += [inside, argument] if inside else [argument]
    return spread


def main() -> None:
    """Run the command line; a problem in the study is said in its own words, with exit code 2."""
    print_any_name()
    try:
        with end_on_signal(lambda number: SystemExit(128 + number)):
            app(find_repeated(("--with", "--cases", "--images"), sys.argv[1:]))
    except PerfusionError as error:
        messages.print(error.problem, style="bold red", markup=False)
        messages.print(error.remedy, markup=False)
        sys.exit(2)
    finally:
        gc.freeze()  # what is left goes with the process; to search it for garbage would take half a second
