# SPDX-License-Identifier: Apache-2.0
"""Measures the bundled models.

    python3 evaluate.py loss --data W base.safetensors O/base.pt O/twin.pt        held-out loss, nats a token, by language
    python3 evaluate.py acceptance --base base.safetensors --draft draft.safetensors     on the bundled prompts
    python3 evaluate.py text --base base.safetensors --temperature .7             continuations of the bundled prompts

`acceptance` decodes a chain from base for every prompt and replays speculative decoding on it.  At T = 0 a drafted token stands
when it is the chain's token.  At T > 0 the chain is a draw from base, and the drafted token of a position stands with
probability min(1, q/p) of the chain's token: the joint law of chain and accepted runs is the token rule's.
"""
import argparse
import collections
import json
import os

import torch
import torch.nn.functional as F

import data
import model as zoo
from sampling import Sampler

HERE = os.path.dirname(os.path.abspath(__file__))


def shape_of(path):
    """The shape of a checkpoint: the one that its name starts with, `base` otherwise. Files of weights carry their own."""
    return next((n for n in zoo.SHAPES if os.path.basename(path).startswith(n)), "base")


@torch.no_grad()
def loss(a):
    corpus = data.Corpus(a.data, a.device)
    table = {}
    for path in a.models:
        net = zoo.load(path, shape_of(path)).to(a.device)
        row = {}
        for language in corpus.languages:
            windows = corpus.held_out(language, a.length)[:a.windows]
            total = 0.0
            for y in windows.split(8):
                total += F.cross_entropy(net(y[:, :-1]).flatten(0, 1), y[:, 1:].flatten(), reduction="sum").item()
            row[language] = total / windows[:, 1:].numel()
        row["mean"] = sum(row.values()) / len(row)
        table[path] = row
        print(os.path.basename(path), " ".join(f"{l} {x:.4f}" for l, x in row.items()), flush=True)
    return table


def prompts(tokenizer, languages):
    """[(language, ids)]: the tag of the language, then the text."""
    out = []
    with open(os.path.join(HERE, "prompts.jsonl"), encoding="utf-8") as f:
        for l in f:
            p = json.loads(l)
            if p["language"] in languages:
                out.append((p["language"], [tokenizer.piece_to_id(f"<|{p['language']}|>")] + tokenizer.encode(p["text"])))
    return out


def chains(base, listed, temperature, new, seeds):
    """Continues every prompt `seeds` times: [(language, prompt length, tokens up to and including the end token)]."""
    listed = [p for p in listed for _ in range(seeds)]
    longest = max(len(ids) for _, ids in listed)
    device = next(base.parameters()).device
    padded = torch.tensor([ids + [0] * (longest - len(ids)) for _, ids in listed], device=device)
    given = torch.tensor([len(ids) for _, ids in listed], device=device)
    sampler = Sampler(base, len(listed), longest + new)
    tokens = sampler.run(padded, torch.full((len(listed),), temperature, device=device), longest + new, given)
    out = []
    for (language, ids), row in zip(listed, tokens.tolist()):
        row = row[:len(ids) + new]
        if zoo.EOS in row[len(ids):]:
            row = row[:row.index(zoo.EOS, len(ids)) + 1]
        out.append((language, len(ids), row))
    return out


def replay(accepted, longest):
    """accepted: for each new token, whether a drafted token would stand there.  Returns (tokens, calls, drafted)."""
    i, calls, drafted = 0, 0, 0
    while i < len(accepted):
        run = 0
        while run < longest and i + run < len(accepted) and accepted[i + run]:
            run += 1
        drafted += min(longest, len(accepted) - i)
        calls += 1
        i += run + 1
    return min(i, len(accepted)), calls, drafted


def cooled(logits, temperature):
    return (logits.float() / max(temperature, 1e-4)).softmax(-1)


@torch.no_grad()
def acceptance(a):
    import sentencepiece
    sp = sentencepiece.SentencePieceProcessor(model_file=os.path.join(HERE, "tokenizer.model"))
    base, draft = (zoo.load(p, n).to(a.device) for p, n in ((a.base, "base"), (a.draft, "draft")))
    languages = a.languages
    result = {}
    for temperature in a.temperatures:
        torch.manual_seed(a.seed)
        seeds = 1 if temperature == 0 else a.seeds
        sums = collections.defaultdict(lambda: [0, 0, 0])
        space, rate = collections.defaultdict(lambda: [0, 0]), collections.defaultdict(lambda: [0.0, 0])
        for language, start, row in chains(base, prompts(sp, languages), temperature, a.new, seeds):
            y = torch.tensor([row], device=a.device)
            p, q = base(y[:, :-1])[0, start - 1:], draft(y[:, :-1])[0, start - 1:]
            chain = y[0, start:]
            if temperature == 0:
                stands = (q.argmax(-1) == chain).tolist()
                rate[language][0] += sum(stands)
            else:
                p, q = cooled(p, temperature), cooled(q, temperature)
                ratio = (q.gather(1, chain[:, None]) / p.gather(1, chain[:, None])).squeeze(1)
                stands = (torch.rand_like(ratio) < ratio).tolist()
                rate[language][0] += torch.minimum(p, q).sum().item()
            rate[language][1] += len(stands)
            for longest in a.lengths:
                for i, x in enumerate(replay(stands, longest)):
                    sums[language, longest][i] += x
            if a.space:
                tokens, calls = space_replay(base, y, start, temperature, a.space)
                space[language][0] += tokens
                space[language][1] += calls
        lines = {"alpha": {l: x / n for l, (x, n) in rate.items()}}
        for longest in a.lengths:
            lines[f"tokens/call, {longest} drafted"] = {l: sums[l, longest][0] / sums[l, longest][1] for l in languages}
        if a.space:
            lines[f"SPACE, {a.space} masks"] = {l: x / n for l, (x, n) in space.items()}
        for name, row in lines.items():
            row["mean"] = sum(row.values()) / len(row)
            print(f"T={temperature:g} {name:22s}", " ".join(f"{l} {x:.2f}" for l, x in row.items()), flush=True)
        result[str(temperature)] = lines
    return result


