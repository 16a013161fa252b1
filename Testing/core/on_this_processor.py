"""Motion compensation and flow of a scan that another process has drawn: what `test_processors` compares.

Run as ``python on_this_processor.py SCAN.pickle RESULT.pickle`` with OPENBLAS_CORETYPE set.
"""

import pickle
import sys
from pathlib import Path

import numpy as np
from PerfusionDLLib import pipeline
from PerfusionDLLib.data.contours import Contours
from PerfusionDLLib.data.preprocessed import PreprocessedScan, PreprocessedSlice
from PerfusionDLLib.motion import compensate
from threadpoolctl import threadpool_info


def compute(scan, truths):
    """Displacement of the heart (mm), slice by slice, and flow (mL/min/g) of pixels, segments and the whole."""
    slices = []
    for series, truth in zip(scan.slices, truths, strict=True):
        motion = compensate(
            series.signal,
            spacing_mm=series.spacing_mm,
            reference_frame=truth.peak_frame,
            region_px=truth.box_px,
        )
        anterior, inferior = series.ras_from_pixels(np.array([truth.anterior_rv_px, truth.inferior_rv_px]))
        contours = Contours(
            peak_frame=truth.peak_frame,
            reference_frame=truth.peak_frame,
            box_px=truth.box_px,
            labels=truth.labels,
            anterior_rv_ras_mm=anterior,
            inferior_rv_ras_mm=inferior,
        )
        slices.append(PreprocessedSlice(series=series, motion=motion, contours=contours))
    maps = pipeline.quantify_scan(PreprocessedScan(condition=scan.condition, slices=tuple(slices)))
    table = pipeline.summarize(maps, None)
    return {
        "displacement_mm": [part.motion.displacement_mm[:, :, part.contours.labels > 0] for part in slices],
        "aligned": [part.motion.aligned for part in slices],
        "pixel_mbf_ml_min_g": [part.mbf_ml_min_g for part in maps.slices],
        "mbf_ml_min_g": [row.rest.mbf_ml_min_g for row in (*table.segments, table.whole)],
    }


def kernels():
    """Names of the kernels that OpenBLAS has chosen; none where another library does the linear algebra."""
    return {library.get("architecture") for library in threadpool_info() if library["internal_api"] == "openblas"}


if __name__ == "__main__":
    given, result = map(Path, sys.argv[1:])
    found = compute(*pickle.loads(given.read_bytes()))
    result.write_bytes(pickle.dumps(found | {"kernels": kernels()}))
