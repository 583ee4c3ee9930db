"""The HTTP API: its files are built with a release, and served read-only to every client of data.police.uk."""
