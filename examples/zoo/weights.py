# SPDX-License-Identifier: Apache-2.0
"""Reading and writing of the weight files (safetensors), and their int8 form.  Needs numpy only.

A file holds a LLaMA-style decoder under the tensor names of HuggingFace.  A matrix [rows, columns] is stored as F32, F16,
BF16 or I8; an I8 matrix `name` comes with `name_scale`, F32 [rows], and stands for `name[r, c] * name_scale[r]`.
Norm weights are F32.  The shape of the model is in `__metadata__`, whose values are strings.
"""
import json
import struct

import numpy as np

TYPES = {"F32": np.float32, "F16": np.float16, "I8": np.int8, "BF16": np.uint16}


def to_bf16(x):
    """float32 -> the upper 16 bits, rounded to nearest even, as uint16."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16(x):
    return (x.astype(np.uint32) << 16).view(np.float32)


def quantise_rows(x):
    """float [rows, columns] -> (int8 [rows, columns], float32 scale [rows]); the largest value of a row becomes +-127."""
    x = np.asarray(x, np.float32)
    scale = np.maximum(np.abs(x).max(axis=1), 1e-12).astype(np.float32) / np.float32(127)
    return np.clip(np.rint(x / scale[:, None]), -127, 127).astype(np.int8), scale


def stored(tensors, matrix_type):
    """Maps {name: float array} to {name: (type, array)}: matrices in `matrix_type`, everything else F32."""
    out = {}
    for name, x in tensors.items():
        if x.ndim != 2 or matrix_type == "F32":
            out[name] = ("F32", np.asarray(x, np.float32))
        elif matrix_type == "F16":
            out[name] = ("F16", np.asarray(x, np.float16))
        elif matrix_type == "BF16":
            out[name] = ("BF16", to_bf16(x))
        else:
            values, scale = quantise_rows(x)
            out[name] = ("I8", values)
            out[name + "_scale"] = ("F32", scale)
    return out


def restored(tensors):
    """The inverse of `stored`, up to rounding: {name: (type, array)} -> {name: float32 array}."""
    out = {}
    for name, (kind, x) in tensors.items():
        if kind == "I8":
            out[name] = x.astype(np.float32) * tensors[name + "_scale"][1][:, None]
        elif not name.endswith("_scale"):
            out[name] = from_bf16(x) if kind == "BF16" else x.astype(np.float32)
    return out


def write(path, tensors, metadata):
    """Writes {name: (type, array)}.  F32 comes first and the data start at a multiple of 64 bytes, so that every tensor is
    aligned for its type when the file is mapped."""
    names = sorted(tensors, key=lambda n: (-np.dtype(TYPES[tensors[n][0]]).itemsize, n))
    header, offset = {"__metadata__": {k: str(v) for k, v in metadata.items()}}, 0
    for name in names:
        kind, x = tensors[name]
        header[name] = {"dtype": kind, "shape": list(x.shape), "data_offsets": [offset, offset + x.nbytes]}
        offset += x.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            f.write(np.ascontiguousarray(tensors[name][1], TYPES[tensors[name][0]]).tobytes())


def read(path):
    """Returns ({name: (type, array)}, metadata)."""
    with open(path, "rb") as f:
        data = f.read()
    size = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        x = np.frombuffer(data[8 + size + begin:8 + size + end], TYPES[entry["dtype"]])
        tensors[name] = (entry["dtype"], x.reshape(entry["shape"]))
    return tensors, metadata
