"""The force extract adapter: what is read rightly, what is rejected and how, and what stops the whole file."""

from __future__ import annotations

import codecs
import gzip
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.sources import extract_columns
from pipelines.sources.column_maps import maps_in, read_map, shipped_maps
from pipelines.sources.force_extract import ExtractRead, read_extract
from pipelines.sources.freeze import freeze
from pipelines.sources.naming import Recognised, recognise
from pipelines.sources.refusal import Refusal
from transforms.contracts.columns import EXTRACT, PERSONAL
from transforms.contracts.tables import Lines, Rejects

FORCES = ("carrow", "greater-manchester")
CODES = frozenset({"8N", "4.1", "4.10", "4.6", "8/6", "125/9", "9A", "1", "49"})
NAME = "2019-07-carrow-extract.csv"

ROW = {
    "force": "carrow",
    "source_system": "niche",
    "crime_ref": "C1",
    "previous_crime_ref": "",
    "incident_ref": "I1",
    "offence_code": "8N",
    "reported_at": "2019-07-08T09:00:00",
    "recorded_at": "2019-07-08T10:00:00",
    "occurred_from": "2019-07-07T22:00:00",
    "occurred_to": "2019-07-07T23:00:00",
    "easting": "",
    "northing": "",
    "longitude": "-1.5",
    "latitude": "53.4",
    "victim_ref": "V1",
    "victim_kind": "person",
    "offender_ref": "",
    "owner_ref": "",
    "premises_ref": "",
    "status": "live",
    "status_reason": "",
    "status_at": "",
    "outcome_type": "18",
    "outcome_at": "2019-07-20",
    "flags": "knife",
    "updated_at": "2019-07-20T12:00:00",
    "victim_name": "CANARY-name",
    "victim_dob": "1970-01-01",
    "victim_address": "CANARY-address",
    "suspect_name": "CANARY-suspect",
    "location_text": "CANARY-place",
    "free_text": "CANARY-text",
}
CANCELLED = {"status": "cancelled", "status_reason": "C2", "status_at": "2019-07-09T10:00:00"}


def row(**changes: str) -> dict[str, str]:
    return ROW | changes


def quoted(value: str, delimiter: str, always: bool) -> str:
    needs = always or any(mark in value for mark in (delimiter, '"', "\n", "\r"))
    return '"' + value.replace('"', '""') + '"' if needs else value


def text_of(
    rows: Sequence[dict[str, str]], delimiter: str = ",", end: str = "\n", all_quoted: bool = False
) -> str:
    lines = [
        delimiter.join(quoted(value, delimiter, all_quoted) for value in each)
        for each in (rows[0], *(r.values() for r in rows))
    ]
    return end.join(lines) + end


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., ExtractRead]:
    turns = count()

    def reading(content: object, name: str = NAME, maps: object = None) -> ExtractRead:
        if isinstance(content, list):
            content = text_of(content)
        data = content.encode() if isinstance(content, str) else content
        assert isinstance(data, bytes)
        path = tmp_path / name
        path.write_bytes(data)
        frozen = freeze(path, tmp_path / "store")
        recognised = recognise(name, data[:100], forces=FORCES)
        assert isinstance(recognised, Recognised), recognised
        done = read_extract(
            frozen,
            recognised,
            known_forces=FORCES,
            known_codes=CODES,
            folder=tmp_path / "out" / str(next(turns)),
            maps=maps,  # type: ignore[arg-type]
        )
        Lines.validate(pl.read_parquet(done.lines))
        Rejects.validate(done.rejects)
        assert done.rows == done.kept + done.rejects.height
        assert pl.read_parquet(done.lines).height == done.kept
        # Nothing but the lines is left behind, and nothing personal is in them or in the rejects.
        assert list(done.lines.parent.iterdir()) == [done.lines]
        assert b"CANARY" not in done.lines.read_bytes()
        assert "CANARY" not in done.rejects.write_csv()
        return done

    return reading


def lines_of(done: ExtractRead) -> pl.DataFrame:
    return pl.read_parquet(done.lines).drop("supply", "row").sort(pl.all())


