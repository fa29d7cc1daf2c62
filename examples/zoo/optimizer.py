# SPDX-License-Identifier: Apache-2.0
"""Muon (momentum whose matrix is made orthogonal; Jordan 2024, with the scale of arXiv 2502.16982) for the matrices of the
layers, AdamW for the embedding and the norms."""
import torch


def orthogonal(g):
    """Newton-Schulz: [n, rows, columns] -> the nearest semi-orthogonal matrices, roughly (singular values near 1)."""
    x = g.bfloat16() if g.is_cuda else g
    wide = x.shape[-2] > x.shape[-1]
    if wide:
        x = x.transpose(-1, -2)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.transpose(-1, -2)
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
    return x.transpose(-1, -2) if wide else x


class Optimizer:
    def __init__(self, net, rate, muon=True, decay=0.1):
        self.rate, self.decay = rate, decay
        self.matrices = net.matrices() if muon else []
        decayed = [net.embed] + ([] if muon else net.matrices())
        groups = [{"params": decayed, "weight_decay": decay},
                  {"params": [net.norm1, net.norm2, net.norm], "weight_decay": 0}]
        options = {"fused": True} if net.embed.is_cuda else {}
        self.adam = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95), **options)
        self.momentum = [torch.zeros_like(p) for p in self.matrices]

    @torch.no_grad()
    def step(self, fraction):
        """One update at `fraction` of the full rate; clears the gradients."""
        for group in self.adam.param_groups:
            group["lr"] = self.rate * fraction
        self.adam.step()
        for p, m in zip(self.matrices, self.momentum):
            m.mul_(0.95).add_(p.grad)
            update = orthogonal(p.grad.add(m, alpha=0.95)).to(p.dtype)
            # 0.2 sqrt(longer side) gives the update the usual size of an AdamW update, so that one rate serves both.
            rate = self.rate * fraction
            p.mul_(1 - rate * self.decay).add_(update, alpha=-rate * 0.2 * max(p.shape[-2:]) ** 0.5)
        self.adam.zero_grad(set_to_none=True)
        for p in self.matrices:
            p.grad = None
