#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small broken model files and faults.tsv: file, what the error message must say.

Every file is the same valid model (one layer, width 4, 8 tokens, a few hundred bytes of weights) with one fault.
valid.safetensors is that model without any; shared.safetensors holds it and another one as members. Needs only Python; run it in this folder.
"""
import copy
import json
import os
import struct

D, FF, V = 4, 4, 8
LAYER = "model.layers.0."
METADATA = {
    "format": "proviso-llama", "hidden_size": "4", "intermediate_size": "4", "num_hidden_layers": "1",
    "num_attention_heads": "2", "num_key_value_heads": "1", "head_dim": "2", "vocab_size": "8",
    "max_position_embeddings": "16", "rope_theta": "10000.0", "rms_norm_eps": "1e-05", "tie_word_embeddings": "true",
    "bidirectional": "false", "eos_token_id": "2", "mask_token_ids": "3,4",
}
MATRICES = {
    "model.embed_tokens.weight": (V, D), LAYER + "self_attn.q_proj.weight": (4, D), LAYER + "self_attn.k_proj.weight": (2, D),
    LAYER + "self_attn.v_proj.weight": (2, D), LAYER + "self_attn.o_proj.weight": (D, 4),
    LAYER + "mlp.gate_proj.weight": (FF, D), LAYER + "mlp.up_proj.weight": (FF, D), LAYER + "mlp.down_proj.weight": (D, FF),
}
VECTORS = ["model.norm.weight", LAYER + "input_layernorm.weight", LAYER + "post_attention_layernorm.weight"]
EMBED = "model.embed_tokens.weight"
NORM = "model.norm.weight"


def floats(values):
    return struct.pack(f"<{len(values)}f", *values)


def model():
    """Name -> [dtype, shape, bytes], in the order of the data."""
    tensors = {}
    for name in VECTORS:
        tensors[name] = ["F32", [D], floats([1.0] * D)]
    for name, (rows, columns) in MATRICES.items():
        tensors[name + "_scale"] = ["F32", [rows], floats([0.01] * rows)]
    for name, (rows, columns) in MATRICES.items():
        tensors[name] = ["I8", [rows, columns], bytes((37 * i + len(name)) % 256 for i in range(rows * columns))]
    return tensors


def layout(tensors):
    header, data = {"__metadata__": dict(METADATA)}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    return header, data


def join(header, data, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


FAULTS = []


def write(name, content, message):
    with open(name + ".safetensors", "wb") as file:
        file.write(content)
    if message is not None:
        FAULTS.append((name + ".safetensors", message))


def fault(name, message, change):
    """`change(header)` edits the header of the valid model in place, or returns the text of another one."""
    header, data = layout(model())
    header = copy.deepcopy(header)
    result = change(header)
    write(name, join(header if result is None else result, data), message)


def weights(name, message, change):
    """`change(tensors)` edits the tensors of the valid model."""
    tensors = model()
    change(tensors)
    header, data = layout(tensors)
    write(name, join(header, data), message)


def metadata(name, key, value, message):
    def change(header):
        if value is None:
            del header["__metadata__"][key]
        else:
            header["__metadata__"][key] = value
    fault(name, message, change)


def put(tensor, key, value):
    return lambda header: header[tensor].__setitem__(key, value)


def without(tensor, key):
    return lambda header: header[tensor].__delitem__(key)


header, data = layout(model())
whole = join(header, data)
text = json.dumps(header)
size = len(data)
write("valid", whole, None)

# The frame of the file.
write("empty", b"", "shorter than the 8 bytes")
write("seven_bytes", whole[:7], "shorter than the 8 bytes")
write("length_only", struct.pack("<Q", 2), "ends behind the file")
write("length_behind_file", join(header, data, len(whole)), "ends behind the file")
write("length_huge", join(header, data, 2**63), "not a safetensors file")
write("length_all_ones", join(header, data, 2**64 - 1), "not a safetensors file")
write("length_zero", join(header, data, 0), "does not begin with '{'")
write("length_short", join(header, data, len(text) - 5), "not valid JSON")
write("cut_in_header", whole[:100], "ends behind the file")
write("cut_in_data", whole[:-1], "ends behind the file")
write("unused_tail", whole + b"\0\0", "unused bytes behind the last tensor")

# The JSON of the header.
fault("header_is_list", "does not begin with '{'", lambda h: b"[1, 2]")
fault("header_starts_with_space", "does not begin with '{'", lambda h: b" " + text.encode())
fault("header_not_utf8", "not valid JSON", lambda h: text.replace("F32", "F\xff2", 1).encode("latin-1"))
fault("header_unbalanced", "not valid JSON", lambda h: text[:-1].encode())
fault("header_trailing", "not valid JSON", lambda h: (text + "}").encode())
fault("header_deep", "nested too deeply", lambda h: b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}")
fault("key_twice", "appears twice", lambda h: text.replace('"' + LAYER + 'input_layernorm.weight"', '"' + NORM + '"').encode())
fault("metadata_key_twice", "appears twice", lambda h: text.replace('"head_dim"', '"hidden_size"').encode())
fault("field_twice", "appears twice", lambda h: text.replace('"shape": [4]', '"shape": [4], "shape": [4]', 1).encode())
fault("nan_in_json", "not valid JSON", lambda h: text.replace('"shape": [4]', '"shape": [NaN]', 1).encode())

# The description of a tensor.
fault("tensor_is_number", "not described by an object", lambda h: h.__setitem__(NORM, 7))
fault("no_dtype", "has no dtype", without(NORM, "dtype"))
fault("no_shape", "has no shape", without(NORM, "shape"))
fault("no_offsets", "has no data_offsets", without(NORM, "data_offsets"))
fault("unknown_field", "unknown field 'stride'", put(NORM, "stride", [1]))
fault("dtype_is_number", "dtype is not a string", put(NORM, "dtype", 32))
fault("dtype_unknown", "unknown dtype 'F31'", put(NORM, "dtype", "F31"))
fault("shape_is_number", "shape is not a list", put(NORM, "shape", 4))
fault("shape_negative", "not a natural number", put(NORM, "shape", [-4]))
fault("shape_fraction", "not a natural number", put(NORM, "shape", [4.5]))
fault("shape_overflow", "the shape overflows", put(NORM, "shape", [2**62, 4]))
fault("shape_overflow_many", "the shape overflows", put(NORM, "shape", [2**32, 2**32, 0]))
fault("shape_beyond_64_bits", "not a natural number", put(NORM, "shape", [2**70]))
fault("shape_too_small", "holds 16 bytes where its shape needs 8", put(NORM, "shape", [2]))
fault("offsets_one", "not two numbers", put(NORM, "data_offsets", [0]))
fault("offsets_reversed", "wrong order", put(NORM, "data_offsets", [16, 0]))
fault("offsets_behind_file", "ends behind the file", put(NORM, "data_offsets", [size, size + 16]))
fault("offsets_huge", "ends behind the file", put(NORM, "data_offsets", [2**64 - 17, 2**64 - 1]))
fault("offsets_overlap", "overlaps another tensor", put(LAYER + "input_layernorm.weight", "data_offsets", [0, 16]))
fault("hole", "hole of unused bytes", lambda h: h.__delitem__(NORM))

# The metadata.
fault("no_metadata", "metadata format is missing", lambda h: h.__delitem__("__metadata__"))
fault("metadata_is_list", "__metadata__ is not an object", lambda h: h.__setitem__("__metadata__", []))
metadata("metadata_value_is_number", "hidden_size", 4, "metadata 'hidden_size' is not a string")
metadata("other_format", "format", "gguf", "is not 'proviso-llama'")
metadata("no_hidden_size", "hidden_size", None, "metadata hidden_size is missing")
metadata("no_theta", "rope_theta", None, "metadata rope_theta is missing")
metadata("size_zero", "num_hidden_layers", "0", "num_hidden_layers is zero")
metadata("size_negative", "vocab_size", "-8", "vocab_size is not a natural number")
metadata("size_word", "vocab_size", "eight", "vocab_size is not a natural number")
metadata("size_with_tail", "vocab_size", "8x", "vocab_size is not a natural number")
metadata("size_empty", "vocab_size", "", "vocab_size is not a natural number")
metadata("size_huge", "intermediate_size", "4294967300", "intermediate_size is larger than 65536")
metadata("size_beyond_64_bits", "head_dim", "18446744073709551618", "head_dim is not a natural number")
metadata("heads_do_not_divide", "num_key_value_heads", "3", "not a multiple of num_key_value_heads")
metadata("head_odd", "head_dim", "3", "head_dim is odd")
metadata("theta_zero", "rope_theta", "0", "rope_theta is not positive")
metadata("theta_nan", "rope_theta", "nan", "rope_theta is not a number")
metadata("epsilon_negative", "rms_norm_eps", "-1", "rms_norm_eps is not a number")
metadata("flag_word", "tie_word_embeddings", "yes", "neither 'true' nor 'false'")
metadata("end_outside", "eos_token_id", "8", "eos_token_id lies outside the vocabulary")
metadata("masks_outside", "mask_token_ids", "3,9", "mask_token_ids lies outside the vocabulary")
metadata("masks_word", "mask_token_ids", "3,,4", "mask_token_ids is not a token id")

# The weights.
metadata("layer_missing", "num_hidden_layers", "2", "tensor 'model.layers.1.self_attn.q_proj.weight' is missing")
metadata("head_missing", "tie_word_embeddings", "false", "tensor 'lm_head.weight' is missing")
metadata("vocabulary_differs", "vocab_size", "9", "has the shape [8, 4] where [9, 4] is expected")
metadata("width_differs", "intermediate_size", "5", "where [5, 4] is expected")
weights("norm_missing", "tensor 'model.norm.weight' is missing", lambda t: t.pop(NORM))
weights("scale_missing", "tensor 'model.embed_tokens.weight_scale' is missing", lambda t: t.pop(EMBED + "_scale"))
weights("scale_shape", "_scale' has the shape [4] where [8] is expected",
        lambda t: t.__setitem__(EMBED + "_scale", ["F32", [4], floats([0.01] * 4)]))
weights("scale_dtype", "_scale' is not F32", lambda t: t.__setitem__(EMBED + "_scale", ["F16", [8], b"\0\x20" * 8]))
weights("scale_nan", "_scale' holds a value that is not finite",
        lambda t: t.__setitem__(EMBED + "_scale", ["F32", [8], floats([0.01] * 7 + [float("nan")])]))
weights("norm_infinite", "holds a value that is not finite",
        lambda t: t.__setitem__(NORM, ["F32", [4], floats([1.0, float("inf"), 1.0, 1.0])]))
weights("norm_dtype", "has the dtype I8 where F32, F16 or BF16 is expected", lambda t: t.__setitem__(NORM, ["I8", [4], b"1234"]))
weights("matrix_dtype", "has the dtype I16 where I8, F16, BF16 or F32 is expected",
        lambda t: t.__setitem__(EMBED, ["I16", [8, 4], bytes(64)]))
weights("matrix_flat", "has the shape [32] where [8, 4] is expected", lambda t: t.__setitem__(EMBED, ["I8", [32], bytes(32)]))
weights("matrix_transposed", "has the shape [4, 8] where [8, 4] is expected", lambda t: t.__setitem__(EMBED, ["I8", [4, 8], bytes(32)]))
weights("matrix_nan", "holds a value that is not finite",
        lambda t: t.__setitem__(EMBED, ["F32", [8, 4], floats([float("nan")] * 32)]))

# Shared files: `de` is the valid model, `fr` has other layers.
def members(change=lambda tensors: None):
    tensors = {}
    for name, (dtype, shape, content) in model().items():
        if name.startswith(EMBED):
            tensors[name] = [dtype, shape, content]
            continue
        tensors["de." + name] = [dtype, shape, content]
        tensors["fr." + name] = [dtype, shape, content[::-1] if dtype == "I8" else content]
    change(tensors)
    header, data = layout(tensors)
    header["__metadata__"]["members"] = "de,fr"
    return join(header, data)


write("shared", members(), "holds several models; name one of its members: de, fr")
write("member_without_norm", members(lambda t: t.pop("fr." + NORM)), "name one of its members: de, fr")
metadata("members_empty", "members", "", "members holds an empty name")
metadata("members_gap", "members", "de,,fr", "members holds an empty name")

with open("faults.tsv", "w") as file:
    for name, message in FAULTS:
        file.write(f"{name}\t{message}\n")
print(len(FAULTS), "faults,", sum(os.path.getsize(f) for f in os.listdir(".") if f.endswith(".safetensors")), "bytes")
