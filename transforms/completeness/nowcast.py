"""How complete the latest months are likely to be, from what earlier vintages of earlier months turned out to lack."""

from __future__ import annotations

from datetime import date

import polars as pl


def reporting_coverage(triangle: pl.DataFrame, settled_after: int = 6) -> pl.DataFrame:
    """Share of a month's records that has usually arrived by each lag: `[lag, coverage, low, high, months]`.

    `triangle` is `[force, month, vintage, n]`: the count of a month as it stood in a later month's vintage.
    A month's final count is its newest vintage, where that is at least `settled_after` months old. Coverage is
    the median over force-months of count over final, `low` and `high` the 10th and 90th percentile; a month
    absent from a vintage that other months of the force are in counts as nothing supplied. It is coverage and
    never becomes a count. Lag is in whole months from the month to the vintage.
    """
    lag = (pl.col("vintage").dt.year() - pl.col("month").dt.year()) * 12 + (
        pl.col("vintage").dt.month().cast(pl.Int32) - pl.col("month").dt.month().cast(pl.Int32)
    )
    seen = triangle.lazy()
    vintages = seen.select("force", "vintage").unique()
    months = seen.select("force", "month").unique()
    grid = months.join(vintages, on="force").filter(pl.col("vintage") >= pl.col("month"))
    full = grid.join(seen, on=["force", "month", "vintage"], how="left").with_columns(lag=lag)
    final = (
        seen.with_columns(lag=lag)
        .filter(pl.col("lag") >= settled_after)
        .sort("vintage")
        .group_by("force", "month")
        .agg(final=pl.col("n").last())
        .filter(pl.col("final") > 0)
    )
    arrived = pl.when(pl.col("n").is_null()).then(0.0).otherwise(pl.col("n") / pl.col("final"))
    return (
        full.join(final, on=["force", "month"])
        .filter(pl.col("lag") < settled_after)
        .with_columns(share=arrived.clip(0.0, 1.0))
        .group_by("lag")
        .agg(
            coverage=pl.col("share").median(),
            low=pl.col("share").quantile(0.1),
            high=pl.col("share").quantile(0.9),
            months=pl.len(),
        )
        .sort("lag")
        .collect()
    )


def nowcast(triangle: pl.DataFrame, vintage: date, settled_after: int = 6) -> pl.DataFrame:
    """Likely coverage of each force's latest months in `vintage`: `[force, month, lag, coverage, low, high]`.

    A month that the vintage does not hold, or holds nothing of, has coverage 0, whatever is usual.
    """
    usual = reporting_coverage(triangle, settled_after)
    here = triangle.lazy().filter(pl.col("vintage") == vintage).select("force", "month", "n")
    months = triangle.lazy().select("month").unique().filter(pl.col("month") <= vintage)
    grid = triangle.lazy().select("force").unique().join(months, how="cross")
    lag = (vintage.year - pl.col("month").dt.year()) * 12 + (
        vintage.month - pl.col("month").dt.month().cast(pl.Int32)
    )
    table = (
        grid.join(here, on=["force", "month"], how="left")
        .with_columns(lag=lag)
        .filter(pl.col("lag") < settled_after)
    )
    none = pl.col("n").is_null() | (pl.col("n") == 0)
    known = [pl.when(none).then(0.0).otherwise(pl.col(c)).alias(c) for c in ("coverage", "low", "high")]
    return (
        table.join(usual.lazy(), on="lag", how="left")
        .select("force", "month", "lag", *known)
        .sort("force", "month")
        .collect()
    )
