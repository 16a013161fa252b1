"""The pages name what the code has: codes of dictionaries, attributes, commands; pictures stay small."""

import re
from pathlib import Path

import pytest
from PerfusionDLLib.cli.commands import app
from PerfusionDLLib.dicom.export import codes
from pydicom.datadict import dictionary_description

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GLOSSARY = (DOCS / "glossary.md").read_text(encoding="utf-8")
LIBRARY = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "PerfusionDL/PerfusionDLLib").rglob("*.py"))
LARGEST_BYTES = 300_000


def coded(value):
    """Codes (scheme, value) in a constant of the exporter's table, however it is nested."""
    if hasattr(value, "scheme_designator"):
        yield value.scheme_designator, value.value
    elif isinstance(value, dict):
        yield from coded(tuple(value.values()))
    elif isinstance(value, tuple):
        for each in value:
            yield from coded(each)


EXPORTED = {code for name in dir(codes) for code in coded(getattr(codes, name))}


def test_snomed_and_dicom_codes_of_the_glossary_are_those_that_are_exported():
    named = {("SCT", value) for value in re.findall(r"\b\d{8,9}\b", GLOSSARY)}
    named |= {("DCM", value) for value in re.findall(r"DCM (\d+)", GLOSSARY)}
    assert named
    assert named <= EXPORTED


def test_own_codes_of_the_glossary_are_those_that_are_exported():
    named = {name for names in re.findall(r"99PERFUSIONDL ([A-Z_, ]+[A-Z])", GLOSSARY) for name in names.split(", ")}
    assert {("99PERFUSIONDL", name) for name in named} <= EXPORTED
    assert len(named) > 3


@pytest.mark.parametrize("tag", re.findall(r"\(([0-9A-F]{4},[0-9A-F]{4})\)", GLOSSARY))
def test_tags_of_the_glossary_are_in_the_dictionary(tag):
    assert dictionary_description(int(tag.replace(",", ""), 16))


def test_every_term_of_the_glossary_stands_there_once():
    terms = re.findall(r"^\| ([^|]+?) \|", GLOSSARY, re.MULTILINE)
    terms = [term for term in terms if term not in {"term", "---"}]
    assert len(terms) == len(set(terms)) > 40


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([A-Za-z_.]+)`", GLOSSARY))))
def test_what_the_glossary_calls_our_name_is_in_the_code(name):
    assert re.search(rf"\b{name.split('.')[-1]}\b", LIBRARY)


@pytest.mark.parametrize("picture", sorted(DOCS.rglob("*.png")), ids=lambda path: path.name)
def test_pictures_of_the_pages_are_small(picture):
    assert picture.stat().st_size < LARGEST_BYTES


@pytest.mark.parametrize("command", sorted(each.name or each.callback.__name__ for each in app.registered_commands))
def test_every_command_is_on_the_page_of_the_command_line(command):
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert re.search(rf"`{command.replace('_', '-')}[ `]", page) or command == "version"
