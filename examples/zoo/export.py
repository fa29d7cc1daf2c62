# SPDX-License-Identifier: Apache-2.0
"""Writes the int8 file of weights of a checkpoint.

    python3 export.py O/base.pt base base.safetensors
    python3 export.py O/peer.pt peer peer.safetensors
    python3 export.py O/diffusion-teacher.pt diffusion diffusion-teacher.safetensors
    python3 export.py O/drafters.pt drafter drafters.safetensors

The second argument is the shape; the file names the model.  The drafters of train_drafters.py go into one shared file: the
embedding once, all other tensors with the name of their drafter in front.
"""
import argparse
import os

import model as zoo
import train_drafters
import weights

LICENCE = "Apache-2.0"
CONTEXT = {"diffusion": 256}                                   # the longest text seen in training, where it is not 512
MASKS = {"base": zoo.MASK_IDS, "diffusion": [zoo.DIFFUSION_MASK]}


def metadata(shape, path):
    s, name = zoo.SHAPES[shape], os.path.basename(path).split(".")[0]
    out = {"format": "proviso-llama", "name": name, "licence": LICENCE, "hidden_size": s.d, "intermediate_size": s.ffn,
           "num_hidden_layers": s.layers, "num_attention_heads": s.heads, "num_key_value_heads": s.kv, "head_dim": s.head,
           "vocab_size": s.vocab, "max_position_embeddings": CONTEXT.get(shape, 512), "rope_theta": s.theta,
           "rms_norm_eps": s.eps, "tie_word_embeddings": "true", "bidirectional": str(s.bidirectional).lower(),
           "eos_token_id": zoo.EOS}
    if shape in MASKS:
        out["mask_token_ids"] = ",".join(map(str, MASKS[shape]))
    return out


def shared_tensors(pool):
    """Pool -> {name: float32 array}."""
    out = {}
    for member in pool.members:
        for name, x in zoo.to_tensors(pool.member(member)).items():
            out[name if "embed_tokens" in name else member + "." + name] = x
    return out


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("checkpoint")
    a.add_argument("shape", choices=sorted(zoo.SHAPES))
    a.add_argument("output")
    a = a.parse_args()
    entries = metadata(a.shape, a.output)
    if a.shape == "drafter":
        net = train_drafters.load(a.checkpoint)
        entries["members"] = ",".join(net.members)
        tensors = shared_tensors(net)
    else:
        net = zoo.load(a.checkpoint, a.shape)
        tensors = zoo.to_tensors(net)
    weights.write(a.output, weights.stored(tensors, "I8"), entries)
    print(a.output, f"{sum(p.numel() for p in net.parameters())} parameters, {os.path.getsize(a.output)} bytes")


if __name__ == "__main__":
    main()
