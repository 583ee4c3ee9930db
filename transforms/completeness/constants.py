"""Every constant of the completeness model, with the reason for its value; none is fitted to a month that is judged."""

from __future__ import annotations

from typing import Final

# --- how fast levels move -----------------------------------------------------------------------------

#: Months over which the weight of a force's past share halves. One-step errors of force totals and of
#: crime types are flat between 1 and 4 months and grow beyond: shares drift, seasons are shared.
SHARE_HALF_LIFE: Final = 3.0
#: The same for an area's share of its force. Local counts are small, so a longer memory pays.
AREA_HALF_LIFE: Final = 12.0
#: Weight of the cross-section (equal crimes per area) in a force's share, in months of its own history:
#: the ratio of the one-step variance to the variance between forces.
CROSS_SECTION_MONTHS: Final = 0.02
#: Squared coefficient of variation between forces of crimes per area, all types and one type. A third of
#: the level, or a half, is the spread between police forces; a silent force lies ten times further off.
CROSS_SECTION_PHI: Final = 0.12
CROSS_SECTION_PHI_CATEGORY: Final = 0.30
#: The same where an outside count (Home Office quarterly figures) says what the force records: definitions
#: differ by a tenth or two.
ANCHOR_PHI: Final = 0.03
#: Other forces that must stand beside a force before the median of their movement is trusted.
MINIMUM_PEERS: Final = 3
#: Squared error of a median against that of a mean of as many values (half of pi).
MEDIAN_ERROR: Final = 1.57
#: Added squared variation when there are too few peers and last months stand in for them: national crime
#: moves by about a tenth from one month to the next.
NO_PEERS_PHI: Final = 0.012
#: Months of its own history before a force can be called complete rather than unjudged.
MINIMUM_HISTORY: Final = 3

# --- how widely complete months scatter -----------------------------------------------------------------

#: Starting overdispersion (variance = mean + phi mean squared) before residuals have been seen: measured
#: one step ahead on public counts, force total, force by type, area, cell.
PHI_FORCE: Final = 0.0025
PHI_CATEGORY: Final = 0.02
PHI_GROUP: Final = 0.02
PHI_AREA: Final = 0.06
PHI_CELL: Final = 0.12
#: Residuals that the starting values count for when pooled with those seen.
PRIOR_RESIDUALS: Final = 40.0
#: Months a node's own downward scatter must outweigh before it widens that node's interval: two years.
NODE_PRIOR_MONTHS: Final = 12.0
#: Least share of the pooled scatter that a calm node is given: it is known from two years at most.
CALMEST: Final = 0.7
#: Residuals count for no more than this many standard deviations when dispersion is learned, so that an
#: unseen gap does not excuse the next.
WINSOR: Final = 3.5
#: Share of months that scatter three times as widely as the rest for reasons nobody supplied (a festival, an
#: operation, a shop that closed). It caps how much one unusual month can say, of a force, a type, an area or a
#: cell; it is why a halved rare type needs months.
RARE_SHARE: Final = 0.02
RARE_SPREAD: Final = 3.0
#: Widest squared scatter that a complete month is allowed: a standard deviation of 60%.
WIDEST_PHI: Final = 0.36
#: Evidence (natural log) for a loss below which a cell is not looked at more closely: it saves time, and decides
#: nothing by itself.
WORTH_A_LOOK: Final = 0.5
#: Months that may add up to 60 records at most before a cell's share leans on its area's: learned prior.
CELL_PRIOR: Final = 3.0
#: Evidence (natural log) at which an area's month no longer teaches its baseline: odds of 20 to 1.
DOUBT: Final = 3.0

# --- what a gap looks like ------------------------------------------------------------------------------

#: Shares supplied that a gap is tried at, and their weights: most gaps are whole, the rest are even.
SUPPLIED_SHARES: Final = (0.003, 0.02, 0.15, 0.35, 0.55, 0.75)
SHARE_WEIGHTS: Final = (0.25, 0.25, 0.1, 0.15, 0.15, 0.1)
#: Squared relative spread of the true share around each share tried, which fills the steps between them.
BETWEEN_SHARES: Final = 0.015
#: Multiples that a surplus is tried at: a recording step, a backlog, a file taken in twice.
SURPLUS_SHARES: Final = (1.3, 1.6, 2.0, 3.0)
SURPLUS_WEIGHTS: Final = (0.3, 0.3, 0.3, 0.1)
#: Below this share of what is expected a force-month is missing, not partial: what is left is other
#: forces' records (British Transport Police leave 13 to 108 a month in a silent force).
MISSING_BELOW: Final = 0.10
#: Share of a force's month that must be seen to be missing before any month of it may be called complete.
VISIBLE_LOSS: Final = 0.5
#: A loss of more than this share of a force's expected crimes makes its month partial; a smaller local
#: finding leaves the force total standing (a total may be published when under 1% of it is missing).
MATERIAL_LOSS: Final = 0.01
#: A rise this large in one month exposes the months before it as partial: in 559 force-years, two years
#: stood 15 points apart from the nation in one of 25, so a quarter within one month is not growth.
EXPOSING_RISE: Final = 1.25
#: Months within which a surplus is read as the backlog of a gap before it.
BACKLOG_MONTHS: Final = 3
#: Months after which a steady partial level is taken as the force's new level (a person should have
#: decided by then); a missing force never settles.
SETTLING_MONTHS: Final = 6
#: Least share of the old level at which that is done, for a type and for a force: a recording practice can
#: halve a type; a force that stays below three quarters of itself is held for a person, however long.
SETTLING_SHARE_CATEGORY: Final = 0.5
SETTLING_SHARE_FORCE: Final = 0.75
#: Most types that a gap may be blamed on before it is blamed on the whole force.
MOST_CATEGORIES: Final = 3
#: Share of what is expected below which an earlier month belongs to the same local loss.
STILL_LOW: Final = 0.6
#: Months over which small losses in one area add their evidence together.
PERSISTENCE_MONTHS: Final = 4

