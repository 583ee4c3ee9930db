"""What checkers do at the desk, page by page, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from fixtures.small_book import mended
from publish.desk.desk import Desk
from publish.desk.ledger import Ledger
from tests.desk.conftest import Clock, Shelf, Tab
from transforms.completeness.findings import as_findings
from transforms.decisions import in_force

GAP = "w01-mercaster-2019-07"
STEP = "w09-eastmark-2019-09"
QUIET = [f"w39-northshire-nc0{number}-2019-08" for number in (1, 2, 3)]

Opened = Callable[..., Tab]


def standing(ledger: Ledger, on: date = date(2019, 10, 20)) -> list[dict[str, Any]]:
    return in_force(ledger.decisions(), on).to_dicts()


def test_today_shows_what_waits_grouped_by_cause(tab: Opened) -> None:
    page = tab("amina").get("/").text
    assert "5 alerts wait for a decision" in page
    assert "Releases held up" in page
    assert "2019-Q3" in page
    assert "3 alerts of one cause" in page
    assert page.index("Greater Mercaster has supplied nothing") < page.index("Eastmark rose"), (
        "the worst first"
    )


def test_an_alert_shows_the_evidence_and_every_effect_before_anything_is_decided(tab: Opened) -> None:
    page = tab("amina").get(f"/alert/{GAP}").text
    for part in ("Expected", "1,200 to 1,400 (95%)", "A year before", "Other crime types", "Other forces",
                 "Files that hold these months", "Recording delay", "left behind in the old system",
                 "Message to the force", "July to September 2019"):  # fmt: skip
        assert part in page, part
    assert '"counts": [135' in page.replace("&#34;", '"'), "the trend is the force's own"
    assert "null, null, null]" in page, "a gap is null and never 0"
    assert 'class="gap"' in page, "and is drawn without a script"
    # What is published does not turn to a number because somebody calls a gap genuine.
    assert "whatever is decided: this part <b>not known</b>, the force <b>not known</b>" in page
    quiet = tab("amina").get(f"/alert/{QUIET[0]}").text
    assert "this part <b>90</b>" in quiet, "accepted as genuine: six areas, fifteen crimes each"
    assert "this part <b>held</b>" in quiet, "deferred"
    assert "this part <b>not known</b>" in quiet, "confirmed as a gap"


def test_a_decision_is_recorded_with_reason_author_and_time(tab: Opened, ledger: Ledger) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    answer = amina.send(f"/alert/{GAP}/decide", action="confirm gap", reason="No file came & none will.")
    assert "Recorded: confirm gap" in answer.text
    (made,) = standing(ledger)
    assert (made["author"], made["action"], made["reason"]) == (
        "amina",
        "confirm gap",
        "No file came & none will.",
    )
    assert (made["force"], made["first_month"], made["last_month"]) == (
        "mercaster", date(2019, 7, 1), date(2019, 9, 1),
    )  # fmt: skip
    assert "Greater Mercaster has supplied nothing" not in amina.get("/").text


def test_an_undo_appends_and_the_alert_is_asked_again(tab: Opened, ledger: Ledger) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    amina.send(f"/alert/{GAP}/decide", action="confirm gap", reason="No file came.")
    answer = amina.send(f"/alert/{GAP}/undo", undo_reason="The file is on its way.")
    assert "Taken back" in answer.text
    assert standing(ledger) == []
    assert [entry.body["action"] for entry in ledger.entries("decision")] == ["confirm gap", "undo"]
    assert "Greater Mercaster has supplied nothing" in amina.get("/").text


def test_a_resupply_is_asked_for_with_a_message_and_asked_again_after_its_day(
    tab: Opened, clock: Clock, ledger: Ledger
) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    page = amina.send(
        f"/alert/{GAP}/decide", action="ask for resupply", reason="Rang them.", deadline="2019-10-28"
    ).text
    for part in ("please supply July 2019 to September 2019 again by 28 October 2019", "never as zero", GAP):
        assert part in page
    assert "Waiting" in page
    clock.forward(days=14)
    late = tab("amina").get("/").text
    assert "To decide again" in late
    assert "Greater Mercaster has supplied nothing" in late


def test_a_partial_month_carries_its_coverage(tab: Opened, ledger: Ledger) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    refused = amina.send(f"/alert/{GAP}/decide", action="mark partial", reason="Half.", coverage="150")
    assert refused.status_code == 422
    assert "between 0 and 100 per cent" in refused.text
    amina.send(f"/alert/{GAP}/decide", action="mark partial", reason="Half.", coverage="54%")
    assert standing(ledger)[0]["coverage"] == 0.54


def test_a_decision_needs_its_reason_and_genuine_its_evidence(tab: Opened, ledger: Ledger) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{STEP}")
    for typed, said in (
        ({"action": "confirm gap", "reason": " "}, "Say why in a sentence"),
        ({"action": "accept as genuine", "reason": "A new centre."}, "Name the evidence"),
        ({"action": "defer", "reason": "Later.", "until": "2019-10-01"}, "is not in the future"),
        ({"action": "defer", "reason": "Later.", "until": "soon"}, "is no day"),
        ({"action": "drop table", "reason": "Why not."}, "Choose what you decide"),
    ):
        answer = amina.send(f"/alert/{STEP}/decide", **typed)
        assert answer.status_code == 422
        assert said in answer.text
        if typed["reason"].strip():
            assert f">{typed['reason']}</textarea>" in answer.text, "what was typed is still there"
    assert ledger.entries("decision") == []


def test_one_cause_is_decided_at_once_all_or_none(tab: Opened, ledger: Ledger) -> None:
    amina, ben = tab("amina"), tab("ben")
    query = "&".join(f"finding={finding}" for finding in QUIET)
    amina.get(f"/together?{query}")
    assert "Decide 3 alerts of one cause" in amina.page
    ben.get(f"/alert/{QUIET[1]}")
    ben.send(f"/alert/{QUIET[1]}/decide", action="defer", reason="Asking.", until="2019-10-28")
    typed = {
        "finding": QUIET,
        "action": "accept as genuine",
        "reason": "A park closed.",
        "evidence": "letter",
    }
    clash = amina.send("/together/decide", **typed)
    assert clash.status_code == 409
    assert "ben recorded “defer” on it" in clash.text
    assert "A park closed.</textarea>" in clash.text
    assert len(ledger.entries("decision")) == 1, "none of the three"
    done = amina.send("/together/decide", **typed)
    assert "for 3 alerts" in done.text
    assert {row["author"] for row in standing(ledger)[-3:]} == {"amina"}
    assert len(ledger.entries("decision")) == 4
    mixed = amina
    mixed.get(f"/together?finding={GAP}&finding={STEP}")
    answer = mixed.send("/together/decide", finding=[GAP, STEP], action="confirm gap", reason="Both.")
    assert answer.status_code == 422
    assert "different causes" in answer.text


def test_the_second_checker_is_told_and_keeps_what_they_typed(tab: Opened, ledger: Ledger) -> None:
    amina, ben = tab("amina"), tab("ben")
    amina.get(f"/alert/{GAP}")
    ben.get(f"/alert/{GAP}")
    amina.send(f"/alert/{GAP}/decide", action="confirm gap", reason="No file came.")
    clash = ben.send(f"/alert/{GAP}/decide", action="defer", reason="I rang them.", until="2019-10-28")
    assert clash.status_code == 409
    assert "amina recorded “confirm gap”" in clash.text
    assert "I rang them.</textarea>" in clash.text
    assert len(ledger.entries("decision")) == 1
    assert (
        ben.send(
            f"/alert/{GAP}/decide", action="defer", reason="I rang them.", until="2019-10-28"
        ).status_code
        == 200
    )
    assert len(ledger.entries("decision")) == 2, "having read it, ben may decide otherwise"


def test_a_form_sent_twice_is_one_decision(tab: Opened, ledger: Ledger) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    fields = amina.fields(f"/alert/{GAP}/decide")
    for _ in range(2):
        answer = amina.client.post(
            f"/alert/{GAP}/decide", data={**fields, "action": "confirm gap", "reason": "No file came."}
        )
        assert "Recorded: confirm gap" in answer.text
    assert len(ledger.entries("decision")) == 1


def test_an_alert_closes_itself_when_mended_and_says_so(
    tab: Opened, shelf: Shelf, ledger: Ledger, clock: Clock
) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    clock.forward(days=23)
    shelf.book = mended(shelf.book)
    late = tab("amina")
    late.page = amina.page.replace(
        amina.fields("/sign-out")["form_token"], (late.get("/"), late.fields("/sign-out")["form_token"])[1]
    )
    answer = late.send(f"/alert/{GAP}/decide", action="confirm gap", reason="No file came.")
    assert answer.status_code == 422
    assert "This alert has just closed itself" in answer.text
    assert "mended by 2019-07_2019-09_mercaster.csv, received 6 November 2019" in answer.text
    assert ledger.entries("decision") == []
    assert "Greater Mercaster has supplied nothing" not in late.get("/").text


def test_an_alert_that_a_larger_one_accounts_for_says_where_to_decide(tab: Opened, shelf: Shelf) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{QUIET[0]}")
    august = pl.DataFrame({"force": ["northshire"], "month": [date(2019, 8, 1)]})
    silent = as_findings(august, "W08", pl.lit("Northshire has supplied nothing for August 2019."))
    areas = shelf.book.country.lsoas.filter(pl.col("neighbourhood").is_in(["NC02"])).get_column("lsoa_code")
    fell = august.with_columns(level=pl.lit("area"), area=pl.lit(";".join(areas)))
    lost = as_findings(fell, "W34", pl.lit("Northshire lost part of its areas in August 2019."))
    gone = shelf.book.findings.filter(pl.col("code") != "W39")
    shelf.book = replace(shelf.book, snapshot="fell", findings=pl.concat([gone, lost]))
    page = amina.get(f"/alert/{QUIET[1]}").text
    assert f"the larger alert {lost.item(0, 'finding')}, of the same months, accounts for it" in page
    assert f'href="/alert/{lost.item(0, "finding")}"' in page
    assert "no longer shows it" in amina.get(f"/alert/{QUIET[0]}").text, (
        "another neighbourhood is not among them"
    )
    shelf.book = replace(shelf.book, snapshot="silent", findings=pl.concat([gone, silent]))
    page = amina.get(f"/alert/{lost.item(0, 'finding')}").text
    assert "the larger alert w08-northshire-2019-08" in page


def test_an_alert_keeps_its_id_and_its_decision_over_runs(tab: Opened, shelf: Shelf, desk: Desk) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    amina.send(f"/alert/{GAP}/decide", action="confirm gap", reason="No file came.")
    before = len(desk.ledger.entries())
    shelf.book = replace(shelf.book, snapshot="a run with nothing new")
    page = amina.get(f"/alert/{GAP}").text
    assert "What stands" in page
    assert len(desk.ledger.entries()) == before


def test_an_alert_is_taken_on_and_a_contact_noted(tab: Opened) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    assert "amina is on it" in amina.send(f"/alert/{GAP}/take").text
    assert "amina" in amina.get("/?owner=amina").text
    amina.get("/forces/mercaster")
    page = amina.send("/forces/mercaster/contact", contact="Data desk, extension 4").text
    assert "Data desk, extension 4" in page
    assert "Data desk, extension 4" in amina.get(f"/alert/{GAP}").text


def test_rejected_rows_are_grouped_and_exported(tab: Opened) -> None:
    amina = tab("amina")
    page = amina.get("/rejects").text
    assert "3 rows were refused" in page
    exported = amina.get("/rejects.csv?reason=no+date")
    lines = exported.text.lstrip("\ufeff").splitlines()
    assert len(lines) == 3
    assert "'=HYPERLINK(0)" in lines[1], "a spreadsheet must not run what a force typed"
    assert exported.headers["content-disposition"] == 'attachment; filename="rejected-rows.csv"'


def test_search_finds_forces_alerts_files_hashes_and_reasons(tab: Opened) -> None:
    amina = tab("amina")
    amina.get(f"/alert/{GAP}")
    amina.send(f"/alert/{GAP}/decide", action="confirm gap", reason="The server burnt down.")
    for words, found in (
        ("mercaster", "/forces/mercaster"),
        ("eastmark twice", f"/alert/{STEP}"),
        (f"{2:064x}", "2019-08_northshire.csv"),
        ("burnt", f"/alert/{GAP}"),
    ):
        assert found in amina.get("/search", params={"for": words}).text, words
    assert "Nothing." in amina.get("/search", params={"for": "no such thing"}).text


def test_the_trail_shows_everything_and_sign_ins_only_to_those_who_audit(tab: Opened) -> None:
    amina, farah = tab("amina"), tab("farah")
    amina.get(f"/alert/{GAP}")
    amina.send(f"/alert/{GAP}/decide", action="confirm gap", reason="No file came.")
    assert "No file came." in amina.get("/trail").text
    assert "signed in" not in amina.page
    assert "signed in by password" in farah.get("/trail").text
    assert "account made" in farah.page
    exported = farah.get("/trail.csv")
    assert "No file came." in exported.text
    assert amina.get("/trail.csv").status_code == 403
