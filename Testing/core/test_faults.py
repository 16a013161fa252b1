"""Every export on a full disk, where one may not write, canceled, and on top of a former one: whole or not at all."""

import os
import resource
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from io import BytesIO

import pytest
from PerfusionDLLib import report
from PerfusionDLLib.app import comparison, write_outputs
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.preprocessed import PreprocessedStudy
from PerfusionDLLib.dicom import export_results
from PerfusionDLLib.results import atomic
from PerfusionDLLib.training import corrections
from test_comparison import write as write_readings
from test_dicom_export import from_dicom
from test_learning import corrected_slice
from test_learning import write_results as write_corrected

NOBODY = 65534
KINDS = ("results", "dicom", "agreement", "cases", "table", "report")
FOLDERS = KINDS[:4]


@pytest.fixture(scope="module")
def one_slice(finished_study):
    """The rest scan with its first slice, and its maps."""
    scan, flow = finished_study.scans[0], finished_study.maps[0]
    return replace(
        finished_study,
        preprocessed=PreprocessedStudy(scans=(replace(scan, slices=scan.slices[:1]),)),
        maps=(replace(flow, slices=flow.slices[:1]),),
        table=replace(finished_study.table, segments=finished_study.table.segments[:2], territories=()),
    )


@pytest.fixture(scope="module")
def export(one_slice, finished_study, tmp_path_factory):
    """A function of kind, path and, where it says its steps, progress that writes an export."""
    root = tmp_path_factory.mktemp("faults")
    read = from_dicom(finished_study.scans, root / "sources", "siemens")[0]
    scan = replace(read, slices=read.slices[:1])
    write_readings(root / "reading", finished_study)
    write_corrected(root / "corrected", corrected_slice(61001))
    pdf = BytesIO()
    report.write_pdf(pdf, one_slice)

    def write(kind, path, progress=lambda step: None):
        study = one_slice
        if kind in FOLDERS:
            with atomic.atomic_folder(path, kind_of(kind), overwrite=True) as partial:
                progress("begun")
                match kind:
                    case "results":
                        write_outputs.write_results(partial, study, progress=progress)
                    case "dicom":
                        from_images = replace(study, preprocessed=PreprocessedStudy(scans=(scan,)))
                        export_results(partial, [root / "sources"], from_images, moment=datetime(2025, 1, 20))
                    case "cases":
                        corrections.export_cases([root / "corrected"], partial)
                    case "agreement":
                        text = comparison.agree([root / "reading"], [root / "reading"], partial / "inner")
                        assert "Dice" in text
                        for file in (partial / "inner").iterdir():
                            file.rename(partial / file.name)
                        (partial / "inner").rmdir()
            return
        with atomic.atomic_file(path) as target:
            progress("begun")
            if kind == "table":
                target.write(report.segments_csv(finished_study.table).encode())
            else:
                target.write(pdf.getvalue())

    return write


@pytest.fixture(scope="module")
def good(export, tmp_path_factory):
    """One good export of every kind on top of something else: its files and their sizes."""
    root = tmp_path_factory.mktemp("good")
    for kind in KINDS:
        former(root / kind, kind)
        export(kind, root / kind)
    assert sorted(path.name for path in root.iterdir()) == sorted(KINDS)
    return {kind: content(root / kind) for kind in KINDS}


def content(path):
    """Size of every file of an export."""
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    return {str(file.relative_to(path.parent)): file.stat().st_size for file in files}


def former(path, kind):
    """What stands where the export is to be written."""
    if kind in FOLDERS:
        with atomic.atomic_folder(path, kind_of(kind)) as partial:
            (partial / "segments.csv").write_text("former")
            (partial / "rest_apical_7").mkdir()
            (partial / "rest_apical_7" / "labels.nrrd").write_text("former")
    else:
        path.write_text("former")
    return content(path)


def kind_of(kind):
    """What a folder is marked as."""
    return {"dicom": atomic.Kind.DICOM, "agreement": atomic.Kind.AGREEMENT, "cases": atomic.Kind.CASES}.get(
        kind, atomic.Kind.RESULTS
    )


@contextmanager
def room_for(size):
    """No file may become larger, as on a disk that fills up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def without_rights(folder):
    """A folder in which one may not write; root, who may always, becomes nobody."""
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


@pytest.mark.parametrize("which", ["smallest", "largest"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_leaves_what_was_there_and_is_said(export, good, tmp_path, kind, which):
    sizes = sorted(good[kind].values())
    limit = 60 if which == "smallest" else sizes[-1] - 1
    target = tmp_path / "export"
    before = former(target, kind)
    with pytest.raises(PerfusionError, match=r"written|could not be read"), room_for(limit):
        export(kind, target)
    assert content(target) == before
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_without_rights_is_said(export, tmp_path, kind):
    with without_rights(tmp_path), pytest.raises(PerfusionError, match="Permission denied"):
        export(kind, tmp_path / "export")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_where_a_folder_should_be_is_said(export, tmp_path, kind):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(PerfusionError, match="Not a directory"):
        export(kind, tmp_path / "file" / "export")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(("kind", "step"), [*((kind, "begun") for kind in KINDS), ("results", "report")])
def test_a_canceled_export_leaves_what_was_there(export, tmp_path, kind, step):
    target = tmp_path / "export"
    before = former(target, kind)

    def cancel(began):
        if began == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(kind, target, cancel)
    assert content(target) == before
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_export_on_top_replaces_the_first_as_a_whole(good, kind):
    assert not any("rest_apical_7" in name for name in good[kind])
    assert len("former") not in good[kind].values()
    assert len(good[kind]) >= {"results": 10, "dicom": 4, "agreement": 4, "cases": 2}.get(kind, 1)


def test_a_former_result_survives_where_the_new_one_cannot_take_its_name(tmp_path, monkeypatch):
    target = tmp_path / "export"
    before = former(target, "results")
    rename = type(target).rename

    def refuse(self, name):
        if ".partial" in self.name:
            raise OSError(28, "No space left on device")
        return rename(self, name)

    monkeypatch.setattr(type(target), "rename", refuse)
    with pytest.raises(PerfusionError, match="No space left"), atomic.atomic_folder(target, overwrite=True) as partial:
        (partial / "segments.csv").write_text("new")
    assert content(target) == before
    assert list(tmp_path.iterdir()) == [target]


def test_a_disk_without_room_is_named_as_the_reason(tmp_path, monkeypatch):
    """The writers of images say only that they failed."""
    monkeypatch.setattr(atomic, "FULL_BYTES", 1 << 62)
    with (
        pytest.raises(PerfusionError, match="no space is left on the disk"),
        atomic.atomic_folder(tmp_path / "results"),
    ):
        raise PerfusionError("The scene scene.mrb could not be written.", "Check the disk.")
