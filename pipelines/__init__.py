"""The only package that knows Dagster, the disk, the network, the clock and the environment."""
