# SPDX-License-Identifier: Apache-2.0
"""Many continuations at once: one token of every sequence per step, keys and values in fixed buffers, on a GPU as one graph."""
import torch


class Sampler:
    """Holds the buffers for `batch` sequences of up to `room` tokens."""

    def __init__(self, net, batch, room):
        device = next(net.parameters()).device
        self.net, self.device = net, device
        s = net.shape
        kind = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.keys = torch.zeros(s.layers, batch, s.kv, room, s.head, device=device, dtype=kind)
        self.values = torch.zeros_like(self.keys)
        self.tokens = torch.zeros(batch, room, device=device, dtype=torch.int64)
        self.given = torch.zeros(batch, device=device, dtype=torch.int64)
        self.position = torch.zeros((), device=device, dtype=torch.int64)
        self.temperature = torch.ones(batch, device=device)
        self.graph = None

    @torch.no_grad()
    def advance(self):
        """Evaluates the token at `position` and writes the next one, unless it is given."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda"):
            now = self.tokens.index_select(1, self.position.view(1)).squeeze(1)
            logits = self.net.step(now, self.position, self.keys, self.values).float()
        # argmax(logits + T Gumbel) is a draw from softmax(logits / T), and the largest logit at T = 0.
        noise = -torch.log(-torch.log(torch.rand_like(logits).clamp_(1e-20, 1 - 1e-7)))
        drawn = (logits + self.temperature[:, None] * noise).argmax(-1)
        self.position += 1
        old = self.tokens.index_select(1, self.position.view(1)).squeeze(1)
        self.tokens.index_copy_(1, self.position.view(1), torch.where(self.position < self.given, old, drawn)[:, None])

    def run(self, prompts, temperature, length, given=None):
        """prompts [batch, n], temperature [batch] -> tokens [batch, length]; row i starts with its first given[i] (n) tokens."""
        def start():
            self.tokens[:, :prompts.shape[1]] = prompts
            self.given.copy_(torch.full_like(self.given, prompts.shape[1]) if given is None else given)
            self.temperature.copy_(temperature)
            self.position.zero_()

        start()
        if self.device.type == "cuda" and self.graph is None:
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(3):
                    self.advance()
            torch.cuda.current_stream().wait_stream(stream)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph), torch.no_grad():
                self.advance()
            start()
        for _ in range(length - 1):
            if self.graph is None:
                self.advance()
            else:
                self.graph.replay()
        return self.tokens[:, :length].clone()
