"""Each table of the flow: its grain, its key and its rules."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from transforms.contracts import columns as c
from transforms.contracts.status import allows_number

#: What a data checker can decide, and what it does to the figures in scope (`transforms/decisions.py`).
DECISION_ACTIONS = [
    "confirm gap",
    "accept as genuine",
    "ask for resupply",
    "mark partial",
    "exclude from comparison",
    "defer",
    "undo",
]

SIGNING_ROLES = ["prepared", "approved"]
#: What can be said about a release beside signing it (`transforms/readiness.py`).
RELEASE_ACTIONS = [
    "note a revision",
    "give access",
    "end access",
    "announce a correction",
    "stop",
    "lift the stop",
]


class Supplies(dy.Schema):
    """One row for each file as received. A later file of the same scope supersedes; none is edited."""

    received_order = dy.UInt32(primary_key=True, description="order of receipt in this workspace, from 1")
    received_at = c.timestamp("when the file was taken in; in no published byte")
    supply = c.supply()
    name = c.text("name as received, with the archive it came in")
    kind = c.text(
        "extract, street, outcomes, stop-and-search or aggregate; unknown when it could not be told"
    )
    force = c.force(nullable=True)
    first_month = c.month(nullable=True)
    last_month = c.month(nullable=True)
    source_system = c.text("records system the file came from", nullable=True)
    bytes = dy.Int64(min=0, description="size as received", metadata={"unit": "bytes"})
    rows = dy.Int64(min=0, description="rows in the file", metadata={"unit": "rows"})
    rejected = dy.Int64(min=0, description="rows refused", metadata={"unit": "rows"})
    state = dy.Enum(["accepted", "superseded", "refused"], description="what became of the file")
    reason = c.text("why the whole file was refused, and what to do", nullable=True)

    @dy.rule()
    def rejects_are_among_the_rows(cls) -> pl.Expr:
        """No more rows are refused than there are."""
        return pl.col("rejected") <= pl.col("rows")


class Lines(dy.Schema):
    """One row for each offence line accepted at the door, every version, without personal fields."""

    supply = c.supply(primary_key=True)
    row = dy.UInt32(primary_key=True, description="record number in the file, from 1")
    force = c.force()
    source_system = c.text("records system the line came from")
    crime_ref = c.text("the force's reference for the crime", min_length=1)
    previous_crime_ref = c.text(
        "reference the same crime had in the system before a migration", nullable=True
    )
    incident_ref = c.text("the report the line came from")
    offence_code = c.offence_code()
    reported_at = c.timestamp("when the force was told")
    recorded_at = c.timestamp("when the crime was recorded: this decides the period")
    occurred_from = c.timestamp("earliest time of the offence", nullable=True)
    occurred_to = c.timestamp("latest time of the offence", nullable=True)
    longitude = dy.Float64(nullable=True, description="WGS 84", metadata={"unit": "degrees"})
    latitude = dy.Float64(nullable=True, description="WGS 84", metadata={"unit": "degrees"})
    victim_ref = c.text("pseudonym of the victim within the force", nullable=True)
    victim_kind = c.text("person, business or state")
    offender_ref = c.text("pseudonym of the offender or group acting in concert", nullable=True)
    owner_ref = c.text("owner of the vehicle or property", nullable=True)
    premises_ref = c.text("the dwelling or premises", nullable=True)
    status = c.text("live, cancelled or transferred")
    status_reason = c.text("C1 to C5 when not live", nullable=True)
    status_at = c.timestamp("when the status changed", nullable=True)
    outcome_type = c.text("Home Office outcome type; empty or 0 is not yet assigned", nullable=True)
    outcome_at = dy.Date(nullable=True, description="date of the outcome")
    flags = c.text("flags, separated by semicolons", nullable=True)
    updated_at = c.timestamp("version of this line; the latest is the record")


class Records(Lines):
    """One row for each crime record: the latest version of each (force, source system, crime reference)."""


class Rejects(dy.Schema):
    """One row for each refused row of a supplied file."""

    supply = c.supply()
    name = c.text("file as received")
    line = dy.Int64(min=1, description="line of the file, the header being line 1")
    field = c.text("column at fault")
    seen = c.text("value seen; withheld when the field is personal", nullable=True)
    wanted = c.text("value wanted")
    reason = c.text("what is wrong, in words")


class Counted(dy.Schema):
    """One row for each crime that counts, with where it is placed."""

    force = c.force()
    month = c.month()
    offence_code = c.offence_code(nullable=True)
    category = c.category()
    crime_ref = c.text(
        "reference that the public crime id is derived from; empty for anti-social behaviour", nullable=True
    )
    counted = dy.Int8(description="1, or -1 for a net correction", metadata={"unit": "crimes"})
    longitude = dy.Float64(
        nullable=True,
        description="WGS 84, of the map point when `location` is given, else as the force recorded it",
        metadata={"unit": "degrees"},
    )
    latitude = dy.Float64(nullable=True, description="WGS 84, as longitude", metadata={"unit": "degrees"})
    location = c.text("“On or near” text of the map point, of rows that police.uk placed", nullable=True)
    lsoa_code = c.text("LSOA of the map point; null when no location is published", nullable=True)
    csp_code = c.text(
        "Community Safety Partnership that the crime itself lies in; null when in none", nullable=True
    )
    outcome = c.text("last outcome, in police.uk words", nullable=True)
    outcome_month = dy.Date(
        nullable=True,
        description="month of that outcome, as its first day; null without one, and of rows that police.uk placed",
        metadata={"unit": "month"},
    )
    supply = c.supply()


class CaseOutcomes(dy.Schema):
    """One row for each outcome of a crime: as police.uk publishes it, where a crime may have several, or of an extract.

    An extract tells of each crime the outcome that stands. Where the crime was is told by its line alone.
    """

    force = c.force()
    month = dy.Date(description="month of the outcome, as its first day", metadata={"unit": "month"})
    crime_ref = c.text("public id of the crime, or the reference that it is derived from", nullable=True)
    longitude = dy.Float64(
        nullable=True, description="WGS 84, of the map point", metadata={"unit": "degrees"}
    )
    latitude = dy.Float64(nullable=True, description="WGS 84, of the map point", metadata={"unit": "degrees"})
    location = c.text("“On or near” text of the map point", nullable=True)
    lsoa_code = c.text("LSOA of the map point; null when there is no location", nullable=True)
    outcome = c.text("outcome, in police.uk words")
    file_type = c.text("the kind of file that tells it: extract or outcomes")
    supply = c.supply()


class Searches(dy.Schema):
    """One row for each stop and search as police.uk publishes it: its columns and no other."""

    force = c.force()
    month = dy.Date(
        description="month of the search in Europe/London, as its first day", metadata={"unit": "month"}
    )
    type = c.text("person, vehicle, or both")
    searched_at = c.text("when, in UTC, as supplied")
    in_operation = dy.Bool(nullable=True, description="whether it was part of a policing operation")
    operation = c.text("name of the policing operation", nullable=True)
    latitude = dy.Float64(nullable=True, description="WGS 84, of the map point", metadata={"unit": "degrees"})
    longitude = dy.Float64(
        nullable=True, description="WGS 84, of the map point", metadata={"unit": "degrees"}
    )
    gender = c.text("gender", nullable=True)
    age_range = c.text("age range", nullable=True)
    self_defined_ethnicity = c.text("ethnicity in the person's words", nullable=True)
    officer_defined_ethnicity = c.text("ethnicity in the officer's words", nullable=True)
    legislation = c.text("power that was used", nullable=True)
    object_of_search = c.text("what was looked for", nullable=True)
    outcome = c.text("what came of it", nullable=True)
    outcome_linked = dy.Bool(nullable=True, description="whether the outcome has to do with what was sought")
    more_than_outer_clothing = dy.Bool(
        nullable=True, description="whether more than outer clothing was removed"
    )
    supply = c.supply()


class RemovedTally(dy.Schema):
    """One row for each force, month recorded, class and way of removal: how many records left the count."""

    force = c.force()
    month = c.month()
    offence_code = c.offence_code(nullable=True)
    removal = dy.Enum(["cancelled", "transferred"], description="how the record left the count")
    rows = dy.Int64(min=1, description="records", metadata={"unit": "records"})


class DecidingRules(dy.Schema):
    """One row for each record, counted or not, with the id of the rule that decided it."""

    force = c.force()
    source_system = c.text("records system the record came from")
    crime_ref = c.text("the force's reference for the crime")
    counted = dy.Int8(description="1, 0, or -1 for a net correction")
    offence_code = c.offence_code(nullable=True)
    month = c.month()
    rule = c.text("short stable id of the rule that decided")


class CountingDecisions(DecidingRules):
    """One row for each record, counted or not, with the rule that decided it and why, in a sentence."""

    because = c.text("one plain sentence naming the other lines that decided it")


class Returned(dy.Schema):
    """One row for each crime and net correction of an aggregate force, in the month in which it was returned."""

    force = c.force()
    month = c.month()
    offence_code = c.offence_code()
    crime_ref = c.text("the force's reference for the crime")
    counted = dy.Int8(description="1, or -1 for a net correction", metadata={"unit": "crimes"})


class NetCorrections(Returned):
    """One row for each class that a crime lost (-1) or gained (1) after its quarter was returned, and why."""

    published_month = c.month()
    rule = c.text("short stable id of the rule that decided")
    because = c.text("one plain sentence")


class OutcomeCounts(dy.Schema):
    """One row for each force, basis, month, offence code and outcome of the crimes that count."""

    force = c.force()
    basis = c.text("recorded: by the month recorded; closed: by the month of the outcome")
    month = c.month()
    offence_code = c.offence_code()
    outcome_type = c.text("0 (not yet assigned, recorded basis only) to 22; sub-types are within their type")
    sub_type = c.text("1A, 2A or 3A: an “of which”", nullable=True)
    rows = dy.Int64(min=1, description="crimes", metadata={"unit": "crimes"})


class RecordingCheckCounts(dy.Schema):
    """One row for each force, month recorded and check on recording that some record does not pass."""

    force = c.force(primary_key=True)
    month = c.month(primary_key=True)
    check = c.text("stable id of the check", primary_key=True)
    rows = dy.Int64(min=1, description="records that do not pass", metadata={"unit": "records"})
    sentence = c.text("what is wrong with the first of them")
    next_steps = c.text("what the force or a checker should do")


class RecordingDelays(dy.Schema):
    """One row for each force and week: how long the crimes recorded in it had waited since they were reported."""

    force = c.force(primary_key=True)
    week = dy.Date(description="Monday of the week recorded, Europe/London", primary_key=True)
    records = dy.UInt32(min=1, description="records", metadata={"unit": "records"})
    median_hours = dy.Float64(description="half waited longer", metadata={"unit": "hours"})
    ninth_decile_hours = dy.Float64(description="a tenth waited longer", metadata={"unit": "hours"})
    longest_hours = dy.Float64(description="the longest wait", metadata={"unit": "hours"})
    late = dy.UInt32(description="waited longer than is allowed", metadata={"unit": "records"})


class SystemPlaces(dy.Schema):
    """One row for each crime of a force with several records systems: in which of them it is held."""

    force = c.force()
    place = c.text("old only, new only, both, both but different, or circular references")
    old_system = c.text("the system that records moved from", nullable=True)
    old_ref = c.text("reference in the old system", nullable=True)
    new_system = c.text("the system that records moved to", nullable=True)
    new_ref = c.text("reference in the new system", nullable=True)
    how = c.text("crosswalk or stated match", nullable=True)
    differs = c.text("fields on which the copies differ", nullable=True)
    open = dy.Bool(description="whether no outcome is assigned")
    counted = dy.Int8(description="1 or 0")
    offence_code = c.offence_code(nullable=True)
    month = c.month()


class TransferredOut(dy.Schema):
    """One row for each record that its force transferred to another because the offence was in that one's area."""

    force = c.force(primary_key=True)
    source_system = c.text("records system the record came from", primary_key=True)
    crime_ref = c.text("the force's reference for the crime", primary_key=True)
    month = c.month()
    offence_code = c.offence_code(nullable=True)
    recorded_at = c.timestamp("when the force recorded it")
    status_at = c.timestamp("when it was transferred", nullable=True)
    longitude = dy.Float64(nullable=True, description="WGS 84", metadata={"unit": "degrees"})
    latitude = dy.Float64(nullable=True, description="WGS 84", metadata={"unit": "degrees"})
    occurred_from = c.timestamp("earliest time of the offence", nullable=True)


