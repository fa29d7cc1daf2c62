# SPDX-License-Identifier: Apache-2.0
"""Writes the tiny random models of this folder and their reference logits.   python3 generate.py   (needs numpy only)

The reference is a direct float64 transcription of the architecture, one token row at a time over an explicit visibility
matrix: no cache, no batching, nothing shared with the implementation under test.  It reads the weights back from the file
it has just written, so that the stored values (int8, half, ...) are the model.
"""
import json
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "examples", "zoo"))
import weights  # noqa: E402

#        name              type   d  heads kv head layers ffn vocab tied  bidirectional theta  eps
MODELS = [
    ("tied-i8",           "I8",   32, 2, 1, 16, 2,  64, 64, True,  False, 1e4, 1e-5),
    ("untied-f32",        "F32",  32, 2, 2, 16, 2,  64, 80, False, False, 1e4, 1e-5),
    ("grouped-f16",       "F16",  64, 4, 2, 16, 2, 128, 96, True,  False, 1e4, 1e-6),
    ("wide-heads-bf16",   "BF16", 32, 2, 1, 32, 2,  64, 56, False, False, 5e5, 1e-6),
    ("untied-i8",         "I8",   64, 4, 2, 32, 3,  96, 50, False, False, 1e4, 1e-5),
    ("bidirectional-i8",  "I8",   32, 2, 2, 16, 2,  64, 64, True,  True,  1e4, 1e-5),
]
MASKS = [3, 4, 5, 6, 7, 8]


def random_model(rng, d, heads, kv, head, layers, ffn, vocab, tied):
    def matrix(rows, columns):
        return rng.standard_normal((rows, columns)) * 1.2 / np.sqrt(columns)

    def norm():
        return 1 + 0.2 * rng.standard_normal(d)

    t = {"model.embed_tokens.weight": rng.standard_normal((vocab, d)) * 0.3}
    for n in range(layers):
        p = f"model.layers.{n}."
        t[p + "input_layernorm.weight"] = norm()
        t[p + "self_attn.q_proj.weight"] = matrix(heads * head, d)
        t[p + "self_attn.k_proj.weight"] = matrix(kv * head, d)
        t[p + "self_attn.v_proj.weight"] = matrix(kv * head, d)
        t[p + "self_attn.o_proj.weight"] = matrix(d, heads * head)
        t[p + "post_attention_layernorm.weight"] = norm()
        t[p + "mlp.gate_proj.weight"] = matrix(ffn, d)
        t[p + "mlp.up_proj.weight"] = matrix(ffn, d)
        t[p + "mlp.down_proj.weight"] = matrix(d, ffn)
    t["model.norm.weight"] = norm()
    if not tied:
        t["lm_head.weight"] = matrix(vocab, d) * 2
    return t


