# SPDX-License-Identifier: Apache-2.0
"""The transformer of the bundled models: LLaMA architecture (RMSNorm, RoPE, SwiGLU, grouped-query attention, tied embeddings),
causal with SPACE mask rows in the same pass, or bidirectional for masked diffusion.  Runs on PyTorch 1.13 and later."""
import dataclasses
import math

import numpy as np
import torch
import torch.nn.functional as F

import weights

MASK_IDS = [3, 4, 5, 6, 7, 8]
DIFFUSION_MASK = 9
EOS = 2


@dataclasses.dataclass(frozen=True)
class Shape:
    d: int
    layers: int
    heads: int
    kv: int
    head: int
    ffn: int
    vocab: int = 4096
    theta: float = 1e4
    eps: float = 1e-5
    bidirectional: bool = False


SHAPES = {
    "base": Shape(d=320, layers=8, heads=10, kv=2, head=32, ffn=736),
    "draft": Shape(d=128, layers=2, heads=4, kv=1, head=32, ffn=160),
    "peer": Shape(d=288, layers=7, heads=9, kv=3, head=32, ffn=704),
    "third": Shape(d=224, layers=5, heads=7, kv=1, head=32, ffn=576),
    "drafter": Shape(d=128, layers=2, heads=4, kv=1, head=32, ffn=352),
    "diffusion": Shape(d=256, layers=6, heads=8, kv=2, head=32, ffn=640, bidirectional=True),
    "tiny": Shape(d=64, layers=2, heads=4, kv=2, head=16, ffn=96),
}


def norm(x, weight, eps):
    y = x.float()
    return (y * torch.rsqrt(y.square().mean(-1, keepdim=True) + eps) * weight).to(x.dtype)


def attend(q, k, v, causal, visible=None):
    """q [B, heads, n, head], k and v [B, kv, m, head]; where not causal, `visible` [n, m] bool, or all see all."""
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=None if visible is None else visible[None, None], is_causal=causal)
    if causal:
        visible = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril()
    s = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if visible is not None:
        s = s.masked_fill(~visible, -math.inf)
    return s.softmax(-1) @ v


class Decoder(torch.nn.Module):
    """Matrices of all layers are stacked, [layers, rows, columns], so that an optimiser treats a kind of matrix at once."""

    def __init__(self, shape):
        super().__init__()
        s = self.shape = shape
        q, kv = s.heads * s.head, s.kv * s.head

        def matrix(rows, columns, scale=1.0):
            return torch.nn.Parameter(torch.randn(s.layers, rows, columns) * scale / math.sqrt(columns))

        self.embed = torch.nn.Parameter(torch.randn(s.vocab, s.d) * 0.02)
        self.q, self.k, self.v = matrix(q, s.d), matrix(kv, s.d), matrix(kv, s.d)
        self.o = matrix(s.d, q, 1 / math.sqrt(2 * s.layers))
        self.gate, self.up = matrix(s.ffn, s.d), matrix(s.ffn, s.d)
        self.down = matrix(s.d, s.ffn, 1 / math.sqrt(2 * s.layers))
        self.norm1 = torch.nn.Parameter(torch.ones(s.layers, s.d))
        self.norm2 = torch.nn.Parameter(torch.ones(s.layers, s.d))
        self.norm = torch.nn.Parameter(torch.ones(s.d))

    def matrices(self):
        return [self.q, self.k, self.v, self.o, self.gate, self.up, self.down]

    def layers(self):
        """The weights of the layers, one tuple each."""
        return zip(self.norm1.unbind(0), self.q.unbind(0), self.k.unbind(0), self.v.unbind(0), self.o.unbind(0),
                   self.norm2.unbind(0), self.gate.unbind(0), self.up.unbind(0), self.down.unbind(0))

    def angles(self, positions):
        s = self.shape
        frequency = s.theta ** (-torch.arange(0, s.head, 2, device=positions.device, dtype=torch.float32) / s.head)
        a = positions.float()[:, None] * frequency
        return a.cos(), a.sin()

    @staticmethod
    def rotate(x, cos, sin):
        """x [B, n, heads, head], cos and sin [n, head/2]; pairs (i, i + head/2)."""
        a, b = x.chunk(2, -1)
        cos, sin = cos[:, None].to(x.dtype), sin[:, None].to(x.dtype)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    def forward(self, tokens, masks=None):
        """tokens [B, T] -> logits [B, T, vocab].  With `masks` = (ids [R], positions [R], visible [R, T + R] bool) the same R
        rows are appended to every sequence: [B, T + R, vocab].  Ordinary rows never see them."""
        s = self.shape
        batch, n = tokens.shape
        positions = torch.arange(n, device=tokens.device)
        h = F.embedding(tokens, self.embed)
        if masks is not None:
            ids, mask_positions, visible = masks
            h = torch.cat([h, self.embed[ids].expand(batch, -1, -1)], 1)
            positions = torch.cat([positions, mask_positions])
        rows = h.shape[1]
        cos, sin = self.angles(positions)
        for norm1, wq, wk, wv, wo, norm2, gate, up, down in self.layers():
            x = norm(h, norm1, s.eps)
            q = self.rotate(F.linear(x, wq).view(batch, rows, s.heads, s.head), cos, sin).transpose(1, 2)
            k = self.rotate(F.linear(x, wk).view(batch, rows, s.kv, s.head), cos, sin).transpose(1, 2)
            v = F.linear(x, wv).view(batch, rows, s.kv, s.head).transpose(1, 2)
            out = attend(q[:, :, :n], k[:, :, :n], v[:, :, :n], not s.bidirectional)
            if masks is not None:
                out = torch.cat([out, attend(q[:, :, n:], k, v, False, visible)], 2)
            h = h + F.linear(out.transpose(1, 2).reshape(batch, rows, s.heads * s.head), wo)
            x = norm(h, norm2, s.eps)
            h = h + F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)
        return F.linear(norm(h, self.norm, s.eps), self.embed)

    def step(self, tokens, position, keys, values):
        """One token of each sequence: tokens [B], position a 0-dimensional tensor, keys and values [layers, B, kv, room, head],
        which are written at `position`.  Returns logits [B, vocab]."""
        s = self.shape
        batch, room = tokens.shape[0], keys.shape[3]
        h = F.embedding(tokens, self.embed)
        cos, sin = self.angles(position.view(1))
        hidden = torch.arange(room, device=tokens.device) > position
        for i, (norm1, wq, wk, wv, wo, norm2, gate, up, down) in enumerate(self.layers()):
            x = norm(h, norm1, s.eps)
            q = self.rotate(F.linear(x, wq).view(batch, 1, s.heads, s.head), cos, sin).view(batch, s.kv, -1, s.head)
            k = self.rotate(F.linear(x, wk).view(batch, 1, s.kv, s.head), cos, sin).view(batch, s.kv, 1, s.head)
            v = F.linear(x, wv).view(batch, s.kv, 1, s.head)
            keys[i].index_copy_(2, position.view(1), k.to(keys.dtype))
            values[i].index_copy_(2, position.view(1), v.to(values.dtype))
            score = q @ keys[i].to(q.dtype).transpose(-1, -2) / math.sqrt(s.head)
            p = score.float().masked_fill(hidden, -math.inf).softmax(-1).to(q.dtype)
            out = (p @ values[i].to(q.dtype)).reshape(batch, s.heads * s.head)
            h = h + F.linear(out, wo)
            x = norm(h, norm2, s.eps)
            h = h + F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)
        return F.linear(norm(h, self.norm, s.eps), self.embed)


