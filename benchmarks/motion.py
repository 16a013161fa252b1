"""Motion compensation beside other people's programs on phantom series with known motion, as a table.

Every program runs on every series in a process of its own with one thread; programs that are not installed are left out
and named. Run by ``make bench-motion``; writes motion.csv and prints a Markdown table.
"""

import argparse
import csv
import importlib.util
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PerfusionDLLib import phantom
from PerfusionDLLib.motion import compensate
from PerfusionDLLib.motion.field import inverted, pixels_at, resampled
from scipy import interpolate, ndimage

SERIES = ((961, "rest", "mid"), (962, "stress", "mid"), (963, "rest", "basal"), (964, "stress", "basal"))
SNR = 20.0  # blood in the left ventricle at its peak over noise
LIMIT_S = 300  # of CPU time, for one program and one series
CONFIG = replace(
    phantom.HELD_OUT,
    sizes=(144,),
    pixel_mm=(1.9, 1.9),
    frames_rest=(60, 60),
    frames_stress=(60, 60),
    breathing_mm=(15.0, 15.0),
    free_breathing_probability=1.0,
)
ARRIVAL = 0.05  # of the arterial peak
COLUMNS = {
    "post_mm": "residual from contrast arrival on (mm)",
    "all_mm": "all frames (mm)",
    "radial_mm": "radial (mm)",
    "worst_mm": "worst frame (mm)",
    "dice": "Dice of warped masks",
    "roughness": "roughness of curves, % of true resampling",
    "cpu_s": "CPU (s)",
    "wall_s": "wall (s)",
    "memory_mb": "peak memory of the process (MB)",
}


def relative_to(field_mm, frame, spacing_mm):
    """(T, 2, Y, X) mm, the same motion seen from the pose of one frame."""
    inverse = inverted(field_mm[frame], spacing_mm)
    position = pixels_at(inverse, spacing_mm)
    parts = field_mm.reshape(-1, *field_mm.shape[2:])
    seen = [ndimage.map_coordinates(part, position, order=1, mode="nearest") for part in parts]
    return np.stack(seen).reshape(field_mm.shape) + inverse


def nothing(signal, spacing_mm, reference, box):
    return np.zeros((len(signal), 2, *signal.shape[1:]), np.float32)


def ours(signal, spacing_mm, reference, box):
    motion = compensate(signal, spacing_mm=spacing_mm, reference_frame=reference, region_px=box)
    return motion.displacement_mm


def simpleitk(signal, spacing_mm, reference, box):
    """Each frame to the reference frame: translation, then B-spline of 20 mm; mutual information, random samples.

    Where no overlap is left, which SimpleITK reports as an error, the frame stays where it was.
    """
    import SimpleITK as sitk  # noqa: N813

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)

    def image(array):
        made = sitk.GetImageFromArray(array)
        made.SetSpacing(spacing_mm[::-1])
        return made

    def registration(start, shrink, smoothing):
        made = sitk.ImageRegistrationMethod()
        made.SetMetricAsMattesMutualInformation(32)
        made.SetMetricSamplingStrategy(made.RANDOM)
        made.SetMetricSamplingPercentage(0.5, 1)
        made.SetInterpolator(sitk.sitkLinear)
        made.SetShrinkFactorsPerLevel(shrink)
        made.SetSmoothingSigmasPerLevel(smoothing)
        made.SetInitialTransform(start, True)
        return made

    signal, put_back = cropped(signal, box, spacing_mm, margin_mm=45.0)
    fixed = image(signal[reference])
    size = [extent * spacing / 20 for extent, spacing in zip(signal.shape[:0:-1], spacing_mm[::-1], strict=True)]
    fields = []
    for frame in signal:
        shift = sitk.TranslationTransform(2)
        first = registration(shift, [2, 1], [2, 1])
        first.SetOptimizerAsRegularStepGradientDescent(2.0, 1e-2, 100)
        bend = sitk.BSplineTransformInitializer(fixed, [max(round(count), 2) for count in size])
        second = registration(bend, [2, 1], [1, 0])
        second.SetMovingInitialTransform(shift)
        second.SetOptimizerAsLBFGSB(numberOfIterations=30, maximumNumberOfFunctionEvaluations=60)
        try:
            first.Execute(fixed, image(frame))
            second.Execute(fixed, image(frame))
        except RuntimeError as error:
            print(f"SimpleITK left a frame where it was: {str(error).splitlines()[-1]}", file=sys.stderr)
            fields.append(np.zeros((2, *frame.shape), np.float32))
            continue
        field = sitk.TransformToDisplacementField(
            sitk.CompositeTransform([shift, bend]),
            sitk.sitkVectorFloat64,
            fixed.GetSize(),
            fixed.GetOrigin(),
            fixed.GetSpacing(),
        )
        fields.append(sitk.GetArrayFromImage(field)[..., ::-1].transpose(2, 0, 1))
    return put_back(np.stack(fields))


