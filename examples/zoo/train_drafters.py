# SPDX-License-Identifier: Apache-2.0
"""Trains a drafter for each language and a general one for a given `base`, all side by side, with one shared embedding.

    python3 train_drafters.py --data W --out O --base base.safetensors --pretrain 300 --finetune 700
    python3 train_drafters.py --data W --out O --base base.safetensors --name tuned-only --pretrain 0 --finetune 700

Each drafter sees its own language only, the general one all of them, and all take the same steps.  They learn next tokens from
real text first (`pretrain`) and are then distilled from base as `draft` is (`finetune`, see train_draft.py): half real text,
half fresh continuations by base at T = 0, .3, .7 and 1.  This is the recipe of arXiv 2406.16758 with laws instead of tokens.
Writes O/<name>.pt and, before the second part, O/<name>-pretrained.pt (float16), and O/<name>.json with two matrices, drafter x
language on held-out text: the share of equal greedy tokens, and the chance that the token rule accepts at T = 1.
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


class Pool(torch.nn.Module):
    """As many decoders of one shape as `members` names: the weights of zoo.Decoder with one more dimension in front."""

    def __init__(self, shape, members):
        super().__init__()
        self.shape, self.members = shape, members
        decoders = [zoo.Decoder(shape) for _ in members]
        self.embed = torch.nn.Parameter(decoders[0].embed.detach().clone())
        for n in list(zoo.NAMES) + ["norm"]:
            setattr(self, n, torch.nn.Parameter(torch.stack([getattr(d, n).detach() for d in decoders])))

    def matrices(self):
        return [self.q, self.k, self.v, self.o, self.gate, self.up, self.down]

    def member(self, name):
        """One drafter as a zoo.Decoder."""
        i, out = self.members.index(name), zoo.Decoder(self.shape)
        with torch.no_grad():
            out.embed.copy_(self.embed)
            for n in list(zoo.NAMES) + ["norm"]:
                getattr(out, n).copy_(getattr(self, n)[i])
        return out

    def forward(self, tokens):
        """tokens [members, B, T] -> logits [members, B, T, vocab]."""
        s = self.shape
        e, batch, n = tokens.shape

        def linear(x, w):
            return torch.bmm(x.view(e, batch * n, -1), w.transpose(1, 2).to(x.dtype))

        def norm(x, weight):
            y = x.float()
            return (y * torch.rsqrt(y.square().mean(-1, keepdim=True) + s.eps) * weight[:, None]).to(x.dtype)

        frequency = s.theta ** (-torch.arange(0, s.head, 2, device=tokens.device, dtype=torch.float32) / s.head)
        a = torch.arange(n, device=tokens.device, dtype=torch.float32)[:, None] * frequency
        cos, sin = a.cos(), a.sin()

        def heads(x, count):
            return x.view(e * batch, n, count, s.head)

        h = F.embedding(tokens, self.embed).view(e, batch * n, s.d)
        if tokens.is_cuda:
            h = h.bfloat16()
        for i in range(s.layers):
            x = norm(h, self.norm1[:, i])
            q = zoo.Decoder.rotate(heads(linear(x, self.q[:, i]), s.heads), cos, sin).transpose(1, 2)
            k = zoo.Decoder.rotate(heads(linear(x, self.k[:, i]), s.kv), cos, sin).transpose(1, 2)
            v = heads(linear(x, self.v[:, i]), s.kv).transpose(1, 2)
            out = zoo.attend(q, k, v, True).transpose(1, 2).reshape(e, batch * n, s.heads * s.head)
            h = h + linear(out, self.o[:, i])
            x = norm(h, self.norm2[:, i])
            h = h + linear(F.silu(linear(x, self.gate[:, i])) * linear(x, self.up[:, i]), self.down[:, i])
        return F.linear(norm(h, self.norm), self.embed.to(h.dtype)).view(e, batch, n, -1)


def load(path):
    """A Pool from a checkpoint that `save` below wrote."""
    stored = torch.load(path, map_location="cpu")
    pool = Pool(zoo.SHAPES[stored["shape"]], stored["members"])
    pool.load_state_dict({k: v.float() for k, v in stored["weights"].items()})
    return pool


@torch.no_grad()
def matrices(pool, base, corpus, windows=24, length=384):
    """{"greedy", "accepted"}: drafter -> language -> figure on held-out windows."""
    out = {"greedy": {m: {} for m in pool.members}, "accepted": {m: {} for m in pool.members}}
    for language in corpus.languages:
        y = corpus.held_out(language, length)
        y = y[torch.linspace(0, len(y) - 1, min(windows, len(y))).long()]
        greedy, accepted, count = 0, 0, 0
        for part in y[:, :-1].split(4):
            with torch.autocast(part.device.type, dtype=torch.bfloat16, enabled=part.is_cuda):
                p = base(part).float()
            q = pool(part[None].expand(len(pool.members), -1, -1)).float()
            greedy += (q.argmax(-1) == p.argmax(-1)).sum((1, 2))
            p = p.softmax(-1)
            accepted += torch.stack([torch.minimum(p, x.softmax(-1)).sum() for x in q])
            count += part.numel()
        for i, m in enumerate(pool.members):
            out["greedy"][m][language] = round(greedy[i].item() / count, 4)
            out["accepted"][m][language] = round(accepted[i].item() / count, 4)
    return out


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--data", required=True, help="folder of tokens.bin (or .xz) and tokens.json")
    a.add_argument("--out", required=True, help="folder of the results")
    a.add_argument("--base", required=True, help="weights of the model to draft for")
    a.add_argument("--base-shape", default="base", choices=sorted(zoo.SHAPES))
    a.add_argument("--shape", default="drafter", choices=sorted(zoo.SHAPES))
    a.add_argument("--name", default="drafters", help="name of the results")
    a.add_argument("--start", help="a checkpoint of drafters to continue from")
    a.add_argument("--pretrain", type=float, default=300, help="seconds of next-token prediction")
    a.add_argument("--finetune", type=float, default=700, help="seconds of distillation")
    a.add_argument("--rate", type=float, default=4e-3)
    a.add_argument("--batch", type=int, default=32, help="sequences of a drafter and step, half of them sampled in the second part")
    a.add_argument("--length", type=int, default=384, help="tokens of a sequence")
    a.add_argument("--prompt", type=int, default=64, help="tokens of real text before a continuation")
    a.add_argument("--samples", type=int, default=384, help="continuations of a drafter drawn at a time; each is used three times")
    a.add_argument("--no-compile", action="store_true", help="without torch.compile (needed before PyTorch 2)")
    a.add_argument("--seed", type=int, default=5)
    a = a.parse_args()

    torch.manual_seed(a.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_float32_matmul_precision("high")
    corpus = data.Corpus(a.data, device)
    base = zoo.load(a.base, a.base_shape).to(device).requires_grad_(False)
    pool = (load(a.start) if a.start else Pool(zoo.SHAPES[a.shape], corpus.languages + ["general"])).to(device)
    members, half = len(pool.members), a.batch // 2
    log = {"arguments": vars(a), "parameters": sum(p.numel() for p in pool.parameters()), "log": [], "matrices": {}}
    os.makedirs(a.out, exist_ok=True)

    def real(batch, length):
        """[members, batch, length]: text of its language for each drafter."""
        languages = torch.arange(len(corpus.languages), device=device).repeat_interleave(batch)
        languages = torch.cat([languages, torch.multinomial(corpus.weight, batch, replacement=True)])
        return corpus.windows(members * batch, length, languages).view(members, batch, length)

    def plain(y):
        logits = pool(y[..., :-1])
        return F.cross_entropy(logits.flatten(0, 2).float(), y[..., 1:].flatten())

    def distil(y, cooling):
        """y [members, B, n + 1], cooling [members, B] = the temperature of the TV term -> (KL, TV [members, B])."""
        with torch.no_grad(), torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
            p = base(y[..., :-1].flatten(0, 1))
        q = pool(y[..., :-1]).float().flatten(0, 1)
        p = p.float()
        log_p, log_q = p.log_softmax(-1), q.log_softmax(-1)
        kl = (log_p.exp() * (log_p - log_q)).sum(-1)
        t = cooling.flatten()[:, None, None]
        tv = 0.5 * ((p / t).softmax(-1) - (q / t).softmax(-1)).abs().sum(-1)
        return kl.mean(), tv.mean(-1).view(cooling.shape)

    if not a.no_compile:
        plain, distil = torch.compile(plain, dynamic=False), torch.compile(distil, dynamic=False)

    def clock():
        if device == "cuda":
            torch.cuda.synchronize()
        return time.time()

    temperatures = torch.tensor([0.0, 0.3, 0.7, 1.0], device=device)
    for part, seconds in (("pretrain", a.pretrain), ("finetune", a.finetune)):
        if seconds <= 0:
            continue
        optimizer = Optimizer(pool, a.rate if part == "pretrain" or not a.pretrain else 0.75 * a.rate)
        sampler = Sampler(base, members * a.samples, a.length + 1) if part == "finetune" else None
        step, progress, drawn, kept, queue, begin = 0, 0.0, 0, [], [], clock()
        while progress < 1:
            if part == "pretrain":
                loss = plain(real(a.batch, a.length + 1))
                row = [loss]
            else:
                if not queue:
                    temperature = temperatures[torch.arange(a.samples, device=device) % 4].repeat(members, 1)
                    fresh = sampler.run(real(a.samples, a.prompt).flatten(0, 1), temperature.flatten(), a.length + 1)
                    drawn += fresh.numel() - fresh.shape[0] * a.prompt
                    # At T = 0 the law at T = .3 is a smooth stand-in for "the same largest token".
                    kept = (kept + [(fresh.view(members, a.samples, -1), temperature.clamp(min=0.3))])[-3:]
                    both, cool = torch.cat([x for x, _ in kept], 1), torch.cat([c for _, c in kept], 1)
                    queue = [i for i in torch.randperm(both.shape[1], device=device).split(half) if len(i) == half]
                chosen = queue.pop()
                real_cool = temperatures[1:][torch.randint(0, 3, (members, a.batch - half), device=device)]
                kl, tv = distil(torch.cat([real(a.batch - half, a.length + 1), both[:, chosen]], 1),
                                torch.cat([real_cool, cool[:, chosen]], 1))
                loss = 0.5 * kl + 0.5 * tv.mean()
                row = [loss, kl, tv.mean()] + list(tv.mean(1))
            loss.backward()
            optimizer.step(min((step + 1) / 200, 1.0, (1 - progress) / 0.6))
            step += 1
            if step == 3:                                         # compilation: the clock of the budget starts after it
                begin = clock()
            if step % 20 == 0:
                clock()
            progress = (time.time() - begin) / seconds
            if step % 250 == 0 or progress >= 1:
                log["log"].append([part, step, round(time.time() - begin, 1)] + [round(x.item(), 4) for x in row])
                if step % 1000 == 0 or progress >= 1:
                    print(a.name, *log["log"][-1], f"drawn {drawn / 1e6:.0f} M", flush=True)
        log[part] = {"steps": step, "tokens of a drafter": step * a.batch * a.length, "drawn": drawn}
        log["matrices"][part] = matrices(pool, base, corpus)
        for kind, rows in log["matrices"][part].items():
            for m, row in rows.items():
                print(part, kind, f"{m:8s}", *(f"{x:.3f}" for x in row.values()), flush=True)
        name = a.name + ("-pretrained" if part == "pretrain" and a.finetune > 0 else "")
        checkpoint.save(a.out, name, {"shape": a.shape, "members": pool.members, "weights": checkpoint.halves(pool)}, log,
                        log_name=a.name)


if __name__ == "__main__":
    main()