# --- how much evidence an alert needs -------------------------------------------------------------------

#: Evidence (log10 of the Bayes factor, an e-value) for one alert at each level, when a force has as many
#: testable scopes of that level as `REFERENCE` says (the mean of England and Wales). With twice as many it
#: takes twice the evidence, so false alerts stay at about one in twenty force-months, two a month for England
#: and Wales. The smaller the scope, the rarer a gap in supply that respects its edges.
EVIDENCE: Final = {"force": 1.3, "category": 1.7, "group": 4.2, "area": 3.4, "cell": 3.9, "mapping": 2.7}
REFERENCE: Final = {"force": 1, "category": 14, "group": 170, "area": 650, "cell": 500, "mapping": 14}
#: The least evidence that makes an alert however few scopes there are: ten to one for a force and its types; below
#: the force what England and Wales take, since a gap at one place is no likelier in a smaller country.
LEAST_EVIDENCE: Final = {
    "force": 1.0,
    "category": 1.0,
    "mapping": 1.0,
    "group": 4.2,
    "area": 3.4,
    "cell": 3.9,
}
#: Extra evidence for losses that only several months together show: shops close, estates empty.
EVIDENCE_SLOW: Final = 3.5
#: Smallest expected count that is looked at below the force: a zero against fewer is never evidence.
SMALLEST_EXPECTED: Final = 5.0
#: Expected count from which a cell is followed at all: half of what four months together can make testable.
BUSY_CELL: Final = SMALLEST_EXPECTED / PERSISTENCE_MONTHS / 2.0
#: A month whose cells agree this well with an earlier month (shared records over all records) is that
#: month again: neighbouring months share about half.
REPEAT_AGREEMENT: Final = 0.93
#: Share of odd cells at or below which every record is there twice: odd cells are otherwise over half.
TWICE_ODD_SHARE: Final = 0.05
#: Smallest number of records, and of cells that hold any, on which a repeat is judged; below it agreement can be
#: chance (a force without areas has a cell a type, and all of thirteen are even once in 8,000 months).
REPEAT_MINIMUM: Final = 60
#: Expected count from which a vanished code is matched with codes that appear in its place.
RECODED_EXPECTED: Final = 2.0
#: Share of what vanished that must appear under new codes in the same force and month.
RECODED_SHARE: Final = 0.5
#: Runs of areas side by side in code order that are looked at as groups although no level names them: codes
#: are given out ward by ward, so a station or a system leaves out a run. Half-overlapping, about one
#: neighbourhood and about one ward long.
BLOCK_SIZES: Final = (8, 24)
#: Extra evidence before a surplus in one type is worth a person's time.
EVIDENCE_SURPLUS: Final = 1.0
#: Share of mass in common from which a set of areas is given the name of a known area.
SAME_PLACE: Final = 0.85
#: Most that the size, and again the places, of a surplus may say for its being another type's records (natural log,
#: odds of 100 to one): types have bursts of their own, and those that grow together in town centres look alike.
#: What they say against it counts in full.
MATCH_WEIGHT: Final = 4.6
#: Evidence (natural log) at which a loss is put down to records that lost their location: odds of 20 to 1.
RELOCATED_ODDS: Final = 3.0
#: Most losses of one month that are weighed together for that, the largest: every set of them is tried.
MOST_RELOCATED: Final = 10
#: Standard deviations by which records without a location must rise before the rise itself is told: a fifth of
#: months vary for unstated reasons.
UNLOCATED_ALERT: Final = 4.0
#: Most pieces (named groups, runs, single areas) that a lost set of areas is made of.
MOST_PIECES: Final = 30
#: Lengths of a run that its description has to tell apart.
LONGEST_RUN: Final = 64
