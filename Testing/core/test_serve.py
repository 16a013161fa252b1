"""A node beside a real Orthanc: every study once, its results beside the images, whatever ends in between."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter

import cohorts
import numpy as np
import pydicom
import pytest
from orthanc_server import PASSWORD, USER, orthanc
from patience import PATIENCE_S
from PerfusionDLLib import mrml
from PerfusionDLLib.batch.cohort import Settings
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.dicom.versions import number_versions
from PerfusionDLLib.serve.journal import Journal
from PerfusionDLLib.serve.node import Node
from PerfusionDLLib.serve.orthanc import Orthanc
from scipy import ndimage


@pytest.fixture
def archive(tmp_path):
    with orthanc(tmp_path / "orthanc") as server:
        yield server


def serve(server, out, *options, wait=True):
    """The command, by a process of its own."""
    command = [sys.executable, "-m", "PerfusionDLLib.cli", "serve", "--orthanc", server.url, "--out", str(out)]
    started = subprocess.Popen(
        [*command, "--user", USER, "--all", "--interval", "0.2", *options],
        env=os.environ | {"PERFUSIONDL_ORTHANC_PASSWORD": PASSWORD},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    if not wait:
        return started
    said, _ = started.communicate(timeout=PATIENCE_S)
    assert started.returncode == 0, said
    return said


def read(server, name):
    return pydicom.dcmread(io.BytesIO(server.get(f"/instances/{name}/file").content))


def numbers_in(report):
    """Every number of a structured report, with its meaning."""

    def walk(items):
        for item in items:
            if item.ValueType == "NUM":
                for value in item.get("MeasuredValueSequence", []):
                    yield float(value.NumericValue)
            yield from walk(item.get("ContentSequence", []))

    return list(walk(report.ContentSequence))


def test_studies_of_two_vendors_come_back_with_their_results_once(archive, tmp_path):
    """A third study that is no first pass is refused in words and holds up nobody."""
    sent = {}
    for number, vendor in enumerate(("siemens", "ge")):
        sent[vendor] = cohorts.write_small_study(tmp_path / vendor, 60_000 + number, vendor=vendor)
        archive.send(cohorts.files(sent[vendor]))
    cohorts.no_perfusion(tmp_path / "none", 60_002)
    archive.send(cohorts.files(tmp_path / "none"))
    archive.wait_until_stable()
    said = serve(archive, tmp_path / "node", "--once")
    assert said.count("results stored") == 2
    assert "No first-pass perfusion" in said
    found = archive.objects()
    assert Counter(one["modality"] for one in found) == {"SEG": 4, "OT": 2, "SR": 2, "DOC": 2}
    assert len({one["study"] for one in found}) == 2
    assert not list((tmp_path / "node" / "images").iterdir())
    report = read(archive, next(one["id"] for one in found if one["modality"] == "SR"))
    studies = {path.name: path for path in (tmp_path / "node").glob("cohort-*/studies/*")}
    kept = [pydicom.dcmread(path / "dicom" / "segment_table.dcm") for path in studies.values()]
    same = next(one for one in kept if one.SOPInstanceUID == report.SOPInstanceUID)
    assert numbers_in(report) == numbers_in(same)
    assert len(numbers_in(report)) > 10
    archive.wait_until_stable()
    again = serve(archive, tmp_path / "node", "--once")
    assert "fetched" not in again
    assert sorted(one["id"] for one in archive.objects()) == sorted(one["id"] for one in found)


@pytest.mark.slow
def test_images_that_come_late_give_a_new_version_that_names_the_former(archive, tmp_path):
    files = cohorts.files(cohorts.write_small_study(tmp_path / "study", 60_010))
    archive.send(files[:-4])
    archive.wait_until_stable()
    node = serve(archive, tmp_path / "node", wait=False)
    try:
        wait_for(lambda: sum(one["modality"] == "SR" for one in archive.objects()) == 1, node)
        former = next(one["id"] for one in archive.objects() if one["modality"] == "SR")
        archive.send(files[-4:])
        wait_for(lambda: sum(one["modality"] == "SR" for one in archive.objects()) == 2, node)
        node.send_signal(signal.SIGTERM)
        said, _ = node.communicate(timeout=PATIENCE_S)
    finally:
        node.kill()
    assert "images came late" in said
    assert "Stopped" in said
    latest = next(one["id"] for one in archive.objects() if one["modality"] == "SR" and one["id"] != former)
    named = read(archive, latest).PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert named.ReferencedSOPInstanceUID == read(archive, former).SOPInstanceUID


def wait_for(is_there, node):
    until = time.monotonic() + PATIENCE_S
    while not is_there():
        assert node.poll() is None, node.communicate()[0]
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.3)


@pytest.mark.slow
def test_a_correction_goes_back_as_a_new_version_whose_table_the_archive_holds(archive, tmp_path):
    """The scene of the node is corrected and sent; from the archive alone it is computed again, digit by digit."""
    images = cohorts.write_small_study(tmp_path / "study", 60_030)
    archive.send(cohorts.files(images))
    archive.wait_until_stable()
    serve(archive, tmp_path / "node", "--once")
    former = next(one["id"] for one in archive.objects() if one["modality"] == "SR")
    results = next((tmp_path / "node").glob("cohort-*/studies/*"))
    opened = mrml.openScene(results / "scene.mrb")
    part = mrml.findScans(opened.scene)[0].slices[0]
    labels = mrml.readContours(part, mrml.readSeries(part)).labels.copy()
    heart = np.isin(labels, (1, 2))
    labels[heart & ~ndimage.binary_erosion(heart) & (labels == 1)] = 0
    mrml.writeLabels(part.contours, part.originalVolume, labels)
    mrml.saveScene(opened.scene, tmp_path / "corrected.mrb")
    call("export", tmp_path / "corrected.mrb", "--out", tmp_path / "corrected", "--images", images)
    said = call("send", tmp_path / "corrected", "--orthanc", archive.url, "--user", USER)
    assert "the report names the former one" in said
    latest = next(one["id"] for one in archive.objects() if one["modality"] == "SR" and one["id"] != former)
    report = read(archive, latest)
    named = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert named.ReferencedSOPInstanceUID == read(archive, former).SOPInstanceUID
    rows = json.loads((tmp_path / "corrected" / "table.json").read_text())
    flows = [row["stress"]["mbf_ml_min_g"] for row in (*rows["segments"], rows["whole"])]
    held = numbers_in(report)
    for flow in filter(None, flows):
        assert min(abs(one - flow) for one in held) < 1e-9 * max(flow, 1)
    before = numbers_in(read(archive, former))
    assert not any(min(abs(one - flow) for one in before) < 1e-9 for flow in filter(None, flows))
    (study,) = archive.get("/studies").json()
    with zipfile.ZipFile(io.BytesIO(archive.get(f"/studies/{study}/archive").content)) as everything:
        everything.extractall(tmp_path / "fetched")
    said = call("restore", tmp_path / "fetched", "--out", tmp_path / "restored")
    assert "Version 2, corrected by a reader" in said
    for name in ("table.json", "segments.csv", "tidy.csv"):
        assert (tmp_path / "restored" / name).read_bytes() == (tmp_path / "corrected" / name).read_bytes()
    call("restore", tmp_path / "fetched", "--version", 1, "--out", tmp_path / "first")
    assert (tmp_path / "first" / "table.json").read_bytes() == (results / "table.json").read_bytes()


def call(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "PerfusionDLLib.cli", *map(str, arguments)],
        env=os.environ | {"PERFUSIONDL_ORTHANC_PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_node_waits_for_an_archive_that_dies_and_comes_back(archive, tmp_path):
    """It dies while the study is computed, so that the results cannot be stored, and comes back later."""
    archive.send(cohorts.files(cohorts.write_small_study(tmp_path / "study", 60_040)))
    archive.wait_until_stable()
    node = serve(archive, tmp_path / "node", wait=False)
    try:
        wait_for(lambda: any((tmp_path / "node" / "images").glob("study-*")), node)
        archive.kill()
        wait_for(lambda: any((tmp_path / "node").glob("cohort-*/cohort.html")), node)
        time.sleep(4)
        archive.begin()
        wait_for(lambda: sum(one["modality"] == "DOC" for one in archive.objects()) == 1, node)
        node.send_signal(signal.SIGTERM)
        said, _ = node.communicate(timeout=PATIENCE_S)
    finally:
        node.kill()
    assert said.count("The archive does not answer now: ConnectionError") == 1
    assert Counter(one["modality"] for one in archive.objects()) == {"SEG": 2, "OT": 1, "SR": 1, "DOC": 1}


@pytest.mark.slow
def test_a_node_that_is_killed_at_any_moment_loses_nothing_and_does_nothing_twice(archive, tmp_path):
    for number in range(4):
        archive.send(cohorts.files(cohorts.write_small_study(tmp_path / str(number), 60_020 + number)))
    archive.wait_until_stable()
    for seconds in (1.5, 6.0, 12.0, 18.0):
        node = serve(archive, tmp_path / "node", wait=False)
        time.sleep(seconds)
        os.killpg(node.pid, signal.SIGKILL)
        node.communicate()
    serve(archive, tmp_path / "node", "--once")
    found = archive.objects()
    assert Counter(one["modality"] for one in found) == {"SEG": 8, "OT": 4, "SR": 4, "DOC": 4}
    assert len({one["study"] for one in found}) == 4


def test_only_a_connection_that_others_can_read_is_said_to_be_one():
    open_ones = ["http://archive:8042", "http://10.0.0.7:8042"]
    assert all(Orthanc(url).is_open_to_others for url in open_ones)
    assert not any(Orthanc(url).is_open_to_others for url in ("https://archive:8042", "http://localhost:8042"))


def test_two_nodes_do_not_serve_from_one_folder(tmp_path):
    first, second = (Node(archive=Orthanc("http://127.0.0.1:9"), out=tmp_path, settings=Settings()) for _ in range(2))
    with first._alone(), pytest.raises(PerfusionError, match="Another command serves"):
        second.run(interval_s=1, once=True)


def test_a_journal_whose_last_line_was_broken_off_is_read(tmp_path):
    journal = Journal(tmp_path)
    journal.note("seen", change=7)
    journal.note("changed", study="a")
    journal.note("changed", study="b")
    journal.note("fetched", study="a", label="study-1", images="1234")
    journal.note("ended", study="a", how="stored", report={"sop": "1.2"})
    with (tmp_path / ".serve" / "journal.jsonl").open("a") as file:
        file.write('{"event": "fetched", "study": "b", "la')
    again = Journal(tmp_path)
    assert again.seen == 7
    assert list(again.waiting) == ["b"]
    assert again.by_label("study-1")[1].report == {"sop": "1.2"}
    again.note("fetched", study="a", label="study-1", images="5678")
    assert (again.studies["a"].ended, again.studies["a"].report) == ("", {"sop": "1.2"})


def test_a_report_does_not_name_itself_as_its_predecessor():
    report = pydicom.Dataset()
    report.SOPInstanceUID = "1.2"
    number_versions([report], {"sop": "1.2", "sop_class": "1", "series": "1", "study": "1"})
    assert "PredecessorDocumentsSequence" not in report
