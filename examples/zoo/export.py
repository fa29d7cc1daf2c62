# SPDX-License-Identifier: Apache-2.0
"""Writes the int8 file of weights of a checkpoint.

    python3 export.py O/base.pt base base.safetensors
    python3 export.py O/peer.pt peer peer.safetensors
    python3 export.py O/diffusion-teacher.pt diffusion diffusion-teacher.safetensors

The second argument is the shape; the file names the model.
"""
import argparse
import os

import model as zoo
import weights

LICENCE = "Apache-2.0"
CONTEXT = {"diffusion": 256}                                   # the longest text seen in training, where it is not 512
MASKS = {"base": zoo.MASK_IDS, "diffusion": [zoo.DIFFUSION_MASK]}


def export(net, shape, path):
    s, name = net.shape, os.path.basename(path).split(".")[0]
    metadata = {"format": "proviso-llama", "name": name, "licence": LICENCE, "hidden_size": s.d, "intermediate_size": s.ffn,
                "num_hidden_layers": s.layers, "num_attention_heads": s.heads, "num_key_value_heads": s.kv, "head_dim": s.head,
                "vocab_size": s.vocab, "max_position_embeddings": CONTEXT.get(shape, 512), "rope_theta": s.theta, "rms_norm_eps": s.eps,
                "tie_word_embeddings": "true", "bidirectional": str(s.bidirectional).lower(), "eos_token_id": zoo.EOS}
    if shape in MASKS:
        metadata["mask_token_ids"] = ",".join(map(str, MASKS[shape]))
    weights.write(path, weights.stored(zoo.to_tensors(net), "I8"), metadata)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("checkpoint")
    a.add_argument("shape", choices=sorted(zoo.SHAPES))
    a.add_argument("output")
    a = a.parse_args()
    net = zoo.load(a.checkpoint, a.shape)
    export(net, a.shape, a.output)
    print(a.output, f"{sum(p.numel() for p in net.parameters())} parameters, {os.path.getsize(a.output)} bytes")


if __name__ == "__main__":
    main()
