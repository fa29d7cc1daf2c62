# SPDX-License-Identifier: Apache-2.0
"""Writes the int8 file of weights of a checkpoint.

    python3 export.py O/base.pt  base  base.safetensors
    python3 export.py O/draft.pt draft draft.safetensors
"""
import argparse
import os

import model as zoo
import weights

LICENCE = "Apache-2.0"
CONTEXT = 512                                                  # the longest text seen in training


def export(net, name, path):
    s = net.shape
    metadata = {"format": "proviso-llama", "name": name, "licence": LICENCE, "hidden_size": s.d, "intermediate_size": s.ffn,
                "num_hidden_layers": s.layers, "num_attention_heads": s.heads, "num_key_value_heads": s.kv, "head_dim": s.head,
                "vocab_size": s.vocab, "max_position_embeddings": CONTEXT, "rope_theta": s.theta, "rms_norm_eps": s.eps,
                "tie_word_embeddings": "true", "bidirectional": "false", "eos_token_id": zoo.EOS,
                "mask_token_ids": ",".join(map(str, zoo.MASK_IDS))}
    weights.write(path, weights.stored(zoo.to_tensors(net), "I8"), metadata)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("checkpoint")
    a.add_argument("name", choices=sorted(zoo.SHAPES))
    a.add_argument("output")
    a = a.parse_args()
    net = zoo.load(a.checkpoint, a.name)
    export(net, a.name, a.output)
    print(a.output, f"{sum(p.numel() for p in net.parameters())} parameters, {os.path.getsize(a.output)} bytes")


if __name__ == "__main__":
    main()
