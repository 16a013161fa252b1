"""What SECURITY.md says of other software is what the package asks for."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def floors_of_the_package():
    """Lowest version by package, of everything that pyproject.toml names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    return dict(re.match(r"([\w-]+)>=([\d.]+)", one).groups() for one in wanted if ">=" in one)


def test_the_floors_that_security_names_are_those_of_the_package():
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = dict(re.findall(r"^\| ([\w-]+)[^|]*\| ([\d.]+) \|", page, re.MULTILINE))
    assert {"torch", "pydicom", "monai", "distributed"} <= named.keys()
    assert named == {name: version for name, version in floors_of_the_package().items() if name in named}
