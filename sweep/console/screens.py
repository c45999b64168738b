"""Where the live view is drawn: on a terminal, in a cell of a notebook, or nowhere."""

import io
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from rich.console import Console, RenderableType
from rich.live import Live

DRAWINGS_PER_SECOND = 4
NOTEBOOK_WIDTH = 100  # columns
AS_HTML = '<pre style="line-height: 1.3; margin: 0">{code}</pre>'


class Screen(Protocol):
    """What shows a drawing that changes, as long as its context lasts."""

    def __enter__(self) -> object: ...

    def __exit__(self, *error: Any) -> None: ...

    def refresh(self) -> None:
        """Draw now."""


class SteadyConsole(Console):
    """A console that never hides the cursor: after a SIGKILL, nobody would show it again."""

    def show_cursor(self, show: bool = True) -> bool:
        return False


def can_redraw(console: Console) -> bool:
    """Tell whether the console can draw over its lines: a real terminal, not in CI or on Colab.

    A notebook's stdout may call itself a terminal.
    """
    return (
        console.is_terminal
        and not is_notebook()
        and not console.is_dumb_terminal
        and not {"CI", "COLAB_RELEASE_TAG"} & set(os.environ)
    )


def is_notebook() -> bool:
    """Tell whether this process runs the cells of a notebook."""
    return "ipykernel" in sys.modules


def screen_for(console: Console, draw: Callable[[], RenderableType]) -> Screen | None:
    """Return where the live view is drawn again and again; None where only lines can be printed."""
    if can_redraw(console):
        return Live(
            get_renderable=draw,
            console=console,
            refresh_per_second=DRAWINGS_PER_SECOND,
            transient=True,
        )
    return _widget(draw) if is_notebook() else None


def _widget(draw: Callable[[], RenderableType]) -> Screen | None:
    try:
        from ipywidgets import HTML
    except ImportError:
        return None
    return _Widget(draw, HTML())


class _Widget:
    """A widget of a notebook that shows the latest drawing, and keeps the last one.

    rich has one too. It captures whatever is printed anywhere while it draws in a thread.
    """

    def __init__(self, draw: Callable[[], RenderableType], html: Any) -> None:
        self._draw, self._html = draw, html
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_drawing, daemon=True)

    def __enter__(self) -> "_Widget":
        from IPython.display import display

        display(self._html)  # type: ignore[no-untyped-call]
        self._thread.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._ended.set()
        self._thread.join()
        self.refresh()

    def refresh(self) -> None:
        console = Console(
            file=io.StringIO(), record=True, width=NOTEBOOK_WIDTH, force_jupyter=False
        )
        console.print(self._draw(), markup=False, highlight=False)
        self._html.value = console.export_html(inline_styles=True, code_format=AS_HTML)

    def _keep_drawing(self) -> None:
        while not self._ended.wait(1 / DRAWINGS_PER_SECOND):
            self.refresh()
