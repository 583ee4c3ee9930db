"""A resupply from the force's file to the desk: the alert that asked for it closes itself and says which file did."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from fixtures.scenarios import write_scenario
from pipelines.desk import open_desk
from pipelines.settings import Settings
from pipelines.stages.aggregated import aggregate_quarter
from pipelines.stages.counted import count_forces
from pipelines.stages.judged import freeze_decisions, judge_quarters
from pipelines.stages.line import Line
from pipelines.stages.recorded import record_forces
from pipelines.stages.supplied import take_in
from tests.desk.conftest import PASSWORD, Tab

#: Supplies six tenths of February 2019, and then all of it.
SHORT = "northmoor-and-vale"
FEBRUARY = date(2019, 2, 1)


def judge(where: Settings) -> None:
    """What a run does before it releases anything: take in, record, count, lay out and judge."""
    line = Line.open(where)
    take_in(line)
    record_forces(line)
    count_forces(line)
    for quarter in line.quarters():
        aggregate_quarter(line, quarter)
    freeze_decisions(line)
    judge_quarters(line, line.quarters())
    line.workspace.commit()


@pytest.mark.slow
def test_a_resupply_closes_its_alert_and_says_so(tmp_path: Path) -> None:
    made = tmp_path / "made"
    write_scenario("resupply", made)
    # It is the first of March: later files would bring most of February's records again.
    for file in (made / "supply").iterdir():
        if file.name[:7] > "2019-02":
            file.unlink()
    where = Settings(
        str(tmp_path / "workspace"), str(made / "supply"), str(made / "country"), as_of=date.today()
    )
    judge(where)
    desk = open_desk(where)
    desk.accounts.add("amina", "Amina", "checker", PASSWORD, by="the tests")
    amina = Tab(desk)
    amina.sign_in("amina")
    own = [alert for alert in desk.alerts(desk.book()) if alert.row["force"] == SHORT and alert.blocks]
    assert [alert.months for alert in own] == [[FEBRUARY]], "six tenths of a month are one alert"
    address = f"/alert/{own[0].finding}"
    amina.get(address)
    until = (desk.today + timedelta(days=14)).isoformat()
    asked = amina.send(
        f"{address}/decide", action="ask for resupply", reason="Six tenths came.", deadline=until
    ).text
    assert "please supply February 2019 again by" in asked
    (late,) = (made / "resupply").iterdir()
    late.replace(made / "supply" / late.name)
    judge(where)
    page = amina.get(address).text
    assert f"This alert closed itself: mended by {late.name}, received {desk.today:%-d %B %Y}" in page
    assert "Six tenths came." in page, "what was asked for stays in its history"
    assert 'name="action"' not in page, "nothing is left to decide"
    assert not [alert for alert in desk.alerts(desk.book()) if alert.row["force"] == SHORT and alert.blocks]
    verdict = desk.book().verdicts.filter(force=SHORT, month=FEBRUARY, file_type="extract")
    assert verdict.item(0, "status") == "complete"
