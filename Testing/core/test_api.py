"""The Python API: light to import, the same numbers as the command line, and the examples of the pages run."""

import contextlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import PerfusionDLLib
import pytest
from PerfusionDLLib import quantify, read_study, summarize
from PerfusionDLLib.cli.commands import app
from PerfusionDLLib.data.errors import PerfusionError

ROOT = Path(__file__).parents[2]


def examples(page):
    """The Python of a page."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S))


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder that ``make demo`` works in, with a phantom study."""
    folder = tmp_path_factory.mktemp("api") / "demo"
    app(["simulate", "--out", str(folder / "study"), "--seed", "28"], standalone_mode=False)
    return folder


@pytest.fixture(scope="module")
def shown(demo):
    """What the examples of the page on the Python API leave behind, by its names."""
    names = {}
    with contextlib.chdir(demo.parent):
        exec(compile(examples("docs/python.md"), "docs/python.md", "exec"), names)
    return names


def run_python(code):
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_the_library_loads_neither_torch_nor_numpy():
    loaded = "import sys, PerfusionDLLib; print(sorted({'torch', 'numpy', 'pydicom'} & set(sys.modules)))"
    assert run_python(loaded) == "[]"


def test_importing_the_api_does_not_load_torch():
    loaded = "import sys; from PerfusionDLLib import quantify; print('torch' in sys.modules)"
    assert run_python(loaded) == "False"


def test_what_only_writing_needs_is_not_loaded_to_read():
    loaded = "import sys; from PerfusionDLLib.dicom import read_study; print({'highdicom', 'torch'} & set(sys.modules))"
    assert run_python(loaded) == "set()"


def test_a_process_that_starts_others_or_writes_a_report_loads_neither_scipy_nor_pydicom_nor_torch():
    modules = "from PerfusionDLLib.app import process_study, result_parts; from PerfusionDLLib.report import pages"
    loaded = f"import sys; {modules}; print({{'scipy', 'pydicom', 'torch'}} & set(sys.modules))"
    assert run_python(loaded) == "set()"


def test_what_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'magic'"):
        PerfusionDLLib.magic  # noqa: B018
    assert {"read_study", "preprocess", "quantify", "summarize"} <= set(dir(PerfusionDLLib))


def test_the_example_computes_flow_and_writes_report_and_table(demo, shown):
    assert np.isfinite([row.mpr for row in shown["table"].segments]).all()
    assert (demo.parent / "report.pdf").read_bytes().startswith(b"%PDF")
    assert len((demo.parent / "segments.csv").read_text(encoding="utf-8").splitlines()) == 17


def test_the_readme_shows_the_same_example():
    assert examples("README.md")
    assert examples("README.md") in examples("docs/python.md")


@pytest.mark.slow
def test_the_api_gives_the_table_of_the_command_line(demo, shown):
    app(["run", str(demo / "study/dicom"), "--out", str(demo / "results")], standalone_mode=False)
    for name in ("segments.csv", "report.pdf"):
        assert (demo / "results" / name).read_bytes() == (demo.parent / name).read_bytes()


def test_one_scan_alone_is_summarized(shown):
    table = summarize(shown["maps"][:1])
    assert np.isfinite(table.whole.rest.mbf_ml_min_g)
    assert np.isnan(table.whole.mpr)


def test_a_condition_that_comes_twice_is_refused(shown):
    with pytest.raises(ValueError, match="once"):
        summarize([shown["maps"][0], shown["maps"][0]])


def test_a_model_that_is_not_there_is_refused(shown):
    with pytest.raises(ValueError, match="magic"):
        quantify(shown["preprocessed"], model="magic")


def test_an_empty_folder_is_refused_in_words(tmp_path):
    with pytest.raises(PerfusionError):
        read_study(tmp_path)
