"""Every kind of finding once: its code, title, severity, rule in a sentence and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Kind:
    """One kind of finding. `severity` is the usual one; a finding may carry a milder one.

    `holds`: whether it is about counts that were supplied and may not be published until someone has decided.
    """

    code: str
    title: str
    severity: str
    rule: str
    next_steps: str
    holds: bool = False


_KINDS: Final = (
    Kind(
        "W01",
        "Months missing",
        "block",
        "A force that owes the months has supplied nothing usable for two or more.",
        ("Ask the force when it will supply; leave it out of every total and comparison until then."),
        holds=True,
    ),
    Kind(
        "W02",
        "Empty supply",
        "block",
        "A supply arrived and holds no record where the last good month held some.",
        "Treat as missing, never as zero; ask the force to supply the month again.",
        holds=True,
    ),
    Kind(
        "W03",
        "Near-zero trickle",
        "block",
        "The few records in the force's area come from another force.",
        "Treat the force as missing; show the other force's records apart.",
        holds=True,
    ),
    Kind(
        "W04",
        "Quarters missing from a year",
        "block",
        "Fewer than four whole quarters stand behind a year.",
        "Withhold the whole year and leave the force out of both years of a comparison.",
    ),
    Kind(
        "W05",
        "Words where a count belongs",
        "block",
        "A count column holds text such as “N/A - data not provided”.",
        "Read the text as not supplied; ask for the numbers.",
    ),
    Kind(
        "W06",
        "Location lost",
        "block",
        "An area falls away while records without a location rise by as much.",
        "Publish force totals; withhold the area tables; ask for the locations.",
        holds=True,
    ),
    Kind(
        "W07",
        "One file type missing",
        "block",
        "A force supplied some of its file types for the month and not others.",
        "Ask for the file that is absent; publish only what it does not bear on.",
    ),
    Kind(
        "W08",
        "One month missing",
        "block",
        "The force supplied nothing usable for a single month.",
        "Ask whether the file is late; publish the month as not available.",
        holds=True,
    ),
    Kind(
        "W09",
        "Step up",
        "sign-off",
        "A force or type rose at once far beyond what the other forces did.",
        "Ask whether recording changed or earlier months were short; judge those months again.",
    ),
    Kind(
        "W10",
        "Backlog after a gap",
        "sign-off",
        ("A surplus follows a gap within three months, or a year stands out between two lower ones."),
        ("Ask for the months the backlog belongs to; keep the gap open until its own month is supplied."),
    ),
    Kind(
        "W11",
        "Fall while calls hold",
        "sign-off",
        "Recorded crime fell while incidents reported did not.",
        "Ask the force what was not recorded before reading it as a fall in crime.",
    ),
    Kind(
        "W12",
        "Repeated figures",
        "block",
        "A period's figures are those of an earlier period.",
        "Ask for the period's own file; treat the period as missing.",
        holds=True,
    ),
    Kind(
        "W13",
        "Negative figure",
        "block",
        "A force's total is negative, or a cell is negative without a correction behind it.",
        "Keep the net correction; ask for its explanation; never set it to zero.",
        holds=True,
    ),
    Kind(
        "W14",
        "Resupply changes history",
        "sign-off",
        "A new file for a closed month changes which crimes it holds.",
        "List the months changed; revise what was published from them, with a note.",
    ),
    Kind(
        "W15",
        "Ordinary churn",
        "info",
        "A new file for a closed month has the same crimes and other outcomes.",
        "No action: outcomes move every month.",
    ),
    Kind(
        "W16",
        "Outcomes late",
        "warn",
        "Too many crimes over six months old still have no outcome.",
        "Withhold outcome rates for the months concerned; ask for the outcomes file.",
    ),
    Kind(
        "W17",
        "Outcomes swing",
        "warn",
        "A share of outcomes changed by two fifths or more between years.",
        "Ask whether recording of outcomes changed before printing the change.",
    ),
    Kind(
        "W18",
        "Two rows for one key",
        "warn",
        "Two rows share a key that should be unique and hold different counts.",
        "Add them if the table's notes say so (homicide); otherwise ask which is right.",
    ),
    Kind(
        "W19",
        "Code damaged",
        "block",
        "A code was changed by a spreadsheet: a date, or a number that lost its trailing zero.",
        "Restore the code as text from the source and supply again.",
    ),
    Kind(
        "W20",
        "Unknown header or value",
        "block",
        "A header or value is not in the vocabulary of its column.",
        "Map it by decision, with its meaning, or refuse the file.",
    ),
    Kind(
        "W21",
        "Body that is no force",
        "warn",
        "A table counts a reporting body such as Action Fraud as a force.",
        "Leave it out of force totals and name it in the note.",
    ),
    Kind(
        "W22",
        "Area codes of another vintage",
        "info",
        "Areas ended and others began in one month, or codes belong to another vintage.",
        "Map the codes to one vintage before comparing areas.",
    ),
    Kind(
        "W23",
        "Points outside the force",
        "warn",
        "Too large a share of points lies outside the area of the force.",
        "Check coordinates for swapped or shifted values; place the rest outside the force area.",
    ),
    Kind(
        "W24",
        "Month boundary",
        "warn",
        ("Records of the last hour of one month are dated in the next or the month before: a time zone."),
        "Read times as Europe/London; move the rows to their own month.",
    ),
    Kind(
        "W25",
        "Late supply",
        "warn",
        "A file arrived later than its due date.",
        "Publish the month as not available until it comes; say when it came.",
    ),
    Kind(
        "W26",
        "Records twice",
        "block",
        "The same records are there twice, or the whole month is.",
        "Count each once; ask which file is the right one.",
        holds=True,
    ),
    Kind(
        "W27",
        "Mapping fault",
        "block",
        "One type fell and another rose by as much at a change of system; the total holds.",
        "Ask for the mapping of codes; withhold both types.",
        holds=True,
    ),
    Kind(
        "W28",
        "Category redefined",
        "sign-off",
        "Counts moved inside a group in every force at once; the group's total holds.",
        "Break the series with a note; do not compare the parts across it.",
    ),
    Kind(
        "W29",
        "Field empty",
        "warn",
        "A field that is usually filled is empty on too many rows.",
        "Ask for the field; withhold what is counted by it.",
    ),
    Kind(
        "W30",
        "Small base",
        "info",
        "The base is too small for a percentage to mean anything.",
        "Print the counts; leave out the percentage.",
    ),
    Kind(
        "W31",
        "Partial month",
        "block",
        "A force's total is below what its share of the other forces' supply allows.",
        "Hold the month; ask the force for the rest, or for the reason of the fall.",
        holds=True,
    ),
    Kind(
        "W32",
        "Month ends early",
        "block",
        "The last days of a record-level month hold no records, whatever its count.",
        "Ask for the rest of the month.",
        holds=True,
    ),
    Kind(
        "W33",
        "Type missing or partial",
        "block",
        ("One to three types of a force are below what their share allows; the others are in range."),
        "Hold the type and the all-crime total; ask about the type's code or feed.",
        holds=True,
    ),
    Kind(
        "W34",
        "Group of areas missing",
        "block",
        "A group of areas fell away while the rest of its force is in range.",
        "Withhold the areas; ask whether a station, system or boundary was left out.",
        holds=True,
    ),
    Kind(
        "W35",
        "Area missing",
        "warn",
        "One area fell away while the rest of its force is in range.",
        "Withhold the area; ask about its location coding.",
        holds=True,
    ),
    Kind(
        "W36",
        "Cell missing",
        "warn",
        "One type in one area stopped while everything around it goes on.",
        "Look at what was there (a shop may have closed) before withholding.",
    ),
    Kind(
        "W37",
        "Area unknown",
        "warn",
        "Counts name an area that is in no force.",
        "Add the area to the list of areas or correct its code; its records are in no figure.",
    ),
    Kind(
        "W38",
        "Months exposed by a rise",
        "block",
        "A step up shows that the months before it were partial.",
        "Hold the earlier months; ask for their resupply or for the reason of the rise.",
        holds=True,
    ),
    Kind(
        "W39",
        "Busy neighbourhood silent",
        "block",
        "A neighbourhood that was busy has no crime at all in a month that was supplied.",
        "Ask the force whether the neighbourhood is missing from its file; it is held until someone decides.",
        holds=True,
    ),
    Kind(
        "W40",
        "Month not owed",
        "warn",
        "Crimes were supplied for a month that the register does not say the force owes.",
        "Enter the month in the register when the force has supplied it whole; otherwise nothing is needed.",
    ),
    Kind(
        "W41",
        "Recorded late",
        "warn",
        "Half of a week's crimes waited over a day, and over three times as long as before, to be recorded.",
        "Ask for the backlog: crimes reported and not yet recorded are in no month's figures.",
    ),
    Kind(
        "W42",
        "Left behind in the old system",
        "warn",
        "Open crimes are only in a records system that the force has moved from.",
        "Ask the force to carry them over or to finalise them; `fullcount reconcile` lists them.",
    ),
    Kind(
        "W43",
        "Not compared",
        "info",
        "Fewer than four forces owe counts, so none has three others to be held against.",
        "Read its months with the force: only what is missing, empty or cut short is found without others.",
    ),
)

#: By code.
CATALOGUE: Final = {kind.code: kind for kind in _KINDS}
