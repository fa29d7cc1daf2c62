# SPDX-License-Identifier: Apache-2.0
"""Distils `diffusion-student` from `diffusion-teacher` by self-distillation through time (SDTT, arXiv 2410.21035, Algorithm 1).

    python3 distil_diffusion.py --data W --out O --teacher O/diffusion-teacher.pt --scorer base.safetensors

A round teaches the student to do in one evaluation what its teacher does in two ancestral steps of Delta = 1 / steps, and the
student of a round teaches the next.  As in the paper Delta doubles, until 8 steps are left of 128; the last rounds repeat it,
and each still sharpens the laws where tokens that are drawn together would not fit each other.  The bundled student was made in two runs, which README.md has.
The second of the two steps starts at t - Delta, as in the paper; the released code starts it elsewhere.
Writes O/<name>.pt, the students of the earlier rounds as O/<name>-<round>.pt (float16), and O/<name>.json with the quality of
teacher and students by the number of steps.
"""
import argparse
import copy
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
    a.add_argument("--teacher", required=True, help="weights of the teacher")
    a.add_argument("--scorer", help="weights of base, which scores samples after every round")
    a.add_argument("--name", default="diffusion-student", help="name of the results")
    a.add_argument("--seconds", type=float, default=1335, help="of all rounds together")
    a.add_argument("--steps", type=int, nargs="+", default=[128, 64, 32, 16, 16, 16], help="steps of the teacher of each round")
    a.add_argument("--tokens", type=int, default=32768, help="tokens of a training step")
    a.add_argument("--length", type=int, default=128, help="tokens of a window")
    a.add_argument("--rate", type=float, default=1e-3)
    a.add_argument("--mixture", type=data.mixture, default="de=0,fr=0,es=0,ru=0,ja=0,zh=0",
                   help="multiples of the shares of languages")
    a.add_argument("--no-compile", action="store_true", help="without torch.compile (needed before PyTorch 2)")
    a.add_argument("--seed", type=int, default=4)
    a = a.parse_args()

    torch.manual_seed(a.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_float32_matmul_precision("high")
    corpus = data.Corpus(a.data, device, tagged=1.0, mixture=a.mixture)
    teacher = zoo.load(a.teacher, "diffusion").to(device).requires_grad_(False)
    student = copy.deepcopy(teacher).requires_grad_(True)
    scorer = zoo.load(a.scorer, "base").to(device).requires_grad_(False) if a.scorer else None
    tags = [corpus.tag[i].item() for i, l in enumerate(corpus.languages) if corpus.weight[i] > 0]

    def targets(z, t, delta):
        """Log-laws [B, L, vocab] for the masks of z: of each the law that it was drawn from, or the last one."""
        first = diffusion.log_laws(teacher, z)
        z, drawn = diffusion.ancestral(z, first, t, (t - delta).clamp(min=0), kind=torch.float32)
        second = diffusion.log_laws(teacher, z)
        return torch.where(drawn[..., None], first, second)

    def divergence(z, masked, target):
        """KL(student || target), the mean over the masks; tokens that neither law has count nothing."""
        log_q = diffusion.log_laws(student, z)
        kl = (log_q.exp() * (log_q - target).nan_to_num(0, 0, 0)).sum(-1)
        return (kl * masked).sum() / masked.sum().clamp(min=1)

    if not a.no_compile:
        targets, divergence = torch.compile(targets, dynamic=False), torch.compile(divergence, dynamic=False)

    os.makedirs(a.out, exist_ok=True)
    log = {"arguments": vars(a), "log": [], "quality": {}}

    def measure(name, net):
        if scorer is None:
            return
        for steps in (4, 8, 16, 32, 64, 128):
            ppl, entropy = diffusion.quality(net, scorer, tags, 128, steps)
            log["quality"].setdefault(name, {})[steps] = [round(ppl, 2), round(entropy, 4)]
        print(name, log["quality"][name], flush=True)

    measure("teacher", teacher)
    for number, steps in enumerate(a.steps):
        delta = 1 / steps
        optimizer = Optimizer(student, a.rate, decay=0.0)
        begin, step, progress, recent = time.time(), 0, 0.0, []
        while progress < 1:
            y = corpus.windows(a.tokens // a.length, a.length)
            z, masked, t = diffusion.corrupted(y)
            with torch.no_grad():
                target = targets(z, t, torch.tensor(delta, device=device))
            loss = divergence(z, masked, target)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimizer.step(min((step + 1) / 50, 1.0, (1 - progress) / 0.4))
            recent.append(loss.detach())
            step += 1
            if number == 0 and step <= 3:
                if device == "cuda":
                    torch.cuda.synchronize()
                begin = time.time()
            progress = (time.time() - begin) / (a.seconds / len(a.steps))
            if step % 200 == 0:
                log["log"].append([number, step, round(torch.stack(recent).mean().item(), 4)])
                recent = []
        print(a.name, "round", number, "steps", step, log["log"][-1:], flush=True)
        with torch.no_grad():
            for p, q in zip(teacher.parameters(), student.parameters()):
                p.copy_(q)
        measure(f"student after {number + 1}", student)
        name = a.name if number + 1 == len(a.steps) else f"{a.name}-{number + 1}"
        checkpoint.save(a.out, name, checkpoint.halves(student), log, log_name=a.name)


if __name__ == "__main__":
    main()