class Transfers(TransferredOut):
    """One row for each record transferred out, with the force that took it in, or that none did."""

    taken_by = c.text("the force that took it in; null when none is found", nullable=True)
    taken_ref = c.text("its reference there", nullable=True)
    how = c.text("reference or stated match", nullable=True)
    state = c.text("taken in; taken in, does not count; passed on; not found")


class TransferCandidates(dy.Schema):
    """One row for each record that may be a crime another force transferred out, with how it was counted."""

    force = c.force(primary_key=True)
    source_system = c.text("records system the record came from", primary_key=True)
    crime_ref = c.text("the force's reference for the crime", primary_key=True)
    previous_crime_ref = c.text("the reference that the crime had before", nullable=True)
    occurred_from = c.timestamp("earliest time of the offence", nullable=True)
    longitude = dy.Float64(nullable=True, description="WGS 84", metadata={"unit": "degrees"})
    latitude = dy.Float64(nullable=True, description="WGS 84", metadata={"unit": "degrees"})
    recorded_at = c.timestamp("when the force recorded it")
    offence_code = c.offence_code(nullable=True)
    counted = dy.Int8(description="1, 0, or -1 for a net correction")
    rule = c.text("short stable id of the rule that decided")


class LineTallies(dy.Schema):
    """One row for each file of an extract and month recorded: its lines, and of how many something is missing."""

    supply = c.supply(primary_key=True)
    force = c.force(primary_key=True)
    month = c.month(primary_key=True)
    rows = dy.Int64(min=1, description="lines", metadata={"unit": "lines"})
    last_hour = dy.Int64(min=0, description="lines of the month's last hour", metadata={"unit": "lines"})
    no_location = dy.Int64(min=0, description="lines without coordinates", metadata={"unit": "lines"})
    no_victim = dy.Int64(min=0, description="lines without a victim", metadata={"unit": "lines"})
    no_time = dy.Int64(min=0, description="lines without a time of the offence", metadata={"unit": "lines"})