def mask_rows(splits, k, length):
    """SPACE's rows for prefixes of `splits` [G] tokens: group g holds k masks that see y[:s_g] and the earlier masks of
    their group.  Mask j = 1..k sits at position s - 1 + j and predicts y[s + j]: the token y[s] is the ordinary row's.
    Returns (ids, positions, visible) for Decoder.forward and `target` [G k], the index s + j into y."""
    groups, device = splits.shape[0], splits.device
    j = torch.arange(1, k + 1, device=device).repeat(groups)
    s = splits.repeat_interleave(k)
    group = torch.arange(groups, device=device).repeat_interleave(k)
    ids = torch.tensor(MASK_IDS[:k], device=device).repeat(groups)
    prefix = torch.arange(length, device=device)[None] < s[:, None]
    own = (group[:, None] == group[None]) & (j[:, None] >= j[None])
    return (ids, s - 1 + j, torch.cat([prefix, own], 1)), s + j


# ---- files
NAMES = {"norm1": "input_layernorm", "q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj",
         "o": "self_attn.o_proj", "norm2": "post_attention_layernorm", "gate": "mlp.gate_proj", "up": "mlp.up_proj",
         "down": "mlp.down_proj"}


def to_tensors(model):
    """Decoder -> {HuggingFace name: float32 array}."""
    out = {"model.embed_tokens.weight": model.embed, "model.norm.weight": model.norm}
    for ours, theirs in NAMES.items():
        for i, x in enumerate(getattr(model, ours).unbind(0)):
            out[f"model.layers.{i}.{theirs}.weight"] = x
    return {k: v.detach().float().cpu().numpy() for k, v in out.items()}


def from_file(path):
    """Loads a file of weights (see weights.py) as a float32 Decoder."""
    stored, meta = weights.read(path)
    t = weights.restored(stored)
    shape = Shape(d=int(meta["hidden_size"]), layers=int(meta["num_hidden_layers"]), heads=int(meta["num_attention_heads"]),
                  kv=int(meta["num_key_value_heads"]), head=int(meta["head_dim"]), ffn=int(meta["intermediate_size"]),
                  vocab=int(meta["vocab_size"]), theta=float(meta["rope_theta"]), eps=float(meta["rms_norm_eps"]),
                  bidirectional=meta.get("bidirectional") == "true")
    model = Decoder(shape)
    with torch.no_grad():
        model.embed.copy_(torch.from_numpy(t["model.embed_tokens.weight"]))
        model.norm.copy_(torch.from_numpy(t["model.norm.weight"]))
        for ours, theirs in NAMES.items():
            stack = [t[f"model.layers.{i}.{theirs}.weight"] for i in range(shape.layers)]
            getattr(model, ours).copy_(torch.from_numpy(np.stack(stack)))
    return model


def load(path, name):
    """A Decoder from a checkpoint (.pt of a state_dict, any float type) or from a file of weights."""
    if path.endswith(".safetensors"):
        return from_file(path)
    model = Decoder(SHAPES[name])
    model.load_state_dict({k: v.float() for k, v in torch.load(path, map_location="cpu").items()})
    return model
