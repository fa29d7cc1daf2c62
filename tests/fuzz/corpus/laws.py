#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the named seeds of tests/fuzz/laws.cpp into laws/ beside this file: one input per degenerate row."""
import math
import pathlib
import struct

FOLDER = pathlib.Path(__file__).with_name("laws")
INF, NAN = math.inf, math.nan
SUBNORMAL = struct.unpack("<f", struct.pack("<I", 1))[0]
LARGEST = struct.unpack("<f", struct.pack("<I", 0x7F7FFFFF))[0]
ULP = struct.unpack("<f", struct.pack("<I", 0x3F800001))[0]  # the float after 1


def row(logits, transforms=b"\0"):
    return bytes([len(logits) - 1]) + struct.pack(f"<{len(logits)}f", *logits) + transforms


def temperature(t):
    return b"\1" + struct.pack("<f", t)


def seed(name, rows, vocab=None, u=0, large=False):
    vocab = vocab or len(rows[0][1:-1]) // 4
    head = b"\xff" + struct.pack("<H", vocab - 1) if large else b"\0" + bytes([vocab - 1])
    body = head + struct.pack("<QQ", u, 7) + b"".join(rows[i % len(rows)] for i in range(6))
    choices = b"".join(bytes([i, 2 * i]) + struct.pack("<Q", i << 60) for i in range(10))
    (FOLDER / name).write_bytes(body + struct.pack("<Q", 1 << 63) + choices)


def main():
    FOLDER.mkdir(exist_ok=True)
    a, b = [0.5, -1.0, 2.0, 0.0], [1.0, 0.25, -2.0, 0.5]
    seed("plain", [row(a), row(b)])
    seed("u_at_zero", [row(a), row(b)], u=0)
    seed("u_at_one", [row(a), row(b)], u=2**64 - 1)
    seed("nan", [row([0.5, NAN, 2.0, 0.0]), row(b), row(a)])
    seed("plus_infinity", [row([0.5, INF, 2.0, 0.0]), row(b), row(a)])
    seed("all_minus_infinity", [row([-INF] * 4), row(b), row(a)])
    seed("one_finite", [row([-INF, 0.0, -INF, -INF]), row(b)])
    seed("disjoint", [row([0.0, 1.0, -INF, -INF]), row([-INF, -INF, 1.0, 0.0])])
    seed("subnormal", [row([SUBNORMAL, 0.0, -SUBNORMAL, 1e-40]), row(b)])
    seed("largest", [row([LARGEST, -LARGEST, 0.0, LARGEST]), row(b)])
    seed("equal", [row(a)])
    seed("one_ulp_apart", [row([1.0, 0.0, 1.0, 0.0]), row([ULP, 0.0, 1.0, 0.0])])
    seed("far_below", [row([0.0, -86.9, -87.0, -200.0]), row(b)])
    seed("one_token", [row([3.0]), row([-3.0])])
    seed("greedy", [row(a, temperature(0.0)), row(b)], vocab=4)
    seed("tiny_temperature", [row(a, temperature(1e-38)), row(b, temperature(1e-45))], vocab=4)
    seed("huge_temperature", [row(a, temperature(1e38)), row(b)], vocab=4)
    seed("top_k_one", [row(a, b"\2\0"), row(b)], vocab=4)
    seed("ties", [row([1.0, 1.0, 1.0, 1.0], b"\2\1"), row(b)], vocab=4)
    seed("large", [row(a), row(b)], vocab=1400, large=True)


if __name__ == "__main__":
    main()
