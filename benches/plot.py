"""Small line plots as SVG, readable on light and dark pages."""

from __future__ import annotations

import math
from html import escape

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 36, 44
COLOURS = ("#2f81f7", "#d29922", "#3fb950", "#db61a2")
_STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #57606a }
  .title { font-weight: 600; font-size: 13px }
  .grid { stroke: #8c959f; stroke-opacity: .3 }
  @media (prefers-color-scheme: dark) { text { fill: #adbac7 } }
"""


def _short(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if value >= 10_000 else f"{value:g}"


def _steps(most: float) -> list[float]:
    """Round marks from 0 to above the most."""
    rough = most / 4
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    return [step * which for which in range(math.ceil(most / step) + 1)]


def svg(title: str, axis: str, lines: dict[str, list[tuple[float, float]]], log_y: bool = False) -> str:
    """Lines over a logarithmic x axis; the y axis begins at 0 unless it is logarithmic too."""
    xs = sorted({x for points in lines.values() for x, _ in points})
    most = max(y for points in lines.values() for _, y in points)
    least = math.floor(math.log10(max(min(y for points in lines.values() for _, y in points), 1)))
    marks = [float(10**power) for power in range(least, math.ceil(math.log10(most)) + 1)] if log_y else _steps(most)
    first, last = math.log10(xs[0]), math.log10(xs[-1])

    def right(x: float) -> float:
        return LEFT + (math.log10(x) - first) / ((last - first) or 1) * (WIDTH - LEFT - RIGHT - 60)

    def up(y: float) -> float:
        part = (math.log10(max(y, 1)) - least) / (math.log10(marks[-1]) - least) if log_y else y / marks[-1]
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)} by {escape(axis)}</title><style>{_STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="20">{escape(title)}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT - 60) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(axis)}</text>',
    ]
    for mark in marks:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up(mark):.1f}" y2="{up(mark):.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{up(mark) + 4:.1f}" text-anchor="end">{_short(mark)}</text>')
    for x in xs:
        parts.append(f'<text x="{right(x):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{_short(x)}</text>')
    for which, (name, points) in enumerate(lines.items()):
        colour = COLOURS[which % len(COLOURS)]
        path = " ".join(f"{right(x):.1f},{up(y):.1f}" for x, y in points)
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>')
        parts += [f'<circle cx="{right(x):.1f}" cy="{up(y):.1f}" r="3" fill="{colour}"/>' for x, y in points]
        legend = WIDTH - RIGHT - 110 * (len(lines) - which)
        parts.append(f'<rect x="{legend}" y="11" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{legend + 14}" y="20">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>\n"])
