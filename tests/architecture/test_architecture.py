"""The rules that keep a gap from becoming a zero, read off the source itself."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = ("transforms", "geography")
PACKAGES = (*PURE, "publish", "pipelines")

#: Where adding up is the job, or where what is added is no published figure: each with its reason.
MAY_ADD_UP = {
    "transforms/aggregation.py": "the one place that adds up",
    "transforms/completeness/": "the model's own arithmetic: expectations and evidence, never a published count",
}


def modules(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", modules(*PURE, "publish"), ids=name_of)
def test_only_pipelines_knows_dagster(path: Path) -> None:
    assert not imports(ast.parse(path.read_text())) & {"dagster", "dagster_webserver"}


@pytest.mark.parametrize("path", modules(*PURE), ids=name_of)
def test_transforms_and_geography_touch_no_disk_clock_or_environment(path: Path) -> None:
    tree = ast.parse(path.read_text())
    allowed = {"transforms/counting/editions.py": {"importlib"}}.get(name_of(path), set())
    outside = {
        "os",
        "io",
        "pathlib",
        "time",
        "socket",
        "subprocess",
        "duckdb",
        "fsspec",
        "random",
        "importlib",
    }
    assert not imports(tree) & (outside - allowed)
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    assert not called & {"open", "now", "today", "utcnow", "scan_parquet", "read_parquet", "scan_csv"}


def additions(tree: ast.AST) -> list[str]:
    """Every call that could turn an absent value into a zero or add a half-null column."""
    found = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        zero = [
            each for each in node.args if isinstance(each, ast.Constant) and type(each.value) in (int, float)
        ]
        if node.func.attr in {"sum", "cum_sum", "sum_horizontal"}:
            found.append(f"line {node.lineno}: .{node.func.attr}(")
        elif node.func.attr == "fill_null" and (zero or any(k.arg == "strategy" for k in node.keywords)):
            found.append(f"line {node.lineno}: fill_null with a number")
        elif node.func.attr == "pivot" and any(k.arg == "aggregate_function" for k in node.keywords):
            found.append(f"line {node.lineno}: a pivot that aggregates")
    return found


@pytest.mark.parametrize(
    "path", [p for p in modules(*PACKAGES) if not name_of(p).startswith(tuple(MAY_ADD_UP))], ids=name_of
)
def test_nothing_adds_up_outside_aggregation(path: Path) -> None:
    source = path.read_text()
    assert additions(ast.parse(source)) == []
    assert "coalesce(" not in source.lower().replace("pl.coalesce(", "") or ", 0)" not in source


def test_the_rule_sees_what_it_must() -> None:
    bad = "x.sum()\nx.fill_null(0)\nx.pivot(on='a', aggregate_function='sum')\nx.fill_null(strategy='zero')"
    assert len(additions(ast.parse(bad))) == 4