@pytest.mark.parametrize(("rows", "times_read"), [(999, 1), (1_000, 2), (1_001, 2)])
def test_a_small_file_is_its_own_sample_and_is_read_once(
    read: Callable[..., ExtractRead], monkeypatch: pytest.MonkeyPatch, rows: int, times_read: int
) -> None:
    asked: list[object] = []
    read_rows = extract_columns.read_rows
    monkeypatch.setattr(extract_columns, "read_rows", lambda *all_: asked.append(1) or read_rows(*all_))
    done = read([row(crime_ref=f"CR/{number}") for number in range(rows)])
    assert pl.read_parquet(done.lines)["crime_ref"].to_list() == [f"CR/{number}" for number in range(rows)]
    assert len(asked) == times_read


def test_a_plain_extract_is_read_as_written(read: Callable[..., ExtractRead]) -> None:
    done = read([row()])
    line = pl.read_parquet(done.lines).row(0, named=True)
    assert done.rows == done.kept == 1 and done.column_map == "generic" and not done.notes
    assert line["row"] == 1 and line["offence_code"] == "8N" and line["previous_crime_ref"] is None
    assert line["recorded_at"] == datetime(2019, 7, 8, 9, tzinfo=UTC)  # ten o'clock in summer
    assert (line["longitude"], line["latitude"]) == (-1.5, 53.4)
    assert line["outcome_at"] == date(2019, 7, 20)
    assert not set(PERSONAL) & set(line)


@pytest.mark.parametrize(
    ("changes", "field", "seen", "wanted", "reason"),
    [
        ({"crime_ref": ""}, "crime_ref", "", "a reference", "empty"),
        ({"crime_ref": "   "}, "crime_ref", "", "a reference", "empty"),
        ({"incident_ref": ""}, "incident_ref", "", "a reference", "empty"),
        ({"offence_code": ""}, "offence_code", "", "a code", "empty"),
        ({"offence_code": "43986"}, "offence_code", "43986", "a code", "Excel serial date: looks like 4/6"),
        ({"offence_code": "22129"}, "offence_code", "22129", "a code", "Excel serial date: looks like 8/60"),
        ({"offence_code": "04-Jun"}, "offence_code", "04-Jun", "a code", "date by a spreadsheet"),
        ({"offence_code": "8.0"}, "offence_code", "8.0", "a code", "decimal number"),
        ({"offence_code": "8NN"}, "offence_code", "8NN", "nearest: 8N", "no edition has this code"),
        ({"offence_code": "999/1"}, "offence_code", "999/1", "a code", "no edition has this code"),
        ({"reported_at": ""}, "reported_at", "", "ISO 8601", "empty"),
        ({"reported_at": "soon"}, "reported_at", "soon", "ISO 8601", "no such date"),
        (
            {"recorded_at": "2019-02-30T10:00:00"},
            "recorded_at",
            "2019-02-30T10:00:00",
            "ISO 8601",
            "no such date",
        ),
        (
            {"recorded_at": "08/07/2019 10:00"},
            "recorded_at",
            "08/07/2019 10:00",
            "ISO 8601",
            "cannot be told apart",
        ),
        ({"recorded_at": "43654"}, "recorded_at", "43654", "ISO 8601", "looks like 2019-07-08"),
        (
            {"recorded_at": "2019-08-01T00:00:00"},
            "recorded_at",
            "2019-08-01T00:00:00",
            "2019-07",
            "after the last month",
        ),
        ({"occurred_from": "never"}, "occurred_from", "never", "or empty", "no such date"),
        ({"updated_at": ""}, "updated_at", "", "ISO 8601", "empty"),
        (
            {"longitude": "53.4", "latitude": "-1.5"},
            "longitude",
            "53.4",
            "degrees between -9 and 2.5",
            "no such place",
        ),
        ({"longitude": "east"}, "longitude", "east", "degrees", "no such place"),
        ({"latitude": ""}, "latitude", "", "longitude and latitude, or neither", "half a location"),
        (
            {"easting": "1", "northing": "9999999"},
            "northing",
            "9999999",
            "metres between 1 and",
            "no such place",
        ),
        ({"easting": "430000"}, "northing", "", "easting and northing, or neither", "half a location"),
        (
            {"victim_kind": "pet"},
            "victim_kind",
            "pet",
            "one of person, business, state",
            "not in the vocabulary",
        ),
        ({"victim_kind": ""}, "victim_kind", "", "one of person", "not in the vocabulary"),
        (
            {"status": "open"},
            "status",
            "open",
            "one of live, cancelled, transferred",
            "not in the vocabulary",
        ),
        (CANCELLED | {"status_reason": "C9"}, "status_reason", "C9", "one of C1", "not in the vocabulary"),
        (CANCELLED | {"status_reason": ""}, "status_reason", "", "C1 to C5", "not live needs it"),
        (CANCELLED | {"status_at": ""}, "status_at", "", "a time", "not live needs it"),
        ({"outcome_type": "23"}, "outcome_type", "23", "one of 0, 1", "not in the vocabulary"),
        ({"outcome_at": ""}, "outcome_at", "", "a date", "an outcome needs its date"),
        ({"outcome_at": "soon"}, "outcome_at", "soon", "an ISO 8601 date", "no such date"),
    ],
)
def test_a_bad_row_is_rejected_and_no_other(
    read: Callable[..., ExtractRead], changes: dict[str, str], field: str, seen: str, wanted: str, reason: str
) -> None:
    done = read([row(), row(**{"crime_ref": "C2"} | changes), row(crime_ref="C3")])
    assert done.kept == 2
    [reject] = done.rejects.rows(named=True)
    assert (reject["line"], reject["field"], reject["seen"]) == (3, field, seen)
    assert wanted in reject["wanted"] and reason in reject["reason"]
    assert reject["name"] == NAME


