"""Where a slice lies: DICOM position and orientation to RAS, and the order from base to apex."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...data.flag import FlagCode
from ...data.study import TOWARD_APEX_RAS, Level
from .consistency import Uncertainty
from .frame import Frame

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
SAME_PLACE_MM = 1.0
THICKEST_MM = 100.0
THINNEST_MM, USUAL_THICKNESS_MM = 1.3, (4.0, 13.0)  # chosen: thinner slices of a beating heart hold noise only
FARTHEST_MM = 5000.0  # chosen: twice the length of a scanner's table
SPACING_MM = (0.2, 15.0)  # chosen: from a tenfold interpolated image to a low-resolution arterial input
FINEST_MM, SMALLEST_FIELD_MM = 0.5, 80.0  # chosen: finer pixels are interpolated, and then many; a heart with its chest
USUAL_MM = (0.5, 5.0)  # chosen: pixels of perfusion images that are not interpolated
SAME_DIAMETER = 1.2  # chosen: a field of view may be cut or padded by some percent
SHORTEST_AXIS = 0.05  # chosen: a direction whose length is nearly 0 is none
UNIT_TOLERANCE = 0.01  # chosen: decimal strings of three digits differ by 0.001
SKEW = 0.02  # cosine; chosen: decimal strings of two digits
AXIAL = np.cos(np.radians(5))
FARTHEST_BESIDE_MM = 8.0  # chosen: slices are planned along the axis of the ventricle, by a few mm beside it
PARALLEL = np.cos(np.radians(30))


@dataclass(frozen=True)
class Pose:
    """Where an image lies, or why nobody can tell.

    matrix : (4, 4) mm, (column, row, slice, 1) to (right, anterior, superior, 1); None where ``problem`` is set
    notes : sentences on values that are odd but can be understood
    """

    matrix: np.ndarray | None
    problem: str = ""
    notes: tuple[str, ...] = ()


def read_pose(frame: Frame) -> Pose:
    """Position, orientation and spacing of an image after they were checked.

    DICOM PS3.3 C.7.6.2.1.1, with the first two axes negated (DICOM is left, posterior, superior).
    """
    position = frame.numbers("ImagePositionPatient", 3)
    orientation = frame.numbers("ImageOrientationPatient", 6)
    if position is None or orientation is None:
        keyword = "ImagePositionPatient" if position is None else "ImageOrientationPatient"
        return Pose(None, f"{keyword} is {'malformed' if frame.text(keyword) else 'missing'}")
    if not np.isfinite(position).all() or np.abs(position).max() > FARTHEST_MM:
        return Pose(None, f"ImagePositionPatient is {frame.text('ImagePositionPatient')}, outside of any scanner")
    spacing, notes, problem = read_pixel_spacing_mm(frame)
    if problem:
        return Pose(None, problem)
    axes = np.array(orientation).reshape(2, 3)
    lengths = np.linalg.norm(axes, axis=1)
    if not np.isfinite(axes).all() or lengths.min() < SHORTEST_AXIS:
        return Pose(None, f"ImageOrientationPatient is {frame.text('ImageOrientationPatient')}, which is no direction")
    axes = axes / lengths[:, None]
    if abs(axes[0] @ axes[1]) > SKEW:
        return Pose(None, "ImageOrientationPatient has axes that are not at right angles")
    if np.abs(lengths - 1).max() > UNIT_TOLERANCE:
        notes += (
            f"ImageOrientationPatient has axes of length {lengths[0]:.3g} and {lengths[1]:.3g} where 1 is the rule; "
            "their directions were taken.",
        )
    thickness_mm, in_cm = read_slice_thickness_mm(frame)
    notes += in_cm
    if not 0 < thickness_mm < THICKEST_MM or "\\" in frame.text("SliceThickness"):
        said = frame.text("SliceThickness")[:16] or "missing"
        notes += (f"SliceThickness is {said}; 1 mm was taken, which no number depends on.",)
        thickness_mm = 1.0
    matrix = np.eye(4)
    matrix[:3, 0] = axes[0] * spacing[1]
    matrix[:3, 1] = axes[1] * spacing[0]
    matrix[:3, 2] = compute_cross_product(axes[0], axes[1]) * thickness_mm
    matrix[:3, 3] = position
    matrix[:3] = LPS_TO_RAS @ matrix[:3]
    return Pose(matrix, notes=notes)


def read_slice_thickness_mm(frame: Frame) -> tuple[float, tuple[str, ...]]:
    """Thickness of a slice, and a note where it can only be in cm; slices of the heart are 5 to 12 mm thick."""
    said = frame.number("SliceThickness")
    if said < THINNEST_MM and USUAL_THICKNESS_MM[0] <= 10 * said <= USUAL_THICKNESS_MM[1]:
        return 10 * said, (f"SliceThickness is {said:g}, and was taken as cm ({10 * said:g} mm).",)
    return said, ()


def read_pixel_spacing_mm(frame: Frame) -> tuple[tuple[float, float], tuple[str, ...], str]:
    """Distance between rows and between columns, notes, and a problem where it is not known."""
    spacing = frame.numbers("PixelSpacing", 2)
    if spacing is None:
        odd = f"PixelSpacing is {'malformed' if frame.text('PixelSpacing') else 'missing'}"
        nominal = frame.numbers("NominalScannedPixelSpacing", 2)
        diameter_mm, columns = frame.number("ReconstructionDiameter"), frame.number("Columns")
        if nominal is not None and all(SPACING_MM[0] <= one <= SPACING_MM[1] for one in nominal):
            return (nominal[0], nominal[1]), (f"{odd}; NominalScannedPixelSpacing was taken.",), ""
        if columns > 0 and SPACING_MM[0] <= diameter_mm / columns <= SPACING_MM[1]:
            side_mm = diameter_mm / columns
            return (side_mm, side_mm), (f"{odd}; ReconstructionDiameter over Columns was taken.",), ""
        return (0.0, 0.0), (), odd
    size, unit = convert_to_mm(np.abs(spacing), max(frame.number("Rows"), frame.number("Columns")))
    if not np.isfinite(size).all() or size.min() < SPACING_MM[0] or size.max() > SPACING_MM[1]:
        return (0.0, 0.0), (), f"PixelSpacing is {frame.text('PixelSpacing')} mm, which is no pixel of a heart scan"
    notes: tuple[str, ...] = ()
    if unit:
        notes += (
            Uncertainty(
                f"PixelSpacing is {frame.text('PixelSpacing')}: no scanner has such pixels, and no heart such a size. "
                f"It was taken as {unit} in place of mm; check the size of the heart.",
                FlagCode.GEOMETRY_UNCERTAIN,
            ),
        )
    if min(spacing) < 0:
        notes += (f"PixelSpacing is {frame.text('PixelSpacing')}; a distance has no sign, and its size was taken.",)
    diameter_mm = frame.number("ReconstructionDiameter")
    sides_mm = frame.number("Rows") * size[0], frame.number("Columns") * size[1]
    if diameter_mm > 0 and not 1 / SAME_DIAMETER < max(sides_mm) / diameter_mm < SAME_DIAMETER:
        notes += (
            f"PixelSpacing makes an image {max(sides_mm):.0f} mm wide, ReconstructionDiameter is {diameter_mm:.0f} mm; "
            "PixelSpacing was taken.",
        )
    return (float(size[0]), float(size[1])), notes, ""


def convert_to_mm(size: np.ndarray, pixels: float) -> tuple[np.ndarray, str]:
    """Pixel spacing in mm, and the unit that it must have been in where mm cannot be; "" where they can."""
    if size.max() < FINEST_MM and pixels * size.max() < SMALLEST_FIELD_MM:
        units = [("cm", 10.0), ("m", 1000.0)]
    elif size.min() > SPACING_MM[1]:
        units = [("µm", 0.001)]
    else:
        return size, ""
    for unit, scale in units:
        if USUAL_MM[0] <= scale * size.min() and scale * size.max() <= USUAL_MM[1]:
            return scale * size, unit
    return size, ""


def compute_matrix(frame: Frame) -> np.ndarray:
    """(4, 4) ijk to RAS of an image whose pose is known."""
    matrix = read_pose(frame).matrix
    if matrix is None:
        raise ValueError("expected an image with a pose, got one without")
    return matrix


def compute_middle_matrix(frames: Sequence[Frame]) -> np.ndarray:
    """(4, 4) ijk to RAS of the image in the middle of those of one slice, whose position may follow the breathing."""
    matrices = np.array([compute_matrix(frame) for frame in frames])
    matrices = align_signs(matrices)
    middle = np.median(matrices[:, :3, 3], axis=0)
    found = matrices[int(np.argmin(np.linalg.norm(matrices[:, :3, 3] - middle, axis=1)))].copy()
    thickness_mm = np.median(np.linalg.norm(matrices[:, :3, 2], axis=1))
    found[:3, 2] *= thickness_mm / np.linalg.norm(found[:3, 2])
    return found


def align_signs(matrices: np.ndarray) -> np.ndarray:
    """Those of some matrices whose axes have the signs of most of them."""
    signs = [tuple(row) for row in np.sign((matrices[:, :3, :2] * matrices[0, :3, :2]).sum(axis=1)).tolist()]
    usual = max(sorted(set(signs)), key=signs.count)
    return matrices[[sign == usual for sign in signs]]


def compute_normal(matrix: np.ndarray) -> np.ndarray:
    """(3,) unit normal of a slice in RAS, pointing to the apex."""
    axis = compute_cross_product(matrix[:3, 0], matrix[:3, 1])
    axis = axis / np.linalg.norm(axis)
    return axis if axis @ TOWARD_APEX_RAS >= 0 else -axis


def compute_cross_product(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(3,) cross product of two vectors; NumPy's is made for many of them, and takes ten times as long for one.

    >>> compute_cross_product(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])).tolist()
    [0.0, 0.0, 1.0]
    """
    (x, y, z), (u, v, w) = first.tolist(), second.tolist()
    return np.array([y * w - z * v, z * u - x * w, x * v - y * u])


