"""The benchmark of known disturbances on a few studies: what ``agree`` should find, it finds."""

import importlib.util
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "agreement.py"
PATIENTS = 5  # fewer give no interval to rely on
DISTANCE_MM = 0.05  # pixels of 1.6 to 2.2 mm
NEAR = {
    "myocardium_dice": 0.01,
    "cavity_dice": 0.01,
    "epicardium_mean_mm": DISTANCE_MM,
    "endocardium_mean_mm": DISTANCE_MM,
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    specification = importlib.util.spec_from_file_location("benchmark_agreement", BENCHMARK)
    benchmark = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(benchmark)
    return benchmark.study(tmp_path_factory.mktemp("disturbed"), PATIENTS)


def test_known_changes_of_contours_and_points_are_measured(rows):
    shapes = [row for row in rows if row.what in ("swollen", "shifted")]
    assert len(shapes) == 16
    for row in shapes:
        assert row.measured == pytest.approx(row.expected, abs=NEAR.get(row.statistic, 2e-3)), row


def test_known_bias_and_noise_of_flow_are_measured(rows):
    for extent in ("segment", "patient"):
        found = {row.statistic: row for row in rows if row.what == f"rest and stress MBF per {extent}"}
        # two standard errors of a mean over five patients whose common errors have an SD of 0.1
        assert found["bias"].measured == pytest.approx(found["bias"].expected, abs=0.09)
        for statistic in ("bias", "bias_percent", "icc_agreement", "repeatability_coefficient"):
            assert found[statistic].low < found[statistic].expected < found[statistic].high
        for limit in ("lower_limit", "upper_limit"):
            assert found[limit].measured == pytest.approx(found[limit].expected, abs=0.15)
        assert found["icc_consistency"].measured == pytest.approx(found["icc_consistency"].expected, abs=0.02)