class CountedMonths(dy.Schema):
    """One row for each force and month of which it has counted crimes or net corrections: how many rows."""

    force = c.force(primary_key=True)
    month = c.month(primary_key=True)
    rows = dy.Int64(min=1, description="rows of `Counted`", metadata={"unit": "rows"})


class RecordedDays(dy.Schema):
    """One row for each force and day on which records were made: what shows a month that stops early."""

    force = c.force(primary_key=True)
    month = c.month(primary_key=True)
    day = dy.Int8(primary_key=True, min=1, max=31, description="day of the month recorded")
    rows = dy.Int64(min=1, description="records", metadata={"unit": "records"})


class OffenceGrid(dy.Schema):
    """One row for each force, month and offence code that ought to exist, before judgement."""

    force = c.force(primary_key=True)
    month = c.month(primary_key=True)
    offence_code = c.offence_code(primary_key=True)
    supplied = dy.Bool(description="whether the force supplied the month at all")
    count = c.count()

    @dy.rule()
    def no_number_without_supply(cls) -> pl.Expr:
        """A month that was not supplied has no number, and one that was has."""
        return pl.col("count").is_not_null() == pl.col("supplied")


class AreaGrid(dy.Schema):
    """One row for each force, month, LSOA of that force (or place that is no area) and crime type."""

    force = c.force(primary_key=True)
    month = c.month(primary_key=True)
    lsoa_code = c.lsoa_code(primary_key=True)
    category = c.category(primary_key=True)
    supplied = dy.Bool(description="whether the force supplied the month at all")
    count = c.count()

    @dy.rule()
    def no_number_without_supply(cls) -> pl.Expr:
        """A month that was not supplied has no number, and one that was has."""
        return pl.col("count").is_not_null() == pl.col("supplied")