def elastix(signal, spacing_mm, reference, box):
    """All frames together: principal-component metric of Huizinga 2016, B-spline stack of 20 mm.

    Step sizes by the fast estimate of Qiao 2016: the default one takes longer than the registration for a stack of
    sixty transforms.
    """
    import itk

    signal, put_back = cropped(signal, box, spacing_mm)
    stack = itk.image_from_array(np.ascontiguousarray(signal))
    stack.SetSpacing([spacing_mm[1], spacing_mm[0], 1.0])
    parameters = itk.ParameterObject.New()
    settings = dict(parameters.GetDefaultParameterMap("groupwise", 3, 20.0))
    settings |= {
        "Metric": ["PCAMetric2"],
        "SubtractMean": ["true"],
        "FixedImageDimension": ["3"],
        "MovingImageDimension": ["3"],
        "ASGDParameterEstimationMethod": ["DisplacementDistribution"],
        "ImagePyramidSchedule": ["4", "4", "0", "2", "2", "0", "1", "1", "0"],
        "WriteResultImage": ["false"],
    }
    parameters.AddParameterMap(settings)
    _, found = itk.elastix_registration_method(
        stack, stack, parameter_object=parameters, number_of_threads=1, log_to_console=False
    )
    field = itk.array_from_image(itk.transformix_deformation_field(stack, found))[..., 1::-1]
    return relative_to(put_back(field.transpose(0, 3, 1, 2)), reference, spacing_mm)


def model_driven(signal, spacing_mm, reference, box):
    """mdreg: each frame to its own fit by four principal components, default optical flow, three rounds."""
    import mdreg

    signal, put_back = cropped(signal, box, spacing_mm)
    moving = signal.transpose(1, 2, 0).astype(float) / np.percentile(signal, 99.5)

    def principal_components(series):
        flat = series.reshape(-1, series.shape[-1])
        left, values, right = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
        return ((left[:, :4] * values[:4]) @ right[:4] + flat.mean(0)).reshape(series.shape), right[:4]

    found = mdreg.fit(moving, fit_image={"func": principal_components}, fit_coreg={"package": "skimage"}, maxit=3)
    field_px = found[2].transpose(2, 3, 0, 1)
    return relative_to(put_back(field_px * np.asarray(spacing_mm)[:, None, None]), reference, spacing_mm)


