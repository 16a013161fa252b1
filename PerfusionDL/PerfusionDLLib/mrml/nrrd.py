"""NRRD files looked over before a reader is given them, which stops the whole process where their sizes do not hold."""

import math
import re
import zlib
from pathlib import Path

from ..data.errors import PerfusionError

BYTES = {
    **dict.fromkeys(("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"), 1),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), 2),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), 2),
    **dict.fromkeys(
        ("int", "signed int", "int32", "int32_t", "uint", "unsigned int", "uint32", "uint32_t", "float"), 4
    ),
    **dict.fromkeys(("longlong", "long long", "long long int", "signed long long", "signed long long int"), 8),
    **dict.fromkeys(("int64", "int64_t", "ulonglong", "unsigned long long", "unsigned long long int"), 8),
    **dict.fromkeys(("uint64", "uint64_t", "double"), 8),
}
"""Bytes of a sample by the name of its type (https://teem.sourceforge.net/nrrd/format.html#type)."""
MOST_BYTES = 8 << 30
MOST_HEADER = 1 << 20
MOST_INDEX = 1 << 20
"""Largest index in the extent of a segment; chosen: far above any image."""
PIECE = 1 << 20
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
VECTOR = rf"\( *{NUMBER} *, *{NUMBER} *, *{NUMBER} *\)"
KIND = "domain|space|time|list|point|vector|covariant-vector|normal|scalar|complex|RGB-color|RGBA-color|3-color|4-color"
PER_AXIS = {
    "space directions": rf"{VECTOR}|none",
    "kinds": rf"(?:{KIND}|\?\?\?|none)(?!\S)",
    **dict.fromkeys(("labels", "units"), r'"[^"\\]*"'),
    **dict.fromkeys(("spacings", "thicknesses", "axis mins", "axis maxs"), rf"(?:{NUMBER}|nan)(?!\S)"),
    **dict.fromkeys(("centers", "centerings"), r"(?:cell|node|none|\?\?\?)(?!\S)"),
}
"""What a field says of each axis. The reader ends the process where a field does not follow the format."""
ONCE = {
    "space": r"(?:left|right)-(?:posterior|anterior)-superior|[LR][PA]S",
    "space origin": VECTOR,
    "measurement frame": rf"{VECTOR} +{VECTOR} +{VECTOR}",
    "space units": r'(?:"[^"\\]*" *){3}',
    "endian": "little|big",
    **dict.fromkeys(("content", "sample units"), r".*"),
    **dict.fromkeys(("type", "dimension", "sizes", "encoding"), r".*"),  # tested by themselves
}
REMEDY = "Save the scene again in 3D Slicer. A copy of the file from before may be whole."


def checkNrrd(path: Path, *, scene: Path) -> None:
    """Raise PerfusionError unless an NRRD file holds as much as its header says.

    scene : the file that it came in, named in the error
    """
    with path.open("rb") as file:
        header = file.read(MOST_HEADER)
        end = re.search(rb"\r?\n\r?\n", header)
        if not header.startswith(b"NRRD000") or end is None:
            raise _damaged(path, scene, "has no header of an image")
        fields, pairs = _fields(header[: end.start()], path, scene)
        wanted = _size(fields, path, scene)
        _checkSegments(fields, pairs, path, scene)
        file.seek(end.end())
        encoding = fields.get("encoding", "raw").lower()
        if encoding == "raw":
            found = path.stat().st_size - end.end()
        elif encoding in ("gzip", "gz"):
            found = _inflated(file, wanted, path, scene)
        else:
            raise _damaged(path, scene, "is stored in a way that scenes do not use")
    if found != wanted:
        raise _damaged(path, scene, f"holds {'more' if found > wanted else 'less'} than its header says")


def _damaged(path: Path, scene: Path, what: str) -> PerfusionError:
    return PerfusionError(f"The image {path.name} in the scene {scene.name} {what}; it is damaged.", REMEDY)


