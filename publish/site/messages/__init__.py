"""The words of the site in each language it speaks: English is in the templates, others in catalogues here.

`python -m publish.site.messages` writes `catalogue.json`: every text there is to translate. A language is a
file of its own beside it, named after it (`cy.json` for Welsh), with a translation for each text; a text that
it lacks is shown in English.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from importlib import resources
from typing import Any, Final

import jinja2

ENGLISH: Final = "en-GB"

_SPOKEN: ContextVar[Mapping[str, str]] = ContextVar("spoken", default={})  # noqa: B039


def speak(language: str) -> Mapping[str, str]:
    """Speak a language from now on, and return its catalogue: empty for English.

    Raises ValueError when there is no catalogue of the language.
    """
    found: dict[str, str] = {}
    if language != ENGLISH:
        catalogue = resources.files("publish.site.messages") / f"{language}.json"
        if not catalogue.is_file():
            raise ValueError(
                f"There is no catalogue of the language {language}: add publish/site/messages/{language}.json."
            )
        found = json.loads(catalogue.read_text("utf-8"))
    _SPOKEN.set(found)
    return found


def say(text: str, **values: object) -> str:
    """A text in the language that is spoken, with its values in their places."""
    said = _SPOKEN.get().get(text, text)
    return said.format(**values) if values else said


def install(environment: jinja2.Environment) -> None:
    """Let templates mark what is to be translated with `{% trans %}`."""

    def gettext(text: str) -> str:
        return _SPOKEN.get().get(text, text)

    def ngettext(one: str, many: str, number: int) -> str:
        return gettext(one if number == 1 else many)

    environment.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, ngettext, newstyle=True
    )


def texts(environment: jinja2.Environment) -> list[str]:
    """Every text there is to translate: of the templates, of the modules and of the scripts."""
    found: set[str] = set()
    site = resources.files("publish.site")
    for template in (site / "templates").iterdir():
        for _, _, text in environment.extract_translations(template.read_text("utf-8")):  # type: ignore[attr-defined]
            found.update(part for part in (text if isinstance(text, tuple) else (text,)) if part)
    for module in site.iterdir():
        if module.name.endswith(".py"):
            found.update(_said(ast.parse(module.read_text("utf-8"))))
    for script in (site / "assets").iterdir():
        if script.name.endswith(".js"):
            found.update(re.findall(r'\bsay\(\s*"((?:[^"\\]|\\.)*)"', script.read_text("utf-8")))
    return sorted(found)


def _said(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
            first: Any = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value