def mia(program, signal, spacing_mm, reference, box):
    """A program of MIA with its defaults. It moves contours along with images: a lattice of points tells the field.

    Its splines of 16 pixels on a quarter of the resolution need more of the image than the others are given.
    """
    import SimpleITK as sitk  # noqa: N813

    signal, put_back = cropped(signal, box, spacing_mm, margin_mm=45.0)
    rows, columns = np.mgrid[0 : signal.shape[1] : 3, 0 : signal.shape[2] : 3].reshape(2, -1)
    points = "".join(f'<point x="{x}" y="{y}"/>' for y, x in zip(rows, columns, strict=True))
    bytes_per_unit = 60000 / signal.max()
    with tempfile.TemporaryDirectory() as folder:
        frames = []
        for number, frame in enumerate(signal):
            name = f"frame{number:04d}.png"
            sitk.WriteImage(sitk.GetImageFromArray((frame * bytes_per_unit).astype(np.uint16)), f"{folder}/{name}")
            frames.append(f'<frame image="{name}"><section color="white">{points}</section></frame>')
        Path(folder, "in.set").write_text(f'<workset version="2">{"".join(frames)}</workset>', encoding="utf-8")
        command = [program, "-i", "in.set", "-o", "out.set", "-r", "moved", "--threads", "1"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        written = Path(folder, "out.set").read_text(encoding="utf-8")
    fields = []
    for frame in re.findall("<frame.*?</frame>", written, re.DOTALL):
        common = np.array(re.findall(r'<point x="(.*?)" y="(.*?)"', frame), float)
        moved = np.column_stack([rows, columns]) - common[:, ::-1]
        inside = interpolate.griddata(common[:, ::-1], moved, tuple(np.mgrid[: signal.shape[1], : signal.shape[2]]))
        fields.append(np.nan_to_num(inside).transpose(2, 0, 1))
    return relative_to(put_back(np.stack(fields) * np.asarray(spacing_mm)[:, None, None]), reference, spacing_mm)


METHODS = {"uncorrected": nothing, "PerfusionDL": ours, "SimpleITK B-spline, MI": simpleitk}
if importlib.util.find_spec("itk"):
    METHODS["itk-elastix groupwise PCA"] = elastix
if importlib.util.find_spec("mdreg"):
    METHODS["mdreg PCA, optical flow"] = model_driven
for program in ("mia-2dmyoperiodic-nonrigid", "mia-2dmyoica-nonrigid"):
    if shutil.which(program):
        METHODS[program] = partial(mia, program)


def cropped(signal, box, spacing_mm, margin_mm=20.0):
    """The box of the left ventricle and a margin around it, and what puts a field of it back into the image."""
    pad = [margin_mm / spacing for spacing in spacing_mm]
    low = [max(round(edge - margin), 0) for edge, margin in zip(box[:2], pad, strict=True)]
    high = [round(edge + margin) + 1 for edge, margin in zip(box[2:], pad, strict=True)]
    area = slice(low[0], high[0]), slice(low[1], high[1])

    def put_back(field):
        whole = np.zeros((len(signal), 2, *signal.shape[1:]), np.float32)
        whole[:, :, *area] = field
        return whole

    return np.ascontiguousarray(signal[:, *area]), put_back


def judged(drawn, displacement_mm):
    """Figures of one series against its truth, on the contours of the myocardium in the peak frame's pose."""
    truth, spacing_mm = drawn.truth, drawn.series.spacing_mm
    epicardium, cavity = (truth.labels == 1) | (truth.labels == 2), truth.labels == 2
    epicardial, endocardial = (mask & ~ndimage.binary_erosion(mask) for mask in (epicardium, cavity))
    rows, columns = np.nonzero(epicardial | endocardial)
    error = (displacement_mm - truth.displacement_mm)[:, :, rows, columns]
    outward = np.stack([rows - rows.mean(), columns - columns.mean()])
    outward /= np.hypot(*outward)
    distance = np.hypot(error[:, 0], error[:, 1]).mean(1)
    concentration = truth.arterial_mmol_l
    arrival_s = truth.arterial_times_s[np.argmax(concentration > ARRIVAL * concentration.max())]
    after = drawn.series.times_s >= arrival_s
    wall = truth.labels == 1
    apart = displacement_mm - truth.displacement_mm
    grid = np.mgrid[: wall.shape[0], : wall.shape[1]]
    dice = []
    for field in apart[after]:
        position = grid + field / np.asarray(spacing_mm)[:, None, None]
        moved = ndimage.map_coordinates(wall.astype(np.float32), position, order=1) > 0.5
        dice.append(2 * (moved & wall).sum() / (moved.sum() + wall.sum()))

    def roughness(field):
        curves = resampled(drawn.series.signal, field, spacing_mm)[:, wall]
        return np.abs(np.diff(curves, 2, axis=0)).mean()

    return {
        "post_mm": distance[after].mean(),
        "all_mm": distance.mean(),
        "radial_mm": np.abs((error * outward).sum(1))[after].mean(),
        "worst_mm": distance.max(),
        "dice": np.mean(dice),
        "roughness": 100 * roughness(displacement_mm) / roughness(truth.displacement_mm),
    }


def run_one(method, source, target):
    """In a process of its own: one program on one series."""
    with np.load(source) as stored:
        arguments = (
            stored["signal"],
            tuple(stored["spacing_mm"].tolist()),
            int(stored["reference"]),
            tuple(stored["box"]),
        )
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S))

    def used():
        both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        return sum(usage.ru_utime + usage.ru_stime for usage in both)

    started, before = time.perf_counter(), used()
    displacement_mm = METHODS[method](*arguments)
    figures = {"cpu_s": used() - before, "wall_s": time.perf_counter() - started}
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    child_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    figures["memory_mb"] = max(int(peak.group(1)), child_kb) / 1024
    np.savez(target, displacement_mm=displacement_mm, figures=json.dumps(figures))


def simulated(seed, condition, level, snr=SNR):
    return phantom.simulate_series(seed, condition=condition, level=level, snr=snr, config=CONFIG)


