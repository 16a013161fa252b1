"""A scene with a rest and a stress scan of two slices, made once, and the same after saving and loading."""

import os

os.environ.setdefault("PERFUSIONDL_PSEUDONYM_KEY", "5e" * 32)  # tests leave the key of the user alone


import pytest
import small_study
from PerfusionDLLib import mrml
from PerfusionDLLib.data.study import Condition


@pytest.fixture
def headless():
    """An empty scene."""
    return mrml.HeadlessScene()


@pytest.fixture(scope="session")
def written():
    """A scene with a study; tests that change it write their own."""
    headless = mrml.HeadlessScene()
    mrml.writeStudy(headless.scene, small_study.study())
    return headless


@pytest.fixture(scope="session")
def reloaded(written, tmp_path_factory):
    """The same study from its scene file."""
    path = tmp_path_factory.mktemp("scene") / "scene.mrb"
    mrml.saveScene(written.scene, path)
    return mrml.openScene(path)


@pytest.fixture(params=["written", "reloaded"])
def scene(request):
    """The study as written, and as read from its file."""
    return request.getfixturevalue(request.param).scene


@pytest.fixture
def stress(scene):
    """The nodes of the stress scan."""
    return next(nodes for nodes in mrml.findScans(scene) if nodes.condition is Condition.STRESS)
