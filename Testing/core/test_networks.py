"""Networks: what the cards promise, and what a user is told when something is missing."""

import hashlib
import json
import pathlib
import pickle
import shutil

import numpy as np
import pytest
from PerfusionDLLib import networks
from PerfusionDLLib.data.errors import PerfusionError

SIZE_LIMIT_BYTES = 10e6


@pytest.fixture(scope="module")
def shipped():
    return networks.load_networks()


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(networks.SHIPPED, tmp_path / "weights")


@pytest.mark.parametrize("step", networks.STEPS)
def test_a_card_describes_its_network(step):
    card = json.loads((networks.SHIPPED / f"{step}.json").read_text(encoding="utf-8"))
    assert {
        "architecture",
        "input",
        "output",
        "thresholds",
        "training",
        "scores",
        "limits",
        "license",
        "sha256",
    } <= set(card)
    assert len(card["output"]["channels"]) == card["architecture"]["channels_out"]


def test_all_weights_together_stay_small():
    assert sum(path.stat().st_size for path in networks.SHIPPED.glob("*.pt")) < SIZE_LIMIT_BYTES


def test_a_missing_network_is_named(copy):
    (copy / "box.pt").unlink()
    with pytest.raises(PerfusionError, match=r"box\.pt is missing"):
        networks.load_networks(copy)


def test_replaced_weights_are_not_loaded(copy):
    (copy / "labels.pt").write_bytes((copy / "labels.pt").read_bytes() + b"0")
    with pytest.raises(PerfusionError, match=r"labels\.pt is damaged or was replaced"):
        networks.load_networks(copy)


def test_other_weights_have_another_hash(copy, shipped):
    card = json.loads((copy / "peak.json").read_text(encoding="utf-8"))
    (copy / "peak.pt").write_bytes((copy / "peak.pt").read_bytes() + b"0")
    import hashlib

    card["sha256"] = hashlib.sha256((copy / "peak.pt").read_bytes()).hexdigest()
    (copy / "peak.json").write_text(json.dumps(card), encoding="utf-8")
    assert networks.load_networks(copy).weights_sha256 != shipped.weights_sha256


@pytest.mark.parametrize(
    ("step", "change"),
    [
        ("labels", {"input": {"spacing_mm": 1.9}}),
        ("peak", {"calibration": {"offset": 2.5}}),
        ("box", {"thresholds": {"check": {"value": 0.7}}}),
        ("points", {"output": {"mirror_swaps_channels": False}}),
    ],
)
def test_a_card_that_changes_results_has_another_hash(copy, step, change):
    before = networks.weights_sha256(copy)
    card = json.loads((copy / f"{step}.json").read_text(encoding="utf-8"))
    changed = {part: card[part] | values for part, values in change.items()}
    (copy / f"{step}.json").write_text(json.dumps(card | changed), encoding="utf-8")
    assert networks.weights_sha256(copy) != before


def test_what_a_card_says_to_people_does_not_change_the_hash(copy):
    before = networks.weights_sha256(copy)
    card = json.loads((copy / "labels.json").read_text(encoding="utf-8"))
    card["input"]["sees"] = "something else"
    (copy / "labels.json").write_text(json.dumps(card | {"scores": {}, "limits": []}), encoding="utf-8")
    assert networks.weights_sha256(copy) == before == networks.weights_sha256()


def test_networks_without_thresholds_have_those_of_the_shipped_ones(copy):
    for step in networks.STEPS:
        card = json.loads((copy / f"{step}.json").read_text(encoding="utf-8"))
        del card["thresholds"]
        (copy / f"{step}.json").write_text(json.dumps(card), encoding="utf-8")
    loaded = networks.load_networks(copy)
    assert loaded.labels.threshold("no_heart") == 0.2
    assert loaded.weights_sha256 == networks.weights_sha256()


@pytest.mark.parametrize("step", networks.STEPS)
@pytest.mark.parametrize(("turns", "mirror"), [(1, False), (2, True)])
def test_a_turned_image_gets_the_turned_answer(shipped, step, turns, mirror):
    network = getattr(shipped, step)
    image = np.random.default_rng(1).random((network.channels, network.size, network.size), np.float32)
    straight = network(image)
    turned = network(np.rot90(image[..., ::-1] if mirror else image, turns, axes=(1, 2)))
    if mirror and network.card["output"]["mirror_swaps_channels"]:
        straight = straight[::-1]
    expected = np.rot90(straight[..., ::-1] if mirror else straight, turns, axes=(1, 2))
    np.testing.assert_allclose(turned, expected, atol=1e-4)


def test_brightness_does_not_change_the_answer(shipped):
    image = np.random.default_rng(2).random((3, 96, 96), np.float32)
    brighter = np.array([700, 3, 0.1], np.float32)[:, None, None] * image
    np.testing.assert_allclose(shipped.labels(image), shipped.labels(brighter), atol=1e-4)


def test_an_image_of_the_wrong_size_is_a_programmers_mistake(shipped):
    with pytest.raises(ValueError, match="labels network takes"):
        shipped.labels(np.zeros((1, 10, 10), np.float32))


def test_a_device_that_is_not_there_is_said_so():
    with pytest.raises(PerfusionError, match="not available"):
        networks.choose_device("abacus")


def rewrite(copy, step, change):
    """Another card, with the hash of the weights that lie beside it."""
    path = copy / f"{step}.json"
    card = json.loads(path.read_text())
    change(card)
    path.write_text(json.dumps(card))


@pytest.mark.parametrize("place", ["weights", "sha256", "input", "architecture", "output", "input.size"])
@pytest.mark.parametrize("value", [None, -1, {}, [], "../x"])
def test_a_damaged_card_is_said(copy, place, value):
    def change(card):
        where = card
        *above, last = place.split(".")
        for key in above:
            where = where[key]
        where[last] = value

    rewrite(copy, "box", change)
    with pytest.raises(PerfusionError, match=r"The network card box\.json is damaged"):
        networks.load_networks(copy)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "{}", "\x00", '"card"'])
def test_a_card_that_is_none_is_said(copy, text):
    (copy / "box.json").write_text(text)
    with pytest.raises(PerfusionError, match=r"The network card box\.json is damaged"):
        networks.load_networks(copy)


class Runs:
    """Code that would run where a pickle is read."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return pathlib.Path.touch, (self.target,)


def test_weights_that_would_run_code_are_refused_without_advice_to_run_it(copy, tmp_path):
    stored = pickle.dumps(Runs(tmp_path / "ran"))
    (copy / "box.pt").write_bytes(stored)
    rewrite(copy, "box", lambda card: card.update(sha256=hashlib.sha256(stored).hexdigest()))
    with pytest.raises(PerfusionError, match="does not hold the weights") as refused:
        networks.load_networks(copy)
    assert "weights_only" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert not (tmp_path / "ran").exists()
