"""The walls of the house: who may import what, read from the syntax trees."""

import ast
import graphlib
import re
from pathlib import Path

import pytest

MODULE = Path(__file__).parents[2] / "PerfusionDL"
CORE = MODULE / "PerfusionDLLib"
FILES = sorted(CORE.rglob("*.py"))

ARROWS = {
    "data": set(),
    "cache": {"data"},
    "signal": {"data"},
    "motion": {"data"},
    "networks": {"data"},
    "dicom": {"data"},
    "kinetics": {"data", "cache"},
    "phantom": {"data"},
    "mrml": {"data"},
    "results": {"data"},
    "aif": {"data", "cache", "signal"},
    "preprocessing": {"data", "motion", "networks"},
    "quantification": {"data", "cache", "signal", "aif", "kinetics"},
    "pipeline": {"data", "cache", "networks", "preprocessing", "aif", "quantification"},
    "evaluation": {"data", "motion", "networks", "dicom", "phantom", "preprocessing"},
    "report": {"data", "evaluation"},
    "review": {"data", "report"},
}
"""The rooms that each room of the core may open, also inside functions. Doors may open any room."""
DOORS = {"api", "app", "session", "panel", "cli", "batch", "serve", "training"}
PURE = {"data", "cache", "signal", "motion", "kinetics", "aif", "preprocessing", "quantification", "pipeline"}
SLICER_PACKAGES = {"slicer", "vtk", "vtkmodules", "qt", "ctk"}


def room(path):
    """First part of a file's place in the library: ``motion/field.py`` is in ``motion``; "" is the library itself."""
    first = path.relative_to(CORE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def module_name(path):
    """Dotted name of a file seen from the library: ``motion.field``; "" is the library itself."""
    parts = [*path.relative_to(CORE).parts[:-1], path.stem]
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_name(path): path for path in FILES}


def external_imports(path, *, file_scope_only=False):
    """First names of the packages that a file imports from elsewhere."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if file_scope_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


def internal_imports(path, *, file_scope_only=False):
    """Modules of the library that a file imports, by their dotted names."""
    name = module_name(path)
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if file_scope_only else ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [part for part in package[: len(package) - node.level + 1] if part]
            target = ".".join(base + (node.module.split(".") if node.module else []))
            for alias in node.names:
                inner = f"{target}.{alias.name}".lstrip(".")
                yield inner if inner in MODULES else target


def each(files=FILES):
    return pytest.mark.parametrize("path", files, ids=lambda path: str(path.relative_to(CORE)))


@each()
def test_rooms_are_entered_through_their_doors_only(path):
    here = room(path)
    assert here in {"", *ARROWS, *DOORS}, f"the room {here} has no place in ARROWS"
    if here in ARROWS:
        opened = {name.split(".")[0] for name in internal_imports(path)} - {"", here}
        assert opened <= ARROWS[here], f"{here} may open {sorted(ARROWS[here])}"


def test_no_import_goes_round_in_a_circle():
    graph = {name: set(internal_imports(path)) - {name} for name, path in MODULES.items()}
    assert list(graphlib.TopologicalSorter(graph).static_order())


def test_no_room_leads_back_to_itself():
    assert list(graphlib.TopologicalSorter(ARROWS).static_order())


@each()
def test_only_scene_and_panel_know_slicer(path):
    if room(path) not in {"mrml", "session", "panel"}:
        assert not SLICER_PACKAGES & set(external_imports(path))


@each()
def test_only_the_panel_knows_qt(path):
    if room(path) != "panel":
        assert not {"qt", "ctk"} & set(external_imports(path))
        assert not {name for name in internal_imports(path) if name.split(".")[0] == "panel"}


@each()
def test_torch_waits_until_it_is_needed(path):
    if room(path) not in {"networks", "training"}:
        assert not {"torch", "monai"} & set(external_imports(path, file_scope_only=True))


@each()
def test_only_the_dicom_room_knows_dicom_libraries(path):
    if room(path) != "dicom":
        assert not {"pydicom", "highdicom"} & set(external_imports(path))


@each()
def test_only_batch_knows_the_engine_and_only_the_command_line_opens_batch(path):
    if room(path) != "batch":
        assert not {"dask", "distributed", "psutil"} & set(external_imports(path))
        batch = {name for name in internal_imports(path) if name.split(".")[0] == "batch"}
        assert not batch or room(path) in {"cli", "serve"}
        assert not {name for name in internal_imports(path, file_scope_only=True) if name.split(".")[0] == "batch"}


@each([path for path in FILES if room(path) in PURE])
def test_the_core_is_pure(path):
    """No file, clock, environment or hidden random generator."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & {"open", "print", "time.time", "datetime.now", "os.getenv", "np.random.default_rng"}
    assert not any(name.startswith("np.random.") for name in called)


@each([path for path in FILES if room(path) in PURE])
def test_no_value_of_the_core_hides_a_field(path):
    """A field that comparison overlooks would be a memory: what was computed before lives in `cache.Cache`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    fields = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "field"]
    assert not [node for node in fields for given in node.keywords if given.arg == "compare"]


def test_the_module_cmake_packages_every_core_file_and_no_other():
    cmake = MODULE / "CMakeLists.txt"
    if not cmake.exists():
        pytest.skip("no Slicer module yet")
    listed = re.findall(r"\$\{MODULE_NAME\}Lib/(\S+\.py)", cmake.read_text(encoding="utf-8"))
    packaged = [path.relative_to(CORE).as_posix() for path in FILES if room(path) != "training"]
    missing, gone = sorted(set(packaged) - set(listed)), sorted(set(listed) - set(packaged))
    add, remove = ("\n".join(f"  ${{MODULE_NAME}}Lib/{name}" for name in names) for names in (missing, gone))
    assert not missing, f"add to MODULE_PYTHON_SCRIPTS in {cmake.name}, in alphabetical order:\n{add}"
    assert not gone, f"remove from MODULE_PYTHON_SCRIPTS in {cmake.name}:\n{remove}"
