#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sweeps the weight of two models and the strength of contrastive decoding: plots and tables for docs/ensembles.md.

    python3 benchmarks/end_to_end/ensemble_sweep.py measure PROGRAM FOLDER    runs the program, writes the figures
    python3 benchmarks/end_to_end/ensemble_sweep.py draw FOLDER docs          draws them, prints the tables
"""
import json
import subprocess

import plot
import sweep

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
    for name, s in SWEEPS.items():
        command = [program, "compare", "--ensemble", f"--{name}", ",".join(map(str, s["values"]))]
        command += s["options"] + ["--prompts", "1", "--repeats", "2", "--show", "0", "--json", str(folder / f"{name}.json")]
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


def draw(folder, docs):
    for name, s in SWEEPS.items():
        results = json.loads((folder / f"{name}.json").read_text())
        temperatures = sorted({r["temperature"] for r in results})
        data = {t: curves(results, t) for t in temperatures}
        speeds = [speed for c in data.values() for points in c.values() for point in points for speed in point[1:]]
        low, high = min(4, int(min(speeds) * 5)), int(max(speeds) * 5) + 1
        y = plot.Scale([i / 5 for i in range(low, high + 1)], label="{:.1f}", strong=1)
        panels = []
        for t in temperatures:
            panel = plot.Panel(f"temperature {t:g}", s["axis"], plot.Scale(s["values"]), y)
            for method, _, colour in METHODS:
                panel.curve([(v, p) for v, _, p in data[t][method]], colour, dashed=True)
                panel.curve([(v, m) for v, m, _ in data[t][method]], colour)
            panels.append(panel)
        legend = [(label + words, colour, dashed) for _, label, colour in METHODS
                  for words, dashed in (("", False), (", predicted", True))]
        figure = plot.Figure(s["title"] + ": speed-up over the plain ensemble", panels, legend)
        (docs / f"ensembles_{name}.svg").write_text(figure.svg())

        print(f"| {s['axis']} |" + "".join(f" {label}, T = {t:g} | predicted |" for t in temperatures
                                               for _, label, _ in METHODS))
        print("|---" * (1 + 2 * len(METHODS) * len(temperatures)) + "|")
        for i, value in enumerate(s["values"]):
            cells = [data[t][method][i] for t in temperatures for method, _, _ in METHODS]
            print(f"| {value:g} |" + "".join(f" {m:.2f} | {p:.2f} |" for _, m, p in cells))
        print()


if __name__ == "__main__":
    sweep.main(__doc__, measure, draw)
