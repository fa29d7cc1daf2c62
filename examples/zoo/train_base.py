# SPDX-License-Identifier: Apache-2.0
"""Trains `base`: next-token prediction on all rows and SPACE mask rows in the same pass.  Trains `peer` and `third`, too.

    python3 train_base.py --data W --out O --seconds 340                      ends after the given time or after --steps
    python3 train_base.py --data W --out O --start base.safetensors --rate 0.002 --steps 1500          continues a model
    python3 train_base.py --data W --out O --name twin --no-masks --steps N   the twin without masks on as many tokens
    python3 train_base.py --data W --out O --shape peer --name peer --no-masks --mixture code=4 --seconds 300
    python3 train_base.py --data W --out O --shape third --name third --no-masks --mixture code=0.25 --seconds 300

Writes O/<name>.pt (float16 weights; also every --save seconds) and O/<name>.json (what was run and its losses).
The rate follows the budget that runs out first, time or steps: warm-up, constant, then linear to zero in the last 45 %.
"""
import argparse
import os
import time

import torch
import torch.nn.functional as F

import checkpoint
import data
import model as zoo
from optimizer import Optimizer


def losses(logits, y, length, target, k, offset_weight):
    """y [B, length + 1].  The teacher of a mask row is the ordinary row that predicts the same token after seeing all before
    it: its whole distribution says more than the one token that happened to follow."""
    ordinary = F.cross_entropy(logits[:, :length].reshape(-1, logits.shape[-1]).float(), y[:, 1:].reshape(-1))
    if target is None:
        return ordinary, torch.zeros_like(ordinary), None
    student = logits[:, length:].float().log_softmax(-1)
    teacher = logits[:, target - 1].detach().float().softmax(-1)
    soft = -(teacher * student).sum(-1)
    hard = -student.gather(-1, y[:, target][..., None]).squeeze(-1)
    per_offset = (0.7 * soft + 0.3 * hard).view(y.shape[0], -1, k).mean((0, 1))
    return ordinary, (per_offset * offset_weight).mean(), hard.detach().view(y.shape[0], -1, k).mean((0, 1))


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", required=True, help="folder of tokens.bin (or .xz) and tokens.json")
    a.add_argument("--out", required=True, help="folder of the results")
    a.add_argument("--name", default="base", help="name of the results")
    a.add_argument("--shape", default="base", choices=sorted(zoo.SHAPES))
    a.add_argument("--start", help="weights to continue from")
    a.add_argument("--seconds", type=float, default=1e9)
    a.add_argument("--steps", type=int, default=10**9)
    a.add_argument("--batch", type=int, default=256, help="sequences of a step")
    a.add_argument("--length", type=int, default=512, help="tokens of a sequence")
    a.add_argument("--rate", type=float, default=3e-3)
    a.add_argument("--mixture", type=data.mixture, help="multiples of the shares of languages, such as code=4,en=0.5")
    a.add_argument("--no-masks", action="store_true", help="ordinary rows only")
    a.add_argument("--groups", type=int, default=40, help="mask groups in a sequence")
    a.add_argument("--mask-weight", type=float, default=0.5, help="weight of the mask loss")
    a.add_argument("--optimizer", default="muon", choices=["muon", "adamw"])
    a.add_argument("--save", type=float, default=120, help="seconds between two checkpoints")
    a.add_argument("--no-compile", action="store_true", help="without torch.compile (needed before PyTorch 2)")
    a.add_argument("--seed", type=int, default=1)
    a = a.parse_args()

    torch.manual_seed(a.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_float32_matmul_precision("high")
    corpus = data.Corpus(a.data, device, mixture=a.mixture)
    net = (zoo.load(a.start, a.shape) if a.start else zoo.Decoder(zoo.SHAPES[a.shape])).to(device)
    optimizer = Optimizer(net, a.rate, muon=a.optimizer == "muon")
    k = len(zoo.MASK_IDS)
    offset_weight = torch.tensor([1, .8, .6, .5, .4, .3], device=device)

    def forward(y, masks, target):
        with torch.autocast(device, dtype=torch.bfloat16):
            logits = net(y[:, :-1], masks)
        return losses(logits, y, a.length, target, k, offset_weight)

    if not a.no_compile:
        forward = torch.compile(forward)

    os.makedirs(a.out, exist_ok=True)
    log = {"arguments": vars(a), "parameters": sum(p.numel() for p in net.parameters()), "log": []}

    def save():
        checkpoint.save(a.out, a.name, checkpoint.halves(net), log)

    begin, saved, step, progress = time.time(), 0.0, 0, 0.0
    while progress < 1:
        y = corpus.windows(a.batch, a.length + 1)
        masks = target = None
        if not a.no_masks:
            splits = torch.randint(1, a.length - k + 1, (a.groups,), device=device)
            masks, target = zoo.mask_rows(splits, k, a.length)
        # The masks step back at the end, so that the last updates serve the ordinary rows.
        weight = a.mask_weight * (1.0 if progress < 0.8 else 0.5)
        ordinary, mask, offsets = forward(y, masks, target)
        (ordinary + weight * mask).backward()
        rate = min((step + 1) / 150, 1.0, (1 - progress) / 0.45)
        optimizer.step(rate)
        step += 1
        if step <= 3:                                             # compilation: the clock of the budget starts after it
            if device == "cuda":
                torch.cuda.synchronize()
            begin = time.time()
        elapsed = time.time() - begin
        progress = max(step / a.steps, elapsed / a.seconds)
        if step % 20 == 0 or progress >= 1:
            if device == "cuda":
                torch.cuda.synchronize()                          # keep the host from running ahead of the clock
        if step % 100 == 0 or progress >= 1:
            row = [step, round(time.time() - begin, 1), round(ordinary.item(), 4)]
            if offsets is not None:
                row += [round(x, 2) for x in offsets.tolist()]
            log["log"].append(row)
            if step % 500 == 0 or progress >= 1:
                speed = step * a.batch * a.length / max(1e-9, time.time() - begin)
                print(a.name, *row, f"{speed / 1e6:.2f} M ordinary tokens/s", flush=True)
        if elapsed - saved > a.save:
            saved = elapsed
            save()
    log["steps"], log["tokens"], log["seconds"] = step, step * a.batch * a.length, time.time() - begin
    save()


if __name__ == "__main__":
    main()
