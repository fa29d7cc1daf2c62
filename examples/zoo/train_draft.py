# SPDX-License-Identifier: Apache-2.0
"""Trains `draft` for a given `base`: first on real text, then by online distillation.

    python3 train_draft.py --data W --out O --base O/base.pt --seconds 165
    python3 train_draft.py --data W --out O --base O/base.pt --start draft.safetensors --pretrain 0 --rate 0.002 --seconds 75

Distillation: half real text, half fresh continuations by `base` at T = 0, .5, .7 and 1.  The loss is
(1 - w) KL(base || draft) + w TV, where TV = 1 - (chance that the token rule accepts) and w is --tv.  On a continuation TV is
taken at its own temperature, both laws cooled alike; for T = 0 at T = .3, a smooth stand-in for "the same largest token".
Writes O/draft.pt (float16) and O/draft.json.
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
from sampling import Sampler


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", required=True, help="folder of tokens.bin (or .xz) and tokens.json")
    a.add_argument("--out", required=True, help="folder of the results")
    a.add_argument("--base", required=True, help="weights of the model to draft for")
    a.add_argument("--base-shape", default="base", choices=sorted(zoo.SHAPES))
    a.add_argument("--shape", default="draft", choices=sorted(zoo.SHAPES))
    a.add_argument("--name", default="draft", help="name of the results")
    a.add_argument("--start", help="weights to continue from")
    a.add_argument("--seconds", type=float, default=300)
    a.add_argument("--pretrain", type=float, default=0.2, help="share of the time spent on plain next-token prediction")
    a.add_argument("--tv", type=float, default=0.5, help="share of the total variation in the loss of the distillation")
    a.add_argument("--rate", type=float, default=4e-3)
    a.add_argument("--batch", type=int, default=128, help="sequences of a step, half of them sampled while distilling")
    a.add_argument("--length", type=int, default=384, help="tokens of a sequence")
    a.add_argument("--prompt", type=int, default=64, help="tokens of real text before a continuation")
    a.add_argument("--samples", type=int, default=3072, help="continuations drawn at a time; each is used three times")
    a.add_argument("--save", type=float, default=100, help="seconds between two checkpoints")
    a.add_argument("--no-compile", action="store_true", help="without torch.compile (needed before PyTorch 2)")
    a.add_argument("--seed", type=int, default=2)
    a = a.parse_args()

    torch.manual_seed(a.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_float32_matmul_precision("high")
    corpus = data.Corpus(a.data, device)
    base = zoo.load(a.base, a.base_shape).to(device).requires_grad_(False)
    draft = (zoo.load(a.start, a.shape) if a.start else zoo.Decoder(zoo.SHAPES[a.shape])).to(device)
    optimizer = Optimizer(draft, a.rate)
    log = {"arguments": vars(a), "parameters": sum(p.numel() for p in draft.parameters()), "log": []}

    def plain(y):
        with torch.autocast(device, dtype=torch.bfloat16):
            logits = draft(y[:, :-1])
        return F.cross_entropy(logits.reshape(-1, logits.shape[-1]).float(), y[:, 1:].reshape(-1))

    def distil(y, cooling):
        """y [B, n + 1], cooling [B] = the temperature of the TV term."""
        with torch.autocast(device, dtype=torch.bfloat16):
            with torch.no_grad():
                p = base(y[:, :-1])
            q = draft(y[:, :-1])
        p, q = p.float(), q.float()
        log_p, log_q = p.log_softmax(-1), q.log_softmax(-1)
        kl = (log_p.exp() * (log_p - log_q)).sum(-1)
        t = cooling[:, None, None]
        tv = 0.5 * ((p / t).softmax(-1) - (q / t).softmax(-1)).abs().sum(-1)
        return kl.mean(), tv.mean(1)

    if not a.no_compile:
        plain, distil = torch.compile(plain), torch.compile(distil)

    def save():
        checkpoint.save(a.out, a.name, checkpoint.halves(draft), log)

    def sync():
        if device == "cuda":
            torch.cuda.synchronize()

    os.makedirs(a.out, exist_ok=True)
    temperatures = torch.tensor([0.0, 0.5, 0.7, 1.0], device=device)
    half = a.batch // 2
    sampler = Sampler(base, a.samples, a.length + 1)
    # Everything is compiled before the clock starts.
    y = corpus.windows(a.batch, a.length + 1)
    plain(y).backward()
    kl, tv = distil(y, torch.ones(a.batch, device=device))
    (kl + tv.mean()).backward()
    optimizer.adam.zero_grad(set_to_none=True)
    for p in draft.parameters():
        p.grad = None

    sync()
    begin, saved, step, drawn, pool, queue = time.time(), 0.0, 0, 0, [], []
    while True:
        elapsed = time.time() - begin
        progress = elapsed / a.seconds
        if progress >= 1:
            break
        rate = min((step + 1) / 200, 1.0, (1 - progress) / 0.6)
        real = corpus.windows(a.batch if progress < a.pretrain else a.batch - half, a.length + 1)
        if progress < a.pretrain:
            loss = plain(real)
            row = [loss]
        else:
            if not queue:
                prompts = corpus.windows(a.samples, a.prompt)
                temperature = temperatures[torch.arange(a.samples, device=device) % 4]
                fresh = sampler.run(prompts, temperature, a.length + 1)
                drawn += fresh.numel() - prompts.numel()
                cool = torch.where(temperature == 0, torch.full_like(temperature, 0.3), temperature)
                # Drawing is the slow part: the two previous sets come round again beside the fresh one.
                pool = (pool + [(fresh, cool)])[-3:]
                both, both_cool = torch.cat([x for x, _ in pool]), torch.cat([c for _, c in pool])
                queue = [i for i in torch.randperm(len(both), device=device).split(half) if len(i) == half]
            chosen = queue.pop()
            real_cool = temperatures[1:][torch.randint(0, 3, (a.batch - half,), device=device)]
            kl, tv = distil(torch.cat([real, both[chosen]]), torch.cat([real_cool, both_cool[chosen]]))
            loss = (1 - a.tv) * kl + a.tv * tv.mean()
            row = [loss, kl, tv[:a.batch - half].mean(), tv[a.batch - half:].mean()]
        loss.backward()
        optimizer.step(rate)
        step += 1
        if step % 20 == 0:
            sync()
        if step % 250 == 0:
            row = [step, round(time.time() - begin, 1)] + [round(x.item(), 4) for x in row]
            log["log"].append(row)
            if step % 1000 == 0:
                print(a.name, *row, f"drawn {drawn / 1e6:.0f} M", flush=True)
        if elapsed - saved > a.save:
            saved = elapsed
            save()
    log.update(steps=step, drawn=drawn, seconds=time.time() - begin, tokens=step * a.batch * a.length)
    print(a.name, "steps", step, "drawn", drawn, "last", log["log"][-1:], flush=True)
    save()


if __name__ == "__main__":
    main()
