"""Commands on results that are there: export a corrected scene, compare two readings."""

from pathlib import Path
from typing import Annotated

import typer

from .. import NOTICE
from ..data.flow import FlowModel
from ..report import table_text
from ..results.atomic import Kind, atomic_folder, check_replaceable
from .console import Overwrite, ReplaceCorrections, Steps, messages, output


def export(
    scene: Annotated[Path, typer.Argument(help="Scene saved by 3D Slicer or by `run` (.mrb).", metavar="SCENE")],
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    model: Annotated[FlowModel | None, typer.Option(help="As in the scene by default.")] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option(help="Folders with the study's DICOM images: write DICOM objects for its archive too."),
    ] = None,
    de_identify: Annotated[bool, typer.Option("--de-identify", help="Leave the patient out of the DICOM.")] = False,
    automatic: Annotated[
        bool, typer.Option("--automatic", help="With the contours as the networks found them, to compare with `agree`.")
    ] = False,
    study: Annotated[
        str | None, typer.Option(help="Label of the study, where the scene holds scans of several.", metavar="LABEL")
    ] = None,
    overwrite: Overwrite = False,
    replace_corrections: ReplaceCorrections = False,
) -> None:
    """Compute blood flow from the contours in a scene as they are now, and write the results once more.

    So that corrections made in 3D Slicer reach the tables, the report, the archive and `train --cases`.
    """
    from .. import session
    from ..session.opening import openStudy

    inputs = [scene, *(images or ())]
    check_replaceable(out, overwrite=overwrite, inputs=inputs, corrected=True)  # whether it is, the scene will say
    steps = Steps(messages)
    try:
        steps("reading the scene")
        opened = openStudy(scene, study=study, model=model, automatic=automatic)
        flow = opened.flow.run(steps)
        session.exportResults(
            out,
            flow,
            dicom=images or (),
            deIdentify=de_identify,
            overwrite=overwrite,
            inputs=inputs,
            replaceCorrections=replace_corrections,
            former=session.archivedReport(flow),
            progress=steps,
        )
    finally:
        steps.finish()
    output.print(table_text(flow.table), markup=False)
    output.print(f"\nResults in {out}. {NOTICE}.", markup=False)


def agree(
    automatic: Annotated[list[Path], typer.Argument(help="Results folders.", metavar="AUTO...")],
    manual: Annotated[list[Path], typer.Option("--with", help="The folders to compare with, in the same order.")],
    out: Annotated[Path, typer.Option(help="Folder for tables and figures.")],
    review: Annotated[
        Path | None, typer.Option(help="review.json of cohort.html: leave out what was not decided about.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Say how far results agree with those of a reader, of a second reader or with a truth."""
    from ..app.comparison import agree as compare

    output.print(compare(automatic, manual, out, overwrite=overwrite, review=review), markup=False)


def export_cases(
    results: Annotated[list[Path], typer.Argument(help="Results that readers corrected.", metavar="RESULTS...")],
    out: Annotated[Path, typer.Option(help="Folder for the cases.")],
    overwrite: Overwrite = False,
) -> None:
    """Turn slices that readers corrected into cases to learn from, which name nobody; see `train --cases`."""
    from ..training import corrections

    with atomic_folder(out, Kind.CASES, overwrite=overwrite, inputs=results) as partial:
        cases = corrections.export_cases(results, partial)
    studies = len({one.study for one in cases})
    output.print(f"{len(cases)} corrected slices of {studies} studies in {out}. {NOTICE}.", markup=False)


def bids(
    results: Annotated[list[Path], typer.Argument(help="Results folders, one per study.", metavar="RESULTS...")],
    out: Annotated[Path, typer.Option(help="Folder for the dataset.")],
    overwrite: Overwrite = False,
) -> None:
    """Write results as a dataset in the manner of BIDS: NIfTI maps and labels with their meaning beside them."""
    from ..app.bids import write_bids

    count = write_bids(results, out, overwrite=overwrite)
    output.print(f"{count} images of {len(results)} studies in {out}. {NOTICE}.", markup=False)


def restore(
    sources: Annotated[
        list[Path],
        typer.Argument(help="Folders with images and objects from the archive.", metavar="FOLDER..."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    version: Annotated[int | None, typer.Option(min=1, help="The current one by default.")] = None,
    overwrite: Overwrite = False,
    replace_corrections: ReplaceCorrections = False,
) -> None:
    """Write the results of a study once more from its images and the objects in the archive (SEG, SR) alone.

    With a scene to go on from in 3D Slicer, contours automatic and corrected as the archive holds them.
    """
    from ..app.stored_results import compare_flow, restore_study
    from ..app.write_outputs import write_results

    check_replaceable(out, overwrite=overwrite, inputs=sources, corrected=True)  # whether it is, the report will say
    steps = Steps(messages)
    try:
        result, _, stored = restore_study(sources, version=version, progress=steps)
        with atomic_folder(
            out,
            overwrite=overwrite,
            inputs=sources,
            corrected=stored.is_corrected,
            replace_corrections=replace_corrections,
        ) as partial:
            write_results(partial, result, progress=steps)
            steps("saving")
    finally:
        steps.finish()
    output.print(table_text(result.table), markup=False)
    if differences := compare_flow(stored, result.table):
        output.print(f"\n{differences}", markup=False)
    number = stored.report.get("version", "1")
    made = "corrected by a reader" if stored.is_corrected else "automatic"
    output.print(f"\nVersion {number}, {made}. Results in {out}. {NOTICE}.", markup=False)
