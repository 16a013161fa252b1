"""What an image shows of the signal: magnitude, phase, real or imaginary part, a subtraction, by any vendor's word."""

import re

from .frame import Frame

MAGNITUDE, PHASE, REAL, IMAGINARY, OTHER = "magnitude", "phase", "real part", "imaginary part", "other"
SUBTRACTION = "subtraction"  # of another image, mostly of one without contrast agent
GE_KINDS = {0: MAGNITUDE, 1: PHASE, 2: REAL, 3: IMAGINARY}
PATTERNS = (
    (PHASE, re.compile(r"P|PHASE|PHASE[ _]?MAP|P_\w+|PHASE_\w+|VELOCITY( MAP)?")),
    (REAL, re.compile(r"R|REAL|R_\w+|REAL_\w+")),
    (IMAGINARY, re.compile(r"I|IMAGINARY|I_\w+|IMAG(INARY)?_\w+")),
    (SUBTRACTION, re.compile(r"SUB(TRACTION|TRACTED)?|SUBTRACT(ION|ED)_\w+")),
    (OTHER, re.compile(r"MIXED")),
    (MAGNITUDE, re.compile(r"M|MAGNITUDE|M_\w+")),
)


def read_component(frame: Frame) -> str:
    """What the image shows; magnitude where nothing says otherwise.

    The public attributes come first, then the private ones of GE (Raw Data Type) and Philips (image type).
    """
    texts = [frame.text("ComplexImageComponent").upper(), *frame.values("ImageType")[2:]]
    texts.append(frame.text("PhilipsImageType").upper())
    for text in texts:
        for kind, pattern in PATTERNS:
            if pattern.fullmatch(text) and kind != MAGNITUDE:
                return kind
    raw_type = frame.number("GERawDataType")
    return GE_KINDS.get(int(raw_type), MAGNITUDE) if raw_type == raw_type else MAGNITUDE
