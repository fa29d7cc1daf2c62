#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Changes one operator, constant, condition or statement of a header at random and looks whether a test notices.

Each change is made in a scratch copy of include/, compiled with the header's own test, and run. What survives goes
through further suites: the tests that include the header, then those of its floor. Needs a C++20 compiler, Catch2
(version 2 or 3), and nothing else.

    tests/mutation/run.py --count 50                          # 50 changes, results below build/mutation
    tests/mutation/run.py --count 20 --only core/random.hpp   # of one header
    tests/mutation/run.py --count 300 --jobs 16 --minutes 9   # stops in time; the same command goes on from there

On a machine with a compiler alone, let --catch name a folder with a copy of Catch2's (catch2/catch.hpp of version 2).

Results: results.json (a list, one entry per change) and summary.md (counts, and the survivors with their diffs).
A survivor is not yet a gap: many changes alter nothing, or only cost. Judge them by reading.
"""
import argparse
import difflib
import hashlib
import heapq
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include" / "proviso"

# What a change in a folder may break beside its own test and the tests that include the header, most telling first.
SUITES = {
    "core": ["drive/decoder", "decode/diffusion", "drive/batch_decoder", "drive/pieces", "mutants/token",
             "proofs/rules"],
    "model": ["testing/check_model", "drive/decoder", "mutants/sessions", "drive/batch_decoder", "drive/call_orders"],
    "transforms": ["decode/target", "proofs/rules", "drive/decoder"],
    "drafters": ["proofs/drafters", "drive/decoder", "mutants/drafting", "proofs/parallel", "mutants/parallel"],
    "lengths": ["proofs/lengths", "decode/speculative"],
    "rules": ["proofs/rules", "mutants/token", "mutants/block", "mutants/trees", "mutants/lossy"],
    "combine": ["decode/ensemble", "proofs/ensemble", "mutants/ensemble"],
    "orders": ["decode/diffusion", "proofs/diffusion", "mutants/diffusion"],
    "schedules": ["decode/diffusion", "proofs/diffusion", "mutants/diffusion"],
    "stops": ["decode/diffusion", "proofs/diffusion"],
    "decode": ["drive/decoder", "drive/batch_decoder", "decode/sequence", "drive/call_orders", "drive/pieces",
               "mutants/sessions", "proofs/endings", "proofs/rules"],
    "drive": ["drive/batch_decoder", "drive/decoder", "drive/call_orders", "drive/cancelling", "mutants/sessions",
              "decode/speculative"],
    "testing": ["testing/prove_lossless", "testing/check_model", "mutants/token", "proofs/rules"],
}
NEAR = 4  # tests at most that are taken because they include the header
PRECOMPILED = """algorithm array atomic bit cmath cstdint functional limits map memory optional set span stdexcept
    string string_view tuple utility vector""".split()

# ---------------------------------------------------------------------------------------------------------- sites

TOKEN = re.compile(r"""
    (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<raw>R"(?P<d>[^(\s]*)\(.*?\)(?P=d)")
  | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+')
  | (?P<pp>^[ \t]*\#(?:[^\n\\]|\\\n|\\.)*)
  | (?P<number>(?:0[xX][0-9a-fA-F'.]+(?:[pP][+-]?\d+)?|\.?\d[\d'.]*(?:[eE][+-]?\d+)?)[uUlLfFzZ]*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<op><=>|<<=|>>=|\.\.\.|->|::|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[-+*/%&|^!~<>=?:;,.(){}\[\]])
  | (?P<space>\s+)
""", re.X | re.S | re.M)

BINARY = {
    "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["*"], "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="],
    ">=": [">", "<"], "==": ["!="], "!=": ["=="], "&&": ["||"], "||": ["&&"], "+=": ["-="], "-=": ["+="],
    "*=": ["/="], "/=": ["*="], "|=": ["&="], "&=": ["|="], "^=": ["|="], "<<": [">>"], ">>": ["<<"], "&": ["|"],
    "|": ["&"], "^": ["&"]}
NO_STATEMENT = set("""if for while do switch else return case default using typedef const constexpr static struct class
    enum union template public private protected friend namespace auto static_assert explicit virtual inline mutable
    operator goto try catch unsigned signed bool int char float double void requires concept extern co_return
    thread_local alignas""".split())
OPEN, CLOSE = {"(": ")", "[": "]", "{": "}"}, set(")]}")


class Token:
    __slots__ = ("kind", "text", "at", "left", "right")

    def __init__(self, kind, text, at):
        self.kind, self.text, self.at, self.left, self.right = kind, text, at, False, False


def tokens_of(source):
    """Tokens without comments and preprocessor lines; `left` and `right` say whether white space is beside them."""
    found, space, position = [], True, 0
    while position < len(source):
        m = TOKEN.match(source, position)
        if m is None:
            raise ValueError(f"cannot read {source[position:position + 30]!r}")
        position = m.end()
        if m.lastgroup in ("space", "comment", "pp"):
            space = True
            if found:
                found[-1].right = True
            continue
        kind = "string" if m.group("raw") else m.lastgroup if m.lastgroup != "d" else "string"
        t = Token(kind, m.group(), m.start())
        t.left, space = space, False
        found.append(t)
    return found


def matching(tokens, i):
    """Index of the bracket that closes the one at i."""
    depth = 0
    for k in range(i, len(tokens)):
        if tokens[k].kind == "op":
            depth += tokens[k].text in OPEN
            depth -= tokens[k].text in CLOSE
            if depth == 0:
                return k
    return len(tokens) - 1


def until(tokens, i, ends):
    """Index of the first token of `ends` outside brackets, from i on."""
    depth = 0
    for k in range(i, len(tokens)):
        text = tokens[k].text if tokens[k].kind == "op" else ""
        if depth == 0 and text in ends:
            return k
        depth += text in OPEN
        depth -= text in CLOSE
    return len(tokens) - 1


def frozen(tokens):
    """Which tokens are no behaviour: static_assert, requires, concepts, template heads, noexcept, error sentences."""
    still = [False] * len(tokens)

    def freeze(a, b):
        for k in range(a, min(b + 1, len(tokens))):
            still[k] = True

    for i, t in enumerate(tokens):
        if t.kind != "word" or i + 1 >= len(tokens):
            continue
        after = tokens[i + 1].text
        if t.text in ("static_assert", "concept", "using", "typedef", "friend", "namespace", "throw"):
            freeze(i, until(tokens, i, {";", "{"}) if t.text == "namespace" else until(tokens, i, {";"}))
        elif t.text == "operator":
            freeze(i, i + 1)
        elif t.text in ("noexcept", "alignas", "sizeof", "decltype", "explicit") and after == "(":
            freeze(i, matching(tokens, i + 1))
        elif t.text == "requires":
            k = i + 1
            if tokens[k].text == "requires":
                k += 1
            if tokens[k].text == "(":
                k = matching(tokens, k)
                if k + 1 < len(tokens) and tokens[k + 1].text == "{" and tokens[i + 1].text != "(":
                    k = matching(tokens, k + 1)
            freeze(i, k)
        elif t.text == "template" and after == "<":
            depth = 0
            for k in range(i + 1, len(tokens)):
                depth += {"<": 1, ">": -1, ">>": -2}.get(tokens[k].text, 0)
                if depth <= 0:
                    break
            freeze(i, k)
    return still


def statements(tokens, still):
    """(first, last) token of each statement in a function's body that can be left out."""
    found, bodies, start = [], [], 0
    for i, t in enumerate(tokens):
        if t.kind != "op":
            continue
        if t.text == "{":
            head = [x.text for x in tokens[start:i]]
            words = [w for k, w in enumerate(head) if not still[start + k]]
            scope = any(w in ("class", "struct", "union", "enum", "namespace") for w in words) or "namespace" in head
            bodies.append(not scope)
            start = i + 1
        elif t.text == "}":
            if bodies:
                bodies.pop()
            start = i + 1
        elif t.text == ";":
            first = start
            start = i + 1
            if not (bodies and bodies[-1]):
                continue
            while first < i:  # the statement behind if (...), for (...), else
                word = tokens[first].text
                if word in ("if", "for", "while", "switch"):
                    k = first + 1
                    while k < i and tokens[k].text != "(":
                        k += 1
                    first = matching(tokens, k) + 1
                elif word in ("else", "do"):
                    first += 1
                else:
                    break
            if first < i and removable(tokens[first:i]):
                found.append((first, i))
    return found


def removable(part):
    if any(t.text in CLOSE and part[0].text == t.text for t in part[:1]):
        return False
    word = part[0].text
    if word in ("break", "continue", "throw"):
        return True
    if word == "return":
        return len(part) == 1
    if part[0].kind != "word" and word not in ("++", "--", "*", "("):
        return False
    if word in NO_STATEMENT:
        return False
    depth = 0
    for a, b in zip(part, part[1:]):  # a declaration has a name behind a type
        if a.kind == "op":
            depth += a.text in OPEN
            depth -= a.text in CLOSE
        if depth == 0 and word != "co_await" and b.kind == "word":
            if a.kind == "word" and a.text != "co_await" or a.text in (">", "&", "*", "&&") and not a.left:
                return False
        if depth == 0 and a.text in ("=", "+=", "-=", "|=", "&=", "*=", "/=", "^="):
            break
    return depth <= 0 and any(t.text in ("=", "(", "++", "--", "+=", "-=", "|=", "&=", "*=", "/=", "^=") for t in part)


def sites_of(source):
    """All changes of a header: (kind, offset, old text, new text)."""
    tokens = tokens_of(source)
    still = frozen(tokens)
    found = []
    for first, last in statements(tokens, still):
        if tokens[first].text == "throw" or not still[first]:
            end = tokens[last].at
            found.append(("statement", tokens[first].at, source[tokens[first].at:end], ""))
    loop = 0  # up to here a for (...) reaches: counting backwards there only spends time
    for i, t in enumerate(tokens):
        if t.text == "for":
            loop = matching(tokens, i + 1)
        if still[i]:
            continue
        before = tokens[i - 1] if i else None
        if t.kind == "op":
            if t.text in BINARY and t.left and t.right:
                found += [("operator", t.at, t.text, new) for new in BINARY[t.text]]
            elif t.text in ("++", "--") and i > loop:
                found.append(("operator", t.at, t.text, "--" if t.text == "++" else "++"))
            elif t.text == "!" or t.text == "-" and not t.right and before.kind == "op" and before.text not in ")]":
                found.append(("operator", t.at, t.text, ""))
        elif t.kind == "word":
            if t.text in ("true", "false"):
                found.append(("constant", t.at, t.text, "false" if t.text == "true" else "true"))
            elif t.text in ("if", "while") and tokens[i + 1].text == "(":
                a, b = tokens[i + 1].at, tokens[matching(tokens, i + 1)].at + 1
                inside = source[a:b]
                if ";" not in inside and not re.search(r"[^=!<>]=[^=]", inside):
                    found.append(("condition", a, inside, f"(!{inside})"))
        elif t.kind == "number":
            text = t.text
            real = "." in text or re.search(r"^\d+[eE]|^0[xX].*[pP]", text) is not None
            zero = re.fullmatch(r"0(?:\.0*)?[uUlLfFzZ]*", text) is not None
            if real:
                new = [text.replace("0", "1", 1)] if zero else [f"({text} * 2)", f"({text} / 2)"]
            else:
                new = [f"({text} + 1)"] if zero else [f"({text} + 1)", f"({text} - 1)"]
            found += [("constant", t.at, text, n) for n in new]
    return found


class Mutant:
    def __init__(self, header, kind, at, old, new, source):
        self.header, self.kind, self.at, self.old, self.new = header, kind, at, old, new
        self.line = source.count("\n", 0, at) + 1
        changed = source[:at] + new + source[at + len(old):]
        self.text = changed
        lines = source.splitlines(True), changed.splitlines(True)
        self.diff = "".join(difflib.unified_diff(*lines, header, header, n=1))
        self.key = hashlib.sha1(f"{header}\0{self.diff}".encode()).hexdigest()[:12]
        self.state, self.by, self.passed = "waiting", None, []

    def entry(self):
        return {"key": self.key, "header": self.header, "line": self.line, "kind": self.kind, "old": self.old,
                "new": self.new, "state": self.state, "by": self.by, "passed": self.passed, "diff": self.diff}


def chosen(seed, count, only, folders):
    """`count` changes: first some of every folder, then of all of them alike."""
    by_folder = {}
    for path in sorted(INCLUDE.glob("*/*.hpp")):
        header = str(path.relative_to(INCLUDE))
        folder = path.parent.name
        if folder not in folders or only and not any(re.search(o, header) for o in only):
            continue
        source = path.read_text()
        for site in sites_of(source):
            by_folder.setdefault(folder, []).append((header, site))
    dice = random.Random(seed)
    first, rest = [], []
    for folder in sorted(by_folder):
        dice.shuffle(by_folder[folder])
        first += by_folder[folder][:6]
        rest += by_folder[folder][6:]
    dice.shuffle(rest)
    result, places = [], set()
    for header, (kind, at, old, new) in first + rest:
        if len(result) == count:
            break
        if (header, at) in places:  # one change of a place
            continue
        places.add((header, at))
        result.append(Mutant(header, kind, at, old, new, (INCLUDE / header).read_text()))
    return result, sum(len(s) for s in by_folder.values())


# ------------------------------------------------------------------------------------------------------- building


def includes_of(path):
    return set(re.findall(r'#include <proviso/([^>]+)>', path.read_text()))


def tests_of(header):
    """The tests that a change must pass, in order."""
    folder, stem = header.split("/")[0], pathlib.Path(header).stem
    own = f"{folder}/{stem}"
    near = []
    for path in sorted(INCLUDE.glob("*/*.hpp")):
        if header in includes_of(path) and path.parent.name not in ("backends", "interop"):
            near.append(f"{path.parent.name}/{path.stem}")
    for group in ("proofs", "mutants", "decode", "drive", "model", "testing", "drafters"):
        for path in sorted((ROOT / "tests" / group).glob("*.cpp")):
            if header in includes_of(path):
                near.append(f"{group}/{path.stem}")
    order = [own] + near[:NEAR] + SUITES.get(folder, [])
    return [t for k, t in enumerate(order) if t not in order[:k] and (ROOT / "tests" / f"{t}.cpp").exists()]


class Builder:
    """Compiles one test with the headers of a folder and runs it. Thread-safe."""

    def __init__(self, work, compiler, catch):
        self.work, self.compiler = work, compiler
        self.flags = ["-std=c++20", "-O1", "-w", "-pthread", "-pipe", "-D_GLIBCXX_ASSERTIONS"]
        if catch:
            self.flags += ["-isystem", str(catch)]
        self.lock, self.known, self.locks, self.running = threading.Lock(), {}, {}, set()
        self.late, self.fault = False, None

    def call(self, command, limit, memory=None):
        """Exit status, or None after `limit` seconds; output is discarded unless it is an error of the compiler."""
        if self.late:
            return None, ""

        def prepare():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if memory:
                resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

        p = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE if memory is None else subprocess.DEVNULL, text=True,
                             start_new_session=True, preexec_fn=prepare)
        with self.lock:
            self.running.add(p)
        try:
            _, errors = p.communicate(timeout=limit)
            return p.returncode, errors or ""
        except subprocess.TimeoutExpired:
            stop(p)
            return None, ""
        finally:
            with self.lock:
                self.running.discard(p)

    def prepare(self):
        """The main function, and Catch2 and the standard headers precompiled."""
        self.work.mkdir(parents=True, exist_ok=True)
        head = self.work / "head.hpp"
        head.write_text(f'#include "{ROOT}/tests/support/catch.hpp"\n' +
                        "".join(f"#include <{h}>\n" for h in PRECOMPILED))
        for command in ([*self.flags, "-x", "c++-header", str(head), "-o", f"{head}.gch"],
                        [*self.flags, "-c", str(ROOT / "tests/support/main.cpp"), "-o", str(self.work / "main.o")]):
            status, errors = self.call([self.compiler, *command], 300)
            if status != 0:
                sys.exit(f"mutation: the compiler fails:\n{errors[:4000]}")
        self.libraries = ["-lCatch2"] if self.has("catch2/catch_test_macros.hpp") else []  # version 3

    def has(self, header):
        probe = f"#if !__has_include(<{header}>)\n#error none\n#endif\n"
        return subprocess.run([self.compiler, *self.flags, "-E", "-x", "c++", "-"], input=probe, text=True,
                              capture_output=True).returncode == 0

    def build(self, test, include, binary):
        command = [self.compiler, *self.flags, "-include", self.work / "head.hpp", "-I", ROOT / "tests", "-I", include,
                   ROOT / "tests" / f"{test}.cpp", self.work / "main.o", "-o", binary, *self.libraries]
        return self.call([str(word) for word in command], 300)

    def seconds(self, test):
        """How long the test runs on the tree as it is; None when it does not build or pass there. Measured once."""
        with self.lock:
            mine = self.locks.setdefault(test, threading.Lock())
        with mine:
            if test not in self.known:
                binary = self.work / ("sound_" + test.replace("/", "_"))
                status, errors = self.build(test, ROOT / "include", binary)
                taken = None
                if status and not self.late:
                    self.fault = f"mutation: {test} does not compile as it is:\n{errors[:4000]}"
                if status == 0:
                    begin = time.monotonic()
                    status, _ = self.call([str(binary)], 240, 8 << 30)
                    taken = time.monotonic() - begin if status == 0 else None
                if taken is None and not self.late:
                    print(f"mutation: {test} does not pass as it is, left out", file=sys.stderr)
                if not self.late:
                    self.known[test] = taken
                binary.unlink(missing_ok=True)
            return self.known.get(test)

    def stop(self):
        self.late = True
        with self.lock:
            for p in self.running:
                stop(p)


