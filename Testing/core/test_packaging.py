"""What Slicer's build and the catalog need: every file named, the metadata equal everywhere, an icon of ours."""

import importlib.util
import io
import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from PerfusionDLLib import __version__
from PIL import Image

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "PerfusionDL"
EXTENSION = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
LISTED = re.findall(r"^  (\S+\.\S+)$", (MODULE / "CMakeLists.txt").read_text(encoding="utf-8"), re.MULTILINE)
ICONS = (ROOT / "Resources/PerfusionDL.png", MODULE / "Resources/Icons/PerfusionDL.png")

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIRED = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = [Requirement(line) for lines in PROJECT["optional-dependencies"].values() for line in lines]
PINNED = dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE))
BUNDLED = {"numpy": "2.4", "scipy": "1.17", "SimpleITK": "2.5.5", "pydicom": "3.0.2", "highdicom": "0.27"}
"""What Slicer 5.12 brings."""


def setting(name):
    """An extension setting as the catalog's checker reads it: a literal string on one line."""
    return re.search(rf'^set\({name} "([^"]+)"\)$', EXTENSION, re.MULTILINE)[1]


@pytest.fixture(scope="module")
def draw_icon():
    spec = importlib.util.spec_from_file_location("draw_icon", ROOT / "Resources/draw_icon.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_every_file_that_the_module_lists_exists():
    missing = [name for name in LISTED if not (MODULE / name.replace("${MODULE_NAME}", "PerfusionDL")).is_file()]
    assert not missing


def test_files_are_listed_once_and_in_order():
    scripts = [name for name in LISTED if name.endswith(".py")]
    assert scripts == sorted(scripts)
    assert len(LISTED) == len(set(LISTED))


def test_every_network_and_its_card_are_packaged():
    weights = MODULE / "PerfusionDLLib/networks/weights"
    wanted = {
        f"${{MODULE_NAME}}Lib/networks/weights/{path.name}"
        for path in weights.glob("*")
        if path.suffix in (".pt", ".json")
    }
    missing = sorted(wanted - set(LISTED))
    assert not missing, "add to MODULE_PYTHON_RESOURCES in PerfusionDL/CMakeLists.txt:\n  " + "\n  ".join(missing)


def test_every_part_of_the_pages_is_packaged():
    pages = MODULE / "PerfusionDLLib/review/pages"
    wanted = {f"${{MODULE_NAME}}Lib/review/pages/{path.name}" for path in pages.iterdir()}
    missing = sorted(wanted - set(LISTED))
    assert not missing, "add to MODULE_PYTHON_RESOURCES in PerfusionDL/CMakeLists.txt:\n  " + "\n  ".join(missing)


def test_the_catalog_entry_and_the_build_agree():
    entry = json.loads((ROOT / "Resources/PerfusionDL.json").read_text(encoding="utf-8"))
    allowed = {"$schema", "build_dependencies", "build_subdirectory", "category", "scm_revision", "scm_url", "tier"}
    assert set(entry) <= allowed
    assert entry["category"] == "Cardiac"
    assert f"project({Path('PerfusionDL.json').stem})" in EXTENSION
    assert entry["build_dependencies"] == setting("EXTENSION_DEPENDS").split()
    assert entry["scm_url"] == setting("EXTENSION_HOMEPAGE") + ".git"
    assert "Not approved for clinical use" in setting("EXTENSION_DESCRIPTION")


@pytest.mark.parametrize("name", ["EXTENSION_ICONURL", "EXTENSION_SCREENSHOTURLS"])
def test_every_picture_in_the_catalog_is_in_the_repository(name):
    for url in setting(name).split():
        assert (ROOT / url.partition("/main/")[2]).is_file(), url


@pytest.mark.parametrize("icon", ICONS, ids=["extension", "module"])
def test_the_icon_is_what_the_script_draws(icon, draw_icon):
    target = io.BytesIO()
    draw_icon.draw(target)
    drawn, kept = (np.asarray(Image.open(source).convert("RGBA"), dtype=float) for source in (target, icon))
    assert kept.shape == (128, 128, 4)
    assert np.abs(drawn - kept).mean() < 2


def test_the_citation_is_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (\S+)$", citation, re.MULTILINE)[1] == __version__
    assert re.search(r"^license: (\S+)$", citation, re.MULTILINE)[1] == "Apache-2.0"


@pytest.mark.parametrize("required", [*REQUIRED, *EXTRAS], ids=str)
def test_every_dependency_is_pinned_within_its_bounds(required):
    assert required.name in PINNED, f"add {required.name} to constraints.txt"
    assert PINNED[required.name] in required.specifier


@pytest.mark.parametrize("required", [each for each in REQUIRED if each.name in BUNDLED], ids=str)
def test_slicer_brings_versions_that_are_new_enough(required):
    assert BUNDLED[required.name] in required.specifier
