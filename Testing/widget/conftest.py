"""The panel, opened in a session of its own, empty or with a small study in it."""

import os

os.environ.setdefault("PERFUSIONDL_PSEUDONYM_KEY", "5e" * 32)  # tests leave the key of the user alone


import os
from dataclasses import replace

import numpy as np
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture
def session():
    """A Slicer session without Slicer."""
    from slicer_session import Session

    session = Session()
    yield session
    session.stop()


@pytest.fixture
def panel(session):
    """The panel of the module, set up and entered."""
    return session.open()


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Rest and stress of two slices as a scanner files them."""
    import small_study
    from PerfusionDLLib.data.study import Condition, Identity, Scan, Study
    from PerfusionDLLib.dicom import Vendor, write_study

    def in_a_chest(signal):
        """With a bright wall that does not enhance: frames without any contrast could not be aligned."""
        wall = np.zeros(signal.shape[1:], np.float32)
        wall[-6:], wall[:4, 10:40], wall[8:30, -5:] = 150, 100, 60
        return signal + wall

    scans = {}
    for condition, flow in ((Condition.REST, 1.0), (Condition.STRESS, 2.0)):
        parts = small_study.enhancing_scan(condition, flow).slices
        series = tuple(replace(part.series, instance_uids=(), signal=in_a_chest(part.series.signal)) for part in parts)
        scans[condition.value] = Scan(condition=condition, slices=series)
    path = tmp_path_factory.mktemp("dicom")
    write_study(Study(**scans, identity=Identity(patient_name="Doe^Jane", patient_id="77")), path, vendor=Vendor.GE)
    return path


@pytest.fixture
def drawn(session):
    """The panel of a scene that holds rest and stress with contours and flow."""
    import small_study
    from panel_user import up_to_date
    from PerfusionDLLib import mrml
    from PerfusionDLLib.data.study import Condition

    flows = ((Condition.STRESS, 2.0), (Condition.REST, 1.0))
    mrml.writeStudy(session.scene, [small_study.enhancing_scan(*one) for one in flows])
    panel = session.open()
    up_to_date(session, panel)
    return panel


@pytest.fixture
def study(session):
    """A stress scan with automatic contours, in the scene before the panel is opened."""
    import small_study
    from PerfusionDLLib import mrml

    return mrml.writeStudy(session.scene, [small_study.enhancing_scan()])


@pytest.fixture
def ready(session, study, panel):
    """The panel of one scan, once the first flow is there."""
    session.wait(lambda: panel.ui.statusLabel.text == "Up to date.")
    return panel