def forward(w, m, tokens, positions, visible):
    """Logits [n, vocab] in float64; row i attends to the rows j with visible[i][j] (j == i always included)."""
    heads, kv, head = m["num_attention_heads"], m["num_key_value_heads"], m["head_dim"]

    def norm(x, name):
        return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + m["rms_norm_eps"]) * w[name]

    def rotate(x):                                   # x [n, heads, head]; pairs (i, i + head/2), the HuggingFace convention
        frequency = m["rope_theta"] ** (-np.arange(0, head, 2) / head)
        angle = np.asarray(positions)[:, None, None] * frequency
        a, b = x[..., :head // 2], x[..., head // 2:]
        return np.concatenate([a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)], axis=-1)

    n = len(tokens)
    h = w["model.embed_tokens.weight"][np.asarray(tokens)]
    for layer in range(m["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        x = norm(h, p + "input_layernorm.weight")
        q = rotate((x @ w[p + "self_attn.q_proj.weight"].T).reshape(n, heads, head))
        k = rotate((x @ w[p + "self_attn.k_proj.weight"].T).reshape(n, kv, head))
        v = (x @ w[p + "self_attn.v_proj.weight"].T).reshape(n, kv, head)
        out = np.zeros((n, heads, head))
        for i in range(n):
            seen = np.flatnonzero(visible[i])
            for a in range(heads):
                g = a // (heads // kv)
                s = k[seen, g] @ q[i, a] / np.sqrt(head)
                s = np.exp(s - s.max())
                out[i, a] = (s / s.sum()) @ v[seen, g]
        h = h + out.reshape(n, heads * head) @ w[p + "self_attn.o_proj.weight"].T
        x = norm(h, p + "post_attention_layernorm.weight")
        gate, up = x @ w[p + "mlp.gate_proj.weight"].T, x @ w[p + "mlp.up_proj.weight"].T
        h = h + (gate / (1 + np.exp(-gate)) * up) @ w[p + "mlp.down_proj.weight"].T
    h = norm(h, "model.norm.weight")
    return h @ w["model.embed_tokens.weight" if m["tie_word_embeddings"] else "lm_head.weight"].T


def block_case(name, kind, w, m, prefix, tokens, parents, visible=None):
    """A block of nodes after a prefix.  `visible` (node x node) defaults to the node's ancestors and itself.
    Prefix rows are causal among themselves and visible to every node."""
    n, length = len(tokens), len(prefix)
    depth = []
    for p in parents:
        depth.append(0 if p < 0 else depth[p] + 1)
    positions = [length + d for d in depth]
    if visible is None:
        visible = np.zeros((n, n), int)
        for i in range(n):
            j = i
            while j >= 0:
                visible[i, j] = 1
                j = parents[j]
    whole = np.zeros((length + n, length + n), int)
    whole[:length, :length] = np.tril(np.ones((length, length), int))
    whole[length:, :length] = 1
    whole[length:, length:] = visible
    logits = forward(w, m, prefix + tokens, list(range(length)) + positions, whole)[length:]
    return {"name": name, "kind": kind, "prefix": prefix, "tokens": tokens, "parents": parents, "positions": positions,
            "visible": ["".join(map(str, row)) for row in visible], "logits": logits}


def chain(n):
    return list(range(-1, n - 1))


def space_block(last, candidates, k):
    """SPACE's block: the last token and its candidates as a spine, k masks in a chain below each of them."""
    tokens, parents, spine = [last], [-1], 0
    for c in [None] + candidates:
        if c is not None:
            tokens.append(c)
            parents.append(spine)
            spine = len(tokens) - 1
        below = spine
        for j in range(k):
            tokens.append(MASKS[j])
            parents.append(below)
            below = len(tokens) - 1
    return tokens, parents


def cases(rng, w, m):
    vocab = m["vocab_size"]

    def pick(n):
        return [int(t) for t in rng.integers(0, vocab, n)]

    if m["bidirectional"]:
        out = []
        for name, n, masked in [("canvas", 12, [3, 4, 7, 11]), ("canvas of masks", 6, range(6)), ("one token", 1, [0])]:
            tokens = [MASKS[0] if i in masked else t for i, t in enumerate(pick(n))]
            logits = forward(w, m, tokens, range(n), np.ones((n, n), int))
            out.append({"name": name, "kind": "canvas", "prefix": [], "tokens": tokens, "parents": chain(n),
                        "positions": list(range(n)), "visible": ["1" * n] * n, "logits": logits})
        return out
    tree = [-1, 0, 0, 1, 1, 2, 5, 3]
    forest = [-1, -1, 0, 1, 1]
    space, space_parents = space_block(pick(1)[0], pick(2), 3)
    n = 7
    free = (rng.random((n, n)) < 0.5).astype(int) | np.eye(n, dtype=int)
    return [
        block_case("chain from nothing", "chain", w, m, [], pick(9), chain(9)),
        block_case("chain after a prefix", "chain", w, m, pick(13), pick(5), chain(5)),
        block_case("one token after a long prefix", "chain", w, m, pick(70), pick(1), chain(1)),
        block_case("tree", "tree", w, m, pick(6), pick(len(tree)), tree),
        block_case("several roots", "tree", w, m, pick(4), pick(len(forest)), forest),
        block_case("space block", "tree", w, m, pick(5), space, space_parents),
        block_case("any visibility", "masked", w, m, pick(5), pick(n), [-1, 0, 0, 2, 3, 1, 5], free),
    ]


def main():
    for number, (name, kind, d, heads, kv, head, layers, ffn, vocab, tied, both_ways, theta, eps) in enumerate(MODELS):
        rng = np.random.default_rng(number)
        metadata = {"format": "proviso-llama", "name": name, "licence": "Apache-2.0", "hidden_size": d,
                    "intermediate_size": ffn, "num_hidden_layers": layers, "num_attention_heads": heads,
                    "num_key_value_heads": kv, "head_dim": head, "vocab_size": vocab, "max_position_embeddings": 128,
                    "rope_theta": theta, "rms_norm_eps": eps, "tie_word_embeddings": str(tied).lower(),
                    "bidirectional": str(both_ways).lower(), "eos_token_id": 2, "mask_token_ids": ",".join(map(str, MASKS))}
        path = os.path.join(HERE, name + ".safetensors")
        weights.write(path, weights.stored(random_model(rng, d, heads, kv, head, layers, ffn, vocab, tied), kind), metadata)
        tensors = {k: v.astype(np.float64) for k, v in weights.restored(weights.read(path)[0]).items()}
        shape = dict(metadata, tie_word_embeddings=tied, bidirectional=both_ways)
        listed = cases(rng, tensors, shape)
        lines = []
        for case in listed:
            logits = case.pop("logits")
            rows = ",\n  ".join("[" + ",".join(f"{x:.7g}" for x in row) + "]" for row in logits)
            lines.append(json.dumps(case, separators=(",", ":"))[:-1] + ',"logits":[\n  ' + rows + "]}")
        with open(os.path.join(HERE, name + ".json"), "w") as f:
            f.write('{"model":"' + name + '.safetensors","cases":[\n' + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()
