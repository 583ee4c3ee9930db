"""Every kind of finding fires on its fault and stays quiet without it."""

from __future__ import annotations

import re
from datetime import date

import polars as pl
import pytest

from fixtures import faults
from transforms.completeness import judge, signatures
from transforms.completeness.catalogue import CATALOGUE
from transforms.completeness.findings import COLUMNS

RECORD_FAULTS = faults.record_faults()


@pytest.fixture(scope="module")
def clean_alerts() -> pl.DataFrame:
    counts, areas = faults.country()
    return judge(counts, areas, as_of=faults.FAULTY).alerts


@pytest.mark.parametrize("fault", RECORD_FAULTS, ids=lambda fault: f"{fault.code}-{fault.detector}")
def test_a_rule_fires_on_its_fault_only(fault: faults.Fault) -> None:
    detector = getattr(signatures, fault.detector)
    found = detector(**fault.faulty)
    assert fault.code in found["code"].to_list(), found
    assert fault.code not in detector(**fault.clean)["code"].to_list()
    assert found.columns == list(COLUMNS)
    assert found["sentence"].null_count() == 0
    assert found["next_steps"].null_count() == 0
    assert found["finding"].is_unique().all()


@pytest.mark.parametrize("code", faults.CUBE_CODES)
def test_the_judge_names_the_fault(code: str) -> None:
    counts, areas = faults.cube_fault(code)
    alerts = judge(counts, areas, as_of=faults.FAULTY).alerts
    assert code in alerts["code"].to_list(), alerts.select("code", "sentence").rows()


def test_a_clean_country_raises_no_alert(clean_alerts: pl.DataFrame) -> None:
    assert clean_alerts.height == 0, clean_alerts["sentence"].to_list()


def test_every_code_of_the_field_catalogue_has_a_generator() -> None:
    made = {fault.code for fault in RECORD_FAULTS} | set(faults.CUBE_CODES)
    # These come of the register and the neighbourhoods, and are tested with the verdicts and the line's judge.
    assert set(CATALOGUE) - {"W39", "W40", "W43"} == made
    assert {f"W{i:02d}" for i in range(1, 31)} <= made


def test_catalogue_entries_say_what_to_do() -> None:
    for code, kind in CATALOGUE.items():
        assert re.fullmatch(r"W\d\d", code)
        assert kind.severity in ("block", "sign-off", "warn", "info")
        assert kind.rule.endswith(".")
        assert kind.next_steps.endswith(".")


def test_ids_are_stable() -> None:
    counts, areas = faults.cube_fault("W33")
    first = judge(counts, areas, as_of=faults.FAULTY).alerts["id"].to_list()
    again = judge(counts.sample(fraction=1.0, shuffle=True, seed=3), areas.reverse(), as_of=date(2024, 6, 1))
    assert first == again.alerts["id"].to_list()
