"""Where a slice lies: DICOM position and orientation to RAS, and the order from base to apex."""

from collections.abc import Sequence

import numpy as np

from ...data.study import TOWARD_APEX_RAS, Level
from .headers import Frame

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
SAME_PLACE_MM = 1.0
PARALLEL = np.cos(np.radians(30))


def ijk_to_ras(frame: Frame) -> np.ndarray | None:
    """(4, 4) mm, (column, row, slice, 1) to (right, anterior, superior, 1); None where the header lacks it.

    DICOM PS3.3 C.7.6.2.1.1, with the first two axes negated (DICOM is left, posterior, superior).
    """
    position = frame.numbers("ImagePositionPatient", 3)
    orientation = frame.numbers("ImageOrientationPatient", 6)
    spacing = frame.numbers("PixelSpacing", 2)
    if position is None or orientation is None or spacing is None:
        return None
    along_row, along_column = np.array(orientation[:3]), np.array(orientation[3:])
    thickness_mm = frame.number("SliceThickness")
    matrix = np.eye(4)
    matrix[:3, 0] = along_row * spacing[1]
    matrix[:3, 1] = along_column * spacing[0]
    matrix[:3, 2] = np.cross(along_row, along_column) * (thickness_mm if thickness_mm > 0 else 1.0)
    matrix[:3, 3] = position
    matrix[:3] = LPS_TO_RAS @ matrix[:3]
    return matrix


def normal(matrix: np.ndarray) -> np.ndarray:
    """(3,) unit normal of a slice in RAS, pointing to the apex."""
    axis = np.cross(matrix[:3, 0], matrix[:3, 1])
    axis = axis / np.linalg.norm(axis)
    return axis if axis @ TOWARD_APEX_RAS >= 0 else -axis


def center(matrix: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(3,) RAS position of the middle of a slice, mm."""
    return (matrix @ [(shape[1] - 1) / 2, (shape[0] - 1) / 2, 0, 1])[:3]


def parallel_to_most(normals: Sequence[np.ndarray]) -> np.ndarray:
    """(S,) bool, slices within 30 degrees of the largest set of near-parallel ones.

    Between equally large sets, the one that looks more along the long axis of a heart in its usual place wins.
    """
    close = np.abs(np.array(normals) @ np.array(normals).T) >= PARALLEL
    along = [abs(float(one @ TOWARD_APEX_RAS)) for one in normals]
    return close[max(range(len(normals)), key=lambda index: (close[index].sum(), along[index]))]


def base_to_apex(matrices: Sequence[np.ndarray], shapes: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Order of slices from base to apex, and their positions along the axis in that order, mm."""
    axis = np.mean([normal(one) for one in matrices], axis=0)
    along_mm = np.array([center(one, shape) @ axis for one, shape in zip(matrices, shapes, strict=True)])
    order = np.argsort(along_mm, kind="stable")
    return order, along_mm[order]


def axis_certainty(matrices: Sequence[np.ndarray]) -> float:
    """Cosine between the slice axis and the way to the apex of a heart in its usual place; 0 tells nothing."""
    axis = np.mean([normal(one) for one in matrices], axis=0)
    return float(axis @ TOWARD_APEX_RAS / np.linalg.norm(axis))


def levels(along_mm: np.ndarray) -> tuple[Level, ...]:
    """Level of each slice from its place along the axis, base to apex.

    >>> levels(np.array([0.0, 10.0, 20.0, 30.0]))
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