def space_replay(base, y, start, temperature, k):
    """Tokens and forwards of SPACE with the token rule on a chain; candidates are drawn at the same temperature."""
    n = y.shape[1]
    splits = torch.arange(start, n - 1, device=y.device)
    if len(splits) == 0:
        return 1, 1
    masks, at = zoo.mask_rows(splits, k, n)
    logits = base(y, masks)[0]
    at = at.clamp(max=n - 1)                     # rows that point past the end are cut off below
    token = y[0, at]
    if temperature == 0:
        stands = logits[n:].argmax(-1) == token
    else:
        p, q = cooled(logits[at - 1], temperature), cooled(logits[n:], temperature)
        stands = torch.rand(len(at), device=y.device) * p.gather(1, token[:, None])[:, 0] < q.gather(1, token[:, None])[:, 0]
    stands = stands.view(-1, k).tolist()
    i, calls, tokens = start, 0, 0               # y[i] is the fresh token; candidates stand for y[i + 1 .. i + k]
    while i < n - 1:
        run = 0
        while run < k and i + 1 + run < n and stands[i - start][run]:
            run += 1
        calls += 1
        tokens += min(run + 1, n - 1 - i)
        i += run + 1
    return tokens, calls


def repeated(tokens, n=12):
    """Share of the tokens that lie in an n-gram seen before."""
    seen, inside = set(), [False] * len(tokens)
    for i in range(len(tokens) - n + 1):
        gram = tuple(tokens[i:i + n])
        if gram in seen:
            inside[i:i + n] = [True] * n
        seen.add(gram)
    return sum(inside) / max(1, len(tokens))


def text(a):
    """Prints continuations and the share of repetition in all of them."""
    import sentencepiece
    sp = sentencepiece.SentencePieceProcessor(model_file=os.path.join(HERE, "tokenizer.model"))
    base = zoo.load(a.base, "base").to(a.device)
    torch.manual_seed(a.seed)
    share = collections.defaultdict(list)
    listed = prompts(sp, a.languages)
    for language, start, row in chains(base, listed, a.temperature, a.new, 1):
        share[language].append(repeated(row[start:]))
        if len(share[language]) <= a.show:
            print(f"--- {language}\n{sp.decode(row[1:start])[-150:]} >>>>> {sp.decode(row[start:])}")
    result = {l: sum(x) / len(x) for l, x in share.items()}
    print("share of tokens in a repeated 12-gram:", " ".join(f"{l} {x:.3f}" for l, x in result.items()))
    return result


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("command", choices=["loss", "acceptance", "text"])
    a.add_argument("models", nargs="*", help="loss: files of weights, or checkpoints named after their shapes")
    a.add_argument("--data", help="loss: folder of tokens.bin (or .xz) and tokens.json")
    a.add_argument("--base", default=os.path.join(HERE, "base.safetensors"))
    a.add_argument("--draft", default=os.path.join(HERE, "draft.safetensors"))
    a.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    a.add_argument("--length", type=int, default=512, help="tokens of a held-out window")
    a.add_argument("--windows", type=int, default=10**6, help="held-out windows of a language")
    a.add_argument("--new", type=int, default=128, help="new tokens of a continuation")
    a.add_argument("--temperatures", type=float, nargs="+", default=[0, 0.7, 1], help="acceptance: temperatures")
    a.add_argument("--temperature", type=float, default=0.7, help="text: temperature")
    a.add_argument("--lengths", type=int, nargs="+", default=[1, 2, 3, 4, 5, 8], help="acceptance: drafted tokens a call")
    a.add_argument("--space", type=int, default=5, help="masks of a group; 0 leaves SPACE out")
    a.add_argument("--seeds", type=int, default=4, help="chains of a prompt at T > 0")
    a.add_argument("--seed", type=int, default=7)
    a.add_argument("--languages", nargs="+", default=["en", "de", "fr", "es", "ru", "ja", "zh", "code"])
    a.add_argument("--show", type=int, default=2, help="continuations of a language that are printed")
    a.add_argument("--json", help="write the figures here too")
    parser, a = a, a.parse_intermixed_args()                     # files may follow the options
    if a.command == "loss" and not (a.models and a.data):
        parser.error("loss needs --data and at least one file of weights")
    if a.command != "loss" and a.models:
        parser.error(a.command + " takes its models from --base and --draft")
    result = {"loss": loss, "acceptance": acceptance, "text": text}[a.command](a)
    if a.json:
        with open(a.json, "w") as f:
            json.dump(result, f, indent=1)


if __name__ == "__main__":
    main()
