#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Quality of the diffusion teacher and its student by order and number of steps: the tables and the plot of the section
Steps in docs/diffusion.md.

    python3 benchmarks/end_to_end/diffusion_sweep.py measure PROGRAM FOLDER    runs the program, writes the figures
    python3 benchmarks/end_to_end/diffusion_sweep.py draw FOLDER docs          draws them, prints the table
"""
import json
import subprocess

import plot
import sweep

STEPS = [4, 8, 16, 32, 64, 128]
MODELS = ["teacher", "student"]
ORDERS = [("ancestral", "#1f6fb4"), ("spread", "#c8641e")]


def measure(program, folder):
    command = [program, "compare", "--diffusion", "--orders", ",".join(o for o, _ in ORDERS),
               "--steps", ",".join(map(str, STEPS)), "--canvas", "128", "--prompts", "all", "--repeats", "6",
               "--json", str(folder / "diffusion.json")]
    print(" ".join(command), flush=True)
    subprocess.run(command, check=True)


def draw(folder, docs):
    results = json.loads((folder / "diffusion.json").read_text())
    at = {(r["model"], r["order"], r["steps"]): r for r in results}
    x = plot.Scale(STEPS, log=True)
    entropies = [r["entropy"] for r in results]
    low, high = int(min(entropies) * 20), int(max(entropies) * 20) + 1
    panels = [plot.Panel("perplexity under base", "steps", x, plot.Scale([32, 64, 128, 256, 512, 1024], log=True)),
              plot.Panel("entropy of the tokens, nats", "steps", x,
                         plot.Scale([i / 20 for i in range(low, high + 1)], label="{:.2f}"))]
    legend = []
    for order, colour in ORDERS:
        for model in MODELS:
            dashed = model == "teacher"
            legend.append((f"{model}, {order}", colour, dashed))
            for panel, field in zip(panels, ("generative_perplexity", "entropy")):
                panel.curve([(n, at[model, order, n][field]) for n in STEPS], colour, dashed)
    (docs / "diffusion.svg").write_text(plot.Figure("Canvases of 128 tokens", panels, legend).svg())

    for order, _ in ORDERS:
        print(f"\n| {order}, steps | evaluations | teacher: perplexity | entropy | student: perplexity | entropy |")
        print("|---:|---:|---:|---:|---:|---:|")
        for n in STEPS:
            t, s = (at[m, order, n] for m in MODELS)
            print(f"| {n} | {s['evaluations']:.1f} | {t['generative_perplexity']:.1f} | {t['entropy']:.3f} | "
                  f"{s['generative_perplexity']:.1f} | {s['entropy']:.3f} ({100 * (s['entropy'] / t['entropy'] - 1):+.1f} %) |")


if __name__ == "__main__":
    sweep.main(__doc__, measure, draw)
