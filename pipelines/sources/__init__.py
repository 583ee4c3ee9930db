"""One adapter for each kind of supply, and one contract out."""