class NeighbourhoodTotals(dy.Schema):
    """One row for each neighbourhood and month owed: all crimes of its force there, unjudged."""

    force = c.force(primary_key=True)
    neighbourhood = c.text("neighbourhood id, unique only inside its force", primary_key=True)
    month = c.month(primary_key=True)
    count = c.count()


class PlaceTotals(dy.Schema):
    """One row for each force, month and place of the area grid that has a crime or a net correction, unjudged."""

    force = c.force(primary_key=True)
    month = c.month(primary_key=True)
    lsoa_code = c.lsoa_code(primary_key=True)
    count = dy.Int64(description="crimes of every type, net of corrections", metadata={"unit": "crimes"})
    crimes = dy.Int64(
        min=0,
        description="the same without types that come to less than nothing",
        metadata={"unit": "crimes"},
    )


class OffenceCounts(dy.Schema):
    """One row for each force, month and offence code that ought to exist, judged."""

    force = c.force(primary_key=True)
    month = c.month(primary_key=True)
    offence_code = c.offence_code(primary_key=True)
    count = c.count()
    status = c.status()

    @dy.rule()
    def number_only_where_status_allows(cls) -> pl.Expr:
        """A value is null exactly when its status allows no number."""
        return pl.col("count").is_not_null() == allows_number()


