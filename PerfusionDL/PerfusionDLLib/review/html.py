"""A page from its parts: one HTML file with style, program and data inside, which may load nothing from anywhere."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path

from .. import NOTICE

PAGES = Path(__file__).with_name("pages")
FRAME = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{body}
{data}
<script>
{program}</script>
</body>
</html>
"""


def build_page(
    title: str,
    body: str,
    styles: Sequence[str],
    scripts: Sequence[str],
    data: Mapping[str, object],
    *,
    frames: str = "",
) -> str:
    """One HTML file from files of the folder `pages` and data by the id of their element.

    The policy of the page allows its own script and style only; ``frames`` says which pages it may show inside.
    """
    program, style = _joined(tuple(scripts)), _joined(tuple(styles))
    policy = (
        f"default-src 'none'; script-src '{_hash(program)}'; style-src 'unsafe-inline'; img-src data: blob:; "
        f"{f'frame-src {frames}; ' if frames else ''}base-uri 'none'; form-action 'none'"
    )
    blocks = [
        f'<script type="application/json" id="{name}">{_json(content)}</script>' for name, content in data.items()
    ]
    return FRAME.format(
        policy=escape(policy),
        title=escape(title),
        style=style,
        body=(PAGES / body).read_text(encoding="utf-8").replace("{notice}", escape(NOTICE)),
        data="\n".join(blocks),
        program=program,
    )


@lru_cache
def _joined(names: tuple[str, ...]) -> str:
    """Files one after the other."""
    return "".join((PAGES / name).read_text(encoding="utf-8") for name in names)


def _hash(program: str) -> str:
    """How a policy names the one script that may run (Content Security Policy Level 3, 8.3)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(f"\n{program}".encode()).digest()).decode("ascii")


def _json(content: object) -> str:
    """JSON that no text in it can end early."""
    return json.dumps(content, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
