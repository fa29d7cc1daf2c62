# SPDX-License-Identifier: Apache-2.0
"""Cuts the bundled prompts out of the held-out documents of W/documents.jsonl:   python3 prompts.py W > prompts.jsonl

Eight a language and for code, at most two from a package, one from a document.  A prompt starts with a paragraph, ends with a
sentence or a line, and has 90 to 140 tokens; the document goes on after it.  The choice depends on the documents alone."""
import argparse
import collections
import json
import os
import re
import sys

import sentencepiece

import corpus

HERE = os.path.dirname(os.path.abspath(__file__))
ENDS = {"ja": r"[。！？]", "zh": r"[。！？]", "code": r"\n"}


def candidates(d, sp):
    """Prompts of one document, best place first."""
    text, language = d["text"], d["language"]
    starts = [m.end() for m in re.finditer(r"\n\n" if language == "code" else r"\n+", text)]
    for start in starts[1:40]:
        rest = text[start:start + 1200]
        first = rest.split("\n")[0]
        if language == "code":
            good = re.match(r"(def|class|    def) ", rest) and "test" not in first and rest.count('"""') < 4
        else:
            letters = sum(c.isalpha() for c in first) / max(1, len(first))
            cjk = language in ("ja", "zh")
            good = (len(first) > (50 if cjk else 120) and letters > (0.8 if cjk else 0.75) and first[0].isupper() | cjk
                    and corpus.has_script(first[0], language) and re.search(r"[.。:!?]$", first))
        if not good or corpus.looks_english(rest, language) or len(text) - start < 1500:
            continue
        for m in re.finditer(ENDS.get(language, r"[.!?](?=\s)"), rest):
            prompt = rest[:m.end()].rstrip("\n") + ("\n" if language == "code" else "")
            n = len(sp.encode(prompt))
            if 90 <= n <= 140:
                if language == "code" or sum(c.isalpha() for c in prompt) > 0.72 * len(prompt):
                    yield prompt
                break


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("work", help="the folder of corpus.py")
    a = a.parse_args()
    sp = sentencepiece.SentencePieceProcessor(model_file=os.path.join(HERE, "tokenizer.model"))
    licence = dict(corpus.packages())
    licence["python-docs"] = "PSF-2.0 (translations CC0-1.0)"
    pools = collections.defaultdict(list)
    for d in corpus.documents(a.work):
        if d["held_out"]:
            pools[d["language"]].append(d)
    for language in corpus.LANGUAGES:
        used, keys, taken = collections.Counter(), set(), 0
        for d in sorted(pools[language], key=corpus.order):
            if used[d["package"]] >= 2 or d["key"] in keys or taken == 8:
                continue
            prompt = next(candidates(d, sp), None)
            if prompt:
                used[d["package"]] += 1
                keys.add(d["key"])
                taken += 1
                print(json.dumps({"language": language, "text": prompt, "source": d["package"] + "/" + d["key"],
                                  "licence": licence[d["package"]]}, ensure_ascii=False))
        if taken < 8:
            print("only", taken, "prompts for", language, file=sys.stderr)


if __name__ == "__main__":
    main()
