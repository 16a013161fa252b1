"""Slice views as Slicer draws them: what is seen lies where the values say.

Drawn by Slicer's own displayable managers. Not shown here: the view's controller bar, corner annotations, plots.
"""

import numpy as np
import pytest
import small_study
from PerfusionDLLib import mrml
from PerfusionDLLib.data.contours import Label
from PerfusionDLLib.mrml.views import MAP_OPACITY
from scipy import ndimage
from slice_views import SliceView

MYOCARDIUM = np.array([87, 181, 232])
POINT = np.array([230, 158, 0])


@pytest.fixture(scope="module")
def study():
    """Basal stress view with the study that it shows."""
    headless = mrml.HeadlessScene()
    layout = headless.scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    layout.SetViewArrangement(layout.SlicerLayoutThreeOverThreeView)
    views = {name: SliceView(headless, name) for name in ("Red", "Red+")}
    scans = mrml.writeStudy(headless.scene, small_study.study())
    return headless, views, scans


@pytest.fixture(scope="module")
def picture(study):
    """The basal stress view, (Y, X, 3)."""
    return study[1]["Red"].render()


def like(picture, color, tolerance=40):
    """Pixels of about this color."""
    return (np.abs(picture.astype(int) - color) <= tolerance).all(axis=-1)


def in_view(view, series, points_yx):
    """Picture positions of image positions."""
    return view.pixelsFromRas(series.ras_from_pixels(points_yx))


def sampled(view, series, image, shape):
    """An image of the slice as the view magnifies it, without the drawing."""
    corners = in_view(view, series, [(0, 0), (1, 0), (0, 1)])
    matrix = np.linalg.inv(np.column_stack([corners[1] - corners[0], corners[2] - corners[0]]))
    return ndimage.affine_transform(
        image.astype(float), matrix, offset=-matrix @ corners[0], output_shape=shape, order=0
    )


def test_the_outline_of_the_myocardium_lies_on_the_border_of_the_mask(study, picture):
    _, views, _ = study
    series = small_study.preprocessed_scan().slices[0].series
    mask = sampled(views["Red"], series, small_study.ring_labels() == Label.MYOCARDIUM, picture.shape[:2]) > 0.5
    border = mask ^ ndimage.binary_erosion(mask)
    outline = like(picture, MYOCARDIUM)
    assert outline.sum() > 300
    far_from_border = ndimage.distance_transform_edt(~border)
    assert far_from_border[outline].max() <= 3
    outer = border & (ndimage.distance_transform_edt(mask | ndimage.binary_fill_holes(mask)) <= 1)
    assert (ndimage.distance_transform_edt(~outline)[outer] <= 3).mean() > 0.95


def test_the_flow_is_drawn_in_the_colors_of_its_scale(study, picture):
    """What remains when the expected color is taken out of the blend is the gray image below."""
    _, views, scans = study
    series = small_study.preprocessed_scan().slices[0].series
    colors = scans[0].slices[0].mbf.GetDisplayNode().GetColorNode().GetLookupTable()
    flow = small_study.perfusion_maps().slices[0].mbf_ml_min_g
    for position in ((23, 17), (23, 37), (34, 27)):
        row, column = np.rint(in_view(views["Red"], series, [position])[0]).astype(int)
        expected = 255 * np.array(colors.GetTableValue(int(flow[position] / 3 * 255))[:3])
        image = (picture[row, column] - MAP_OPACITY * expected) / (1 - MAP_OPACITY)
        assert np.ptp(image) < 12
        assert 0 < image.mean() < 255


def test_pixels_without_a_flow_show_the_image(study, picture):
    _, views, _ = study
    series = small_study.preprocessed_scan().slices[0].series
    for position in ((12.5, 30), (34, 30), (5, 5)):
        row, column = np.rint(in_view(views["Red"], series, [position])[0]).astype(int)
        assert np.ptp(picture[row, column].astype(int)) <= 1


def test_insertion_points_are_drawn_where_they_are(study, picture):
    _, views, _ = study
    series = small_study.preprocessed_scan().slices[0].series
    dots, count = ndimage.label(ndimage.binary_opening(like(picture, POINT), iterations=2))
    assert count == 2
    found = ndimage.center_of_mass(dots, dots, [1, 2])
    expected = in_view(views["Red"], series, [(13.25, 18.5), (33.125, 18.75)])
    np.testing.assert_allclose(sorted(found), sorted(map(tuple, expected)), atol=1.5)