@pytest.mark.parametrize(
    ("changes", "column", "value"),
    [
        ({"offence_code": " 8n "}, "offence_code", "8N"),
        ({"offence_code": "00806"}, "offence_code", "8/6"),
        ({"offence_code": "08/06"}, "offence_code", "8/6"),
        ({"offence_code": "4/10"}, "offence_code", "4.10"),
        ({"offence_code": "4.10"}, "offence_code", "4.10"),
        ({"offence_code": "4.1"}, "offence_code", "4.1"),
        ({"offence_code": "49/99"}, "offence_code", "49/99"),
        ({"crime_ref": "  C 1 "}, "crime_ref", "C 1"),
        ({"victim_kind": "Person"}, "victim_kind", "person"),
        ({"status": " LIVE "}, "status", "live"),
        ({"outcome_type": "1a"}, "outcome_type", "1A"),
        ({"outcome_type": "", "outcome_at": ""}, "outcome_type", None),
        ({"outcome_type": "0", "outcome_at": ""}, "outcome_type", "0"),
        ({"longitude": "", "latitude": ""}, "longitude", None),
        ({"recorded_at": "2019-07-08"}, "recorded_at", datetime(2019, 7, 7, 23, tzinfo=UTC)),
        ({"recorded_at": "2019-07-08T10:00"}, "recorded_at", datetime(2019, 7, 8, 9, tzinfo=UTC)),
        ({"recorded_at": "2019-07-08 10:00:00"}, "recorded_at", datetime(2019, 7, 8, 9, tzinfo=UTC)),
        ({"recorded_at": "2019-07-08T10:00:00Z"}, "recorded_at", datetime(2019, 7, 8, 10, tzinfo=UTC)),
        ({"recorded_at": "2019-07-08T10:00:00+01:00"}, "recorded_at", datetime(2019, 7, 8, 9, tzinfo=UTC)),
        (
            {"recorded_at": "2019-07-08T10:00:00.25"},
            "recorded_at",
            datetime(2019, 7, 8, 9, 0, 0, 250000, tzinfo=UTC),
        ),
        (
            {"recorded_at": "2019-07-31T23:59:59"},
            "recorded_at",
            datetime(2019, 7, 31, 22, 59, 59, tzinfo=UTC),
        ),
        ({"recorded_at": "2019-07-31T23:30:00Z"}, None, None),  # half past midnight on 1 August
        ({"occurred_from": "1974-01-05T10:00:00"}, "occurred_from", datetime(1974, 1, 5, 10, tzinfo=UTC)),
        ({"occurred_from": "1969-01-05T10:00:00"}, "occurred_from", datetime(1969, 1, 5, 9, tzinfo=UTC)),
        (
            {"occurred_from": "2018-10-28T01:30:00"},
            "occurred_from",
            datetime(2018, 10, 28, 0, 30, tzinfo=UTC),
        ),
        ({"occurred_from": "2019-03-31T01:30:00"}, "occurred_from", datetime(2019, 3, 31, 1, 30, tzinfo=UTC)),
        ({"occurred_from": "2019-03-31T02:00:00"}, "occurred_from", datetime(2019, 3, 31, 1, tzinfo=UTC)),
        ({"occurred_from": "2018-10-28T02:00:00"}, "occurred_from", datetime(2018, 10, 28, 2, tzinfo=UTC)),
        (
            {"occurred_from": "2018-10-28T00:59:59"},
            "occurred_from",
            datetime(2018, 10, 27, 23, 59, 59, tzinfo=UTC),
        ),
    ],
)
def test_what_is_oddly_written_is_read_rightly(
    read: Callable[..., ExtractRead], changes: dict[str, str], column: str | None, value: object
) -> None:
    done = read([row(crime_ref="C0"), row(**changes)])
    if column is None:
        assert done.rejects["reason"].to_list() == ["recorded after the last month that the file name states"]
    else:
        assert done.kept == 2, done.rejects
        in_utc = pl.read_parquet(done.lines).with_columns(
            pl.col(pl.Datetime("us", "*")).dt.convert_time_zone("UTC")
        )
        assert in_utc.filter(pl.col("row") == 2)[column].to_list() == [value]