class AreaCounts(dy.Schema):
    """One row for each force, month, LSOA of that force (or place that is no area) and crime type, judged."""

    force = c.force(primary_key=True)
    month = c.month(primary_key=True)
    lsoa_code = c.lsoa_code(primary_key=True)
    category = c.category(primary_key=True)
    count = c.count()
    status = c.status()

    @dy.rule()
    def number_only_where_status_allows(cls) -> pl.Expr:
        """A value is null exactly when its status allows no number."""
        return pl.col("count").is_not_null() == allows_number()


class NeighbourhoodCounts(dy.Schema):
    """One row for each force, month, neighbourhood of that force (or place that is no area) and crime type, judged."""

    force = c.force(primary_key=True)
    month = c.month(primary_key=True)
    neighbourhood = c.text(
        f"neighbourhood id, unique only inside its force, or “{c.NO_LOCATION}”, or “{c.OUTSIDE}”",
        primary_key=True,
    )
    category = c.category(primary_key=True)
    areas = dy.Int64(description="how many cells of areas are added up", min=1)
    count = c.count()
    status = c.status()

    @dy.rule()
    def number_only_where_status_allows(cls) -> pl.Expr:
        """A value is null exactly when its status allows no number."""
        return pl.col("count").is_not_null() == allows_number()


class ListedCounts(dy.Schema):
    """One row for each force, month, partnership, offence code and crime type of which a crime is listed."""

    force = c.force()
    month = c.month()
    csp_code = c.text("Community Safety Partnership that the crimes lie in; null for none", nullable=True)
    offence_code = c.offence_code(nullable=True)
    category = c.category()
    counted = dy.Int64(description="crimes, less those that net corrections take back")


class ListedOutcomes(dy.Schema):
    """One row for each force, month, neighbourhood of that force and outcome of the crimes that are listed there."""

    force = c.force()
    month = c.month()
    neighbourhood = c.text("neighbourhood id, unique only inside its force")
    outcome = c.text("last outcome, in police.uk words; null for none", nullable=True)
    rows = dy.Int64(description="crimes, anti-social behaviour not among them", min=1)


