"""The programs that the motion benchmark compares: signal, spacing, reference frame, box in, displacements in mm out.

Programs that are not installed are left out.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from PerfusionDLLib.motion import compensate
from PerfusionDLLib.motion.field import inverted, pixels_at
from scipy import interpolate, ndimage


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

    By default elastix spends minutes on its step sizes: a stack of sixty transforms has thousands of parameters. Fewer
    measurements, samples and iterations bring it to a result in about a minute.
    """
    import itk

    signal, put_back = cropped(signal, box, spacing_mm)
    stack = itk.image_from_array(np.ascontiguousarray(signal))
    stack.SetSpacing([spacing_mm[1], spacing_mm[0], 1.0])
    parameters = itk.ParameterObject.New()
    settings = dict(parameters.GetDefaultParameterMap("groupwise", 3, 20.0))
    settings |= {
        "Metric": ["PCAMetric2"],
        "FixedImageDimension": ["3"],
        "MovingImageDimension": ["3"],
        "ASGDParameterEstimationMethod": ["DisplacementDistribution"],
        "ImagePyramidSchedule": ["4", "4", "0", "2", "2", "0", "1", "1", "0"],
        "NumberOfJacobianMeasurements": ["500"],
        "NumberOfSamplesForExactGradient": ["1000"],
        "NumberOfGradientMeasurements": ["2"],
        "NumberOfSpatialSamples": ["512"],
        "MaximumNumberOfIterations": ["128"],
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

    Its splines of 16 pixels on a quarter of the resolution need more of the image than the others are given. Skipping
    two frames (-k 2) left more; segmenting the ventricle (-s 1.4) failed.
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


METHODS = {"uncorrected": nothing, "PerfusionDL": ours, "SimpleITK B-spline, MI": simpleitk}
if importlib.util.find_spec("itk"):
    METHODS["itk-elastix groupwise PCA"] = elastix
if importlib.util.find_spec("mdreg"):
    METHODS["mdreg PCA, optical flow"] = model_driven
for program in ("mia-2dmyoperiodic-nonrigid", "mia-2dmyoica-nonrigid"):
    if shutil.which(program):
        METHODS[program] = partial(mia, program)
