"""The command line says in words what is wrong, ends with exit code 2 and leaves nothing half-written."""

import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from PerfusionDLLib.cli.console import Console, Steps
from PerfusionDLLib.results.atomic import atomic_folder


def installed():
    """What the command `perfusiondl` calls when the package is installed."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, function = project["scripts"]["perfusiondl"].split(":")
    return getattr(import_module(module), function)


@pytest.fixture
def perfusiondl(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["perfusiondl", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            installed()()
        said = capsys.readouterr()
        return stopped.value.code, " ".join((said.out + said.err).split())

    return run


def test_a_folder_without_dicom_is_said_and_leaves_nothing(perfusiondl, tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "letter.txt").write_text("Dear colleague")
    code, said = perfusiondl("run", tmp_path / "study", "--out", tmp_path / "results")
    assert code == 2
    assert "DICOM" in said
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


def test_several_folders_stand_after_one_option(perfusiondl, tmp_path):
    code, said = perfusiondl("agree", "a", "b", "--with", "c", "d", "e", "--out", tmp_path / "out")
    assert code == 2
    assert "2 results folders cannot be compared with 3" in said


def test_a_folder_that_does_not_exist_is_said(perfusiondl, tmp_path):
    code, said = perfusiondl("run", tmp_path / "nowhere", "--out", tmp_path / "results")
    assert code == 2
    assert "nowhere" in said
    assert not (tmp_path / "results").exists()


def test_a_results_folder_that_is_not_empty_is_left_as_it_is(perfusiondl, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for extra in ((), ("--overwrite",)):
        code, said = perfusiondl("run", tmp_path, "--out", tmp_path, *extra)
        assert code == 2
        assert "another folder" in said
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_results_never_replace_the_study_they_come_from(perfusiondl, tmp_path):
    (tmp_path / "study" / "dicom").mkdir(parents=True)
    code, said = perfusiondl("run", tmp_path / "study" / "dicom", "--out", tmp_path / "study", "--overwrite")
    assert code == 2
    assert "is or holds what is to be read" in said
    assert (tmp_path / "study" / "dicom").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("export", "R/scene.mrb", "--out", "R", "--automatic"),
        ("export", "R/scene.mrb", "--out", "other", "--images", "other/dicom"),
        ("agree", "R", "--with", "other", "--out", "R"),
        ("agree", "R", "--with", "other", "--out", "other"),
        ("export-cases", "R", "--out", "R"),
    ],
)
def test_nothing_is_written_over_what_is_read(perfusiondl, tmp_path, monkeypatch, command):
    for name in ("R", "other"):
        with atomic_folder(tmp_path / name) as partial:
            (partial / "scene.mrb").write_text("corrected")
            (partial / "dicom").mkdir()
    monkeypatch.chdir(tmp_path)
    code, said = perfusiondl(*command, "--overwrite")
    assert code == 2
    assert "is or holds what is to be read" in said
    assert (tmp_path / "R" / "scene.mrb").read_text() == (tmp_path / "other" / "scene.mrb").read_text() == "corrected"


def test_an_unknown_vendor_is_a_usage_error(perfusiondl, tmp_path):
    code, said = perfusiondl("simulate", "--out", tmp_path / "study", "--vendor", "acme")
    assert code == 2
    assert "acme" in said


def test_the_version_comes_with_the_notice(perfusiondl):
    code, said = perfusiondl("version")
    assert code == 0
    assert "Not approved for clinical use" in said


def test_steps_of_one_kind_are_added_up():
    steps = Steps(Console(quiet=True))
    for where in ("basal", "mid"):
        steps(f"rest {where}: labels")
    steps("report")
    steps.finish()
    assert set(steps.seconds) == {"labels", "report"}
    assert steps.profile().splitlines()[-1].endswith("in all")