class Findings(dy.Schema):
    """One row for each finding: what looks wrong, by how much, and what to do next."""

    finding = c.text("stable id of the finding", primary_key=True)
    code = c.text("stable code of the kind of finding, such as W01")
    severity = c.text("block, sign-off, warn or info")
    level = c.text("force, category, area or cell")
    force = c.force()
    area = c.text("area concerned, when it is not the whole force", nullable=True)
    category = c.text("crime type or file type concerned, when it is not all", nullable=True)
    first_month = c.month()
    last_month = c.month()
    observed = dy.Float64(nullable=True, description="what was supplied", metadata={"unit": "crimes"})
    expected = dy.Float64(nullable=True, description="what was expected", metadata={"unit": "crimes"})
    low = dy.Float64(nullable=True, description="low end of the 95% interval", metadata={"unit": "crimes"})
    high = dy.Float64(nullable=True, description="high end of the 95% interval", metadata={"unit": "crimes"})
    sentence = c.text("the finding in one sentence")
    next_steps = c.text("what a checker should do")


class Verdicts(dy.Schema):
    """One row for each force and month owed: whether what was supplied is whole."""

    force = c.force(primary_key=True)
    file_type = c.text("extract, street, outcomes or stop-and-search", primary_key=True)
    month = c.month(primary_key=True)
    status = c.status()
    reason = c.text("why, in words a reader of the published table understands")
    since = c.month(nullable=True)
    coverage = dy.Float64(
        nullable=True,
        description="share of the expected crimes that was supplied",
        metadata={"unit": "share"},
    )


class JudgedMonths(dy.Schema):
    """One row for each month that the judge went through: what it found, for the next run to go on from."""

    key = dy.String(primary_key=True, description="hash of the counts and expectations that it was found in")
    incidents = dy.String(description="what was found, as JSON (`transforms.completeness.localise.Incident`)")


class JudgeStates(dy.Schema):
    """What the judge had learned before a month, for the next run to go on from: one row, named by its key."""

    state = dy.Binary(description="arrays (`transforms.completeness.local.LocalModel.state`) as NumPy's .npz")


class Expected(dy.Schema):
    """One row for each force and month owed that the judge could judge: what came, and what complete supply would be.

    Located crimes only, so it is no published figure.
    """

    force = c.force(primary_key=True)
    month = c.month(primary_key=True)
    observed = dy.Float64(description="what was supplied", metadata={"unit": "crimes"})
    expected = dy.Float64(description="what was expected", metadata={"unit": "crimes"})
    low = dy.Float64(description="low end of the 95% interval", metadata={"unit": "crimes"})
    high = dy.Float64(description="high end of the 95% interval", metadata={"unit": "crimes"})
    coverage = dy.Float64(
        nullable=True,
        description="share of the expected crimes that was supplied",
        metadata={"unit": "share"},
    )


class DayFlags(dy.Schema):
    """One row for each thing that daily extracts showed to be wrong, on the day that they showed it."""

    as_of = dy.Date(description="day at the end of which it was flagged")
    force = c.force()
    code = c.text("stable code of the kind of finding, such as W32")
    severity = c.text("block, sign-off, warn or info")
    observed = dy.Float64(nullable=True, description="what the extract showed")
    expected = dy.Float64(nullable=True, description="what is usual")
    sentence = c.text("what was seen, in one sentence")


class Holds(dy.Schema):
    """One row for each part of a force's month that a finding or a decision holds back or marks."""

    finding = c.text("finding that it rests on, or the decision", min_length=1)
    force = c.force()
    month = c.month()
    lsoa_code = c.text("LSOA held; null: every one", nullable=True)
    category = c.category(nullable=True)
    status = c.status()
    reason = c.text("why, in words a reader of the published table understands")
    since = c.month()
    coverage = dy.Float64(
        nullable=True,
        description="share of the expected crimes that was supplied",
        metadata={"unit": "share"},
    )

    @dy.rule()
    def a_hold_holds(cls) -> pl.Expr:
        """What is complete is not held."""
        return pl.col("status").cast(pl.String).is_in(["partial", "unjudged", "missing"])


