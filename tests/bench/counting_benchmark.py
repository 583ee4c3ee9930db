"""How fast the counting engine is, beside one DuckDB window and the same rules in plain pandas.

    python tests/bench/counting_benchmark.py [LINES] [--pandas LINES]

Prints a table and leaves nothing behind. Each measurement runs in a process of its own, so that its peak
memory is its own.
"""