def _fields(header: bytes, path: Path, scene: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Fields and key/value pairs of a header."""
    fields, pairs = {}, {}
    if re.search(rb"[\x00-\x08\x0b-\x1f]", header.replace(b"\r\n", b"\n")):
        raise _damaged(path, scene, "has a header that is no text")  # a NUL ends a line for the reader
    try:
        lines = header.decode("utf-8").replace("\r\n", "\n").split("\n")[1:]
    except UnicodeDecodeError as error:
        raise _damaged(path, scene, "has a header that is no text") from error
    for line in lines:
        if line.startswith("#"):
            continue
        key, pair, value = line.partition(":=")
        if pair:
            pairs[key] = value
            continue
        name, colon, value = line.partition(": ")
        name = name.strip().lower()
        if not colon or name in fields:
            raise _damaged(path, scene, "has a header that is no list of fields")
        if name in ("data file", "datafile", "line skip", "lineskip", "byte skip", "byteskip"):
            raise _damaged(path, scene, "refers to another file")
        fields[name] = value.strip()
    return fields, pairs


def _size(fields: dict[str, str], path: Path, scene: Path) -> int:
    """Bytes of all samples."""
    try:
        sizes = [int(one) for one in fields["sizes"].split()]
        sample = BYTES[fields["type"].lower()]
        dimension = int(fields["dimension"])
    except (KeyError, ValueError) as error:
        raise _damaged(path, scene, "does not say how large it is") from error
    if not 1 <= dimension <= 8 or len(sizes) != dimension or min(sizes) < 1:
        raise _damaged(path, scene, "does not say how large it is")
    for name, value in fields.items():
        if name in PER_AXIS:
            whole = re.fullmatch(rf"(?:(?:{PER_AXIS[name]})\s*){{{dimension}}}", value)
        else:
            whole = re.fullmatch(ONCE[name], value) if name in ONCE else None
        if not whole:
            raise _damaged(path, scene, "has a header that breaks the rules of its format")
    vectors = re.findall(r"\(([^()]*)\)", fields.get("space directions", "") + fields.get("space origin", ""))
    if not all(abs(float(one)) < 1e9 for vector in vectors for one in vector.split(",")):
        raise _damaged(path, scene, "does not say where it lies")
    if math.prod(sizes) * sample > MOST_BYTES:
        raise _damaged(path, scene, "is larger than any image of the heart")
    return math.prod(sizes) * sample


def _checkSegments(fields: dict[str, str], pairs: dict[str, str], path: Path, scene: Path) -> None:
    """Extents of segments and the reference geometry have numbers that an image can have."""
    columns = [int(one) for one in fields["sizes"].split()][-3:]
    for key, value in pairs.items():
        if re.fullmatch(r"Segment\d+_Extent", key):
            try:
                extent = [int(one) for one in value.split()]
            except ValueError:
                extent = []
            bounds = zip(extent[::2], extent[1::2], columns, strict=False)
            if len(extent) != 6 or not all(low >= -1 and high < size for low, high, size in bounds):
                raise _damaged(path, scene, "has a segment that lies outside of it")
        if key == "Segmentation_ConversionParameters":
            _checkGeometry(value, path, scene)


def _checkGeometry(parameters: str, path: Path, scene: Path) -> None:
    """The reference geometry of a segmentation: a matrix of 16 finite numbers and an extent that an image can have."""
    for parameter in parameters.split("&"):
        name, _, rest = parameter.partition("|")
        if name != "Reference image geometry":
            continue
        numbers = [one for one in rest.partition("|")[0].split(";") if one]
        try:
            matrix, extent = [float(one) for one in numbers[:16]], [int(one) for one in numbers[16:]]
        except ValueError:
            matrix, extent = [math.nan], []
        whole = len(extent) == 6 and all(
            -MOST_INDEX < low <= high + 1 < MOST_INDEX for low, high in zip(extent[::2], extent[1::2], strict=True)
        )
        voxels = math.prod(high - low + 1 for low, high in zip(extent[::2], extent[1::2], strict=True)) if whole else 0
        if numbers and (len(matrix) != 16 or not all(map(math.isfinite, matrix)) or not whole or voxels > MOST_BYTES):
            raise _damaged(path, scene, "has a reference geometry that no image has")


def _inflated(file, wanted: int, path: Path, scene: Path) -> int:
    """Bytes that a compressed image holds, one more than wanted if there are more; its checksum is tested."""
    found, stream = 0, zlib.decompressobj(wbits=31)
    try:
        while not stream.eof and found <= wanted:
            piece = stream.unconsumed_tail or file.read(PIECE)
            if not piece:
                raise _damaged(path, scene, "is cut off")
            found += len(stream.decompress(piece, PIECE))
    except zlib.error as error:
        raise _damaged(path, scene, "cannot be unpacked") from error
    return found