def test_the_legend_runs_through_all_colors_of_the_scale(study, picture):
    _, _, scans = study
    colors = scans[0].slices[0].mbf.GetDisplayNode().GetColorNode().GetLookupTable()
    bar = picture[:, -10]
    present = [
        (np.abs(bar - 255 * np.array(colors.GetTableValue(index)[:3])).max(axis=-1) < 12).any()
        for index in range(8, 248, 16)
    ]
    assert all(present)


def test_stress_contours_are_not_drawn_in_the_rest_view(study):
    """Both lie in the same place; moving those of stress must not change the picture of rest."""
    _, views, scans = study
    before = {name: view.render() for name, view in views.items()}
    stress = scans[0].slices[0]
    moved = np.roll(small_study.ring_labels(), 6, axis=0)
    mrml.writeLabels(stress.contours, stress.originalVolume, moved)
    after = {name: view.render() for name, view in views.items()}
    mrml.writeLabels(stress.contours, stress.originalVolume, small_study.ring_labels())
    assert (like(before["Red"], MYOCARDIUM) & ~like(after["Red"], MYOCARDIUM)).sum() > 200
    np.testing.assert_array_equal(after["Red+"], before["Red+"])


def test_the_cine_plays_in_the_view(study):
    _, views, scans = study
    scans[0].browser.SetSelectedItemNumber(0)
    dark = views["Red"].render()
    scans[0].browser.SetSelectedItemNumber(small_study.FRAMES - 1)
    bright = views["Red"].render()
    scans[0].browser.SetSelectedItemNumber(0)
    assert bright.mean() > dark.mean() + 3


def test_a_reloaded_scene_looks_the_same(written, reloaded):
    """The volumes in each view, the place it looks at, colors and outlines come from the file."""
    pictures = []
    for headless in (written, reloaded):
        for nodes in mrml.findScans(headless.scene):
            nodes.browser.SetSelectedItemNumber(5)
        pictures.append(SliceView(headless, "Green").render())
    assert like(pictures[0], MYOCARDIUM).sum() > 300
    np.testing.assert_allclose(*[picture.astype(int) for picture in pictures], atol=2)


def test_without_a_window_there_is_nothing_to_arrange():
    """``Slicer --no-main-window`` has no layout; modules start and data is loaded there all the same."""
    headless = mrml.HeadlessScene()
    headless.scene.RemoveNode(headless.scene.GetFirstNodeByClass("vtkMRMLLayoutNode"))
    mrml.registerLayouts(headless.scene)
    (nodes,) = mrml.writeStudy(headless.scene, [small_study.enhancing_scan()])
    mrml.showScans(headless.scene, [nodes], layout=mrml.Layout.WIDE)
    assert headless.scene.GetFirstNodeByClass("vtkMRMLLayoutNode") is None
    assert nodes.slices[0].hasContours


def test_the_legend_of_a_scene_that_was_read_is_drawn_in_views_that_came_later(written, tmp_path):
    mrml.saveScene(written.scene, tmp_path / "scene.mrb")
    headless = mrml.openScene(tmp_path / "scene.mrb")
    view = SliceView(headless, "Red")
    mbf = mrml.findScans(headless.scene)[0].slices[0].mbf
    yellow = 255 * np.array(mbf.GetDisplayNode().GetColorNode().GetLookupTable().GetTableValue(250)[:3])

    def isDrawn():
        return (np.abs(view.render()[:, -12:] - yellow).max(axis=-1) < 12).any()

    assert not isDrawn()
    mrml.renewLegends(headless.scene)
    assert isDrawn()
    assert mbf.GetNumberOfDisplayNodes() == 2


def test_the_numbers_of_a_bullseye_float_in_no_view_without_one(study):
    _, views, scans = study
    for values in (scans[0].bullseyeValues, scans[0].reserveValues, scans[1].bullseyeValues):
        display = values.GetDisplayNode()
        assert not any(display.IsDisplayableInView(view.node.GetID()) for view in views.values())
        assert len(display.GetViewNodeIDs()) == 1  # before a layout with bullseyes shows them too
