"""The table as a picture: bars, in an SVG that brings its own background, light or dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.bench.table import Line

WIDTH, LABELS, ROW, BAR, PANEL_HEAD, MARGIN = 860, 250, 26, 16, 46, 24

STYLE = """
.card { fill: #ffffff; stroke: #d0d7de }
text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 }
.panel { font-weight: 600 }
.small { font-size: 12px; fill: #59636e }
.ours { fill: #0969da }
.other { fill: #afb8c1 }
.floor { fill: #d8dee4 }
@media (prefers-color-scheme: dark) {
  .card { fill: #0d1117; stroke: #3d444d }
  text { fill: #f0f6fc }
  .small { fill: #9198a1 }
  .ours { fill: #4493f8 }
  .other { fill: #656c76 }
  .floor { fill: #3d444d }
}
"""


class Panel(NamedTuple):
    """One group of bars.

    Args:
        title: Above it.
        figure: What a bar shows.
        form: How the number at its end is written.
    """

    title: str
    figure: Callable[[Line], float]
    form: str


PANELS = (
    Panel("Events a second, as a multiple of the baseline's (longer is better)",
          lambda line: line.to_baseline, "{:.1f} x"),
    Panel("CPU seconds per million events (shorter is better)",
          lambda line: line.cpu_per_million, "{:.0f} s"),
    Panel("Peak memory (shorter is better)", lambda line: line.peak_mb, "{:.0f} MB"),
)  # fmt: skip


def svg(lines: Sequence[Line], title: str, note: str) -> str:
    """Return the chart."""
    parts: list[str] = []
    y = MARGIN + 16
    parts.append(_text(MARGIN, y, title, "title"))
    y += 20
    parts.append(_text(MARGIN, y, note, "small"))
    for panel in PANELS:
        y += PANEL_HEAD - 8
        parts.append(_text(MARGIN, y, panel.title, "panel"))
        y += 10
        longest = max(panel.figure(line) for line in lines)
        for line in lines:
            figure = panel.figure(line)
            room = WIDTH - LABELS - 2 * MARGIN - 60
            width = max(figure / longest * room, 1)
            x = MARGIN + LABELS
            parts += (
                _text(x - 10, y + BAR - 3, line.name.replace("`", ""), "", anchor="end"),
                _bar(x, y, width, _kind(line)),
                _text(round(x + width + 8), y + BAR - 3, panel.form.format(figure), "small"),
            )
            y += ROW
    height = y + MARGIN // 2
    card = f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n{card}\n"
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _kind(line: Line) -> str:
    if line.name.startswith("this tap"):
        return "ours"
    return "floor" if line.name.startswith("floor") else "other"


def _bar(x: int, y: int, width: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2"/>'


def _text(x: int, y: int, words: str, kind: str, *, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'
