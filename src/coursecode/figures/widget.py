"""All chapters: an interactive figure as a widget of a notebook, whose state Python reads and sets.

It needs the package anywidget, the extra ``widget`` of this one. Without it :func:`coursecode.figures.show` shows the
same figures, and Python hears nothing of them.
"""

from __future__ import annotations

from typing import Any

from coursecode import figures
from coursecode._words import tag

__all__ = ["FigureWidget", "esm"]

try:
    import anywidget
    import traitlets
except ImportError as missing:
    raise ImportError(
        "coursecode.figures.widget: the package anywidget is not installed; install coursecode with its extra widget. "
        "Without it, coursecode.figures.show shows the same figures."
    ) from missing


def esm() -> str:
    """The module that a notebook's page runs: a figure that tells its state and hears of Python's."""
    return figures.module("mount") + _RENDER


_RENDER = """
export default {
  async render({ model, el }) {
    const settings = ["figure", "tag", "words"].map((name) => [name, model.get(name)]);
    let same = false;
    const figure = await attach(el, {
      ...Object.fromEntries(settings), script: { text: model.get("script") }, state: model.get("state"),
      onchange: (state) => { same = true; model.set("state", state); model.save_changes(); same = false; },
    });
    const heard = () => { if (!same) figure.set(model.get("state")); };
    model.on("change:state", heard);
    return () => { model.off("change:state", heard); figure.remove(); };
  },
};
"""


class FigureWidget(anywidget.AnyWidget):  # type: ignore[misc]
    """The figure ``figure`` in a notebook; ``state`` holds its settings, as the reader or Python last set them.

    ``state`` has the settings that were given, and all of them once the reader has changed one. What the figure
    refuses, it says in its place.
    """

    _esm = esm()
    figure = traitlets.Unicode().tag(sync=True)
    tag = traitlets.Unicode().tag(sync=True)
    words = traitlets.Dict().tag(sync=True)
    script = traitlets.Unicode().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, figure: str, *, language: str = "en", **settings: Any) -> None:
        if figure not in figures.names():
            raise ValueError(f"FigureWidget: there is no figure {figure!r}; there are {', '.join(figures.names())}.")
        super().__init__(
            figure=figure,
            tag=tag(language),
            words=figures.words(figure, language),
            script=figures.bundle(figure, with_data=True),
            state=settings,
        )
