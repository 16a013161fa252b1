"""The walls of the house: who may import what, read from the syntax trees."""

import ast
import re
from pathlib import Path

import pytest

MODULE = Path(__file__).parents[2] / "PerfusionDL"
CORE = MODULE / "PerfusionDLLib"
FILES = sorted(CORE.rglob("*.py"))
WORDS = {"errors", "series", "contours", "maps"}
METHODS = {
    "dicom",
    "motion",
    "networks",
    "preprocessing",
    "concentration",
    "residual",
    "aif",
    "kinetics",
    "aha",
    "bullseye",
    "agreement",
}
CHAIN = {"pipeline", "blood", "curves", "quantification", "summary"}
COMPOSITION = CHAIN | {"report", "figures"}


def noun(path):
    """First part of a file's place in the core: ``phantom/anatomy.py`` is ``phantom``."""
    return path.relative_to(CORE).parts[0].removesuffix(".py")


def imports(path, *, file_scope_only=False):
    """Absolute imports as top-level names, relative ones as ``.name`` seen from the core."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    depth = len(path.relative_to(CORE).parts)
    for node in tree.body if file_scope_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0:
                yield node.module.split(".")[0]
            elif node.level < depth:
                yield "." + noun(path)
            elif node.module:
                yield "." + node.module.split(".")[0]
            else:
                yield from ("." + alias.name for alias in node.names)


def each(files=FILES):
    return pytest.mark.parametrize("path", files, ids=lambda path: str(path.relative_to(CORE)))


@each()
def test_only_the_scene_door_and_the_panel_know_slicer(path):
    if noun(path) not in {"mrml", "panel"}:
        assert not {"slicer", "vtk", "vtkmodules", "qt", "ctk"} & set(imports(path))


@each()
def test_only_the_panel_knows_qt(path):
    if noun(path) != "panel":
        assert not {"qt", "ctk"} & set(imports(path))


@each()
def test_only_the_module_opens_the_panel(path):
    if noun(path) != "panel":
        assert ".panel" not in set(imports(path))


@each()
def test_torch_waits_until_it_is_needed(path):
    if noun(path) not in {"networks", "training"}:
        assert not {"torch", "monai"} & set(imports(path, file_scope_only=True))


@each()
def test_only_the_dicom_noun_knows_dicom_libraries(path):
    if noun(path) != "dicom":
        assert not {"pydicom", "highdicom"} & set(imports(path))


@each()
def test_only_the_cohort_door_knows_the_engine(path):
    if noun(path) != "batch":
        assert not {"dask", "distributed", "psutil"} & set(imports(path))


@each()
def test_only_the_command_line_opens_the_cohort_door(path):
    if noun(path) != "batch":
        assert ".batch" not in set(imports(path, file_scope_only=True))
        assert noun(path).startswith("cli") or ".batch" not in set(imports(path))


@each([path for path in FILES if noun(path) in WORDS])
def test_words_import_only_words(path):
    assert {name[1:] for name in imports(path) if name[0] == "."} <= WORDS


@each([path for path in FILES if noun(path) in METHODS])
def test_methods_do_not_import_each_other(path):
    allowed = WORDS | {noun(path), "__version__"} | ({"networks", "motion"} if noun(path) == "preprocessing" else set())
    assert {name[1:] for name in imports(path) if name[0] == "."} <= allowed


@each([path for path in FILES if noun(path) == "phantom"])
def test_the_phantom_has_its_own_forward_model(path):
    assert {name[1:] for name in imports(path) if name[0] == "."} <= WORDS | {"phantom"}


@each([path for path in FILES if noun(path) in COMPOSITION])
def test_composition_does_not_open_doors(path):
    doors = {"mrml", "panel", "cli", "console", "job", "batch", "results", "training"}
    assert not {name[1:] for name in imports(path) if name[0] == "."} & doors


@each(
    [
        path
        for path in FILES
        if noun(path)
        in WORDS | METHODS - {"dicom", "networks"} | {"pipeline", "blood", "curves", "quantification", "summary"}
    ]
)
def test_the_core_is_pure(path):
    """No file, clock, environment or hidden random generator."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & {"open", "print", "time.time", "datetime.now", "os.getenv", "np.random.default_rng"}
    assert not any(name.startswith("np.random.") for name in called)


def test_the_module_cmake_packages_every_core_file_and_no_other():
    cmake = MODULE / "CMakeLists.txt"
    if not cmake.exists():
        pytest.skip("no Slicer module yet")
    listed = re.findall(r"\$\{MODULE_NAME\}Lib/(\S+\.py)", cmake.read_text(encoding="utf-8"))
    packaged = [path.relative_to(CORE).as_posix() for path in FILES if noun(path) != "training"]
    missing, gone = sorted(set(packaged) - set(listed)), sorted(set(listed) - set(packaged))
    add, remove = ("\n".join(f"  ${{MODULE_NAME}}Lib/{name}" for name in names) for names in (missing, gone))
    assert not missing, f"add to MODULE_PYTHON_SCRIPTS in {cmake.name}, in alphabetical order:\n{add}"
    assert not gone, f"remove from MODULE_PYTHON_SCRIPTS in {cmake.name}:\n{remove}"