def test_a_file_written_oddly_throughout_gives_the_lines_of_one_written_plainly(
    read: Callable[..., ExtractRead],
) -> None:
    """The first is read with care from the start, the second quickly, but for one row in forty."""
    plain = [
        row(crime_ref=f"C{number}", recorded_at=f"2019-07-{number % 28 + 1:02}T10:00:00")
        for number in range(80)
    ]
    plain += [
        each | CANCELLED | {"crime_ref": f"D{each['crime_ref']}", "offence_code": "8/6"}
        for each in plain[::2]
    ]
    plain[7] |= {"offence_code": "00806"}
    plain[9] |= {"crime_ref": ""}
    odd = [
        {
            name: f" {value.replace('T', ' ').title() if name in ('status', 'recorded_at') else value}  "
            for name, value in each.items()
        }
        | {"offence_code": {"8N": "8n", "8/6": "008/06"}.get(each["offence_code"], each["offence_code"])}
        for each in plain
    ]
    quickly, carefully = read(plain), read(odd)
    assert lines_of(carefully).equals(lines_of(quickly)) and quickly.kept == 119
    assert carefully.rejects.drop("supply").equals(quickly.rejects.drop("supply"))


def test_a_full_disk_is_told_and_leaves_nothing(
    read: Callable[..., ExtractRead], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        raise pl.exceptions.ComputeError(
            "parquet: underlying IO error: No space left on device (os error 28)"
        )

    monkeypatch.setattr(pl.LazyFrame, "sink_parquet", full)
    with pytest.raises(Refusal, match="no room left on the disk"):
        read([row()])
    assert not any((tmp_path / "out" / "0").iterdir())


def test_a_doubtful_hour_is_noted(read: Callable[..., ExtractRead]) -> None:
    done = read([row(occurred_from="2018-10-28T01:30:00")])
    assert len(done.notes) == 1 and done.notes[0].startswith("occurred_from: 1 time(s)")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            text_of([row() | {"mood": "calm"}]),
            ["line 1", "field mood", "unknown: mood", "wanted the columns of the generic map"],
        ),
        (text_of([{k: v for k, v in ROW.items() if k != "updated_at"}]), ["lacking: updated_at"]),
        (
            text_of([{("offense_code" if k == "offence_code" else k): v for k, v in ROW.items()}]),
            ["nearest: offence_code"],
        ),
        (text_of([row()]).replace("flags", "crime_ref", 1), ["names a column twice", "crime_ref"]),
        (text_of([row(), row(force="atlantis")]), ["line 3", "field force", "“atlantis”", "unknown force"]),
        (
            text_of([row(), row(force="greater-manchester")]),
            ["line 3", "another force", "carrow, as in the file name"],
        ),
        (text_of([row()]).splitlines()[0] + "\n", ["a header and no row"]),
        (text_of([row(recorded_at="2019-06-08T10:00:00")]), ["another month", "2019-06-08", "2019-07"]),
        (
            text_of([row(), row(free_text="one\ntwo three four")])[:-8],
            ["line 3", "cut short or badly quoted"],
        ),
        (
            text_of([row(), row(free_text="one\ntwo three four")])[:-16],
            ["line 3", "cut short or badly quoted"],
        ),
        ("\n\n", ["empty"]),
    ],
)
def test_a_file_is_refused_in_one_sentence(
    read: Callable[..., ExtractRead], content: str, said: list[str]
) -> None:
    with pytest.raises(Refusal) as refused:
        read(content)
    sentence = str(refused.value)
    assert sentence.startswith(NAME) and sentence.endswith(".") and "\n" not in sentence
    assert "CANARY" not in sentence
    for words in said:
        assert words in sentence, sentence


