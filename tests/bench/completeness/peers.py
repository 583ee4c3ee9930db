"""Other people's rules on the same cells: naive drops, the NIBRS MAD rule, the RTCI Poisson rule, IForest."""

from __future__ import annotations

import numpy as np

#: Kinds without a loss in the month itself, which no rule for drops could find.
NOT_COMPARED = ("duplicated file", "repeated month", "backlog then spike")


class Bench:
    """Placeholder until peers are asked for."""
