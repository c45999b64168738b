"""The sweep as HTML, for a cell of a notebook."""

import jinja2

from sweep.console.headline import headline_of
from sweep.console.results import as_frame
from sweep.experience.snapshot import Snapshot
from sweep.wording import as_words

ROWS = 5
TEMPLATE = """
<div style="border: 1px solid #8a8f9855; border-radius: 8px; padding: .8em 1em;
  display: inline-block">
<b>{{ root.name }}</b>
<progress max="{{ total }}" value="{{ ended }}" style="width: 14em; margin: 0 .8em"></progress>
{{ text }}
{% if best %}<div style="margin: .5em 0">best <b>{{ as_words(best.values) }}</b>:
trial {{ best.number }} <code>{{ best.best.experience.id }}</code>, epoch {{ best.epoch }}</div>
{% endif %}
{{ table|safe }}
<div style="opacity: .7">{{ root }}</div>
</div>
"""


def as_html(snapshot: Snapshot) -> str:
    """Return a sweep as HTML: its progress, and its best trials.

    jinja2 and pandas escape everything that comes from the folders.
    """
    progress = headline_of(snapshot)
    table = as_frame(snapshot.rows()[:ROWS]).to_html(
        index=False, border=0, float_format="{:.4g}".format
    )
    template = jinja2.Environment(autoescape=True).from_string(TEMPLATE)
    return template.render(
        root=snapshot.root,
        ended=progress.ended,
        total=max(progress.total, 1),
        text=progress.text,
        best=snapshot.best(),
        table=table,
        as_words=as_words,
    )
