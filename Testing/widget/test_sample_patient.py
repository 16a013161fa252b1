"""The phantom patient of Sample Data and of the self test."""

import pytest


@pytest.mark.slow
def test_the_self_test_of_the_module_passes(session):
    """What *Reload and Test* and ctest run in Slicer."""
    session.open()
    session.module.PerfusionDLTest().runTest()


def test_the_sample_patient_has_a_perfusion_defect(session):
    from PerfusionDLLib.phantom.patient import draw_patient
    from PerfusionDLLib.phantom.settings import DEFAULT

    session._read()
    from PerfusionDLLib.panel.startup import SAMPLE_PATIENT

    (defect,) = draw_patient(SAMPLE_PATIENT, DEFAULT, None).defects
    assert defect.territory == "LAD"
    assert defect.stress_share < 0.5 < 0.9 < defect.rest_share
    assert defect.depth > 0.8
