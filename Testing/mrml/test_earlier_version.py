"""Files that version 0.1.0 wrote: later versions open them, and keep their columns, keys, attributes and member names.

Numbers of then are read, not computed again; flow from the scene of then may differ by what was mended since.
"""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import slicer
from PerfusionDLLib import mrml, session
from PerfusionDLLib.app import comparison
from PerfusionDLLib.data.contours import Label, Origin, Part
from PerfusionDLLib.data.flow import FitStatus, FlowModel
from PerfusionDLLib.data.study import Condition, Level
from PerfusionDLLib.quantification.thresholds import ThresholdPreset
from PerfusionDLLib.session.tasks import flowTask

EARLIER = Path(__file__).parents[1] / "core" / "data" / "version_0.1"
RESULTS = EARLIER / "results"
MEMBERS = {
    Condition: {"REST": "rest", "STRESS": "stress"},
    Level: {"BASAL": "basal", "MID": "mid", "APICAL": "apical"},
    Origin: {"AUTOMATIC": "automatic", "EDITED": "edited", "MANUAL": "manual"},
    Part: {"PEAK_FRAME": "peak_frame", "BOX": "box", "LABELS": "labels", "RV_INSERTION_POINTS": "rv_insertion_points"},
    Label: {"BACKGROUND": 0, "MYOCARDIUM": 1, "BLOOD_POOL": 2, "RV_BLOOD_POOL": 3},
    FlowModel: {
        "AVERAGED": "averaged",
        "FERMI": "fermi",
        "CAPILLARY": "capillary",
        "TWO_COMPARTMENT": "two_compartment",
        "SPLINE": "spline",
        "PATLAK": "patlak",
    },
    ThresholdPreset: {"NONE": "", "ANOCA": "anoca", "PET_RISK": "pet-risk"},
    FitStatus: {
        "LATE_ARRIVAL": 1,
        "AT_BOUND": 2,
        "NOT_CONVERGED": 4,
        "SATURATED": 8,
        "NO_SIGNAL": 16,
        "PARTIAL_VOLUME": 32,
    },
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """The scene of then."""
    return mrml.openScene(EARLIER / "edited.mrb").scene


@pytest.fixture(scope="module")
def now(tmp_path_factory):
    """A results folder that this version writes from the scene of then, with the flow model of the results of then."""
    opened = mrml.openScene(EARLIER / "edited.mrb")
    readers = [mrml.ScanReader(nodes) for nodes in mrml.findScans(opened.scene)]
    choices = session.choicesOfScene(opened.scene)
    flow = flowTask(opened.scene, readers, None, model=FlowModel.AVERAGED, choices=choices).run()
    folder = tmp_path_factory.mktemp("now") / "results"
    session.exportResults(folder, flow)
    return folder


def table_of(path):
    document = json.loads(path.read_text(encoding="utf-8"))
    return {row["name"]: row for row in [*document["segments"], *document["territories"], document["whole"]]}


def columns(path):
    with path.open(encoding="utf-8", newline="") as text:
        return next(csv.reader(text))


def keys(value, place=""):
    """Every key of a JSON document, with its place; items of a list count as one."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{place}/{key}"
            yield from keys(inner, f"{place}/{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner, place)


def attributes(scene):
    """Our attributes and references in a scene, by the class of their node."""
    for node in nodes_of(scene):
        yield from ((node.GetClassName(), name) for name in node.GetAttributeNames() if name.startswith("PerfusionDL."))
        roles = [node.GetNthNodeReferenceRole(number) for number in range(node.GetNumberOfNodeReferenceRoles())]
        yield from ((node.GetClassName(), role) for role in roles if role.startswith("PerfusionDL."))


def nodes_of(scene):
    return [scene.GetNthNode(number) for number in range(scene.GetNumberOfNodes())]


@pytest.mark.parametrize("kind", MEMBERS, ids=lambda kind: kind.__name__)
def test_members_that_files_name_keep_their_names_and_values(kind):
    assert MEMBERS[kind].items() <= {name: member.value for name, member in kind.__members__.items()}.items()


@pytest.mark.parametrize("name", ["segments.csv", "territories.csv", "tidy.csv"])
def test_no_column_is_lost_or_renamed_and_the_order_stays(now, name):
    then, present = columns(RESULTS / name), columns(now / name)
    assert [column for column in present if column in set(then)] == then


@pytest.mark.parametrize("name", ["table.json", "preprocessing.json"])
def test_no_key_is_lost_or_renamed(now, name):
    documents = (json.loads((folder / name).read_text(encoding="utf-8")) for folder in (RESULTS, now))
    then, present = (set(keys(document)) for document in documents)
    assert then <= present


def test_files_of_a_results_folder_keep_their_names(now):
    then = {path.relative_to(RESULTS) for path in RESULTS.rglob("*") if path.is_file()}
    assert then <= {path.relative_to(now) for path in now.rglob("*")}


def test_scene_attributes_and_references_keep_their_names(scene, now):
    then = set(attributes(scene))
    assert len(then) > 40
    learned = {name for _, name in then if name.endswith(("_probability", "_tissue"))}  # as the scan has it
    present = set(attributes(mrml.openScene(now / "scene.mrb").scene))
    missing = {(kind, name) for kind, name in then - present if name not in learned}
    chosen = {("vtkMRMLTableNode", "PerfusionDL.choices")}  # of a scene at work, not of one written by a run
    assert missing <= chosen


def test_numbers_of_an_earlier_results_folder_are_read_as_they_were_written():
    compared = comparison.compare([RESULTS], [RESULTS])
    assert len(compared.slices) == 4
    rows = table_of(RESULTS / "table.json")
    by_number = {str(row["aha_segment"]): row for row in rows.values() if row["aha_segment"]}
    for flow in compared.flows:
        row = by_number.get(flow.name) or rows[flow.name]
        written = row["mpr"] if flow.quantity == "mpr" else row[flow.quantity]["mbf_ml_min_g"]
        assert flow.first == pytest.approx(written, abs=6e-5)
    assert len(compared.flows) == 3 * (12 + 3 + 1)


def test_the_table_of_an_earlier_scene_shows_the_numbers_of_then(scene):
    shown = slicer.util.dataframeFromTable(mrml.findTable(scene))
    rows = table_of(EARLIER / "edited_table.json")
    assert list(shown["Name"]) == list(rows)
    for number, row in enumerate(rows.values()):
        written = {
            "Rest MBF": row["rest"]["mbf_ml_min_g"],
            "Stress MBF": row["stress"]["mbf_ml_min_g"],
            "MPR": row["mpr"],
        }
        for column, value in written.items():
            expected = np.nan if value is None else round(value, 2)
            assert float(shown[column].iloc[number]) == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_corrections_in_an_earlier_scene_are_found(scene):
    assert session.modelOfScene(scene) is FlowModel.FERMI
    assert session.choicesOfScene(scene) == session.FlowChoices(
        rate_pressure_product=9000.0, thresholds=ThresholdPreset.ANOCA
    )
    scans = {nodes.condition: mrml.readScan(nodes) for nodes in mrml.findScans(scene)}
    basal, mid = scans[Condition.STRESS].slices
    assert basal.contours.origins[Part.LABELS] is Origin.EDITED
    assert basal.contours.origins[Part.RV_INSERTION_POINTS] is Origin.EDITED
    assert basal.contours.origins[Part.BOX] is Origin.AUTOMATIC
    assert not np.array_equal(basal.contours.labels, basal.automatic.labels)
    assert mid.excluded_frames == {30}
    assert [session.isCorrected(part) for scan in scans.values() for part in scan.slices] == [True, True, False, False]
    assert scans[Condition.REST].study == "study-0123456789ab"


def test_flow_from_an_earlier_scene_is_that_of_then(scene):
    opened = mrml.openScene(EARLIER / "edited.mrb")
    readers = [mrml.ScanReader(nodes) for nodes in mrml.findScans(opened.scene)]
    choices = session.choicesOfScene(opened.scene)
    flow = flowTask(opened.scene, readers, None, model=session.modelOfScene(opened.scene), choices=choices).run()
    rows = table_of(EARLIER / "edited_table.json")
    for row in flow.table.segments[:12]:
        for condition in Condition:
            then = rows[row.name][condition]["mbf_ml_min_g"]
            assert getattr(row, condition).mbf_ml_min_g == pytest.approx(then, rel=0.03), (row.name, condition)
