"""The key of a part tells apart everything that the part is made from."""

import polars as pl

from publish.parts import key_of


def test_values_of_one_number_in_two_lists_have_two_keys():
    one, other = (
        pl.DataFrame({"code": ["a", "b"]}, schema={"code": pl.Enum(listed)})
        for listed in (["a", "b"], ["b", "a"])
    )
    assert key_of(one) != key_of(other.with_columns(pl.col("code").reverse()))
    assert key_of(one) != key_of(other)


def test_the_order_of_rows_is_no_part_of_a_key():
    rows = pl.DataFrame({"force": ["a", "b"], "count": [1, None]})
    assert key_of(rows) == key_of(rows.reverse())