def test_another_source_system_than_the_name_says_stops_the_file(read: Callable[..., ExtractRead]) -> None:
    with pytest.raises(Refusal, match=r"another source system.*“niche”, wanted athena"):
        read([row()], name="2019-07-carrow-athena-extract.csv")


def test_rows_with_a_stray_delimiter_or_cut_short_are_rejected_by_line(
    read: Callable[..., ExtractRead],
) -> None:
    good, head = text_of([row(crime_ref="C9")]).splitlines()[1], text_of([row()]).splitlines()[0]
    done = read(
        "\n".join([head, good, "stray," + good, good.rsplit(",", 10)[0], good.replace("C9", "C8"), ""])
    )
    assert done.kept == 2
    assert done.rejects.select("line", "field", "seen").rows() == [
        (3, "the whole row", "33 fields"),
        (4, "the whole row", "22 fields"),
    ]


def test_optional_columns_after_the_last_required_one_cannot_hide_a_short_row(
    read: Callable[..., ExtractRead],
) -> None:
    order = [*(column for column in ROW if column != "flags"), "flags"]
    text = text_of([{column: row()[column] for column in order} for _ in range(2)])
    done = read(text.rstrip("\n").rsplit(",", 7)[0])  # cut inside the personal columns, before flags
    assert done.kept == 1 and done.rejects["field"].to_list() == ["the whole row"]


def test_lines_are_those_of_the_file_after_quoted_line_breaks(read: Callable[..., ExtractRead]) -> None:
    done = read(
        [row(free_text="one\ntwo\r\nthree"), row(crime_ref=""), row(crime_ref="C3", free_text='say "no"')]
    )
    assert done.kept == 2 and done.rejects["line"].to_list() == [5]
    assert sorted(pl.read_parquet(done.lines)["row"]) == [1, 3]


def test_blank_rows_at_the_end_are_no_rows_but_a_row_with_only_a_name_is(
    read: Callable[..., ExtractRead],
) -> None:
    blank = "," * (len(ROW) - 1) + "\n"
    nameless = dict.fromkeys(ROW, "") | {"victim_name": "someone"}
    done = read(text_of([row()]) + blank + "\n" + text_of([nameless]).splitlines()[1] + "\n" + blank)
    assert (done.rows, done.kept) == (2, 1)
    assert done.rejects["line"].to_list() == [5]


def test_columns_may_come_in_any_order_and_any_capitals_and_optional_ones_may_lack(
    read: Callable[..., ExtractRead],
) -> None:
    optional = {"previous_crime_ref", "easting", "northing", "owner_ref", "premises_ref", "flags", *PERSONAL}
    columns = [column for column in ROW if column not in optional]
    random.Random(4).shuffle(columns)
    done = read([{column.upper(): row()[column] for column in columns}])
    assert lines_of(done).drop("flags").equals(lines_of(read([row()])).drop("flags"))


