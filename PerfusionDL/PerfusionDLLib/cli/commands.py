"""The command line: `perfusiondl run`, `simulate` and what surrounds them."""

import sys
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import Annotated

import numpy as np
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
from . import batch, results
from .console import Overwrite, ReplaceCorrections, Steps, ended_by_signal, messages, output, print_any_name
from .inspect import inspect
from .serve import send, serve

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=f"Quantitative myocardial perfusion MRI. {NOTICE}.",
)


class Device(StrEnum):
    """Where the networks run."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


class Step(StrEnum):
    """Which network is trained."""

    PEAK = "peak"
    BOX = "box"
    LABELS = "labels"
    POINTS = "points"
    ALL = "all"


@app.command()
def run(
    folders: Annotated[
        list[Path], typer.Argument(help="Folders with the DICOM files of one patient.", metavar="FOLDER...")
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
    options = options_from(model, rest_aif, stress_aif, dose_ratio, rest_rpp, thresholds)
    document = given.entered(
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
        from ..app.process_study import run_study
        from ..dicom import choices_from
        from ..networks import choose_device, load_networks
        from ..preprocessing.beside import count_cores

        choices = choices_from(document)
        steps("loading networks")
        study = run_study(
            folders,
            out,
            load_networks(weights, device=choose_device(device)),
            rest=rest,
            stress=stress,
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


def options_from(model, rest_aif, stress_aif, dose_ratio, rest_rpp, thresholds):
    """What the user chose that the numbers depend on, checked before any work begins."""
    from ..aif.csv import arterial_input_from_csv
    from ..quantification.options import Options
    from ..quantification.segment_table import check_rate_pressure_product
    from ..quantification.thresholds import thresholds_from

    curves = {}
    for condition, path in ((Condition.REST, rest_aif), (Condition.STRESS, stress_aif)):
        if path is None:
            continue
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
    messages.print(f"Found the {scan.condition} scan with {len(scan.slices)} slices.")
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
    weights: Annotated[Path | None, typer.Option(help="With --cases: networks of your own to begin with.")] = None,
) -> None:
    """Train networks on images drawn at random, or further on what readers corrected; use them with `run --weights`."""
    from .. import training
    from ..networks import choose_device

    chosen = choose_device(device)
    if cases:
        learned = training.learn(
            cases, out, minutes=minutes or 10, step=step, seed=seed, device=chosen, weights=weights, progress=say
        )
        output.print(f"\n{learned}\n\nNetworks in {out}. {NOTICE}.", markup=False)
        output.print(
            f"Their confidences are those of the networks before; `perfusiondl calibrate {out}` counts them anew.",
            markup=False,
        )
        return
    cards = training.train(out, minutes=minutes or 60, step=step, seed=seed, device=chosen, progress=say)
    for card in cards:
        output.print(f"Wrote {card}", markup=False)


@app.command()
def evaluate(
    out: Annotated[Path, typer.Option(help="Folder for the scores of every slice as CSV.")],
    seeds: Annotated[int, typer.Option(min=1, help="How many phantom patients, six slices each.")] = 10,
    first_seed: Annotated[int, typer.Option(min=0, help="Seed of the first.")] = 10000,
    held_out: Annotated[bool, typer.Option("--held-out", help="From the second, wider phantom configuration.")] = False,
    closed_cavities: Annotated[
        bool, typer.Option("--closed-cavities", help="Nearly closed cavities at stress, two slices for each patient.")
    ] = False,
    real: Annotated[
        Path | None, typer.Option(help="An annotated series, turned and disturbed, in place of phantoms.")
    ] = None,
    strange: Annotated[
        bool, typer.Option("--strangers", help="Series that are no first pass of a heart, SEEDS of each kind.")
    ] = False,
    weights: Annotated[Path | None, typer.Option(help="Folder with networks of your own.")] = None,
    device: Annotated[Device, typer.Option(help="Where the networks run.")] = Device.AUTO,
    overwrite: Overwrite = False,
) -> None:
    """Print the table of Scannell et al. 2020 for slices that no network has seen; every case and the worst in OUT."""
    from ..evaluation import cases, network_scores, out_of_distribution
    from ..networks import choose_device, load_networks

    networks = load_networks(weights, device=choose_device(device))

    def progress(line):
        messages.print(line, markup=False)

    inputs = [one for one in (real, weights) if one is not None]
    with atomic_folder(out, Kind.SCORES, overwrite=overwrite, inputs=inputs) as partial:
        if strange:
            from ..training.synthetic.other_series import OTHER_SERIES, draw_other_series

            table = out_of_distribution.tabulate_refusals(
                list(OTHER_SERIES), draw_other_series, networks, count=seeds, seed=first_seed, progress=progress
            )
            (partial / "table.md").write_text(table + "\n", encoding="utf-8")
        else:
            patients = range(first_seed, first_seed + seeds)
            if real is not None:
                chosen = cases.disturbed(cases.annotated_case(real), np.random.default_rng(0))
            elif closed_cavities:
                chosen = cases.closed_cavity_cases(patients)
            else:
                chosen = cases.phantom_cases(patients, held_out=held_out)
            table = network_scores.measure(chosen, networks, partial, progress=progress)
    output.print(table, markup=False)


@app.command()
def calibrate(
    weights: Annotated[Path, typer.Argument(help="Folder with networks; their cards are completed.")],
    seeds: Annotated[int, typer.Option(min=1, help="How many phantom patients of each configuration.")] = 10,
    first_seed: Annotated[int, typer.Option(min=0, help="Seed of the first.")] = 5000,
    device: Annotated[Device, typer.Option(help="Where the networks run.")] = Device.AUTO,
) -> None:
    """Count how often answers are good at each certainty, on phantoms and disturbed phantoms: confidences that hold."""
    from itertools import chain

    from ..evaluation import calibration, cases
    from ..networks import choose_device, load_networks

    chosen = range(first_seed, first_seed + seeds)
    drawn = chain.from_iterable(cases.phantom_cases(chosen, held_out=held_out) for held_out in (False, True))
    counted = calibration.calibrate(
        calibration.calibration_cases(drawn, np.random.default_rng(first_seed)),
        load_networks(weights, device=choose_device(device)),
    )
    command = f"perfusiondl calibrate FOLDER --seeds {seeds} --first-seed {first_seed}"
    calibration.write_calibration(weights, counted, command)
    for step, entry in counted.items():
        output.print(f"{step}: {entry['good_slices']} of {entry['slices']} slices, {entry['good']}", markup=False)


@app.command()
def resemblance(
    seeds: Annotated[int, typer.Option(min=1, help="Phantom patients to measure, from seed 0 on.")] = 8,
) -> None:
    """Print the phantom's figures beside those of in-vivo series."""
    from rich.table import Table

    from ..phantom.resemblance import resemblance as measure

    table = Table("figure", "series", "phantom", "in vivo", "near", title="median [10th, 90th percentile]")
    steps = Steps(messages)
    rows = measure(range(seeds), progress=steps)
    steps.finish()
    for row in rows:
        table.add_row(row.figure, str(row.group), *map(spread, (row.phantom, row.in_vivo)), "yes" if row.near else "no")
    output.print(table)


def say(line: str) -> None:
    """A line on how far the work is."""
    messages.print(line, markup=False)


def spread(figure) -> str:
    """Median and, where known, percentiles."""
    known = f" [{figure.low:.2f}, {figure.high:.2f}]" if isfinite(figure.low) else ""
    return f"{figure.median:.2f}{known}"


@app.command()
def version() -> None:
    """Say which version this is."""
    output.print(f"PerfusionDL {__version__}. {NOTICE}.")


def repeated(options: tuple[str, ...], arguments: list[str]) -> list[str]:
    """Arguments in which an option stands before each of its values, as the parser wants it.

    Examples
    --------
    >>> repeated(("--with",), ["agree", "a", "b", "--with", "c", "d", "--out", "e"])
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
        with ended_by_signal(lambda number: SystemExit(128 + number)):
            app(repeated(("--with", "--cases", "--images"), sys.argv[1:]))
    except PerfusionError as error:
        messages.print(error.problem, style="bold red", markup=False)
        messages.print(error.remedy, markup=False)
        sys.exit(2)
