"""The evidence as one self-contained page: no network, no other file, no script but its own.

``page.html.j2`` is the page, ``page.css`` its style, ``page.js`` its filters. Everything that comes from a user's code is
escaped by the template engine, and the page's content security policy runs no script but ``page.js``, by its digest.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from kmigrate import __version__
from kmigrate.report.evidence import Evidence, needs
from kmigrate.report.evidence.view import page_of

_HERE = Path(__file__).parent


def render(evidence: Evidence, color: bool = False) -> str:
    """The page as text. Raises UserError where jinja2 or leather is not installed."""
    needs("html")
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = figure
    style, script = (Markup((_HERE / name).read_text(encoding="utf-8")) for name in ("page.css", "page.js"))
    text: str = environment.get_template("page.html.j2").render(
        page=page_of(evidence),
        version=__version__,
        style=style,
        script=script,
        style_digest=_digest(style),
        script_digest=_digest(script),
        markup=Markup,
    )
    # A path that is not text holds lone surrogates, which no page can.
    return text.encode("utf-8", "replace").decode("utf-8") + "\n"


def figure(value: Any) -> str:
    """A number as the page shows it; a dash where there is none."""
    if value is None:
        return "\N{EN DASH}"
    return f"{value:.2e}" if value else "0"


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
