"""Corrections carried over to the slices beside and to the other scan."""

from dataclasses import replace

import numpy as np
import pytest
from known_heart import heart_slice
from PerfusionDLLib.data.contours import Label, Origin, Part
from PerfusionDLLib.data.preprocessed import PreprocessedScan, PreprocessedStudy
from PerfusionDLLib.data.study import Condition, Level
from PerfusionDLLib.preprocessing.propagation import propagate_correction, propagate_corrections
from scipy import ndimage


def found(level):
    """A slice as the networks found it."""
    part = heart_slice(level, 1.0)
    contours = replace(part.contours, origins=dict.fromkeys(Part, Origin.AUTOMATIC))
    return replace(part, contours=contours, automatic=contours)


def corrected(part, change):
    """A slice whose labels a reader has changed."""
    origins = {**part.contours.origins, Part.LABELS: Origin.EDITED}
    return replace(part, contours=replace(part.contours, labels=change(part.contours.labels), origins=origins))


def smaller_cavity(labels):
    """The endocardium a pixel further inside, all around."""
    cavity = labels == Label.BLOOD_POOL
    new = labels.copy()
    new[cavity & ~ndimage.binary_erosion(cavity)] = Label.MYOCARDIUM
    return new


def study(rest, stress):
    return PreprocessedStudy(
        scans=(
            PreprocessedScan(condition=Condition.REST, slices=tuple(rest)),
            PreprocessedScan(condition=Condition.STRESS, slices=tuple(stress)),
        )
    )


def cavity_px(part):
    return int(part.contours.blood_pool.sum())


def test_a_border_drawn_further_inside_is_so_in_the_other_scan_and_beside_and_nowhere_else():
    levels = (Level.BASAL, Level.MID, Level.APICAL)
    rest, stress = [found(level) for level in levels], [found(level) for level in levels]
    rest[0] = corrected(rest[0], smaller_cavity)
    before = study(rest, stress)
    after = propagate_corrections(before, 0, 0)
    changed = [
        (scan, number)
        for scan in range(2)
        for number in range(3)
        if after.scans[scan].slices[number] is not before.scans[scan].slices[number]
    ]
    assert changed == [(0, 1), (1, 0)]
    for scan, number in changed:
        part, former = after.scans[scan].slices[number], before.scans[scan].slices[number]
        assert cavity_px(rest[0]) <= cavity_px(part) < cavity_px(former)
        assert part.contours.origins[Part.LABELS] is Origin.EDITED
        assert part.automatic is former.automatic


def test_what_a_reader_has_corrected_or_drawn_stays():
    rest = [corrected(found(Level.BASAL), smaller_cavity), corrected(found(Level.MID), smaller_cavity)]
    stress = [replace(found(Level.BASAL), automatic=None), found(Level.MID)]
    before = study(rest, stress)
    after = propagate_corrections(before, 0, 0)
    assert all(
        one is other
        for scan, former in zip(after.scans, before.scans, strict=True)
        for one, other in zip(scan.slices, former.slices, strict=True)
    )


def test_a_bulge_on_one_side_hardly_moves_the_others():
    """Errors on a side of the heart do not go together between slices."""

    def bulge(labels):
        rows, columns = np.indices(labels.shape)
        row, column = np.argwhere(labels == Label.MYOCARDIUM)[-1]
        new = labels.copy()
        new[(np.hypot(rows - row, columns - column) < 4) & (labels == Label.BACKGROUND)] = Label.MYOCARDIUM
        return new

    source, target = corrected(found(Level.MID), bulge), found(Level.APICAL)
    labels = propagate_correction(source, target)
    drawn = (source.contours.labels != source.automatic.labels).sum()
    assert (labels != target.contours.labels).sum() < drawn / 2


def test_a_slice_that_is_not_corrected_has_nothing_to_tell():
    with pytest.raises(ValueError, match="not corrected"):
        propagate_correction(found(Level.MID), found(Level.APICAL))


def test_an_image_that_is_turned_gets_the_turned_correction():
    source = corrected(found(Level.MID), smaller_cavity)
    target = found(Level.MID)
    mirrored = replace(target.contours, labels=np.ascontiguousarray(target.contours.labels[:, ::-1]))
    last = target.contours.labels.shape[1] - 1
    flip = np.array([[-1.0, 0, 0, last], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    series = replace(target.series, ijk_to_ras=target.series.ijk_to_ras @ flip)
    turned = propagate_correction(source, replace(target, series=series, contours=mirrored))
    straight = propagate_correction(source, target)
    assert (turned[:, ::-1] != straight).mean() < 0.005
