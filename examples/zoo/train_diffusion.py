# SPDX-License-Identifier: Apache-2.0
"""Trains `diffusion-teacher`, a masked diffusion model without time input (MDLM, arXiv 2406.07524), on English and code.

    python3 train_diffusion.py --data W --out O --seconds 700

The loss is the bound of the negative log-likelihood for the linear schedule: the cross-entropy of the masked tokens, divided
by the time.  Steps alternate between windows of 256 and of 128 tokens.  Writes O/<name>.pt (float16) and O/<name>.json.
"""
import argparse
import os
import time

import torch

import checkpoint
import data
import diffusion
import model as zoo
from optimizer import Optimizer


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", required=True, help="folder of tokens.bin (or .xz) and tokens.json")
    a.add_argument("--out", required=True, help="folder of the results")
    a.add_argument("--name", default="diffusion-teacher", help="name of the results")
    a.add_argument("--start", help="weights to continue from")
    a.add_argument("--seconds", type=float, default=700)
    a.add_argument("--tokens", type=int, default=131072, help="tokens of a step")
    a.add_argument("--lengths", type=int, nargs=2, default=[256, 128], help="tokens of a window, in turn")
    a.add_argument("--rate", type=float, default=3e-3)
    a.add_argument("--mixture", type=data.mixture, default="de=0,fr=0,es=0,ru=0,ja=0,zh=0",
                   help="multiples of the shares of languages")
    a.add_argument("--save", type=float, default=100, help="seconds between two checkpoints")
    a.add_argument("--no-compile", action="store_true", help="without torch.compile (needed before PyTorch 2)")
    a.add_argument("--seed", type=int, default=3)
    a = a.parse_args()

    torch.manual_seed(a.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_float32_matmul_precision("high")
    corpus = data.Corpus(a.data, device, tagged=1.0, mixture=a.mixture)
    net = (zoo.load(a.start, "diffusion") if a.start else zoo.Decoder(zoo.SHAPES["diffusion"])).to(device)
    optimizer = Optimizer(net, a.rate)

    def bound(z, y, masked, t):
        log_p = diffusion.log_laws(net, z)
        loss = -log_p.gather(-1, y[..., None]).squeeze(-1).clamp(min=-30)
        return torch.where(masked, loss / t[:, None], 0).sum() / y.numel()

    compiled = bound if a.no_compile else torch.compile(bound, dynamic=False)
    os.makedirs(a.out, exist_ok=True)
    log = {"arguments": vars(a), "parameters": sum(p.numel() for p in net.parameters()), "log": []}

    def save():
        checkpoint.save(a.out, a.name, checkpoint.halves(net), log)

    begin, saved, step, progress, recent = time.time(), 0.0, 0, 0.0, []
    while progress < 1:
        length = a.lengths[step % 2]
        y = corpus.windows(a.tokens // length, length)
        z, masked, t = diffusion.corrupted(y)
        loss = compiled(z, y, masked, t)
        loss.backward()
        # The weight 1 / t makes single gradients large.
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step(min((step + 1) / 300, 1.0, (1 - progress) / 0.45))
        recent.append(loss.detach())
        step += 1
        if step <= 4:                                             # compilation: the clock of the budget starts after it
            if device == "cuda":
                torch.cuda.synchronize()
            begin = time.time()
        progress = (time.time() - begin) / a.seconds
        if step % 200 == 0 or progress >= 1:
            row = [step, round(time.time() - begin, 1), round(torch.stack(recent).mean().item(), 4)]
            recent = []
            log["log"].append(row)
            if step % 1000 == 0 or progress >= 1:
                print(a.name, *row, flush=True)
        if progress * a.seconds - saved > a.save:
            saved = progress * a.seconds
            save()
    log.update(steps=step, tokens=step * a.tokens, seconds=time.time() - begin)
    save()


if __name__ == "__main__":
    main()
