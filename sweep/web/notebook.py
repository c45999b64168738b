"""How a sweep shows itself in a notebook."""

import jinja2

from sweep.console.live import headline
from sweep.console.results import as_frame
from sweep.experience.snapshot import Snapshot
from sweep.wording import as_words

ROWS = 5
TEMPLATE = """
<div style="border: 1px solid #8a8f9855; border-radius: 8px; padding: .8em 1em; display: inline-block">
<b>{{ root.name }}</b> <progress max="{{ in_all }}" value="{{ done }}" style="width: 14em; margin: 0 .8em"></progress>
{{ words|join(", ") }}
{% if best %}<div style="margin: .5em 0">best <b>{{ as_words(best.values) }}</b>: trial {{ best.number }}
<code>{{ best.best.experience.id }}</code>, epoch {{ best.epoch }}</div>{% endif %}
{{ table|safe }}
<div style="opacity: .7">{{ root }}</div>
</div>
"""


def as_html(sight: Snapshot) -> str:
    """Return a sweep as HTML: how far it is, and its best trials. What stands in its folders is escaped, by pandas too."""
    done, in_all, words = headline(sight)
    table = as_frame(sight.rows()[:ROWS]).to_html(
        index=False, border=0, float_format="{:.4g}".format
    )
    template = jinja2.Environment(autoescape=True).from_string(TEMPLATE)
    return template.render(
        root=sight.root,
        done=done,
        in_all=max(in_all, 1),
        words=words,
        best=sight.best(),
        table=table,
        as_words=as_words,
    )
