"""Studies of a cohort by hand, three of which have contours that were spoiled on purpose."""

from dataclasses import replace

import numpy as np
from PerfusionDLLib import report, review
from PerfusionDLLib.data.preprocessed import PreprocessedStudy
from PerfusionDLLib.report.cohort import StudyReading
from PerfusionDLLib.review.decisions import fingerprint_results
from scipy import ndimage


def shift(contours, part):
    """The contours lie beside the heart."""
    return replace(contours, labels=np.roll(contours.labels, (5, 4), axis=(0, 1)))


def thicken(contours, part):
    """The epicardium runs through lung and liver."""
    labels = contours.labels.copy()
    labels[ndimage.binary_dilation(contours.myocardium, iterations=4) & ~contours.blood_pool] = 1
    return replace(contours, labels=labels)


def turn(contours, part):
    """The insertion points stand at the free wall."""
    anterior, inferior = contours.anterior_rv_ras_mm, contours.inferior_rv_ras_mm
    middle = part.series.ras_from_pixels(np.argwhere(contours.blood_pool).mean(axis=0))
    return replace(contours, anterior_rv_ras_mm=2 * middle - anterior, inferior_rv_ras_mm=2 * middle - inferior)


def exchange(contours, part):
    """The anterior insertion point is named inferior, and the other way round."""
    anterior, inferior = contours.anterior_rv_ras_mm, contours.inferior_rv_ras_mm
    return replace(contours, anterior_rv_ras_mm=inferior, inferior_rv_ras_mm=anterior)


SPOILED = {"study-05": shift, "study-08": thicken, "study-11": turn}


def spoil(study, how):
    """A study whose stress contours in the mid slice are wrong."""
    rest, stress = study.scans
    basal, mid, apical = stress.slices
    wrong = replace(mid, contours=how(mid.contours, mid))
    scans = (rest, replace(stress, slices=(basal, wrong, apical)))
    return replace(study, preprocessed=PreprocessedStudy(scans=scans))


def cohort_of(study, count, spoiled=SPOILED):
    """What a page needs of many studies that are alike but for the spoiled ones, and a little for their flow."""
    studies = {}
    for number in range(1, count + 1):
        name = f"study-{number:02d}"
        one = spoil(study, spoiled[name]) if name in spoiled else study
        whole = replace(
            one.table.whole, stress=replace(one.table.whole.stress, mbf_ml_min_g=2.4 + 0.02 * (number * 7 % 11))
        )
        table = replace(one.table, whole=whole)
        studies[name] = review.CohortStudy(
            StudyReading(table, {}),
            f"studies/{name}/report.html",
            fingerprint_results(report.table_json(table)),
            review.describe_contact_sheet(replace(one, table=table)),
        )
    return studies