def stop(p):
    try:
        os.killpg(p.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    p.wait()


# ------------------------------------------------------------------------------------------------------ the run


class Run:
    def __init__(self, mutants, builder, out, jobs, end):
        self.mutants, self.builder, self.out, self.jobs, self.end = mutants, builder, out, jobs, end
        self.lock, self.queue, self.busy = threading.Condition(), [], 0
        self.tests = {h: tests_of(h) for h in {m.header for m in mutants}}

    def resume(self, results):
        try:
            old = {e["key"]: e for e in json.loads(results.read_text())}
        except (OSError, ValueError):
            return
        for m in self.mutants:
            if m.key in old:
                m.state, m.by, m.passed = (old[m.key][k] for k in ("state", "by", "passed"))

    def go(self):
        for i, m in enumerate(self.mutants):
            if m.state == "waiting":
                heapq.heappush(self.queue, (len(m.passed), i))
        threads = [threading.Thread(target=self.work, args=(k,), daemon=True) for k in range(self.jobs)]
        for t in threads:
            t.start()
        shown = 0.0
        while any(t.is_alive() for t in threads):
            for t in threads:
                t.join(0.05)
            if self.builder.fault or self.end and time.monotonic() > self.end:
                self.builder.stop()
                with self.lock:
                    self.queue.clear()
                    self.lock.notify_all()
            if time.monotonic() - shown > 5:
                self.write()
                shown = time.monotonic()
        self.write()

    def work(self, number):
        include = self.builder.work / f"include_{number}"
        shutil.rmtree(include, ignore_errors=True)
        shutil.copytree(ROOT / "include", include)
        while True:
            with self.lock:
                while not self.queue and self.busy:
                    self.lock.wait()
                if not self.queue:
                    self.lock.notify_all()
                    return
                _, i = heapq.heappop(self.queue)
                self.busy += 1
            try:
                self.step(self.mutants[i], include)
            finally:
                with self.lock:
                    self.busy -= 1
                    m = self.mutants[i]
                    if m.state == "waiting" and not self.builder.late:
                        heapq.heappush(self.queue, (len(m.passed), i))
                    self.lock.notify_all()

    def step(self, m, include):
        """One more test of one change. Sets its state when that is the last one."""
        left = [t for t in self.tests[m.header] if t not in m.passed and self.builder.known.get(t, 0.0) is not None]
        if not left:  # without its own test it has met nothing that must notice
            m.state = "survived" if self.tests[m.header][:1] == m.passed[:1] else "untested"
            return
        test = left[0]
        taken = self.builder.seconds(test)
        if taken is None:
            return
        place = include / "proviso" / m.header
        binary = include / "test"
        try:
            place.write_text(m.text)
            status, _ = self.builder.build(test, include, binary)
            if self.builder.late:
                return
            if status != 0:  # a later test may instantiate what the first one does not
                m.state, m.by = ("does not compile", test)
                return
            status, _ = self.builder.call([str(binary)], 10 + 8 * taken, 8 << 30)
            if self.builder.late:
                return
            if status != 0:
                m.state, m.by = "killed", test + (" (time)" if status is None else "")
            else:
                m.passed.append(test)
        finally:
            shutil.copyfile(INCLUDE / m.header, place)
            binary.unlink(missing_ok=True)

    def write(self):
        (self.out / "results.json").write_text(json.dumps([m.entry() for m in self.mutants], indent=1))
        (self.out / "summary.md").write_text(self.summary())

    def summary(self):
        states = ["killed", "survived", "does not compile", "untested", "waiting"]
        lines = ["# Changes that tests notice\n", "| folder | " + " | ".join(states) + " |", "|---|" + "---|" * 5]
        folders = sorted({m.header.split("/")[0] for m in self.mutants})
        for folder in folders + ["all"]:
            mine = [m for m in self.mutants if folder in ("all", m.header.split("/")[0])]
            lines.append(f"| {folder} | " + " | ".join(str(sum(m.state == s for m in mine)) for s in states) + " |")
        lines.append("\nuntested: the header's own test does not pass as it is. waiting: not all tests were run in the"
                     " time given; those that passed are listed.")
        for state in ("survived", "waiting"):
            some = [m for m in self.mutants if m.state == state and m.passed]
            lines.append(f"\n## {state}: {len(some)}\n")
            for m in sorted(some, key=lambda m: (m.header, m.line)):
                lines.append(f"### {m.header}:{m.line}, {m.kind} ({m.key})\npassed {', '.join(m.passed)}\n"
                             f"```diff\n{m.diff}```\n")
        return "\n".join(lines) + "\n"


def main():
    every = sorted(p.name for p in INCLUDE.iterdir() if p.is_dir() and p.name not in ("backends", "interop"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="of the choice of changes")
    parser.add_argument("--count", type=int, default=200, help="changes (default 200)")
    parser.add_argument("--jobs", type=int, default=1, help="at a time (about 1 GB each)")
    parser.add_argument("--minutes", type=float, help="stop after so long; the same command goes on from there")
    parser.add_argument("--only", action="append", metavar="REGEX", help="headers: core/random.hpp, ^drafters/")
    parser.add_argument("--folders", nargs="*", default=every, help="default: all but the backends and interop")
    parser.add_argument("--out", type=pathlib.Path,
                        default=ROOT / "build" / "mutation",
                        help="where results go (default: build/mutation)")
    parser.add_argument("--resume", type=pathlib.Path, help="results to go on from (default: results.json in --out)")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "mutation_work", help="scratch folder")
    parser.add_argument("--compiler", default=os.environ.get("CXX", "g++"))
    parser.add_argument("--catch", type=pathlib.Path, help="folder that holds catch2/, where it is not installed")
    parser.add_argument("--list", action="store_true", help="print the changes and run nothing")
    options = parser.parse_args()

    mutants, sites = chosen(options.seed, options.count, options.only, options.folders)
    if options.list:
        for m in mutants:
            print(f"{m.header}:{m.line}: {m.kind}, then {', '.join(tests_of(m.header))}\n{m.diff}")
        return
    begin = time.monotonic()
    options.out.mkdir(parents=True, exist_ok=True)
    builder = Builder(options.work.resolve(), options.compiler, options.catch and options.catch.resolve())
    builder.prepare()
    end = begin + 60 * options.minutes if options.minutes else None
    run = Run(mutants, builder, options.out, options.jobs, end)
    run.resume(options.resume or options.out / "results.json")
    print(f"mutation: {len(mutants)} of {sites} changes, {options.jobs} at a time", flush=True)
    run.go()
    if builder.fault:
        sys.exit(builder.fault)
    print(run.summary().split("\n## ")[0], f"{time.monotonic() - begin:.0f} s; see {options.out}/summary.md", sep="\n")


if __name__ == "__main__":
    main()
