"""The images of one slice: what has moved is drawn, shaded by the coils and photographed, frame by frame."""

from collections.abc import Mapping

import numpy as np

from .camera import Camera, noise_pattern, shading, visible
from .displacement import Displacement
from .interpolation import bilinear
from .patient import HEIGHT, Patient, Visit, uniform
from .picture import Picture
from .settings import PhantomConfig
from .tissues import BLOOD_DENSITY

FULL_SCALE = 2000.0  # fully recovered blood, in the units of the scanner; the same in every series of a patient


def expose(
    patient: Patient,
    visit: Visit,
    picture: Picture,
    displacement: Displacement,
    *,
    frames: np.ndarray,
    signals: Mapping[str, np.ndarray],
    myocardium: np.ndarray,
    sigma: float,
    stream: int,
    config: PhantomConfig,
) -> np.ndarray:
    """(F, Y, X) float32 images.

    frames : (F,) frames of the series whose pose is shown
    signals : tissue to (F,) signal; myocardium : (F, L) signal by flow
    sigma : standard deviation of the noise of a channel, in the units of the signals
    stream : of random numbers, so that series of a patient differ in their noise
    """
    scale = FULL_SCALE / (BLOOD_DENSITY * np.sin(np.radians(patient.acquisition.flip_angle_deg)))
    rng = np.random.default_rng([patient.seed, 11, list(HEIGHT).index(picture.level), visit.frames, stream])
    rng_patient = np.random.default_rng([patient.seed, 12])
    acquired = int(patient.size * uniform(rng_patient, config.phase_encoding_share)) // 2 * 2
    full = patient.size // 2 * 2 - 2
    rows, columns = (acquired, full) if rng_patient.random() < 0.6 else (full, acquired)
    strength = uniform(rng_patient, config.shading)
    blur_px, unevenness = uniform(rng_patient, config.blur_px), uniform(rng_patient, config.noise_unevenness)
    camera = Camera(
        size=patient.size,
        oversampling=picture.oversampling,
        rows=rows,
        columns=columns,
        blur_px=blur_px,
        noise=np.float32(scale * sigma) * noise_pattern(patient, unevenness, patient.size),
    )
    sensitivity = shading(patient, strength, *picture.yx_mm) * np.float32(scale)
    mask = visible(patient, patient.size)
    samples = np.arange(patient.size * picture.oversampling) / picture.oversampling
    grid_px = np.stack(np.meshgrid(samples, samples, indexing="ij")).astype(np.float32)
    to_samples = displacement.to(samples)
    offset = np.float32(0.0 if patient.clinic is None else FULL_SCALE * patient.clinic.offset)
    images = []
    for index, frame in enumerate(frames):
        moving = picture.moving(index, signals, myocardium)
        if displacement.amplitudes[frame].any():
            at = (grid_px + displacement.source(frame, to_samples)) * picture.oversampling
            moving = bilinear(moving[None], at)[0]
        drawing = (moving * picture.moving_share + picture.static(index, signals)) * sensitivity
        images.append((camera.expose(drawing, rng) + offset) * mask)
    return np.stack(images).astype(np.float32)
