"""The judge on small synthetic countries: verdicts, what it may not look at, and what it must say in words."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from fixtures import faults
from pipelines.commands import judge as command
from transforms.completeness import CountsError, evidence, judge
from transforms.completeness.findings import COLUMNS, judged_findings, judged_verdicts
from transforms.completeness.judgement import ALERT_COLUMNS, VERDICT_COLUMNS

CEDAR, LAST = "cedarshire", faults.FAULTY


def verdict(judged: pl.DataFrame, force: str = CEDAR, month: date = LAST) -> dict[str, object]:
    return judged.filter((pl.col("force") == force) & (pl.col("month") == month)).row(0, named=True)


def shares(counts: pl.DataFrame, share: float, months: list[date]) -> pl.DataFrame:
    hit = pl.col("area").str.starts_with("CED") & pl.col("month").is_in(months)
    less = (pl.col("n") * share).round().cast(pl.Int64)
    return counts.with_columns(n=pl.when(hit).then(less).otherwise(pl.col("n"))).filter(pl.col("n") > 0)


@pytest.fixture(scope="module")
def country() -> tuple[pl.DataFrame, pl.DataFrame]:
    return faults.country()


def test_a_clean_country_is_complete_in_every_judged_month(
    country: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    judged = judge(*country).verdicts
    assert judged.height == len(faults.FORCES) * faults.MONTHS
    whole = judged.filter(pl.col("verdict") == "complete").height
    assert whole >= 0.95 * judged.height
    assert judged.filter(pl.col("coverage") < 0.8).height == 0


def test_the_first_months_of_a_feed_are_unjudged_as_they_arrive(
    country: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    first = faults.months()[0]
    assert set(judge(*country, as_of=first).verdicts["verdict"]) == {"unjudged"}


@pytest.mark.parametrize(
    ("share", "wanted"), [(0.0, "missing"), (0.02, "missing"), (0.3, "partial"), (0.7, "partial")]
)
def test_a_loss_is_found_with_its_coverage(
    country: tuple[pl.DataFrame, pl.DataFrame], share: float, wanted: str
) -> None:
    counts, areas = country
    judged = judge(shares(counts, share, [LAST]), areas, as_of=LAST)
    row = verdict(judged.verdicts)
    assert row["verdict"] == wanted
    assert row["coverage"] == pytest.approx(share, abs=0.12)
    assert row["low"] < row["expected"] < row["high"]  # type: ignore[operator]
    mine = judged.alerts.filter(pl.col("force") == CEDAR)
    assert mine.height == 1
    assert judged.verdicts.filter((pl.col("force") != CEDAR) & (pl.col("verdict") != "complete")).height == 0


def test_a_national_fall_is_no_gap_and_a_planted_one_in_it_is_found(
    country: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    counts, areas = country
    fallen = (
        pl.col("n") * pl.when(pl.col("category") == "Anti-social behaviour").then(1.8).otherwise(0.55)
    ).round()
    shock = counts.with_columns(
        n=pl.when(pl.col("month") == LAST).then(fallen).otherwise(pl.col("n")).cast(pl.Int64)
    )
    shock = shock.filter(pl.col("n") > 0)
    quiet = judge(shock, areas, as_of=LAST)
    assert quiet.alerts.filter(pl.col("level").is_in(["force", "category"])).height == 0
    planted = judge(shares(shock, 0.5, [LAST]), areas, as_of=LAST)
    found = planted.alerts.filter(pl.col("level").is_in(["force", "category"]))
    assert found["force"].to_list() == [CEDAR]
    assert verdict(planted.verdicts)["coverage"] == pytest.approx(0.5, abs=0.1)


def test_judging_a_month_looks_at_nothing_after_it(country: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    counts, areas = country
    month = faults.months()[-4]
    broken_later = shares(counts, 0.0, faults.months()[-3:])
    assert judge(counts, areas, as_of=month).verdicts.equals(judge(broken_later, areas, as_of=month).verdicts)


def test_a_force_silent_throughout_is_missing_and_never_zero(
    country: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    counts, areas = country
    trickle = pl.DataFrame({"month": faults.months(), "area": "CED001", "category": "Drugs", "n": 4})
    silent = pl.concat(
        [
            counts.filter(~pl.col("area").str.starts_with("CED")),
            trickle.with_columns(pl.col("n").cast(pl.Int64)),
        ]
    )
    judged = judge(silent, areas)
    mine = judged.verdicts.filter(pl.col("force") == CEDAR)
    assert set(mine["verdict"]) == {"missing"}
    assert judged.alerts.filter(pl.col("force") == CEDAR)["code"].to_list() == ["W03"]
    anchor = pl.DataFrame({"force": list(faults.FORCES), "crimes": [750.0] * len(faults.FORCES)})
    anchored = judge(silent, areas, anchor=anchor).verdicts.filter(pl.col("force") == CEDAR)
    assert (anchored["high"] - anchored["low"]).mean() < (mine["high"] - mine["low"]).mean()  # type: ignore[operator]


def test_a_month_without_any_row_of_a_force_is_missing(country: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    counts, areas = country
    judged = judge(counts.filter(pl.col("month") != LAST), areas, as_of=LAST)
    here = judged.verdicts.filter(pl.col("month") == LAST)
    assert set(here["verdict"]) == {"missing"}


def test_a_step_up_exposes_the_months_before_it_back_to_the_first(
    country: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    counts, areas = country
    months = faults.months()
    judged = judge(shares(counts, 0.6, months[:9]), areas, as_of=months[9])
    early = judged.verdicts.filter((pl.col("force") == CEDAR) & (pl.col("month") < months[9]))
    assert set(early["verdict"]) == {"partial"}
    assert early["coverage"].mean() == pytest.approx(0.6, abs=0.08)
    row = judged.alerts.filter(pl.col("code") == "W38").row(0, named=True)
    assert (row["first_month"], row["last_month"]) == (months[0], months[8])


def test_a_gap_does_not_become_the_baseline(country: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    counts, areas = country
    judged = judge(shares(counts, 0.5, faults.months()[8:]), areas, as_of=LAST)
    assert verdict(judged.verdicts)["verdict"] == "partial"
    row = judged.alerts.filter(pl.col("code") == "W31").row(0, named=True)
    assert row["first_month"] == faults.months()[8]


def test_a_small_force_is_judged_on_its_own_scatter() -> None:
    counts, areas = faults.country(areas_each=24, seed=5)
    small = areas.filter((pl.col("force") != CEDAR) | (pl.col("area") < "CED002"))
    judged = judge(counts.filter(pl.col("area").is_in(small["area"].to_list())), small)
    assert set(judged.verdicts.filter(pl.col("force") == CEDAR)["verdict"]) == {"complete"}


def test_two_forces_are_judged_on_their_own_history() -> None:
    counts, areas = faults.country()
    two = areas.filter(pl.col("force").is_in([CEDAR, "daleshire"]))
    counts = counts.filter(pl.col("area").is_in(two["area"].to_list()))
    judged = judge(shares(counts, 0.1, [LAST]), two, as_of=LAST)
    assert verdict(judged.verdicts)["verdict"] in ("missing", "partial")
    assert verdict(judged.verdicts, "daleshire")["verdict"] == "complete"


def test_the_register_says_who_owes(country: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    counts, areas = country
    rows = [{"force": f, "first_month": "2023-01", "last_month": None} for f in faults.FORCES if f != CEDAR]
    rows += [
        {"force": CEDAR, "first_month": "2023-01", "last_month": "2024-05"},
        {"force": "btp", "first_month": "2024-01", "last_month": ""},
    ]
    register = pl.DataFrame(
        rows, schema={"force": pl.String, "first_month": pl.String, "last_month": pl.String}
    )
    judged = judge(shares(counts, 0.0, [LAST]), areas, register).verdicts
    assert judged.filter((pl.col("force") == CEDAR) & (pl.col("month") == LAST)).height == 0
    railway = judged.filter(pl.col("force") == "btp")
    assert railway.height == 6
    assert set(railway["verdict"]) == {"unjudged"}
    assert railway["observed"].null_count() == 6


@pytest.mark.parametrize(
    ("located", "gone"), [({"CED": 0.4, "DAL": 0.3}, {}), ({"CED": 0.2}, {"ELM": 0.5}), ({}, {"ELM": 0.4})]
)
def test_losses_of_location_are_told_from_losses_of_records(
    country: tuple[pl.DataFrame, pl.DataFrame], located: dict[str, float], gone: dict[str, float]
) -> None:
    """Records without a location belong to no force: what rose there is shared out over the losses that explain it."""
    counts, areas = country
    usual = counts.group_by("month", "category").agg(n=(0.05 * pl.col("n").sum()).round().cast(pl.Int64))
    counts = pl.concat(
        [counts, usual.select("month", "category", "n", area=pl.lit("")).select(counts.columns)]
    )
    force = pl.col("area").str.head(3)
    share = force.replace_strict(located | gone, default=1.0)
    hit = (pl.col("month") == LAST) & (share < 1.0)
    less = (pl.col("n") * share).round().cast(pl.Int64)
    kept = counts.with_columns(n=pl.when(hit).then(less).otherwise("n"))
    moved = counts.filter(hit & force.is_in(list(located))).with_columns(
        n=pl.col("n") - less, area=pl.lit("")
    )
    judged = judge(pl.concat([kept, moved]).filter(pl.col("n") > 0), areas, as_of=LAST)
    told = judged.alerts.filter(pl.col("level") == "force").select(pl.col("force").str.head(3), "code")
    wanted = [(name.lower(), "W06") for name in located] + [(name.lower(), "W31") for name in gone]
    assert sorted(told.rows()) == sorted(wanted)


def test_a_rise_without_location_is_not_put_down_to_a_force_that_was_always_silent(
    country: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    counts, areas = country
    others = counts.filter(~pl.col("area").str.starts_with("CED"))
    usual = others.group_by("month", "category").agg(n=(0.05 * pl.col("n").sum()).round().cast(pl.Int64))
    rise = pl.when(pl.col("month") == LAST).then(2 * pl.col("n")).otherwise("n")
    nowhere = usual.select("month", "category", n=rise, area=pl.lit("")).select(others.columns)
    judged = judge(pl.concat([others, nowhere]), areas, as_of=LAST)
    assert verdict(judged.verdicts)["verdict"] == "missing"
    assert "W06" not in judged.alerts.filter(pl.col("force") == CEDAR)["code"].to_list()


def test_a_month_is_complete_only_where_half_of_it_would_be_missed(
    country: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    """Where half of the other forces are short too, a month at half its usual level is not called whole."""
    counts, areas = country
    share = pl.col("area").str.head(3).replace_strict({"CED": 0.4, "DAL": 0.3, "ELM": 0.5}, default=1.0)
    hit = (pl.col("month") == LAST) & (share < 1.0)
    less = counts.with_columns(
        n=pl.when(hit).then((pl.col("n") * share).round().cast(pl.Int64)).otherwise("n")
    )
    judged = judge(less.filter(pl.col("n") > 0), areas, as_of=LAST)
    row = verdict(judged.verdicts, "elmshire")
    assert row["verdict"] == "unjudged"
    assert "half of them missing" in str(row["reason"])
    handful = areas.filter((pl.col("force") != CEDAR) | (pl.col("area") == "CED001"))
    rare = counts.filter(pl.col("area").is_in(handful["area"].to_list()))
    rare = rare.filter((pl.col("area") != "CED001") | (pl.col("category") == "Drugs"))
    assert verdict(judge(rare, handful, as_of=LAST).verdicts)["verdict"] == "unjudged"


def test_a_cell_inherits_its_scope(country: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    counts, areas = country
    lost = [f"CED{a:03d}" for a in range(6, 12)]
    gone = counts.filter(~(pl.col("area").is_in(lost) & (pl.col("month") == LAST)))
    affected = judge(gone, areas, as_of=LAST).affected
    assert affected["area"].to_list() == lost
    assert set(affected["verdict"]) == {"missing"}


def test_the_lead_gets_findings_and_verdicts_in_their_contracts(
    country: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    counts, areas = country
    judged = judge(shares(counts, 0.4, [LAST]), areas, as_of=LAST)
    findings = judged_findings(judged)
    assert findings.columns == list(COLUMNS)
    assert findings["force"].null_count() == 0
    table = judged_verdicts(judged, "street")
    assert table.columns == ["force", "file_type", "month", "status", "reason", "since", "coverage"]
    assert table["reason"].null_count() == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c, a: (c.drop("n"), a), "no column n"),
        (lambda c, a: (c.with_columns(month=pl.lit("June")), a), "'June' cannot be read"),
        (lambda c, a: (c.with_columns(n=pl.lit("many")), a), "not a number"),
        (lambda c, a: (c.with_columns(n=-pl.col("n")), a), "negative"),
        (lambda c, a: (c.with_columns(category=pl.lit(None, pl.String)), a), "no category"),
        (lambda c, a: (c, a.drop("force")), "no column force"),
        (lambda c, a: (c, pl.concat([a, a.head(1).with_columns(force=pl.lit("x"))])), "appears 2 times"),
        (lambda c, a: (c, a.with_columns(force=pl.lit(None, pl.String))), "has no force"),
        (lambda c, a: (c.clear(), a), "no row"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(country: tuple, change: object, says: str) -> None:
    with pytest.raises(CountsError, match=says):
        judge(*change(*country))  # type: ignore[operator]


def test_the_bayes_factor_is_an_e_value() -> None:
    """Its mean under complete supply is at most one, by summing the distribution."""
    for mean, phi in ((8.0, 0.06), (120.0, 0.02), (4000.0, 0.002)):
        y = np.arange(0, int(mean * 4))
        probability = evidence.log_probability(y, np.full(len(y), mean), np.full(len(y), phi))
        group = evidence.group_factor(y, np.full(len(y), mean), np.full(len(y), phi)) * evidence.LN10
        assert float(np.exp(probability + group).sum()) == pytest.approx(1.0, abs=0.01)
        place = evidence.place_factor(y, np.full(len(y), mean), np.full(len(y), phi)) * evidence.LN10
        assert float(np.exp(probability + place).sum()) <= 1.01
        factor = evidence.bayes_factor(y, np.full(len(y), mean), np.full(len(y), phi)) * evidence.LN10
        assert float(np.exp(probability + factor).sum()) <= 1.05
        assert np.all(np.diff(evidence.lower_tail(y, np.full(len(y), mean), np.full(len(y), phi))) >= 0)


def run(tmp_path: Path, *options: str, counts: pl.DataFrame | None = None) -> object:
    made, areas = faults.country()
    (made if counts is None else counts).write_parquet(tmp_path / "counts.parquet")
    areas.write_csv(tmp_path / "areas.csv")
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app)
    arguments = ["judge", str(tmp_path / "counts.parquet"), "--areas", str(tmp_path / "areas.csv"), *options]
    return CliRunner().invoke(app, arguments)


def test_the_command_prints_the_columns_agreed(tmp_path: Path) -> None:
    counts, _ = faults.country()
    lost = shares(counts, 0.0, [LAST])
    plain = run(tmp_path, "--as-of", "2024-06", counts=lost)
    lines = plain.output.splitlines()  # type: ignore[attr-defined]
    assert lines[0] == "force,month,verdict,observed,expected,low,high,coverage" == ",".join(VERDICT_COLUMNS)
    assert len(lines) == 1 + len(faults.FORCES)
    assert any(line.startswith("cedarshire,2024-06,missing,0.0,") for line in lines)
    alerts = run(tmp_path, "--as-of", "2024-06", "--alerts", "--format", "json", counts=lost)
    rows = json.loads(alerts.output)  # type: ignore[attr-defined]
    assert list(rows[0]) == list(ALERT_COLUMNS)
    assert rows[0]["first_month"] == "2024-06"
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("options", "says"), [(("--as-of", "soon"), "wanted YYYY-MM"), (("--register", "no.csv"), "no such file")]
)
def test_the_command_refuses_in_words(tmp_path: Path, options: tuple[str, str], says: str) -> None:
    outcome = run(tmp_path, *options)
    assert outcome.exit_code == 2  # type: ignore[attr-defined]
    assert says in outcome.output  # type: ignore[attr-defined]
