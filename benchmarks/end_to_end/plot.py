# SPDX-License-Identifier: Apache-2.0
"""Panels of curves as one SVG, for the sweeps beside this file."""
import math

TEXT, GRID, STRONG = "#222222", "#e2e2e2", "#666666"


class Scale:
    """An axis from the first to the last of `ticks`; `log` spaces by ratios; `strong` is the tick of a heavier line."""

    def __init__(self, ticks, log=False, label="{:g}", strong=None):
        self.ticks, self.label, self.strong = ticks, label, strong
        self.of = math.log if log else float

    def share(self, value):
        low, high = self.of(self.ticks[0]), self.of(self.ticks[-1])
        return (self.of(value) - low) / (high - low)


class Panel:
    def __init__(self, title, axis, x, y):
        self.title, self.axis, self.x, self.y, self.curves = title, axis, x, y, []

    def curve(self, points, colour, dashed=False):
        """`points` are (x, y); a dashed curve has no dots."""
        self.curves.append((points, colour, dashed))


class Figure:
    """`panels` stand side by side; `legend` holds (words, colour, dashed)."""

    WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, GAP = 720, 340, 46, 16, 76, 46, 46

    def __init__(self, title, panels, legend):
        self.title, self.panels, self.legend, self.parts = title, panels, legend, []

    def text(self, x, y, words, anchor="middle", extra=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{words}</text>')

    def line(self, x1, y1, x2, y2, colour, extra=""):
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {extra}/>')

    def path(self, points, colour, dashed):
        dash = ' stroke-dasharray="5 4" stroke-opacity="0.75"' if dashed else ""
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>')

    def panel(self, number, panel):
        width = (self.WIDTH - self.LEFT - self.RIGHT - self.GAP * (len(self.panels) - 1)) / len(self.panels)
        left = self.LEFT + number * (width + self.GAP)
        right, bottom = left + width, self.HEIGHT - self.BOTTOM
        x = lambda value: left + 14 + panel.x.share(value) * (width - 28)
        y = lambda value: bottom - panel.y.share(value) * (bottom - self.TOP)
        self.text((left + right) / 2, self.TOP - 10, panel.title, extra='font-weight="600"')
        self.text((left + right) / 2, self.HEIGHT - 10, panel.axis)
        for tick in panel.y.ticks:
            strong = panel.y.strong is not None and abs(tick - panel.y.strong) < 1e-9
            self.line(left, y(tick), right, y(tick), STRONG if strong else GRID)
            self.text(left - 6, y(tick) + 4, panel.y.label.format(tick), "end")
        for tick in panel.x.ticks:
            self.text(x(tick), bottom + 17, panel.x.label.format(tick))
        for points, colour, dashed in panel.curves:
            places = [(x(a), y(b)) for a, b in points]
            self.path(places, colour, dashed)
            if not dashed:
                self.parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.8" fill="{colour}"/>' for a, b in places]

    def svg(self):
        self.text(self.LEFT, 17, self.title, "start", 'font-size="14"')
        at = self.LEFT
        for words, colour, dashed in self.legend:
            self.path([(at, 34), (at + 24, 34)], colour, dashed)
            self.text(at + 30, 38, words, "start")
            at += 44 + 6.6 * len(words)
        for number, panel in enumerate(self.panels):
            self.panel(number, panel)
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.WIDTH} {self.HEIGHT}" '
                f'width="{self.WIDTH}" height="{self.HEIGHT}" font-family="sans-serif" font-size="12" fill="{TEXT}">')
        return "\n".join([head, '<rect width="100%" height="100%" fill="#ffffff"/>', *self.parts, "</svg>", ""])