def copies(drawn):
    """Name, signal, box, and a line (2, points) in pixels through the septum in the pose of the peak frame."""
    signal, truth, box = drawn.series.signal, drawn.truth, np.array(drawn.truth.box_px)
    side, middle = signal.shape[1], (box[:2] + box[2:]) / 2
    septum = (np.array(truth.anterior_rv_px) + truth.inferior_rv_px) / 2
    outward = (septum - middle) / np.linalg.norm(septum - middle)
    line = middle[:, None] - outward[:, None] * np.linspace(-30, 24, 109)
    yield "as it is", signal, box, line
    turned = np.array([side - 1 - box[3], box[0], side - 1 - box[1], box[2]])
    yield "turned by 90 degrees", np.rot90(signal, axes=(1, 2)), turned, np.stack([side - 1 - line[1], line[0]])
    noise = np.random.default_rng(0).normal(0, 0.1 * np.percentile(signal, 99.5), signal.shape)
    yield "with more noise", (signal + noise).astype(np.float32), box, line
    wander = np.round(4 * np.sin(np.arange(len(signal)) / 9)).astype(int)
    wander -= wander[truth.peak_frame]
    shifted = np.stack([np.roll(frame, shift, axis=1) for frame, shift in zip(signal, wander, strict=True)])
    yield "shifted by a slow drift of 15 mm", shifted, box, line


def draw(target):
    """Time-position images along a line through the septum, before and after, of a phantom and its copies."""
    from matplotlib.figure import Figure

    drawn = simulated(*SERIES[0])
    spacing_mm = drawn.series.spacing_mm
    figure = Figure(figsize=(13, 5.4), layout="constrained")
    panels = figure.subplots(2, 4, sharex=True, sharey=True)
    for column, (name, signal, box, line) in zip(panels.T, copies(drawn), strict=True):
        motion = compensate(
            signal, spacing_mm=spacing_mm, reference_frame=drawn.truth.peak_frame, region_px=tuple(box.tolist())
        )
        limit = np.percentile(signal, 99.5)
        for panel, frames, when in zip(column, (signal, motion.corrected), ("before", "after"), strict=True):
            strip = np.stack([ndimage.map_coordinates(frame, line, order=1) for frame in frames], axis=1)
            length_mm = spacing_mm[0] * np.hypot(*(line[:, -1] - line[:, 0]))
            panel.imshow(strip, cmap="gray", vmin=0, vmax=limit, aspect="auto", extent=(0, len(frames), length_mm, 0))
            panel.set_title(f"{name}, {when}", fontsize=9)
        column[1].set_xlabel("frame")
    for panel in panels[:, 0]:
        panel.set_ylabel("mm, right ventricle to lateral wall")
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=66)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=len(SERIES))
    parser.add_argument("--out", type=Path, default=Path("motion.csv"))
    parser.add_argument("--only", choices=METHODS, help="one program; the rows of the others in --out are kept")
    parser.add_argument("--snr", type=float, default=SNR)
    parser.add_argument("--picture", type=Path, help="PNG of time-position images before and after, and no table")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_one(*options.one)
        return
    if options.picture:
        draw(options.picture)
        return
    rows, methods = [], [options.only] if options.only else list(METHODS)
    if options.only and options.out.exists():
        with options.out.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["method"] != options.only]
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"), "1")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "series.npz", Path(folder) / "field.npz"
        for seed, condition, level in SERIES[: options.series]:
            drawn = simulated(seed, condition, level, options.snr)
            np.savez(
                source,
                signal=drawn.series.signal,
                spacing_mm=drawn.series.spacing_mm,
                reference=drawn.truth.peak_frame,
                box=drawn.truth.box_px,
            )
            for method in methods:
                command = [sys.executable, __file__, "--one", method, str(source), str(target)]
                done = subprocess.run(command, env=os.environ | single, stdout=subprocess.DEVNULL, check=False)
                if done.returncode:
                    print(f"{method} gave no result for series {seed}: {done.returncode}", file=sys.stderr)
                    continue
                with np.load(target) as result:
                    figures = judged(drawn, result["displacement_mm"]) | json.loads(str(result["figures"]))
                rows.append({"method": method, "seed": seed, "condition": condition, "level": level} | figures)
                print(method, seed, {name: round(float(value), 3) for name, value in figures.items()}, file=sys.stderr)
    if not rows:
        return
    with options.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    print("| method | " + " | ".join(COLUMNS.values()) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    for method in METHODS:
        of_method = [row for row in rows if row["method"] == method]
        if not of_method:
            print(f"| {method} | gave no result in {LIMIT_S} s of CPU time |" + " |" * (len(COLUMNS) - 1))
            continue
        means = [np.mean([float(row[name]) for row in of_method]) for name in COLUMNS]
        print(f"| {method} | " + " | ".join(f"{mean:.3g}" for mean in means) + " |")


if __name__ == "__main__":
    main()
