"""Cohorts of small phantom studies, whole and broken, for the tests and the benchmark of `perfusiondl batch`.

A study is one mid-ventricular slice of 96 x 96 pixels and 36 heartbeats: all steps run as on a patient, in seconds.
"""

import os
import shutil
import signal
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from PerfusionDLLib import phantom
from PerfusionDLLib.batch.outcome import DONE, LOST, Outcome
from PerfusionDLLib.data.study import Condition, Level
from PerfusionDLLib.dicom import write_study

SMALL = replace(
    phantom.DEFAULT,
    sizes=(96,),
    pixel_mm=(3.3, 3.5),
    frames_rest=(36, 36),
    frames_stress=(36, 36),
    lv_peak_frame=(15.0, 17.0),
)


def write_small_study(folder, seed, *, conditions=(Condition.STRESS,), vendor="siemens"):
    """One phantom study as DICOM."""
    drawn = phantom.simulate_study(seed, conditions=conditions, levels=(Level.MID,), size=96, config=SMALL)
    write_study(drawn.study, folder, vendor=vendor, seed=seed)
    return folder


def files(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.is_file())


def cut_off(folder, seed):
    """The pixels of one image end early."""
    path = files(write_small_study(folder, seed))[7]
    path.write_bytes(path.read_bytes()[:-5000])


def damaged_header(folder, seed):
    """Noise where the header of one image was."""
    path = files(write_small_study(folder, seed))[5]
    noise = np.random.default_rng(seed).integers(0, 256, 600, np.uint8).tobytes()
    path.write_bytes(path.read_bytes()[:140] + noise)


def two_patients(folder, seed):
    """Half of the images are another patient's."""
    for path in files(write_small_study(folder, seed))[::2]:
        image = pydicom.dcmread(path)
        image.PatientID = "SOMEBODY ELSE"
        image.save_as(path)


def no_perfusion(folder, seed):
    """Only the first few frames were sent."""
    for path in files(write_small_study(folder, seed))[3:]:
        path.unlink()


def empty_files(folder, seed):
    """A copy that stopped: the names are there, the bytes are not."""
    for path in files(write_small_study(folder, seed)):
        path.write_bytes(b"")


def unknown_compression(folder, seed):
    """A transfer syntax that nothing here decodes."""
    for path in files(write_small_study(folder, seed)):
        image = pydicom.dcmread(path)
        image.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLSLossless
        image.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8\xff\xf7\x00\x00"])
        image["PixelData"].VR = "OB"
        image.save_as(path, enforce_file_format=True, little_endian=True, implicit_vr=False)


def same_times(folder, seed):
    """Every frame says that it was acquired at the same moment."""
    for path in files(write_small_study(folder, seed)):
        image = pydicom.dcmread(path)
        for keyword in ("AcquisitionTime", "ContentTime", "TriggerTime", "AcquisitionDateTime", "NominalInterval"):
            if keyword in image:
                setattr(image, keyword, "120000.000000" if keyword.endswith("Time") else 0)
        image.save_as(path)


def memory_bomb(folder, seed):
    """One small file that inflates to more than a study may have."""
    inflate(files(write_small_study(folder, seed))[0], gigabytes=3)


def inflate(path, *, gigabytes):
    """Make a DICOM file a small deflated one that inflates to gigabytes."""
    image = pydicom.dcmread(path)
    image.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    image.save_as(path, enforce_file_format=True, little_endian=True, implicit_vr=False)
    stored = path.read_bytes()
    begin = 144 + int.from_bytes(stored[140:144], "little")
    plain = zlib.decompress(stored[begin:], -zlib.MAX_WBITS)
    deflate = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    size = 1 << 24
    element = b"\xe1\x7f\x10\x10OB\0\0" + size.to_bytes(4, "little") + bytes(size)  # of a private group
    start = deflate.compress(plain) + deflate.flush(zlib.Z_FULL_FLUSH)
    again = deflate.compress(element) + deflate.flush(zlib.Z_FULL_FLUSH)  # says the same wherever it stands
    path.write_bytes(stored[:begin] + start + again * (gigabytes * 64) + deflate.flush())


def endless(folder, seed, *, frames=1800):
    """So many frames that the limit of time passes first."""
    drawn = phantom.simulate_study(seed, conditions=(Condition.STRESS,), levels=(Level.MID,), size=96, config=SMALL)
    scan = drawn.study.stress
    one = scan.slices[0]
    many = np.tile(one.signal, (frames // len(one.signal) + 1, 1, 1))[:frames]
    long = replace(one, signal=many, times_s=np.arange(frames) * 0.7)
    write_study(replace(drawn.study, stress=replace(scan, slices=(long,))), folder, vendor="enhanced", seed=seed)


def many_files(folder, seed, *, count=10_000):
    """A whole study among thousands of other images of the same examination."""
    first = files(write_small_study(folder, seed))[0]
    image = pydicom.dcmread(first)
    image.SeriesInstanceUID += ".9"
    image.SeriesNumber = 99
    image.SeriesDescription = "localizer"
    image.Rows = image.Columns = 4
    image.PixelData = bytes(32)
    (folder / "other").mkdir()
    for number in range(count - len(files(folder))):
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = f"2.25.{seed}{number:08d}"
        image.InstanceNumber = number
        image.ImagePositionPatient = [0, 0, number]
        image.save_as(folder / "other" / f"{number:05d}.dcm")


BROKEN = {
    cut_off: "cut off",
    damaged_header: "damaged|incomplete",
    two_patients: "2 patients",
    no_perfusion: "No first-pass perfusion",
    empty_files: "none is a DICOM file",
    unknown_compression: "compressed|cut off",
    same_times: "when each frame was acquired",
    memory_bomb: "GB of memory",
    endless: "not finished after",
}


def worker_that_loses(job, images, seconds, memory_bytes):
    """What a worker may do to a study: at the first attempt, what the name of the study says; then it is done."""
    first = not Path(job["out"]).exists()
    with Path(job["out"]).open("a") as seen:
        seen.write(f"{os.getpid()}\n")
    if first and job["study"] == "kills":
        os.kill(os.getpid(), signal.SIGKILL)
    if first and job["study"] == "raises":
        raise RuntimeError("a mistake")
    kind = LOST if first and job["study"] == "loses" else DONE
    return Outcome(study=job["study"], kind=kind)


def tables(results):
    """The bytes of every table of a results folder."""
    names = ("segments.csv", "territories.csv", "tidy.csv", "table.json")
    return {name: (results / name).read_bytes() for name in names}


def fresh(folder):
    """An empty folder in place of whatever was there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
