"""Images into volumes that are there already, so that no more is drawn than changed."""

import numpy as np
import slicer


def updatePixels(volume: slicer.vtkMRMLScalarVolumeNode, pixels: np.ndarray) -> None:
    """Put an image (Y, X) into a one-slice volume, unless it is there already.

    The node itself says that it changed only where it gets another size or type: every list of nodes and the whole
    pipeline of the views that show it would follow. Of new pixels its image tells, and its display has them drawn.
    """
    held = slicer.util.arrayFromVolume(volume) if volume.GetImageData() else None
    if held is None or held.dtype != pixels.dtype or held.shape != (1, *pixels.shape):
        slicer.util.updateVolumeFromArray(volume, pixels[np.newaxis])
    elif not np.array_equal(held[0], pixels, equal_nan=pixels.dtype.kind == "f"):
        held[0] = pixels
        volume.StorableModified()
        volume.GetImageData().Modified()
        if volume.GetDisplayNode():
            volume.GetDisplayNode().Modified()
