"""One rest scan of each vendor on disk, written once for all tests, and copies of it to edit."""

import shutil
from datetime import datetime

import pytest
from dicom_edits import beat_of
from dicom_studies import rest_only, written
from PerfusionDLLib.dicom import read_study

SLICES, FRAMES = 2, 16


@pytest.fixture(scope="session")
def rest_scans(tmp_path_factory):
    """A rest scan of two slices in the way of each vendor that is asked for, written once."""
    made = {}

    def make(vendor="siemens"):
        if vendor not in made:
            folder = tmp_path_factory.mktemp(f"rest-{vendor}")
            written(folder, rest_only(slices=SLICES, frames=FRAMES), vendor)
            made[vendor] = folder, read_study([folder])
        return made[vendor]

    return make


@pytest.fixture
def case(rest_scans, tmp_path):
    """A copy of a rest scan to edit, and what the untouched one reads as."""

    def make(vendor="siemens"):
        folder, expected = rest_scans(vendor)
        shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
        return tmp_path, expected

    return make


def beat(image):
    """Heartbeat of an image as the Siemens writer numbers it, from 0."""
    return beat_of(image, SLICES)


def moved(image, shift):
    """Shift the times of an image."""
    moment = datetime.strptime(f"{image.AcquisitionDate}{image.AcquisitionTime}", "%Y%m%d%H%M%S.%f") + shift
    image.AcquisitionDate = image.ContentDate = moment.strftime("%Y%m%d")
    image.AcquisitionTime = image.ContentTime = moment.strftime("%H%M%S.%f")
