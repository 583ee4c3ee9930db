"""Writes the catalogue of every text there is to translate."""

import json
from pathlib import Path

from publish.site.messages import texts
from publish.site.pages import templates

path = Path(__file__).with_name("catalogue.json")
path.write_text(
    json.dumps(dict.fromkeys(texts(templates()), ""), indent=1, ensure_ascii=False) + "\n", "utf-8"
)
