"""Commands about the country folder: `fullcount country …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.progress import console

country = typer.Typer(
    help="Make and check the reference data that figures are published for.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add `fullcount country` to the command line."""
    app.add_typer(country, name="country")


@country.command()
def build(
    data_folder: Annotated[Path, typer.Argument(help="Folder that holds the open ONS files, at any depth.")],
    country_folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    replace: Annotated[bool, typer.Option(help="Replace a country folder that is there.")] = False,
) -> None:
    """Build the country folder of England and Wales from open ONS files.

    Files are known by their columns: LSOA 2021 boundaries and population, the lookups to wards, Community
    Safety Partnerships and police force areas, and the lookup from LSOA 2011. Edit `register.csv` and
    `calendar.csv` afterwards to say who owes you what, and when you release.
    """
    from pipelines.sources.open_geography import write_open_country

    write_open_country(data_folder, country_folder, replace=replace)
    _describe(country_folder)


@country.command()
def check(
    country_folder: Annotated[Path, typer.Argument(help="The country folder.")],
) -> None:
    """Read a country folder and say all that is wrong with it."""
    _describe(country_folder)


def _describe(folder: Path) -> None:
    from pipelines.country import load_country

    loaded = load_country(folder)
    lsoas = loaded.country.lsoas
    console.print(
        f"{folder}: {loaded.country.title}, {loaded.country.forces.height:,} forces, {lsoas.height:,} LSOAs, "
        f"{lsoas['csp_code'].n_unique():,} CSPs, "
        f"{lsoas.select('force', 'neighbourhood').n_unique():,} neighbourhoods, "
        f"{loaded.register.height:,} spells owed, {loaded.calendar.height:,} quarters in the calendar.",
        markup=False,
    )
