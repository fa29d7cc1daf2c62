# SPDX-License-Identifier: Apache-2.0
"""Masked diffusion with the linear schedule: at time t a token is masked with chance t.  What training, distillation and
evaluation of the diffusion models share (MDLM, arXiv 2406.07524; SDTT, arXiv 2410.21035)."""
import torch
import torch.nn.functional as F

import model as zoo

RESERVED = 11                                     # ids below are never text, but for the end of a document
SHORTEST = 1e-3                                   # the smallest time


def log_laws(net, z):
    """Log-probabilities [B, L, vocab] of every position; the mask and the other reserved tokens have none."""
    with torch.autocast(z.device.type, dtype=torch.bfloat16, enabled=z.is_cuda):
        logits = net(z)
    logits = logits.float()
    hidden = torch.zeros(logits.shape[-1], device=z.device)
    hidden[:RESERVED] = -torch.inf
    hidden[zoo.EOS] = 0
    return (logits + hidden).log_softmax(-1)


def corrupted(y, prompted=0.3):
    """y [B, L] -> (z, masked [B, L], t [B]).  The times are spread evenly over the batch.  The first token, the tag, stays;
    of a share `prompted` of the rows a whole prefix of random length does, as under a prompt."""
    batch, length = y.shape
    t = (torch.arange(batch, device=y.device) + torch.rand((), device=y.device)) / batch
    t = SHORTEST + (1 - SHORTEST) * t
    prefix = torch.rand(batch, device=y.device) * 0.75 * length * (torch.rand(batch, device=y.device) < prompted)
    masked = torch.rand(batch, length, device=y.device) < t[:, None]
    masked &= torch.arange(length, device=y.device)[None] >= prefix.clamp(min=1)[:, None]
    return torch.where(masked, zoo.DIFFUSION_MASK, y), masked, t


def draw(log_p, temperature=1.0, kind=torch.float64):
    """A token of every row by the largest of log p + Gumbel noise; in double, since single precision cuts off the tail."""
    u = torch.rand(log_p.shape, device=log_p.device, dtype=kind).clamp_(1e-30, 1 - 1e-7 if kind == torch.float32 else 1)
    return (log_p.to(kind) / temperature - torch.log(-torch.log(u))).argmax(-1)


def ancestral(z, log_p, t, s, temperature=1.0, kind=torch.float64):
    """One reverse step from time t [B] to s [B]: each mask is replaced with chance (t - s) / t.  Returns (z, replaced)."""
    masked = z == zoo.DIFFUSION_MASK
    replaced = masked & (torch.rand(z.shape, device=z.device) < ((t - s) / t)[:, None])
    return torch.where(replaced, draw(log_p, temperature, kind), z), replaced


@torch.no_grad()
def generate(net, z, steps, temperature=1.0):
    """Fills the masks of z [B, L] in `steps` ancestral steps on an even grid of times; the last one fills all."""
    for i in range(steps):
        t = torch.full((len(z),), 1 - i / steps, device=z.device)
        s = t - 1 / steps if i + 1 < steps else torch.zeros_like(t)
        z, _ = ancestral(z, log_laws(net, z), t, s, temperature)
    return z


@torch.no_grad()
def quality(net, scorer, tags, length, steps, count=512, temperature=1.0, prompts=None):
    """(generative perplexity under `scorer`, mean entropy of the tokens in a sample in nats) of `count` samples of `length`
    tokens after a tag (or after prompts [count, n])."""
    device = next(net.parameters()).device
    if prompts is None:
        prompts = torch.tensor(tags, device=device).repeat(count // len(tags) + 1)[:count, None]
    total, tokens, entropy = 0.0, 0, 0.0
    for start in prompts.split(128):
        canvas = torch.full((len(start), length), zoo.DIFFUSION_MASK, device=device)
        z = generate(net, torch.cat([start, canvas], 1), steps, temperature)
        with torch.autocast(z.device.type, dtype=torch.bfloat16, enabled=z.is_cuda):
            logits = scorer(z[:, :-1])
        n = start.shape[1]
        total += F.cross_entropy(logits[:, n - 1:].flatten(0, 1).float(), z[:, n:].flatten(), reduction="sum").item()
        tokens += z[:, n:].numel()
        for row in z[:, n:]:
            p = torch.bincount(row).float()
            p = p[p > 0] / length
            entropy -= (p * p.log()).sum().item()
    return torch.tensor(total / tokens).exp().item(), entropy / len(prompts)
