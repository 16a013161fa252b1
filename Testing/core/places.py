"""Where the pixels of DICOM objects and of images lie, read from their headers alone."""

import numpy as np
import SimpleITK


def frames(made):
    """Pixels of every frame of a multi-frame object with its functional groups: the frame's own, else the shared."""
    shared = made.SharedFunctionalGroupsSequence[0]
    pixels = made.pixel_array.reshape(-1, made.Rows, made.Columns)
    for image, own in zip(pixels, made.PerFrameFunctionalGroupsSequence, strict=True):
        yield image, {element.keyword: element.value[0] for groups in (shared, own) for element in groups}


def places_mm(groups, shape):
    """(Y, X, 3) centers of the pixels of a frame in the patient (LPS)."""
    position = np.array(groups["PlanePositionSequence"].ImagePositionPatient, dtype=float)
    along_row, along_column = np.array(groups["PlaneOrientationSequence"].ImageOrientationPatient, float).reshape(2, 3)
    between_rows, between_columns = map(float, groups["PixelMeasuresSequence"].PixelSpacing)
    row, column = np.indices(shape)[..., None]
    return position + along_row * between_columns * column + along_column * between_rows * row


def values_there(path, groups, shape):
    """What an image file holds where the pixels of a frame lie: every pixel must be one of its own."""
    image = SimpleITK.ReadImage(str(path))
    axes = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    index = (places_mm(groups, shape) - image.GetOrigin()) @ np.linalg.inv(axes).T
    column, row, plane = np.moveaxis(np.rint(index).astype(int), -1, 0)
    assert np.abs(index - np.rint(index)).max() < 1e-3
    assert not plane.any()
    values = SimpleITK.GetArrayFromImage(image)[0]
    assert values.shape == shape
    assert len(set(zip(row.ravel(), column.ravel(), strict=True))) == values.size
    return values[row, column]
