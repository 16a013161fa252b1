"""Inputs with damage in them: scenes, archives, tables, cards and DICOM objects, each for a random number generator."""

import functools
import hashlib
import io
import json
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np

ODD_BYTES = (
    *(b"\0", b"-1", b"1e999", b"nan", b";", b'"'),
    *(b"\xff\xfe", b"999999999999", b"../", b"[", b"{}", b"null"),
)
ODD_VALUES = (*(b"null", b"-1", b"99999", b"[]", b"{}"), *(b"&quot;x&quot;", b"1e400", b"[1,2]", b"", b"true"))


class Ran:
    """An object whose reading runs code, as a pickle can: it leaves a file behind."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return Path.touch, (Path(self.target),)


def damage(data, random):
    """Some bytes changed, cut off, doubled or put in."""
    data = bytearray(data)
    for _ in range(int(random.integers(1, 4))):
        at = int(random.integers(len(data) + 1))
        size = int(random.choice([1, 1, 4, 64]))
        match int(random.integers(6)):
            case 0:
                data[at : at + size] = random.integers(0, 256, size, np.uint8).tobytes()
            case 1:
                del data[at:]
            case 2:
                del data[at : at + size]
            case 3:
                data[at:at] = data[at : at + size]
            case 4:
                data[at:at] = ODD_BYTES[int(random.integers(len(ODD_BYTES)))]
            case 5:
                digits = [index for index, byte in enumerate(data[:100000]) if 48 <= byte < 58]
                if digits:
                    data[digits[int(random.integers(len(digits)))]] = int(random.integers(48, 58))
    return bytes(data)


def make_scene(path, random, good):
    """A scene with one or two files in it damaged, the archive itself whole."""
    files = dict(good)
    for name in random.choice(sorted(files), size=int(random.integers(1, 3)), replace=False):
        name = str(name)
        if random.random() < 0.15:
            del files[name]
        elif name.endswith(".mrml") or random.random() < 0.6:
            files[name] = damage(files[name], random)
        else:  # the header alone, where sizes and types stand
            head, end, rest = files[name].partition(b"\n\n")
            files[name] = damage(head, random) + end + rest
    if random.random() < 0.5:
        name = next(one for one in good if one.endswith(".mrml"))
        files[name] = damage_values(files.get(name, good[name]), random)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def damage_values(text, random):
    """What a scene says of our nodes: values of another kind, out of range, or gone."""
    parts = text.split(b"PerfusionDL.")
    at = int(random.integers(1, len(parts)))
    key, colon, value = parts[at].partition(b":")
    value, end, rest = value.partition(b";")
    odd = (*ODD_VALUES, value[: len(value) // 2])
    parts[at] = key + colon + odd[int(random.integers(len(odd)))] + end + rest
    return b"PerfusionDL.".join(parts)


def make_archive(path, random, good):
    """An archive that leads elsewhere, unpacks without end, or is none."""
    outside = f"{path.parent.parent}/outside/hit"
    escapes = ["../hit", "../../hit", "/tmp/hit-by-attack", outside, "a/../../hit"]
    escapes += ["..\\hit", "C:\\hit", "a/b\\hit"]
    kind = int(random.integers(7))
    if kind in (2, 3):
        path.write_bytes(endless(kind, tuple(good.items())))
    else:
        write_archive(path, kind, random, good, escapes)
    if random.random() < 0.4:
        path.write_bytes(damage(path.read_bytes(), random))


def write_archive(path, kind, random, good, escapes):
    """A whole scene with something in it that no scene holds."""
    mrml = next(one for one in good if one.endswith(".mrml"))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        files = dict(good)
        if kind == 4:
            places = [b"../", b"/etc/", b"file:///"]
            files[mrml] = good[mrml].replace(b"Data/", places[int(random.integers(3))])
        for name, data in files.items():
            archive.writestr(name, data)
        match kind:
            case 0:
                archive.writestr(escapes[int(random.integers(len(escapes)))], b"x")
            case 1:
                link = zipfile.ZipInfo("scene/Data/link")
                link.external_attr = 0o120777 << 16
                archive.writestr(link, "../../../outside")
                archive.writestr("scene/Data/link/hit", b"x")
            case 5:
                archive.writestr("other.mrml", b'<!DOCTYPE a [<!ENTITY b "c">]>' + good[mrml])


@functools.cache
def endless(kind, good):
    """An archive that unpacks to 600 MB, or holds more files than any scene."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in good:
            archive.writestr(name, data)
        if kind == 2:
            with archive.open("scene/Data/bomb.nrrd", "w", force_zip64=True) as bomb:
                for _ in range(600):
                    bomb.write(bytes(1 << 20))
        else:
            for number in range(20_001):
                archive.writestr(f"scene/{number}", b"")
    return target.getvalue()


