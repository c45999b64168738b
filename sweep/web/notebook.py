"""The sweep as HTML, for a cell of a notebook."""

import base64

import jinja2

from sweep.console.headline import headline_of
from sweep.console.results import as_frame
from sweep.experience.snapshot import Snapshot
from sweep.web import matplotlib_figures
from sweep.web.curves import curves_of
from sweep.web.texts import Texts, texts_in
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
{% if curves %}
<img src="data:image/png;base64,{{ curves }}" alt="{{ texts.curves }}" style="max-width: 45em">
{% endif %}
</div>
"""


def as_html(snapshot: Snapshot) -> str:
    """Return a sweep as HTML: its progress, its best trials, and its learning curves.

    jinja2 and pandas escape everything that comes from the folders.
    """
    texts = texts_in(None)
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
        curves=_curves(snapshot, texts),
        texts=texts,
        as_words=as_words,
    )


def _curves(snapshot: Snapshot, texts: Texts) -> str:
    """Return the picture of the learning curves in Base64; "" where there are none yet."""
    if not any(training.curve for training in snapshot.trainings):
        return ""
    view = curves_of(snapshot)
    picture = matplotlib_figures.png(lambda: matplotlib_figures.curves(view, texts), texts)
    return base64.b64encode(picture).decode()
