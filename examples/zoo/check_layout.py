# SPDX-License-Identifier: Apache-2.0
"""Checks of the model and of the mask rows on the CPU:   python3 check_layout.py

1. Ordinary rows do not change when mask rows are appended.   2. Packed mask rows equal the naive layout [prefix + masks].
3. A group reacts to the last token of its prefix and to no later token.   4. step() equals forward().
5. The model equals the float64 reference of tests/data/models."""
import glob
import json
import os

import torch

import model as zoo

torch.manual_seed(0)
net = zoo.Decoder(zoo.SHAPES["tiny"]).double()
with torch.no_grad():
    net.embed.mul_(20)
T, k = 24, 6
y = torch.randint(16, 4096, (2, T))
splits = torch.tensor([1, 7, 7, 15, T - k])
masks, target = zoo.mask_rows(splits, k, T)
assert target.max() == T and len(target) == len(splits) * k
packed = net(y, masks)


def worst(a, b):
    return (a - b).abs().max().item()


assert worst(packed[:, :T], net(y)) < 1e-12, "mask rows change ordinary rows"
for g, s in enumerate(splits.tolist()):
    naive = net(torch.cat([y[:, :s], torch.tensor(zoo.MASK_IDS).expand(2, k)], 1))[:, s:]
    assert worst(packed[:, T + g * k:T + (g + 1) * k], naive) < 1e-12, "packed differs from naive"
    later, last = y.clone(), y.clone()
    later[:, s:], last[:, s - 1] = 17, 18
    rows = slice(T + g * k, T + (g + 1) * k)
    assert worst(net(later, masks)[:, rows], packed[:, rows]) == 0, "a group sees a token after its prefix"
    assert worst(net(last, masks)[:, rows], packed[:, rows]) > 1e-6, "a group does not see its last prefix token"
keys = torch.zeros(2, 2, 2, T, 16, dtype=torch.float64)
values = keys.clone()
stepped = torch.stack([net.step(y[:, i], torch.tensor(i), keys, values) for i in range(T)], 1)
assert worst(stepped, net(y)) < 1e-4, f"step() differs from forward(): {worst(stepped, net(y))}"   # norms are float32
here = os.path.dirname(os.path.abspath(__file__))
checked = 0
for path in sorted(glob.glob(os.path.join(here, "..", "..", "tests", "data", "models", "*.json"))):
    if not os.path.basename(path).startswith(("tied", "grouped")):         # Decoder: causal, head matrix = embedding
        continue
    with open(path) as f:
        vectors = json.load(f)
    tiny = zoo.from_file(os.path.join(os.path.dirname(path), vectors["model"])).double()
    for case in vectors["cases"]:
        if case["kind"] == "chain":
            n = len(case["tokens"])
            got = tiny(torch.tensor([case["prefix"] + case["tokens"]]))[0, -n:]
            assert worst(got, torch.tensor(case["logits"], dtype=torch.float64)) < 1e-4, case["name"]
            checked += 1
assert checked
print("layout: all checks passed,", checked, "reference cases")
