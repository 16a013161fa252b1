"""Where the samples of a slice lie, in pixels and in mm from the heart."""

from dataclasses import dataclass

import numpy as np

from ..data.study import Level
from .patient import HEIGHT, Patient, Visit


@dataclass(frozen=True)
class Grid:
    """Samples of one slice; several per pixel, the first of them on the pixel's center."""

    patient: Patient
    visit: Visit
    level: Level
    oversampling: int = 1

    @property
    def center_px(self) -> np.ndarray:
        """Row and column of the LV center; the long axis is a little oblique to the stack of slices."""
        patient = self.patient
        shift_mm = np.add(patient.center_shift_mm, self.visit.shift_mm) + HEIGHT[self.level] * np.array(patient.tilt_mm)
        return (patient.size - 1) / 2 + shift_mm / patient.pixel_mm

    def mm(self, positions_px: np.ndarray) -> np.ndarray:
        """Rows and columns (2, ...) in pixels to mm from the LV center, float32."""
        center = self.center_px.reshape(2, *[1] * (positions_px.ndim - 1))
        return ((positions_px - center) * self.patient.pixel_mm).astype(np.float32)

    def pixels(self, point_mm: np.ndarray) -> tuple[float, float]:
        """Row and column of a point (2,) in mm from the LV center."""
        row, column = self.center_px + np.asarray(point_mm) / self.patient.pixel_mm
        return float(row), float(column)

    @property
    def yx_mm(self) -> np.ndarray:
        """(2, H, W) positions of the samples in mm from the LV center."""
        count = self.patient.size * self.oversampling
        return self.mm(np.mgrid[:count, :count] / self.oversampling)

    @property
    def ijk_to_ras(self) -> np.ndarray:
        """(4, 4) mm; a standard short-axis view: septum left, anterior wall up, seen from the apex."""
        apex = np.array([-0.62, 0.58, -0.53])  # long axis, base to apex, in RAS
        apex = apex / np.linalg.norm(apex)
        lateral = np.array([-0.6, -0.8, 0.0]) - apex * np.dot([-0.6, -0.8, 0.0], apex)
        lateral = lateral / np.linalg.norm(lateral)
        down = np.cross(lateral, apex)
        patient = self.patient
        matrix = np.eye(4)
        matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = lateral, down, -apex  # right-handed
        matrix[:3, :2] *= patient.pixel_mm
        matrix[:3, 2] *= 8.0
        middle = (patient.size - 1) / 2
        heart_ras_mm = np.array([-35.0, 20.0, -10.0])
        at = heart_ras_mm + apex * HEIGHT[self.level] * patient.slice_distance_mm
        matrix[:3, 3] = at - middle * (matrix[:3, 0] + matrix[:3, 1])
        return matrix
