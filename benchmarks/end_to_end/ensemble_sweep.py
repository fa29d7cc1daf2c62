#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sweeps the weight of two models and the strength of contrastive decoding: plots and tables for docs/ensembles.md.

    python3 benchmarks/end_to_end/ensemble_sweep.py measure PROGRAM FOLDER    runs the program, writes the figures
    python3 benchmarks/end_to_end/ensemble_sweep.py draw FOLDER docs          draws them, prints the tables
"""
import json
import pathlib
import subprocess
import sys

SWEEPS = {
    "lambda": {
        "values": [i / 10 for i in range(1, 10)],
        "options": ["--combine", "weighted", "--models", "base,peer"],
        "title": "weighted: \u03bb base + (1 \u2212 \u03bb) peer",
        "axis": "\u03bb",
    },
    "mu": {
        "values": [i / 10 for i in range(1, 6)],
        "options": ["--combine", "contrastive", "--models", "base,third"],
        "title": "contrastive: base against third",
        "axis": "\u03bc",
    },
}
METHODS = [("ensemble-alternate", "alternate", "#1f6fb4"), ("ensemble-speculative", "speculative", "#c8641e")]
PLAIN = "ensemble-plain"


def measure(program, folder):
    for name, sweep in SWEEPS.items():
        command = [program, "compare", "--ensemble", f"--{name}", ",".join(map(str, sweep["values"]))]
        command += sweep["options"] + ["--prompts", "1", "--repeats", "2", "--show", "0", "--json", str(folder / f"{name}.json")]
        print(" ".join(command), flush=True)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def value_of(result):
    """The swept value: the first weight, or mu."""
    return float(result["combine"].split()[1])


def by_language(results):
    languages = {}
    for r in results:
        languages.setdefault(r["language"], []).append(r)
    return languages


def speedup(ours, plain):
    """Of sums over the prompts of a language, then the mean over languages, as in the tables of the program."""
    plain = by_language(plain)
    ratios = []
    for language, runs in by_language(ours).items():
        rate = lambda rs: sum(r["tokens"] for r in rs) / sum(r["seconds"] for r in rs)
        ratios.append(rate(runs) / rate(plain[language]))
    return sum(ratios) / len(ratios)


def predicted(results):
    return len(results) / sum(1 / r["predicted_speedup"] for r in results)


def curves(results, temperature):
    """For each method: (value, measured, predicted) in the order of the values."""
    results = [r for r in results if r["temperature"] == temperature]
    out = {}
    for method, _, _ in METHODS:
        points = []
        for value in sorted({value_of(r) for r in results}):
            at = [r for r in results if value_of(r) == value]
            ours = [r for r in at if r["method"] == method]
            plain = [r for r in at if r["method"] == PLAIN]
            points.append((value, speedup(ours, plain), predicted(ours)))
        out[method] = points
    return out


class Plot:
    """Two panels that share the vertical axis."""

    WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, GAP = 720, 340, 46, 16, 76, 46, 30

    def __init__(self, low, high, first, last):
        self.low, self.high, self.first, self.last = low, high, first, last
        self.panel = (self.WIDTH - self.LEFT - self.RIGHT - self.GAP) / 2
        self.parts = []

    def x(self, panel, value):
        share = (value - self.first) / (self.last - self.first)
        return self.LEFT + panel * (self.panel + self.GAP) + 14 + share * (self.panel - 28)

    def y(self, value):
        share = (value - self.low) / (self.high - self.low)
        return self.HEIGHT - self.BOTTOM - share * (self.HEIGHT - self.TOP - self.BOTTOM)

    def text(self, x, y, words, anchor="middle", extra=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{words}</text>')

    def line(self, x1, y1, x2, y2, colour, extra=""):
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {extra}/>')

    def axes(self, panel, title, axis, values):
        left, right = self.LEFT + panel * (self.panel + self.GAP), self.LEFT + panel * (self.panel + self.GAP) + self.panel
        self.text((left + right) / 2, self.TOP - 10, title, extra='font-weight="600"')
        tick = self.low
        while tick <= self.high + 1e-9:
            at_one = abs(tick - 1) < 1e-9
            self.line(left, self.y(tick), right, self.y(tick), "#666666" if at_one else "#e2e2e2")
            if panel == 0:
                self.text(left - 6, self.y(tick) + 4, f"{tick:.1f}", "end")
            tick += 0.2
        for value in values:
            self.text(self.x(panel, value), self.y(self.low) + 17, f"{value:g}")
        self.text((left + right) / 2, self.HEIGHT - 10, axis)

    def curve(self, panel, points, colour, dashed=False):
        path = " ".join(f"{self.x(panel, v):.1f},{self.y(s):.1f}" for v, s in points)
        dash = ' stroke-dasharray="5 4" stroke-opacity="0.75"' if dashed else ""
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>')
        if not dashed:
            for v, s in points:
                self.parts.append(f'<circle cx="{self.x(panel, v):.1f}" cy="{self.y(s):.1f}" r="2.8" fill="{colour}"/>')

    def legend(self):
        x = self.LEFT
        for _, label, colour in METHODS:
            for words, dashed in ((label, False), (f"{label}, predicted", True)):
                self.line(x, 34, x + 24, 34, colour, 'stroke-width="1.8"' + (' stroke-dasharray="5 4"' if dashed else ""))
                self.text(x + 30, 38, words, "start")
                x += 44 + 6.6 * len(words)

    def svg(self, title):
        self.text(self.LEFT, 17, title + ": speed-up over the plain ensemble", "start", 'font-size="14"')
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.WIDTH} {self.HEIGHT}" '
                f'width="{self.WIDTH}" height="{self.HEIGHT}" font-family="sans-serif" font-size="12" fill="#222222">')
        return "\n".join([head, '<rect width="100%" height="100%" fill="#ffffff"/>', *self.parts, "</svg>", ""])


def draw(folder, docs):
    for name, sweep in SWEEPS.items():
        results = json.loads((folder / f"{name}.json").read_text())
        temperatures = sorted({r["temperature"] for r in results})
        data = {t: curves(results, t) for t in temperatures}
        speeds = [s for c in data.values() for points in c.values() for point in points for s in point[1:]]
        low = min(0.8, int(min(speeds) * 5) / 5)
        high = (int(max(speeds) * 5) + 1) / 5
        plot = Plot(low, high, sweep["values"][0], sweep["values"][-1])
        for panel, t in enumerate(temperatures):
            plot.axes(panel, f"temperature {t:g}", sweep["axis"], sweep["values"])
            for method, _, colour in METHODS:
                plot.curve(panel, [(v, p) for v, _, p in data[t][method]], colour, dashed=True)
                plot.curve(panel, [(v, s) for v, s, _ in data[t][method]], colour)
        plot.legend()
        (docs / f"ensembles_{name}.svg").write_text(plot.svg(sweep["title"]))

        print(f"| {sweep['axis']} |" + "".join(f" {label}, T = {t:g} | predicted |" for t in temperatures
                                               for _, label, _ in METHODS))
        print("|---" * (1 + 2 * len(METHODS) * len(temperatures)) + "|")
        for i, value in enumerate(sweep["values"]):
            cells = [data[t][method][i] for t in temperatures for method, _, _ in METHODS]
            print(f"| {value:g} |" + "".join(f" {s:.2f} | {p:.2f} |" for _, s, p in cells))
        print()


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("measure", "draw"):
        sys.exit(__doc__)
    if sys.argv[1] == "measure":
        measure(sys.argv[2], pathlib.Path(sys.argv[3]))
    else:
        draw(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
