"""Areas, boundaries and placing; knows nothing of crime."""
