"""The closed lists of the police.uk interface: crime categories and outcomes, by code and by name."""

from __future__ import annotations

from typing import Final

#: Every category, in the order of `/crime-categories`: the code in addresses and answers, and its name.
ALL_CRIME: Final = "all-crime"
CATEGORIES: Final = {
    ALL_CRIME: "All crime",
    "anti-social-behaviour": "Anti-social behaviour",
    "bicycle-theft": "Bicycle theft",
    "burglary": "Burglary",
    "criminal-damage-arson": "Criminal damage and arson",
    "drugs": "Drugs",
    "other-theft": "Other theft",
    "possession-of-weapons": "Possession of weapons",
    "public-order": "Public order",
    "robbery": "Robbery",
    "shoplifting": "Shoplifting",
    "theft-from-the-person": "Theft from the person",
    "vehicle-crime": "Vehicle crime",
    "violent-crime": "Violence and sexual offences",
    "other-crime": "Other crime",
}
#: The categories that a record can have, in the order that stored category numbers refer to.
RECORDED: Final = tuple(code for code in CATEGORIES if code != ALL_CRIME)
CODE_OF_CATEGORY: Final = {name: code for code, name in CATEGORIES.items()}

#: Outcome names as the files have them, and their codes. Two spellings of the penalty notice share one code.
OUTCOMES: Final = {
    "Awaiting court outcome": "awaiting-court-result",
    "Court result unavailable": "court-result-unavailable",
    "Court case unable to proceed": "unable-to-proceed",
    "Local resolution": "local-resolution",
    "Investigation complete; no suspect identified": "no-further-action",
    "Offender deprived of property": "deprived-of-property",
    "Offender fined": "fined",
    "Offender given absolute discharge": "absolute-discharge",
    "Offender given a caution": "cautioned",
    "Offender given a drugs possession warning": "drugs-possession-warning",
    "Offender given penalty notice": "penalty-notice-issued",
    "Offender given a penalty notice": "penalty-notice-issued",
    "Offender given community sentence": "community-penalty",
    "Offender given conditional discharge": "conditional-discharge",
    "Offender given suspended prison sentence": "suspended-sentence",
    "Offender sent to prison": "imprisoned",
    "Offender otherwise dealt with": "other-court-disposal",
    "Offender ordered to pay compensation": "compensation",
    "Suspect charged as part of another case": "sentenced-in-another-case",
    "Suspect charged": "charged",
    "Defendant found not guilty": "not-guilty",
    "Defendant sent to Crown Court": "sent-to-crown-court",
    "Unable to prosecute suspect": "unable-to-prosecute",
    "Formal action is not in the public interest": "formal-action-not-in-public-interest",
    "Action to be taken by another organisation": "action-taken-by-another-organisation",
    "Further investigation is not in the public interest": "further-investigation-not-in-public-interest",
    "Further action is not in the public interest": "further-action-not-in-public-interest",
    "Under investigation": "under-investigation",
    "Status update unavailable": "status-update-unavailable",
}

#: Disposals of a stop and search, by the names that the files have.
STOP_OUTCOMES: Final = {
    "A no further action disposal": "bu-no-further-action",
    "Arrest": "bu-arrest",
    "Caution (simple or conditional)": "bu-caution",
    "Community resolution": "bu-community-resolution",
    "Khat or Cannabis warning": "bu-cannabis-warning",
    "Penalty Notice for Disorder": "bu-penalty-notice",
    "Summons / charged by post": "bu-summons",
}

#: The order of `/forces`, which is not quite that of the alphabet. A force that is not here follows by its name.
FORCES_IN_ORDER: Final = (
    *("avon-and-somerset", "bedfordshire", "cambridgeshire", "cheshire", "city-of-london", "cleveland"),
    *("cumbria", "derbyshire", "devon-and-cornwall", "dorset", "durham", "essex", "gloucestershire"),
    *("greater-manchester", "gwent", "hampshire", "dyfed-powys", "hertfordshire", "humberside", "kent"),
    *("lancashire", "leicestershire", "lincolnshire", "merseyside", "metropolitan", "norfolk", "north-wales"),
    *("north-yorkshire", "northamptonshire", "northumbria", "nottinghamshire", "northern-ireland"),
    *("south-wales", "south-yorkshire", "staffordshire", "suffolk", "surrey", "sussex", "thames-valley"),
    *("warwickshire", "west-mercia", "west-midlands", "west-yorkshire", "wiltshire"),
)
