"""Commands that judge: networks on references that nobody trained on, their confidences, and the phantom itself."""

from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from ..results.atomic import Kind, atomic_folder
from .console import Device, Overwrite, Step, Steps, messages, output, print_line

if TYPE_CHECKING:
    from ..evaluation.cases import Case


def evaluate(
    out: Annotated[Path, typer.Option(help="Folder for the scores of every slice as CSV.")],
    seeds: Annotated[int, typer.Option(min=1, help="How many phantom patients, six slices each.")] = 10,
    first_seed: Annotated[int, typer.Option(min=0, help="Seed of the first.")] = 10000,
    held_out: Annotated[bool, typer.Option("--held-out", help="From the second, wider phantom configuration.")] = False,
    closed_cavities: Annotated[
        bool, typer.Option("--closed-cavities", help="Nearly closed cavities at stress, two slices for each patient.")
    ] = False,
    difficult: Annotated[
        bool, typer.Option("--difficult", help="Noise, breathing, flat peaks; a third with nearly closed cavities.")
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
    cards: Annotated[
        Path | None, typer.Option(help="Folder with the same networks; the scores go into their cards.")
    ] = None,
) -> None:
    """Print the table of Scannell et al. 2020 for slices that no network has seen; every case and the worst in OUT."""
    from ..evaluation import cases, network_scores, out_of_distribution
    from ..evaluation.cards import write_scores
    from ..networks import choose_device, load_networks

    networks = load_networks(weights, device=choose_device(device))

    inputs = [one for one in (real, weights) if one is not None]
    with atomic_folder(out, Kind.SCORES, overwrite=overwrite, inputs=inputs) as partial:
        if strange:
            from ..training.synthetic.other_series import OTHER_SERIES, draw_other_series

            table = out_of_distribution.tabulate_refusals(
                list(OTHER_SERIES), draw_other_series, networks, count=seeds, seed=first_seed, progress=print_line
            )
            (partial / "table.md").write_text(table + "\n", encoding="utf-8")
        else:
            if real is not None:
                chosen = cases.disturbed(cases.annotated_case(real), np.random.default_rng(0))
                judged_on, options = f"in vivo, {real.name}", "--real FOLDER"
            else:
                patients = range(first_seed, first_seed + seeds)
                chosen, judged_on, option = _phantoms(patients, held_out, closed_cavities, difficult)
                options = f"--seeds {seeds} --first-seed {first_seed}{option}"
            table, scores = network_scores.measure(chosen, networks, partial, progress=print_line)
            if cards is not None:
                write_scores(cards, judged_on, scores, f"perfusiondl evaluate --out OUT {options}")
    output.print(table, markup=False)


def _phantoms(
    patients: range, held_out: bool, closed_cavities: bool, difficult: bool
) -> "tuple[Iterator[Case], str, str]":
    """Slices of phantom patients, what they are called, and the option that chooses them."""
    from ..evaluation import cases

    if difficult:
        return cases.difficult_cases(patients), "difficult phantom", " --difficult"
    if closed_cavities:
        return cases.closed_cavity_cases(patients), "closed cavities", " --closed-cavities"
    drawn = cases.phantom_cases(patients, held_out=held_out)
    return (drawn, "held-out phantom", " --held-out") if held_out else (drawn, "phantom", "")


def calibrate(
    weights: Annotated[Path, typer.Argument(help="Folder with networks; their cards are completed.")],
    seeds: Annotated[int, typer.Option(min=1, help="How many phantom patients of each configuration.")] = 10,
    first_seed: Annotated[int, typer.Option(min=0, help="Seed of the first.")] = 5000,
    step: Annotated[Step, typer.Option(help="Which network.")] = Step.ALL,
    difficult: Annotated[
        bool, typer.Option("--difficult", help="On difficult phantoms, as `evaluate --difficult` draws them.")
    ] = False,
    device: Annotated[Device, typer.Option(help="Where the networks run.")] = Device.AUTO,
) -> None:
    """Count how often answers are good at each certainty, on phantoms and disturbed phantoms: confidences that hold."""
    from itertools import chain

    from ..evaluation import calibration, cases
    from ..networks import STEPS, choose_device, load_networks

    chosen = range(first_seed, first_seed + seeds)
    if difficult:
        drawn = cases.difficult_cases(chosen)
    else:
        both = chain.from_iterable(cases.phantom_cases(chosen, held_out=held_out) for held_out in (False, True))
        drawn = calibration.calibration_cases(both, np.random.default_rng(first_seed))
    steps = STEPS if step is Step.ALL else (step.value,)
    counted = calibration.calibrate(drawn, load_networks(weights, device=choose_device(device)), steps)
    command = f"perfusiondl calibrate FOLDER --seeds {seeds} --first-seed {first_seed}"
    command += (f" --step {step.value}" if step is not Step.ALL else "") + (" --difficult" if difficult else "")
    calibration.write_calibration(weights, counted, command)
    for name, entry in counted.items():
        output.print(f"{name}: {entry['good_slices']} of {entry['slices']} slices, {entry['good']}", markup=False)


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
        table.add_row(
            row.figure, str(row.group), *map(describe_spread, (row.phantom, row.in_vivo)), "yes" if row.near else "no"
        )
    output.print(table)


def describe_spread(figure) -> str:
    """Median and, where known, percentiles."""
    known = f" [{figure.low:.2f}, {figure.high:.2f}]" if isfinite(figure.low) else ""
    return f"{figure.median:.2f}{known}"
