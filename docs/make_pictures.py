"""Draws the pictures of the tutorial from a phantom study; `make pictures` calls it after `make demo`.

Each is made by the functions that draw the report. A picture that would be large gets 256 colors.
"""

import io
import sys
from pathlib import Path

from matplotlib.figure import Figure
from PerfusionDLLib import preprocess, quantify, read_study, summarize
from PerfusionDLLib.data.result import StudyResult
from PerfusionDLLib.report import figures, pages
from PerfusionDLLib.report.first_page import findings_page
from PIL import Image

HERE = Path(__file__).parent
SCREENSHOT = HERE.parent / "Resources/Screenshots/panel.png"
LARGEST_BYTES = 300_000
"""Of a picture; chosen: a page of the tutorial loads in a second."""
DPI = 130


@figures.styled
def draw(result) -> dict[str, Figure]:
    """The figures by name."""
    report = findings_page(result)
    pages._frame(report, pages.TITLE, 1, 2)
    return {
        "contours": contours(result.scans),
        "breathing": breathing(result.scans[-1]),
        "flow": figures.flow_maps(result.scans, result.maps),
        "bullseyes": figures.bullseyes(result.maps, result.table),
        "curves": figures.segment_curves(result.maps),
        "report": report.figure,
    }


def contours(preprocessed) -> Figure:
    """The slices at the LV peak with their contours, a row for each scan."""
    field = figures.field_mm(preprocessed)
    columns = max(len(scan.slices) for scan in preprocessed)
    figure = Figure(figsize=(2.1 * columns, 2.2 * len(preprocessed)))
    axes = figure.subplots(len(preprocessed), columns, squeeze=False)
    figure.subplots_adjust(left=0.01, right=0.99, top=0.94, bottom=0.01, wspace=0.02, hspace=0.08)
    for row, scan in zip(axes, preprocessed, strict=True):
        for panel, part in zip(row, scan.slices, strict=False):
            title = f"{scan.condition.capitalize()}, {part.series.level}"
            figures.draw_contours(panel, part, field=field, title=title)
    return figure


def breathing(scan) -> Figure:
    """The signal on a line through the heart over the frames, as acquired and aligned."""
    figure = Figure(figsize=(7, 2.2))
    axes = figure.subplots(2, len(scan.slices), squeeze=False)
    figure.subplots_adjust(left=0.03, right=0.99, top=0.9, bottom=0.02, wspace=0.1, hspace=0.06)
    for pair, part in zip(axes.T, scan.slices, strict=True):
        title = f"{scan.condition.capitalize()}, {part.series.level}"
        figures.draw_motion(tuple(pair), part, field=figures.field_mm([scan]), title=title)
    return figure


def save(picture: Image.Image, path: Path) -> None:
    """Write a picture, with 256 colors if it would be too large with all of them."""
    picture = picture.convert("RGB")
    picture.save(path, optimize=True)
    if path.stat().st_size > LARGEST_BYTES:
        picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    if path.stat().st_size > LARGEST_BYTES:
        raise SystemExit(f"{path.name} has {path.stat().st_size} bytes; draw it smaller than {LARGEST_BYTES}.")


def shrink(screenshot: Path, path: Path) -> None:
    """Write a picture of 256 colors at three quarters of its size, in the same colors."""
    picture = Image.open(screenshot)
    size = picture.width * 3 // 4, picture.height * 3 // 4
    mixed = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)  # numbers of a palette cannot be mixed
    mixed.quantize(palette=picture, dither=Image.Dither.NONE).save(path, optimize=True)


def main(dicom: Path, out: Path) -> None:
    """Process the study and write every picture."""
    out.mkdir(exist_ok=True)
    preprocessed = preprocess(read_study(dicom))
    maps = quantify(preprocessed)
    result = StudyResult(preprocessed=preprocessed, maps=maps, table=summarize(maps))
    for name, figure in draw(result).items():
        drawn = io.BytesIO()
        figure.savefig(drawn, dpi=DPI, format="png")
        save(Image.open(drawn), out / f"{name}.png")
    shrink(SCREENSHOT, out / "panel.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), HERE / "pictures")
