"""The dose of contrast agent from headers that give volume, weight and agent in their own units and languages."""

import numpy as np
import pytest
from dicom_checks import doubted
from dicom_edits import each
from PerfusionDLLib.dicom import read_study
from PerfusionDLLib.dicom.read.agents import find_agent, find_agents
from PerfusionDLLib.dicom.read.dose import find_dose
from PerfusionDLLib.dicom.read.frame import read_number


class Said(dict):
    """A header of the values that a dose depends on."""

    def number(self, keyword):
        return read_number(self.get(keyword))

    def text(self, keyword):
        return str(self.get(keyword, ""))


USUAL = {"ContrastBolusAgent": "Gadoterate", "ContrastBolusVolume": 11.25, "PatientWeight": 75}


@pytest.mark.parametrize(
    ("change", "mmol_kg", "note", "uncertainty"),
    [
        ({}, 0.075, "", ""),
        ({"PatientWeight": 75000}, 0.075, "was taken as g (75 kg)", ""),
        ({"PatientWeight": 165, "PatientSize": 1.75}, 0.0752, "", "it was taken as pounds (75 kg)"),
        ({"PatientWeight": 165, "PatientSize": 175}, 0.0752, "", "it was taken as pounds (75 kg)"),
        ({"PatientWeight": 165}, 0.0341, "", "0.075 mmol/kg, as protocols prescribe, if it is in pounds"),
        ({"PatientWeight": "165 lbs"}, 0.0752, "PatientWeight is in pounds (165), 75 kg", ""),
        ({"ContrastBolusVolume": 5.625}, 0.0375, "it would be 0.075 if the volume were in mmol", ""),
        ({"ContrastBolusTotalDose": 5.6}, 0.075, "the total dose is in mmol where the standard has mL", ""),
        ({"ContrastBolusTotalDose": 9}, 0.06, "the total dose was taken, which is that of the undiluted agent", ""),
        ({"ContrastBolusVolume": 1.1}, 0.0073, "", "is not that of a perfusion scan"),
        ({"ContrastBolusAgent": "Dotarem 0,1 mmol/kg"}, 0.075, "", "the name of the agent says 0.1 mmol/kg"),
        ({"ContrastBolusAgent": "Dotarem 0.1 mmol/kg", "PatientWeight": "nan"}, 0.1, "in the name of the agent", ""),
        ({"PatientWeight": 0}, np.nan, "", ""),
    ],
)
def test_a_dose_is_what_volume_and_weight_can_mean(change, mmol_kg, note, uncertainty):
    header = Said(USUAL | change)
    found = find_dose(header, find_agent(header.text("ContrastBolusAgent")))
    assert found.mmol_kg == pytest.approx(mmol_kg, abs=1e-4, nan_ok=True)
    assert (note in " ".join(found.notes), bool(found.notes)) == (True, bool(note))
    assert (uncertainty in " ".join(found.uncertainties), bool(found.uncertainties)) == (True, bool(uncertainty))


@pytest.mark.parametrize(
    ("said", "agent"),
    [
        ("Acide gadotérique", "gadoterate"),
        ("Gadotersäure", "gadoterate"),
        ("ガドビスト静注1.0mol/L", "gadobutrol"),
        ("マグネスコープ", "gadoterate"),
        ("钆布醇注射液", "gadobutrol"),
        ("Гадобутрол", "gadobutrol"),
        ("Gadobuterol", "gadobutrol"),
        ("gadoteridole", "gadoteridol"),
        ("KM i.v.", ""),
        ("YES", ""),
    ],
)
def test_an_agent_is_known_by_its_name_in_other_languages(said, agent):
    assert find_agent(said) == agent


def test_two_agents_in_one_name_are_both_known():
    assert find_agents("MAGNEVIST/GADOVIST") == ["gadobutrol", "gadopentetate"]
    assert find_agents("Gd-DTPA-BMA") == ["gadodiamide"]


def test_a_dose_that_headers_contradict_is_a_doubt_on_every_flow(folder):
    def change(image, path):
        rest = "scan2" in str(path)
        image.PatientWeight, image.ContrastBolusAgent = ("75" if rest else "165"), "Magnevist / Gadovist"
        image.ContrastBolusVolume = "1.1" if rest else "11.25"

    each(folder, change)
    actual = read_study([folder])
    assert all(doubted(scan, "PatientWeight is 75 in one scan and 165 in the other") for scan in actual.scans)
    assert doubted(actual.rest, "mmol/kg is not that of a perfusion scan")
    assert any("names gadobutrol and gadopentetate as contrast agent" in flag.text for flag in actual.rest.assumptions)
