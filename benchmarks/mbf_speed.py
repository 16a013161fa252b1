"""CPU time from the images of three slices to flow maps with intervals, first and after a correction, as Markdown.

One core; a phantom scan at rest without motion, true contours, default model. Run by ``make bench-mbf``.
"""

import time
from dataclasses import replace

import numpy as np
from PerfusionDLLib import phantom, pipeline
from PerfusionDLLib.cache import Cache
from PerfusionDLLib.data.preprocessed import PreprocessedScan
from PerfusionDLLib.data.study import Condition
from true_contours import with_true_contours

SEED, FRAMES, REPEATS = 72100, 60, 7
SIZES = (112, 160, 208)  # of the images: more pixels of the same heart


def still_scan(size):
    """A scan with true contours and exactly so many frames."""
    patient = phantom.simulate_study(SEED, conditions=[Condition.REST], still=True, size=size)
    slices = []
    for series, truth in zip(patient.study.rest.slices, patient.truth[Condition.REST], strict=True):
        series = replace(series, signal=series.signal[:FRAMES], times_s=series.times_s[:FRAMES])
        slices.append(with_true_contours(series, truth))
    return PreprocessedScan(condition=Condition.REST, slices=tuple(slices))


def with_a_correction(scan):
    """Fifteen pixels taken out of the myocardium of the apical slice."""
    *others, last = scan.slices
    labels = last.contours.labels.copy()
    labels[tuple(np.argwhere(labels == 1)[:15].T)] = 0
    return replace(scan, slices=(*others, replace(last, contours=replace(last.contours, labels=labels))))


def known(scan):
    """A cache that holds the flow of a scan."""
    cache = Cache()
    pipeline.quantify_scan(scan, cache=cache)
    return cache


def median_cpu_s(work, prepare=lambda: None):
    """Median of some runs of the work with what was prepared for each."""
    seconds = []
    for _ in range(REPEATS):
        prepared = prepare()
        start = time.process_time()
        work(prepared)
        seconds.append(time.process_time() - start)
    return float(np.median(seconds))


def main():
    print("| pixels | frames | first maps, CPU s | after a correction, CPU s |")
    print("|---|---|---|---|")
    for size in SIZES:
        scan = still_scan(size)
        edited = with_a_correction(scan)
        first = median_cpu_s(lambda _, scan=scan: pipeline.quantify_scan(scan))
        again = median_cpu_s(
            lambda cache, edited=edited: pipeline.quantify_scan(edited, cache=cache), lambda scan=scan: known(scan)
        )
        pixels = sum(int(part.contours.myocardium.sum()) for part in scan.slices)
        print(f"| {pixels} | {len(scan.slices[0].series.times_s)} | {first:.2f} | {again:.2f} |", flush=True)


if __name__ == "__main__":
    main()