def compute_center(matrix: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(3,) RAS position of the middle of a slice, mm."""
    return (matrix @ [(shape[1] - 1) / 2, (shape[0] - 1) / 2, 0, 1])[:3]


def find_parallel_to_most(normals: Sequence[np.ndarray]) -> np.ndarray:
    """(S,) bool, slices within 30 degrees of the largest set of near-parallel ones.

    Between equally large sets, the one that looks more along the long axis of a heart in its usual place wins.
    """
    close = np.abs(np.array(normals) @ np.array(normals).T) >= PARALLEL
    along = [abs(float(one @ TOWARD_APEX_RAS)) for one in normals]
    return close[max(range(len(normals)), key=lambda index: (close[index].sum(), along[index]))]


def order_base_to_apex(
    matrices: Sequence[np.ndarray], shapes: Sequence[tuple[int, int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Order of slices from base to apex, and their positions along the axis in that order, mm."""
    axis = np.mean([compute_normal(one) for one in matrices], axis=0)
    along_mm = np.array([compute_center(one, shape) @ axis for one, shape in zip(matrices, shapes, strict=True)])
    order = np.argsort(along_mm, kind="stable")
    return order, along_mm[order]


def compute_axis_certainty(matrices: Sequence[np.ndarray]) -> float:
    """Cosine between the slice axis and the way to the apex of a heart in its usual place; 0 tells nothing."""
    axis = np.mean([compute_normal(one) for one in matrices], axis=0)
    return float(axis @ TOWARD_APEX_RAS / np.linalg.norm(axis))


def find_odd_stack(matrices: Sequence[np.ndarray], shapes: Sequence[tuple[int, int]]) -> list[str]:
    """Sentences where positions and orientations of slices cannot be those of one stack of short-axis slices."""
    said = []
    if len(matrices) > 1 and all(abs(compute_normal(one)[2]) > AXIAL for one in matrices):
        said.append(
            "The slices are axial by ImageOrientationPatient, as no short-axis slices are: the orientation may have "
            "been lost. Check the order of the slices."
        )
    order, along_mm = order_base_to_apex(matrices, shapes)
    centers = np.array([compute_center(matrices[index], shapes[index]) for index in order])
    axis = np.mean([compute_normal(one) for one in matrices], axis=0)
    steps = np.diff(centers, axis=0)
    beside_mm = np.linalg.norm(steps - np.outer(steps @ axis, axis), axis=1)
    if beside_mm.size and np.median(beside_mm) > max(FARTHEST_BESIDE_MM, np.median(np.diff(along_mm))):
        said.append(
            f"Each slice lies {np.median(beside_mm):.0f} mm beside and {np.median(np.diff(along_mm)):.0f} mm above the "
            "next one: ImagePositionPatient and ImageOrientationPatient contradict each other. Check the order of the "
            "slices."
        )
    return said


def choose_levels(along_mm: np.ndarray) -> tuple[Level, ...]:
    """Level of each slice from its place along the axis, base to apex.

    >>> choose_levels(np.array([0.0, 10.0, 20.0, 30.0]))
    (<Level.BASAL: 'basal'>, <Level.MID: 'mid'>, <Level.MID: 'mid'>, <Level.APICAL: 'apical'>)
    """
    if len(along_mm) == 1:
        return (Level.MID,)
    if len(along_mm) == 2:
        return (Level.BASAL, Level.MID)
    if len(along_mm) == 3:
        return tuple(Level)
    share = (along_mm - along_mm[0]) / np.ptp(along_mm)
    return tuple(
        Level.BASAL if one < 1 / 3 - 1e-3 else Level.APICAL if one > 2 / 3 + 1e-3 else Level.MID for one in share
    )
