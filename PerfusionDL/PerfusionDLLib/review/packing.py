"""Arrays as text in a page: numbers without loss, moving pictures as gray JPEG."""

import base64
import io
import zlib
from collections.abc import Sequence

import numpy as np

QUALITIES = (90, 82, 74, 64, 50)
"""JPEG qualities, the best first; chosen: 90 cannot be told from the original at the sizes of the page."""
NO_VALUE = -32768
"""Code of NaN in 16-bit numbers."""


def pack_array(array: np.ndarray) -> dict:
    """An array as JSON holds it: type, shape, and its deflated bytes as base64.

    >>> packed = pack_array(np.arange(6, dtype=np.uint8).reshape(2, 3))
    >>> packed["type"], packed["shape"], list(zlib.decompress(base64.b64decode(packed["data"])))
    ('|u1', [2, 3], [0, 1, 2, 3, 4, 5])
    """
    array = np.ascontiguousarray(array)
    little = array.astype(array.dtype.newbyteorder("<"))
    return {"type": little.dtype.str, "shape": list(little.shape), "data": _text(zlib.compress(little.tobytes(), 6))}


def pack_curves(curves: np.ndarray) -> dict:
    """Curves (T, N) as 16-bit numbers and their unit, a curve after the other; NaN as `NO_VALUE`."""
    known = np.isfinite(curves)
    unit = float(np.abs(curves[known]).max(initial=0)) / 32000 or 1.0
    coded = np.where(known, np.round(np.where(known, curves, 0) / unit), NO_VALUE).astype(np.int16)
    return {"unit": unit, "values": pack_array(coded.T)}


def code_grays(frames: np.ndarray, low: float, high: float) -> np.ndarray:
    """Signal as 8-bit codes: the square root of its place between low and high, so that dark tissue keeps its steps.

    >>> code_grays(np.array([0.0, 0.25, 1.0, 9.0]), 0, 1)
    array([  0, 128, 255, 255], dtype=uint8)
    """
    place = np.clip((frames - low) / (high - low), 0, 1)
    return (np.sqrt(place) * 255 + 0.5).astype(np.uint8)


def pack_cines(cines: Sequence[np.ndarray], most_bytes: int) -> list[dict]:
    """Cines (T, Y, X) uint8, each as one JPEG with its frames side by side, in the best quality that fits in a size."""
    sheets = [_sheet(frames) for frames in cines]
    for quality in QUALITIES:
        encoded = [encode_jpeg(sheet, quality) for sheet, _ in sheets]
        if sum(map(len, encoded)) <= most_bytes:
            break
    return [
        {"shape": list(frames.shape), "columns": columns, "jpeg": _text(data)}
        for frames, data, (_, columns) in zip(cines, encoded, sheets, strict=True)
    ]


def _sheet(frames: np.ndarray) -> tuple[np.ndarray, int]:
    """All frames in one picture about as wide as high, and how many stand in a row."""
    count, rows, columns = frames.shape
    across = int(np.ceil(np.sqrt(count * rows / columns)))
    down = -(-count // across)
    sheet = np.zeros((down * across, rows, columns), np.uint8)
    sheet[:count] = frames
    sheet = sheet.reshape(down, across, rows, columns).transpose(0, 2, 1, 3)
    return sheet.reshape(down * rows, across * columns), across


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """A gray picture (Y, X) uint8 as JPEG."""
    from PIL import Image

    target = io.BytesIO()
    Image.fromarray(image).save(target, "JPEG", quality=quality)
    return target.getvalue()


def shrink(frames: np.ndarray, step: int) -> np.ndarray:
    """Frames (T, Y, X) with the mean of ``step`` times ``step`` pixels in each; a rest at the far edges is left out."""
    count, rows, columns = frames.shape
    rows, columns = rows // step, columns // step
    return (
        frames[:, : rows * step, : columns * step].reshape(count, rows, step, columns, step).mean(axis=(2, 4))
        if step > 1
        else frames
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