def test_dates_with_the_day_first_are_read_where_the_column_shows_that_they_are(
    read: Callable[..., ExtractRead],
) -> None:
    rows = [row(crime_ref=f"C{day}", recorded_at=f"{day:02}/07/2019 10:00") for day in (1, 9, 13, 30)]
    assert pl.read_parquet(read(rows).lines)["recorded_at"].dt.day().to_list() == [1, 9, 13, 30]
    with pytest.raises(
        Refusal, match=r"line 6, field recorded_at.*the day first and this one the month.*07/30/2019"
    ):
        read([*rows, row(crime_ref="C0", recorded_at="07/30/2019 10:00")])
    american = read([row(), row(recorded_at="07/30/2019 10:00")])
    assert american.rejects["seen"].to_list() == ["07/30/2019 10:00"]


def test_an_opus_download_is_a_mapping(read: Callable[..., ExtractRead]) -> None:
    [opus] = [each for each in shipped_maps() if each.name == "opus"]
    native = {
        opus.columns[column]: value
        for column, value in row(
            offence_code="008/06",
            victim_kind="P",
            status="C",
            reported_at="08/07/2019 09:00:00",
            recorded_at="08/07/2019 10:00:00",
            occurred_from="07/07/2019 22:00:00",
            occurred_to="07/07/2019 23:00:00",
            outcome_at="20/07/2019",
            updated_at="20/07/2019 12:00:00",
            easting="433200",
            northing="387300",
        ).items()
        if column in opus.columns
    } | {"AGGRIEVED_NAME": "CANARY"}
    nowhere = native | {"CRIME_NO": "C2", "OSGR_E": "0", "OSGR_N": "0"}
    done = read(text_of([native, nowhere], "|"), name="2019-07-carrow-opus-extract.csv")
    assert done.kept == 2 and done.column_map == "opus", done.rejects
    ours = lines_of(read([row(source_system="opus", offence_code="8/6")])).drop("longitude", "latitude")
    assert lines_of(done).drop("longitude", "latitude").filter(pl.col("crime_ref") == "C1").equals(ours)
    places = lines_of(done).sort("crime_ref").select("longitude", "latitude").rows()
    assert places[0] == pytest.approx((-1.5, 53.38), abs=0.01) and places[1] == (None, None)


def test_a_policeworks_export_is_a_mapping(read: Callable[..., ExtractRead]) -> None:
    [works] = [each for each in shipped_maps() if each.name == "policeworks"]
    changes = {
        "victim_kind": "Organisation",
        "status": "Crime - Cancelled",
        "status_reason": "C2",
        "offence_code": "00806",
    }
    times = {
        column: f"2019-07-0{day}T10:00:00+01:00"
        for day, column in enumerate(["reported_at", "recorded_at", "updated_at", "status_at"], 1)
    }
    rows = [row(**changes | times)]
    native = [
        {works.columns[column]: value for column, value in each.items() if column in works.columns}
        for each in rows
    ]
    done = read(text_of(native, ";"), name="2019-07-carrow-policeworks-extract.csv")
    [line] = pl.read_parquet(done.lines).rows(named=True)
    assert (line["victim_kind"], line["status"], line["offence_code"]) == ("business", "cancelled", "8/6")
    assert (line["source_system"], line["force"]) == ("policeworks", "carrow")
    with pytest.raises(Refusal, match="unknown: Mood"):
        read(text_of([native[0] | {"Mood": "calm"}], ";"), name="2019-07-carrow-policeworks-extract.csv")