class Decisions(dy.Schema):
    """One row for each entry of the decisions ledger, in the order made. Nothing is changed: an undo is an entry."""

    entry = dy.Int64(primary_key=True, min=1, description="number of the entry, from 1")
    decided_at = c.timestamp("when it was decided")
    author = c.text("who decided")
    action = dy.Enum(DECISION_ACTIONS, description="what was decided")
    finding = c.text(
        "id of the finding decided on; null when a scope was decided on by itself", nullable=True
    )
    force = c.force()
    file_type = c.text("kind of file concerned, when it is not all", nullable=True)
    area = c.text("area concerned, when it is not the whole force", nullable=True)
    category = c.text("crime type concerned, when it is not all", nullable=True)
    first_month = c.month()
    last_month = c.month()
    coverage = dy.Float64(
        nullable=True,
        min=0,
        max=1,
        description="share supplied, of a partial month",
        metadata={"unit": "share"},
    )
    reason = c.text("why, in the author's words", min_length=1)
    evidence = c.text("what it rests on", nullable=True)
    expires = dy.Date(nullable=True, description="day from which it is asked again")
    undoes = dy.Int64(nullable=True, description="entry that this one takes back")

    @dy.rule()
    def only_an_undo_takes_back(cls) -> pl.Expr:
        """An undo names the entry that it takes back, and nothing else does."""
        return (pl.col("action").cast(pl.String) == "undo") == pl.col("undoes").is_not_null()

    @dy.rule()
    def partial_has_coverage(cls) -> pl.Expr:
        """A month marked partial says how much of it there is."""
        return (pl.col("action").cast(pl.String) != "mark partial") | pl.col("coverage").is_not_null()


class SignOffs(dy.Schema):
    """One row for each sign-off of a release, in the order made. It stands for the bytes that its manifest names."""

    entry = dy.Int64(primary_key=True, min=1, description="number of the ledger's entry")
    signed_at = c.timestamp("when it was signed")
    who = c.text("who signed", min_length=1)
    role = dy.Enum(SIGNING_ROLES, description="whether the release was prepared or approved")
    release = c.text("release signed, such as 2019-Q2/1.0.0")
    manifest = c.text("SHA-256 of the manifest that was signed")
    note = c.text("what the signer wrote", nullable=True)


class ReleaseEntries(dy.Schema):
    """One row for each thing said about a release beside its sign-offs, in the order said."""

    entry = dy.Int64(primary_key=True, min=1, description="number of the ledger's entry")
    at = c.timestamp("when it was said")
    who = c.text("who said it", min_length=1)
    action = dy.Enum(RELEASE_ACTIONS, description="what it does")
    quarter = c.text("quarter of the release, such as 2019-Q2")
    version = c.text("version of the release, where it is about one", nullable=True)
    force = c.force(nullable=True)
    person = c.text("who is given access, or has it ended", nullable=True)
    post = c.text("the post they hold", nullable=True)
    due = c.timestamp("when a scheduled correction is published", nullable=True)
    text = c.text("the note, the notice or the reason", min_length=1)


class Revisions(dy.Schema):
    """One row for each figure that differs between two editions and each thing that changed it."""

    measure = dy.Enum(["offences", "population", "small areas"], description="what the figure counts")
    force = c.force()
    quarter = c.text("quarter of the figure, such as 2019-Q2; empty for what is of no period", nullable=True)
    offence_code = c.offence_code(nullable=True)
    was = dy.Int64(
        nullable=True, description="the figure of the earlier edition", metadata={"unit": "number"}
    )
    was_status = c.status()
    now = dy.Int64(nullable=True, description="the figure of the later edition", metadata={"unit": "number"})
    now_status = c.status()
    why = c.text("what changed it")
    change = dy.Int64(
        nullable=True,
        description="how much of the difference it made; empty unless both are numbers",
        metadata={"unit": "number"},
    )
