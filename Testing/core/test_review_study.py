"""The page of a study in a real Chromium: what it shows is what was computed."""

import csv
import re
from dataclasses import replace

import numpy as np
import pytest
from browsers import Watched
from PerfusionDLLib import NOTICE
from PerfusionDLLib.data.flag import FlagCode, make_flag
from PerfusionDLLib.data.preprocessed import PreprocessedStudy
from PerfusionDLLib.results.reading import read_image
from PerfusionDLLib.review import describe_contact_sheet, write_study_page
from PerfusionDLLib.review.packing import code_grays, pack_cines, pack_curves

AT_FIRST = "{ beat: 0, aligned: true, contours: true, points: true, box: false, flow: false, whole: false }"


def write(study, folder):
    path = folder / "report.html"
    path.write_text(write_study_page(study), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def written(finished_study, tmp_path_factory):
    return write(finished_study, tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def opened(browser, written):
    watched = Watched(browser, written)
    yield watched
    watched.page.close()


@pytest.fixture
def watched(opened):
    """The page as it is when it was just opened."""
    opened.page.evaluate(f"""() => {{
        document.activeElement.blur();
        byId("help").close();
        Object.assign(settings, {AT_FIRST});
        changeColors("viridis");
        resetWindow();
        showLevel(null);
        return select({{ segment: 15 }});
    }}""")
    return opened


def canvas(page, scan=1, number=1):
    return page.locator("#views canvas").nth(number * 2 + scan)


def go_to_pixel(page, study, row, column, scan=1, number=1):
    """Put the pointer on a pixel of the map."""
    place = page.evaluate(f"() => ({{ ...viewOf({scan}, {number}).place, ratio: devicePixelRatio }})")
    x, y = (
        (place[f"{axis}0"] + (at + 0.5) * place[f"k{axis}"]) / place["ratio"]
        for axis, at in (("x", column), ("y", row))
    )
    canvas(page, scan, number).hover(position={"x": x, "y": y})
    return x, y


def test_the_value_under_the_pointer_is_that_of_the_map(watched, finished_study):
    page, scan = watched.page, finished_study.maps[1]
    maps = scan.slices[1]
    inside = np.argwhere(maps.segments > 0)
    for row, column in inside[:: len(inside) // 6]:
        go_to_pixel(page, finished_study, row, column)
        said = page.text_content("#readout")
        assert f"row {row}, column {column}" in said
        assert f"segment {maps.segments[row, column]} " in said
        low, high = scan.pixel_interval(maps.mbf_ml_min_g[row, column], maps.mbf_se_ml_min_g[row, column])
        assert f"MBF {maps.mbf_ml_min_g[row, column]:.2f} [{low:.2f}–{high:.2f}] mL/min/g" in said
        found = page.evaluate(f"viewOf(1, 1).read({{row: {row}, column: {column}}}).mbf")
        assert np.float32(found) == maps.mbf_ml_min_g[row, column]


def test_a_pixel_without_flow_says_why(watched, finished_study):
    maps = finished_study.maps[1].slices[0]
    row, column = np.argwhere((maps.segments == 6) & np.isnan(maps.mbf_ml_min_g))[0]
    go_to_pixel(watched.page, finished_study, row, column, number=0)
    assert "no trustworthy flow: fit at a bound" in watched.page.text_content("#readout")


def test_in_an_image_as_acquired_the_pointer_reads_the_tissue_that_is_there(watched, finished_study):
    """The heart lies some rows lower then; the value is that of the same tissue."""
    page, maps = watched.page, finished_study.maps[1].slices[1]
    page.keyboard.press("a")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    frame = int(canvas(page).get_attribute("data-frame"))
    shift = round(finished_study.scans[1].slices[1].motion.displacement_mm[frame, 0, 0, 0] / 2.0)
    assert shift != 0
    row, column = np.argwhere(maps.segments == 7)[12]
    go_to_pixel(page, finished_study, row + shift, column)
    assert f"row {row}, column {column}" in page.text_content("#readout")


def test_rest_and_stress_play_in_step_from_the_peak_of_the_left_ventricle(watched):
    page = watched.page
    page.keyboard.press("Space")
    page.locator("#beat-text", has_text="+").wait_for()
    page.keyboard.press("Space")
    frames = page.eval_on_selector_all("#views canvas", "all => all.map(one => Number(one.dataset.frame))")
    assert len(frames) == 6
    assert len(set(frames)) == 1
    assert frames[0] == 13 + page.evaluate("settings.beat")
    page.keyboard.press("p")
    assert page.text_content("#beat-text") == "LV peak"


def test_a_click_on_a_pixel_shows_its_curve_its_fit_and_the_arterial_input(watched, finished_study):
    page, fits = watched.page, finished_study.maps[1].slices[1].pixel_fits
    row, column = np.argwhere(fits.index >= 0)[40]
    x, y = go_to_pixel(page, finished_study, row, column)
    canvas(page).click(position={"x": x, "y": y})
    page.locator("#curve-title", has_text="Pixel").wait_for()
    titles = page.eval_on_selector_all("#curves .plot-title", "all => all.map(one => one.textContent)")
    assert titles == ["Tissue: points measured, line fitted", "Arterial input"]
    shown = page.evaluate(f"viewOf(1, 1).curveAt({{row: {row}, column: {column}}})")
    for name, kept in zip(("measured", "fitted"), fits.at(row, column), strict=True):
        np.testing.assert_allclose(shown[name], kept, atol=2e-4)


def test_a_click_on_a_segment_shows_both_conditions_and_marks_it(watched, finished_study):
    page = watched.page
    page.locator("#bullseyes path[data-segment='10']").first.click()
    page.locator("#curve-title", has_text="Segment 10").wait_for()
    assert page.locator("#table tr.chosen").get_attribute("data-segment") == "10"
    row = finished_study.table.segments[9]
    said = page.text_content("#curves")
    assert f"Stress: MBF {row.stress.mbf_ml_min_g:.2f} [{row.stress.mbf_low_ml_min_g:.2f}–" in said
    assert f"MPR {row.mpr:.2f}" in said


def test_the_table_shows_the_numbers_of_segments_csv(watched, finished_study):
    cells = watched.page.eval_on_selector_all(
        "#table tr[data-segment]", "all => all.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    assert len(cells) == 16
    for shown, row in zip(cells, finished_study.table.segments, strict=True):
        assert shown[:3] == [str(row.aha_segment), row.name, row.territory]
        assert [cell.split()[0] for cell in (shown[3], shown[6], shown[9])] == [
            f"{value:.2f}" for value in (row.rest.mbf_ml_min_g, row.stress.mbf_ml_min_g, row.mpr)
        ]


def test_what_must_not_be_relied_on_is_said_above_the_images(watched):
    assert watched.page.text_content("#warning").startswith("Do not rely on it yet: rest arterial input: The arterial")


def test_the_page_of_a_real_run_holds_the_maps_and_the_table_of_its_folder(browser, siemens):
    """Every pixel of every map, and every flow of the table."""
    results = siemens / "results"
    assert (results / "report.html").stat().st_size < 6e6
    run = Watched(browser, results / "report.html")
    for scan, condition in enumerate(("rest", "stress")):
        for number, level in enumerate(("basal", "mid", "apical")):
            kept = read_image(results / f"{condition}_{level}" / "mbf.nrrd").ravel()
            shown = run.page.evaluate(f"Array.from(viewOf({scan}, {number}).mbf, one => isNaN(one) ? null : one)")
            np.testing.assert_array_equal(np.array(shown, dtype=np.float32), kept)
    with (results / "segments.csv").open(newline="") as rows:
        table = {int(row["aha_segment"]): row for row in csv.DictReader(rows)}
    for row in run.page.evaluate("study.rows.filter(row => row.segment)"):
        for condition in ("rest", "stress"):
            kept = table[row["segment"]][f"{condition}_mbf_ml_min_g"]
            assert f"{row['flows'][condition]['value']:.4f}" == kept
    assert run.said == []
    run.page.close()


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1280, 800), (800, 1000)])
def test_images_and_bullseyes_fit_on_screens_of_all_sizes(browser, written, width, height):
    sized = Watched(browser, written, width=width, height=height)
    boxes = [one.bounding_box() for one in sized.page.locator("#views canvas, #bullseyes svg").all()]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
    canvases, bullseyes = boxes[:6], boxes[6:]
    assert canvases[-1]["y"] + canvases[-1]["height"] <= height
    assert len({box["y"] for box in bullseyes}) == 1
    assert max(box["width"] for box in bullseyes) <= 240
    sized.page.close()


def test_a_finding_leads_to_its_slice(watched):
    page = watched.page
    page.locator("button.finding", has_text="Rest apical").click()
    assert page.locator("figure.asked figcaption").text_content().startswith("Rest apical")
    assert page.locator("#views figure").count() == 2


def test_everything_can_be_done_with_keys(watched):
    page = watched.page
    for key, name in (
        ("c", "contours"),
        ("i", "points"),
        ("b", "box"),
        ("m", "flow"),
        ("z", "whole"),
        ("a", "aligned"),
    ):
        before = page.evaluate(f"settings.{name}")
        page.keyboard.press(key)
        assert page.evaluate(f"settings.{name}") is not before, name
    page.keyboard.press("o")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("settings.level") == 1
    page.keyboard.press("Shift+ArrowRight")
    assert "mid · row" in page.text_content("#readout")
    page.keyboard.press("+")
    page.keyboard.press(".")
    assert page.evaluate("[settings.brightness, settings.contrast]") == [0.1, 0.2]
    page.keyboard.press("w")
    assert page.evaluate("[settings.brightness, settings.contrast]") == [0, 0]
    page.keyboard.press("k")
    assert page.input_value("#color") == "cividis"
    page.keyboard.press("f")
    assert page.locator("button.finding.chosen").count() == 1
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()


def test_nothing_is_said_on_the_console_and_nothing_is_asked_of_the_network(watched):
    for key in "oaczbmkfs":
        watched.page.keyboard.press(key)
    assert watched.said == []
    assert watched.asked == []


def test_the_page_says_that_it_is_not_approved_also_on_paper(watched):
    page = watched.page
    page.emulate_media(media="print")
    assert page.locator("header .notice").is_visible()
    assert page.text_content("header .notice") == NOTICE
    assert page.locator("#table").is_visible()
    assert not page.locator(".toolbar").is_visible()


def test_a_study_with_one_scan_only_is_shown(browser, stress_only_study, tmp_path):
    opened = Watched(browser, write(stress_only_study, tmp_path), width=800)
    assert opened.page.locator("#views canvas").count() == 3
    assert opened.page.locator("#bullseyes svg").count() == 1
    assert opened.said == []
    opened.page.close()


def test_text_from_outside_is_shown_and_never_run(browser, finished_study, tmp_path):
    text = "</script><img src=x onerror=document.body.dataset.broken=1>"
    found = make_flag(FlagCode.OTHER_VERSION, sentence=text)
    whole = replace(finished_study.table.whole, flags=(found,))
    opened = Watched(
        browser, write(replace(finished_study, table=replace(finished_study.table, whole=whole)), tmp_path)
    )
    assert text in opened.page.text_content("#findings")
    assert opened.page.get_attribute("body", "data-broken") is None
    assert opened.said == []
    opened.page.close()


def test_the_same_values_give_the_same_page(written, finished_study):
    again = write_study_page(finished_study)
    assert again == written.read_text(encoding="utf-8")
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", again)


def test_cines_that_are_too_large_are_compressed_more():
    noise = np.random.default_rng(1).integers(0, 256, (20, 64, 64), np.uint8)
    free, tight = (len(pack_cines([noise], most)[0]["jpeg"]) for most in (1 << 20, 1 << 15))
    assert tight < 0.8 * free


def test_gray_codes_and_curves_keep_what_is_missing_and_what_is_dark():
    assert code_grays(np.array([0.01]), 0, 1)[0] == 26  # a hundredth of the range has 26 steps
    packed = pack_curves(np.array([[np.nan, 0.5], [1.0, 0.25]]))
    assert packed["unit"] == pytest.approx(1 / 32000)
    assert packed["values"]["shape"] == [2, 2]


def test_a_study_with_gaps_is_shown(browser, finished_study, tmp_path):
    """No insertion points in one slice, no contour in another, one slice fewer under stress, no curve of any pixel."""
    rest, stress = finished_study.scans
    basal, mid, apical = rest.slices
    bare = replace(mid.contours, labels=np.zeros_like(mid.contours.labels), anterior_rv_ras_mm=None, origins={})
    gaps = (
        replace(basal, contours=replace(basal.contours, anterior_rv_ras_mm=None, inferior_rv_ras_mm=None)),
        replace(mid, contours=bare),
        apical,
    )
    rest_maps, stress_maps = finished_study.maps
    nothing = np.full_like(rest_maps.slices[1].mbf_ml_min_g, np.nan)
    empty = replace(
        rest_maps.slices[1], mbf_ml_min_g=nothing, segments=np.zeros(nothing.shape, np.uint8), segment_fits={}
    )
    maps = (
        replace(rest_maps, slices=(rest_maps.slices[0], empty, replace(rest_maps.slices[2], pixel_fits=None))),
        replace(stress_maps, slices=stress_maps.slices[:2]),
    )
    study = replace(
        finished_study,
        preprocessed=PreprocessedStudy(scans=(replace(rest, slices=gaps), replace(stress, slices=stress.slices[:2]))),
        maps=maps,
        table=replace(finished_study.table, segments=finished_study.table.segments[:4]),
    )
    sheet = describe_contact_sheet(study)
    assert sheet["slices"][1]["measures"]["blood_in_wall"] is None
    shown = Watched(browser, write(study, tmp_path))
    page = shown.page
    assert page.locator("#views canvas").count() == 5
    for key in ("m", "a", "z", "s", "s", "s", "s", "s", "f", "f", "Shift+ArrowUp", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    page.locator("#views canvas").first.click()
    page.wait_for_timeout(200)
    assert shown.said == []
    page.close()