def test_another_system_is_a_data_file(read: Callable[..., ExtractRead]) -> None:
    headers = "\n".join(f'{column} = "X {column}"' for column in EXTRACT)
    own = read_map(
        f'title = "Connect"\npersonal = ["Who"]\n[columns]\n{headers}\n[values.status]\nOK = "live"\n',
        "connect",
    )
    native = {f"X {column}": value for column, value in row(status="OK").items() if column in EXTRACT} | {
        "Who": "CANARY"
    }
    done = read([native], maps=(own,))
    assert done.column_map == "connect" and lines_of(done).equals(lines_of(read([row()])))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[columns]\nmood = "Mood"\n', "wrong.toml: the column map cannot be read, seen “mood”"),
        ('[values.mood]\nA = "b"\n', "seen “mood”"),
        ("delimiter = ';'\n", "seen “delimiter”, wanted columns, day_first"),
        ("title = \n", "wanted TOML"),
    ],
)
def test_a_map_that_cannot_be_read_says_so(text: str, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_map(text, "wrong")
    assert said in str(refused.value)


def test_maps_of_the_country_come_first_and_stand_in_for_shipped_ones(tmp_path: Path) -> None:
    assert maps_in(tmp_path / "nowhere") == shipped_maps()
    (tmp_path / "opus.toml").write_text('title = "ours"\n')
    (tmp_path / "athena.toml").write_text('title = "Athena"\n')
    assert [each.title for each in maps_in(tmp_path)][:2] == ["Athena", "ours"]
    assert [each.name for each in maps_in(tmp_path)].count("opus") == 1


@pytest.mark.parametrize("compression", ["gz", "zst"])
def test_packed_extracts_are_read(read: Callable[..., ExtractRead], compression: str) -> None:
    data = text_of([row()]).encode()
    packed = gzip.compress(data) if compression == "gz" else pa.compress(data, "zstd", asbytes=True)
    assert lines_of(read(packed, name=f"{NAME}.{compression}")).equals(lines_of(read([row()])))


@pytest.mark.parametrize("compression", ["gz", "zst"])
def test_a_truncated_packed_extract_is_refused(read: Callable[..., ExtractRead], compression: str) -> None:
    data = text_of(
        [row(crime_ref=f"C{number}", incident_ref=str(number * 7919)) for number in range(500)]
    ).encode()
    packed = gzip.compress(data) if compression == "gz" else pa.compress(data, "zstd", asbytes=True)
    with pytest.raises(Refusal, match="damaged or cut short"):
        read(packed[: len(packed) // 2], name=f"{NAME}.{compression}")


def parquet(frame: pl.DataFrame) -> bytes:
    import io

    stream = io.BytesIO()
    frame.write_parquet(stream)
    return stream.getvalue()


def test_parquet_with_types_of_its_own_gives_the_same_lines(read: Callable[..., ExtractRead]) -> None:
    rows = [row(), row(crime_ref="C2", **CANCELLED, longitude="", latitude="")]
    texts = pl.DataFrame(rows)
    typed = texts.with_columns(
        pl.col("reported_at", "recorded_at", "occurred_from", "updated_at").str.to_datetime(time_unit="ns"),
        pl.col("outcome_at").str.to_date(),
        pl.col("longitude", "latitude").cast(pl.Float64, strict=False),
        pl.col("status", "offence_code").cast(pl.Categorical),
        pl.col("outcome_type").cast(pl.Int64),
    )
    name = NAME.replace("csv", "parquet")
    assert lines_of(read(parquet(typed), name=name)).equals(lines_of(read(rows)))
    aware = typed.with_columns(pl.col("recorded_at").dt.replace_time_zone("Europe/London"))
    assert lines_of(read(parquet(aware), name=name)).equals(lines_of(read(rows)))


@pytest.mark.parametrize("number", [4.1, 49])
def test_a_parquet_code_column_that_was_read_as_a_number_is_refused(
    read: Callable[..., ExtractRead], number: float
) -> None:
    damaged = pl.DataFrame([row()]).with_columns(offence_code=pl.lit(number))
    with pytest.raises(Refusal, match=r"field offence_code: the column was read as something else.*4\.10"):
        read(parquet(damaged), name=NAME.replace("csv", "parquet"))


def test_a_truncated_parquet_file_is_refused(read: Callable[..., ExtractRead]) -> None:
    with pytest.raises(Refusal, match="damaged or cut short"):
        read(parquet(pl.DataFrame([row()]))[:-30], name=NAME.replace("csv", "parquet"))


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "utf-8": str.encode,
    "utf-8 with a mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "utf-16 with a mark": lambda text: text.encode("utf-16"),
    "utf-16 little": lambda text: text.encode("utf-16-le"),
    "utf-16 big": lambda text: text.encode("utf-16-be"),
    "windows-1252": lambda text: text.encode("cp1252"),
}
REFERENCE = st.text(st.sampled_from("abcÉ£ñ 0123,;|\t\"'-/"), min_size=1, max_size=8).filter(
    lambda text: text.strip() == text
)
RECORD = st.builds(
    row,
    incident_ref=REFERENCE,
    victim_ref=st.one_of(st.just(""), REFERENCE),
    free_text=st.text(st.sampled_from('CANARY é\n\r",;'), max_size=12),
    offence_code=st.sampled_from(sorted(CODES)),
    recorded_at=st.datetimes(datetime(2019, 7, 1), datetime(2019, 7, 31)).map(
        lambda at: at.isoformat(timespec="seconds")
    ),
    occurred_from=st.datetimes(datetime(2015, 1, 1), datetime(2019, 7, 1)).map(
        lambda at: at.isoformat(timespec="seconds")
    ),
    status=st.sampled_from(["live", "odd"]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=st.lists(RECORD, min_size=1, max_size=8),
    encoding=st.sampled_from(sorted(ENCODINGS)),
    delimiter=st.sampled_from(",;|\t"),
    end=st.sampled_from(["\n", "\r\n"]),
    all_quoted=st.booleans(),
    cut=st.integers(0, 8),
    seed=st.integers(0, 1000),
)
def test_the_same_rows_give_the_same_lines_however_they_are_written(
    read: Callable[..., ExtractRead],
    records: list[dict[str, str]],
    encoding: str,
    delimiter: str,
    end: str,
    all_quoted: bool,
    cut: int,
    seed: int,
) -> None:
    records = [each | {"crime_ref": f"C{number}"} for number, each in enumerate(records)]
    plain = read(records)
    shuffled = random.Random(seed).sample(records, len(records))
    parts = [part for part in (shuffled[:cut], shuffled[cut:]) if part]
    reads = [read(ENCODINGS[encoding](text_of(part, delimiter, end, all_quoted))) for part in parts]
    assert pl.concat(lines_of(each) for each in reads).sort(pl.all()).equals(lines_of(plain))
    found = pl.concat(each.rejects.select("field", "seen", "wanted", "reason") for each in reads)
    assert found.sort(pl.all()).equals(
        plain.rejects.select("field", "seen", "wanted", "reason").sort(pl.all())
    )


#: Reads an extract in a process of its own and prints the most memory that it held, in KiB.
READING = """
import resource, sys
from pathlib import Path
from pipelines.sources.force_extract import read_extract
from pipelines.sources.freeze import Frozen
from pipelines.sources.naming import recognise
from tests.unit.test_sources_extract import CODES, FORCES, NAME
path, folder = map(Path, sys.argv[1:])
told = recognise(NAME, path.open("rb").read(4096), forces=FORCES)
frozen = Frozen("0" * 64, path.stat().st_size, path)
read = read_extract(frozen, told, known_forces=FORCES, known_codes=CODES, folder=folder)
print(read.kept, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_go_by_the_size_of_the_file(tmp_path: Path) -> None:
    """Nor by how many parts of it hold a row that is read again: here one row of ten thousand."""
    usual = [",".join(row(crime_ref=f"C{number}").values()) for number in range(10_000)]
    usual[5_000] = usual[5_000].replace("T09:00:00", " 09:00:00")
    part = "\n".join([*usual, ""]).encode()
    most = []
    for parts in (100, 300):
        path = tmp_path / f"{parts}.csv"
        with path.open("wb") as file:
            file.write((",".join(ROW) + "\n").encode())
            for _ in range(parts):
                file.write(part)
        words = [sys.executable, "-c", READING, str(path), str(tmp_path / f"{parts}")]
        done = subprocess.run(
            words, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
        )
        kept, held = map(int, done.stdout.split())
        assert kept == parts * 10_000
        most.append(held)
    assert most[1] < 1.4 * most[0], f"{most[0]:,} KiB of 100 parts, {most[1]:,} KiB of 300"