def make_table(folder, random, good):
    """Two results folders, one with a damaged file."""
    for name in ("first", "second"):
        shutil.copytree(good, folder / name)
    files = sorted(path for path in (folder / "first").rglob("*") if path.suffix in (".csv", ".json", ".nrrd"))
    path = files[int(random.integers(len(files)))]
    data = path.read_bytes()
    if path.suffix == ".csv" and random.random() < 0.4:  # as a spreadsheet saves it
        text = data.decode().replace(",", ";").replace(".", ",")
        data = text.encode(["utf-8-sig", "utf-16", "latin-1"][int(random.integers(3))], errors="replace")
    path.write_bytes(damage(data, random) if random.random() < 0.9 else data)


def make_cards(folder, random, good):
    """A card or weights damaged, or weights that would run code, their hash in the card made to fit."""
    shutil.copytree(good, folder / "weights")
    step = ["peak", "box", "labels", "points"][int(random.integers(4))]
    card, weights = folder / "weights" / f"{step}.json", folder / "weights" / f"{step}.pt"
    match int(random.integers(4)):
        case 0:
            card.write_bytes(damage(card.read_bytes(), random))
            return
        case 1:
            text = json.loads(card.read_text())
            where = text[str(random.choice(["input", "architecture", "output"]))]
            key = str(random.choice(sorted(where)))
            odd = [None, -1, 0, "x", [], {}, 1e300, True, "../x", [1, 2]]
            where[key] = odd[int(random.integers(len(odd)))]
            card.write_text(json.dumps(text))
            return
        case 2:
            weights.write_bytes(damage(weights.read_bytes(), random))
        case 3:
            payload = io.BytesIO()
            if random.random() < 0.5:
                payload.write(pickle.dumps(Ran(folder / "ran")))
            else:
                with zipfile.ZipFile(payload, "w") as archive:
                    archive.writestr("archive/data.pkl", pickle.dumps(Ran(folder / "ran"), protocol=2))
                    archive.writestr("archive/version", "3\n")
            weights.write_bytes(payload.getvalue())
    text = json.loads(card.read_text())
    text["sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    card.write_text(json.dumps(text))


def make_objects(folder, random, good):
    """Objects of an archive, one of them with damaged bytes, without an attribute, or with other words in it."""
    shutil.copytree(good, folder / "archive")
    files = sorted(path for path in (folder / "archive" / "objects").rglob("*.dcm"))
    path = files[int(random.integers(len(files)))]
    if random.random() < 0.3:
        path.write_bytes(damage(path.read_bytes(), random))
        return
    import pydicom

    if random.random() < 0.5:
        path = next(path for path in files if pydicom.dcmread(path).Modality == "SR")
    dataset = pydicom.dcmread(path)
    places = [(owner, element) for owner in datasets(dataset) for element in owner]
    texts = [(owner, element) for owner, element in places if element.keyword == "TextValue"]
    owner, element = places[int(random.integers(len(places)))]
    if texts and random.random() < 0.6:
        owner, element = texts[int(random.integers(len(texts)))]
        element.value = damage(str(element.value).encode(), random).decode(errors="replace").replace("\0", "")
    elif random.random() < 0.5:
        del owner[element.tag]
    elif element.VR == "SQ":
        element.value = []
    else:
        element.value = None
    dataset.save_as(path)


def datasets(dataset):
    """A dataset and all those nested in it."""
    yield dataset
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from datasets(item)


MAKERS = {
    "scenes": make_scene,
    "archives": make_archive,
    "tables": make_table,
    "cards": make_cards,
    "objects": make_objects,
}
"""What makes a damaged input of each kind, in a folder or as ``scene.mrb`` in it."""
