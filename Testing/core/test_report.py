"""The pages of the report say what the values say, and can be read."""

import io
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PerfusionDLLib import report
from PerfusionDLLib.data.flag import FlagCode, Where, make_flag
from PerfusionDLLib.data.preprocessed import PreprocessedStudy
from PerfusionDLLib.data.provenance import provenance_from
from PerfusionDLLib.data.table import RegionFlow
from PerfusionDLLib.report.figures import styled
from PerfusionDLLib.report.first_page import findings_page, summary
from PerfusionDLLib.report.page import RIGHT_MM, Page, text_width_mm, wrap_text
from PerfusionDLLib.report.quality import (
    arterial_checks,
    notes,
    provenance_sentences,
    quality_pages,
    set_blocks,
    width_at_half_height_s,
)
from PerfusionDLLib.report.text_table import flag_letters


def pdf(study):
    target = io.BytesIO()
    report.write_pdf(target, study)
    return target.getvalue()


def test_the_report_is_two_pages_and_the_same_bytes_for_the_same_values(stress_only_study):
    first = pdf(stress_only_study)
    assert first == pdf(stress_only_study)
    assert first.startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", first)) == 2
    assert b"CreationDate" not in first


def bare(study):
    """The same study, its first slice without contours, insertion points, flow and fits."""
    scan, flow = study.scans[0], study.maps[0]
    part, part_flow = scan.slices[0], flow.slices[0]
    nothing = np.full_like(part_flow.mbf_ml_min_g, np.nan)
    contours = replace(
        part.contours, labels=np.zeros_like(part.contours.labels), anterior_rv_ras_mm=None, inferior_rv_ras_mm=None
    )
    emptied = replace(
        part_flow,
        mbf_ml_min_g=nothing,
        mbf_se_ml_min_g=nothing,
        depth=nothing,
        segments=np.zeros_like(part_flow.segments),
        segment_fits={},
    )
    part = replace(part, contours=contours, series=replace(part.series, level=None))
    return replace(
        study,
        preprocessed=PreprocessedStudy(scans=(replace(scan, slices=(part, *scan.slices[1:])), *study.scans[1:])),
        maps=(replace(flow, slices=(emptied, *flow.slices[1:])), *study.maps[1:]),
    )


def test_a_slice_without_contours_or_flow_still_has_its_place_in_the_report(finished_study):
    study = bare(finished_study)
    written = quality_pages(study)[0].figure.texts
    assert "none" in [text.get_text() for text in written]
    assert pdf(study).startswith(b"%PDF")


@pytest.mark.parametrize("slices", [1, 5])
def test_a_study_may_have_one_slice_or_five(finished_study, slices):
    chosen = [0, 1, 1, 1, 2][:slices]
    study = replace(
        finished_study,
        preprocessed=PreprocessedStudy(
            scans=tuple(
                replace(scan, slices=tuple(scan.slices[index] for index in chosen)) for scan in finished_study.scans
            )
        ),
        maps=tuple(replace(scan, slices=tuple(scan.slices[index] for index in chosen)) for scan in finished_study.maps),
    )
    assert overlaps(study) == []


def test_the_summary_names_the_segments_with_the_lowest_flow(finished_study):
    stress = {row.aha_segment: row.stress.mbf_ml_min_g for row in finished_study.table.segments}
    lowest = min(stress, key=stress.get)
    flow = stress[lowest]
    said = f"({finished_study.table.segments[lowest - 1].name}), {flow:.2f} [{0.93 * flow:.2f}–{1.08 * flow:.2f}]"
    assert f"Lowest stress MBF: segment {lowest} {said} mL/min/g." in summary(finished_study.table)


def test_where_absolute_flow_is_not_known_the_summary_begins_with_what_holds(finished_study):
    limits = {"mbf_low_ml_min_g": 0.5, "mbf_high_ml_min_g": 2.5}
    table, whole = finished_study.table, finished_study.table.whole
    unknown = make_flag(FlagCode.ABSOLUTE_FLOW_UNKNOWN, Where(condition="stress"), **limits)
    said = summary(replace(table, whole=replace(whole, flags=(*whole.flags, unknown))))
    assert said.startswith(f"Left ventricle: MPR {whole.mpr:.2f} [")
    flows = sorted(row.stress.mbf_ml_min_g for row in table.segments)
    relative = flows[0] / np.mean(flows[-4:])
    low, high = relative * np.exp(-1.96 * 0.04), relative * np.exp(1.96 * 0.04)
    assert f"{relative:.2f} [{low:.2f}–{high:.2f}] of the four best segments." in said
    assert said.index("Absolute flow is not known: rest MBF") > said.index("of the four best segments")


@styled
def overlaps(study):
    """Lines of text that leave the margins, and pairs of lines whose boxes overlap."""
    pages = [findings_page(study)]
    pages += quality_pages(study)
    found = []
    for page in pages:
        page.figure.set_dpi(100)
        canvas = FigureCanvasAgg(page.figure)
        texts = [text for text in page.figure.texts if text.get_text().strip()]
        boxes = [text.get_window_extent(canvas.get_renderer()) for text in texts]
        width, height = page.figure.bbox.size
        for index, (text, box) in enumerate(zip(texts, boxes, strict=True)):
            if box.x0 < 0.05 * width or box.x1 > 0.96 * width or box.y0 < 0.05 * height:
                found.append(text.get_text())
            found += [
                (text.get_text(), other.get_text())
                for other, beside in zip(texts[index + 1 :], boxes[index + 1 :], strict=True)
                if min(box.x1, beside.x1) - max(box.x0, beside.x0) > 0.5
                and min(box.y1, beside.y1) - max(box.y0, beside.y0) > 1.5
            ]
    return found


