# SPDX-License-Identifier: Apache-2.0
"""Windows of the encoded corpus (W/tokens.bin or .xz and W/tokens.json, written by corpus.py)."""
import json
import lzma
import os

import numpy as np
import torch


class Corpus:
    """Windows come from one language each, language l with probability proportional to mixture[l] * (its tokens) ** 0.5;
    languages that `mixture` leaves out count 1."""

    def __init__(self, folder, device="cpu", tagged=0.9, mixture=None):
        with open(os.path.join(folder, "tokens.json")) as f:
            self.index = json.load(f)
        raw = os.path.join(folder, "tokens.bin")
        if os.path.exists(raw):
            data = np.fromfile(raw, np.uint16)
        else:
            with lzma.open(raw + ".xz") as f:
                data = np.frombuffer(f.read(), np.uint16)
        self.languages, self.device, self.tagged = self.index["languages"], device, tagged
        self.tokens = torch.from_numpy(data.astype(np.int16)).to(device)
        spans = torch.tensor([self.index["train"][l] for l in self.languages], device=device)
        self.begin, self.size = spans[:, 0], spans[:, 1] - spans[:, 0]
        unknown = set(mixture or {}) - set(self.languages)
        if unknown:
            raise ValueError(f"the mixture names {sorted(unknown)}, the corpus has {self.languages}")
        share = torch.tensor([float((mixture or {}).get(l, 1)) for l in self.languages], device=device)
        self.weight = share * self.size.float().sqrt()
        self.tag = torch.tensor([int(data[b]) for b, _ in (self.index["train"][l] for l in self.languages)], device=device)

    def windows(self, batch, length, language=None):
        """[batch, length] int64.  The first token of most windows is replaced by the tag of the window's language, so that a
        tag may also be followed by the middle of a document.  `language` [batch] fixes the languages by index."""
        if language is None:
            language = torch.multinomial(self.weight, batch, replacement=True)
        room = (self.size[language] - length).float()
        start = self.begin[language] + (torch.rand(batch, device=self.device, dtype=torch.float64) * room).long()
        x = self.tokens[start[:, None] + torch.arange(length, device=self.device)].long()
        tagged = torch.rand(batch, device=self.device) < self.tagged
        x[:, 0] = torch.where(tagged, self.tag[language], x[:, 0])
        return x

    def held_out(self, language, length):
        """The held-out stream in consecutive windows [n, length + 1]; every window starts with the tag of its language."""
        begin, end = self.index["held_out"][language]
        x = self.tokens[begin:end].long()
        n = max(1, (len(x) - 1) // length)
        rows = torch.stack([x[i * length:i * length + length + 1] for i in range(n) if i * length + length + 1 <= len(x)])
        rows[:, 0] = self.tag[self.languages.index(language)]
        return rows


def mixture(text):
    """The argument `code=4,en=0.5` as a dict."""
    return {l: float(x) for l, x in (part.split("=") for part in text.split(","))} if text else None
