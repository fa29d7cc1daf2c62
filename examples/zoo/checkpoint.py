# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of the training scripts: a .pt file of float16 weights, and a .json file of what was run."""
import json
import os

import torch


def halves(net):
    """The weights of a module in float16, by name."""
    return {name: p.detach().half() for name, p in net.state_dict().items()}


def save(out, name, weights, log, log_name=None):
    """Writes out/<name>.pt and out/<log_name or name>.json.  The weights are written beside and renamed, so that a killed run
    leaves a whole file."""
    path = os.path.join(out, name + ".pt")
    torch.save(weights, path + ".part")
    os.replace(path + ".part", path)
    with open(os.path.join(out, (log_name or name) + ".json"), "w") as f:
        json.dump(log, f)