def test_no_text_leaves_the_sheet_or_covers_another(finished_study):
    assert overlaps(finished_study) == []


def test_nothing_is_drawn_on_a_canvas_as_large_as_the_page(finished_study):
    """At the resolution of print such a canvas takes 35 MB, whatever is drawn on it."""
    with_pages = styled(lambda: [findings_page(finished_study), *quality_pages(finished_study)])
    assert not [artist for page in with_pages() for artist in page.figure.findobj() if artist.get_rasterized()]


def test_wrapped_lines_fit_and_lose_no_word():
    text = "The saturation time is not in the header; one hundred milliseconds are assumed for every slice of the scan."
    lines = wrap_text(text, 40, 7)
    assert " ".join(lines) == text
    assert max(text_width_mm(line, 7) for line in lines) <= 40


def flagged(study, flags):
    """The same study with these flags on the first segment and the whole ventricle."""
    table = study.table
    first = replace(table.segments[0], flags=tuple(flags))
    whole = replace(table.whole, flags=tuple(flags))
    return replace(study, table=replace(table, segments=(first, *table.segments[1:]), whole=whole))


def words(pages):
    return " ".join(text.get_text() for page in pages for text in page.figure.texts)


@pytest.mark.parametrize("count", [3, 8, 24])
def test_flags_are_read_below_the_table_or_on_the_next_page(finished_study, count):
    where = Where(condition="stress")
    sentences = [f"flag {number} says that something is wrong with the input." for number in range(count)]
    flags = [make_flag(FlagCode.OTHER_VERSION, where, sentence=sentence) for sentence in sentences]
    study = flagged(finished_study, flags)
    assert overlaps(study) == []
    first = words([findings_page(study)])
    further = words(quality_pages(study))
    assert "Read first: flags of the whole ventricle (a, b, c" in first
    for number in range(count):
        assert (f"flag {number} says" in first) == (count < 24)
        assert (f"flag {number} says" in further) == (count == 24)
    assert ("on the next page" in first) == (count == 24)


def test_a_study_without_flags_says_nothing_of_them(finished_study):
    page = findings_page(finished_study)
    assert "Read first" not in words([page])


def test_what_was_computed_is_said_in_words(finished_study):
    provenance = {
        **{f"{scan}_t10_blood_s": "1.65" for scan in ("rest", "stress")},
        "rest_weights_sha256": "e154c2e27deb3461c3d8",
        "stress_weights_sha256": "e154c2e27deb3461c3d8",
        "stress_residual_contrast": "0.5 mmol/L were there.",
        "rest_residual_contrast": "None is assumed.",
    }
    table = replace(finished_study.table, provenance=provenance_from(provenance))
    assert provenance_sentences(table) == [
        "native T1 of blood 1.65 s; networks e154c2e27deb.",
        "Rest: None is assumed.",
        "Stress: 0.5 mmol/L were there.",
    ]


def test_many_notes_flow_onto_a_further_page(finished_study):
    first, *rest = finished_study.scans
    assumed = tuple(make_flag(FlagCode.READ_AS, found=f"Assumption number {number}.") for number in range(90))
    talkative = replace(first, assumptions=assumed)
    pages = quality_pages(replace(finished_study, preprocessed=PreprocessedStudy(scans=(talkative, *rest))))
    written = [text.get_text() for page in pages for text in page.figure.texts]
    assert len(pages) > 1
    assert sum("Assumption number" in line for line in written) == 90


def test_the_width_of_a_triangle_at_half_height_is_half_its_base(finished_study):
    times_s = np.arange(0, 21.0)
    triangle = replace(
        finished_study.maps[0].arterial_input,
        times_s=times_s,
        concentration_mmol_l=np.clip(5 - np.abs(times_s - 10), 0, None),
        peak_frame=10,
    )
    assert width_at_half_height_s(triangle) == pytest.approx(5.0)
    rising = replace(triangle, concentration_mmol_l=times_s, peak_frame=20)
    assert math.isnan(width_at_half_height_s(rising))


def test_the_quality_page_says_what_was_edited_assumed_and_asked_to_be_checked(finished_study):
    page = quality_pages(finished_study)[0]
    written = " ".join(text.get_text() for text in page.figure.texts)
    for expected in ("edited", "gadobutrol is assumed", "could not be aligned", "sha256 3f9a61c2", "implausibly high"):
        assert expected in written
    titles = [title for title, _ in notes(finished_study)]
    assert titles == ["To check", "Assumptions", "How it was computed"]
    assert any("4.4" in check for check in arterial_checks(finished_study.maps[0].arterial_input))


def test_a_block_of_notes_stays_on_one_page():
    for y in range(200, 275, 5):
        pages = set_blocks(Page(), y, iter({"First": ["a"] * 4, "Second": ["b"] * 9}.items()))
        written = [[text.get_text() for text in page.figure.texts] for page in pages]
        assert sum(page.count("Second") for page in written) == 1
        assert {page.count("b") for page in written} == ({9} if len(pages) == 1 else {0, 9})


def test_equal_flags_share_a_letter(finished_study):
    letters = flag_letters(finished_study.table.segments)
    assert letters == {"10 % of the pixels have no trustworthy flow.": "a"}


def test_a_flow_without_an_interval_shows_none():
    assert report.text_table.flow_with_interval(RegionFlow(mbf_ml_min_g=1.5)) == "1.50"
    assert report.text_table.flow_with_interval(RegionFlow()) == "–"


def test_the_page_places_text_where_it_is_told():
    page = Page()
    page.text(RIGHT_MM, 148.5, "middle")
    assert page.figure.texts[0].get_position() == pytest.approx((RIGHT_MM / 210, 0.5))
