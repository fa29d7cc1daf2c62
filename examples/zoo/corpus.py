# SPDX-License-Identifier: Apache-2.0
"""Builds the training text of the bundled models from Debian packages.

    python3 corpus.py fetch     --work W                      apt-get download + dpkg-deb -x, packages of sources.tsv
    python3 corpus.py extract   --work W [--python-docs DIR]  one JSON line per document: W/documents.jsonl
    python3 corpus.py tokenizer --work W                      SentencePiece BPE: W/tokenizer.model
    python3 corpus.py encode    --work W                      W/tokens.bin (uint16), W/tokens.bin.xz and W/tokens.json (index)

Needs the Debian packages python3-lxml, python3-numpy, python3-sentencepiece and opencc.  W lies outside the repository and
grows to about 7 GB.  DIR holds the translated Python documentation as en-XX.tsv.xz, one "english<TAB>translation" a line.

Held-out documents are chosen by the hash of a key that is the same for every translation of a document, so that a held-out
document is held out in all languages.  Paragraphs that also occur in a held-out document are removed from the training text.
"""
import argparse
import collections
import glob
import gzip
import hashlib
import json
import multiprocessing
import os
import re
import subprocess
import sys
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
LANGUAGES = ["en", "de", "fr", "es", "ru", "ja", "zh", "code"]
HELD_OUT = 0.03
FIRST_TAG = 11                                                 # token ids: 2 </s>, 3..10 masks, 11..18 language tags
CJK = r"\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"

# ---- which file of which package is a document: (path pattern, reader).  `lang` and `key` are taken from the path.
LAYOUTS = [
    (r"usr/share/libreoffice/help/(?P<lang>[^/]+)/text/(?P<key>.+)\.html$", "html"),
    (r"usr/share/gimp/2.0/help/(?P<lang>[^/]+)/(?P<key>.+)\.html$", "html"),
    (r"usr/share/help/(?P<lang>[^/]+)/(?P<key>.+)\.(page|docbook|xml)$", "xml"),
    (r"usr/share/doc/HTML/(?P<lang>[^/]+)/(?P<key>.+)\.docbook$", "xml"),
    (r"usr/share/doc/kde/HTML/(?P<lang>[^/]+)/(?P<key>.+)\.docbook$", "xml"),
    (r"usr/share/debian-reference/(?P<key>[^/.]+)\.(?P<lang>[^/.]+)\.html$", "html"),
    (r"usr/share/doc/debian-handbook/html/(?P<lang>[^/]+)/(?P<key>.+)\.html$", "html"),
    (r"usr/share/doc/debian/FAQ/(?:[^/]+/)?(?P<key>[^/.]+)\.(?P<lang>[^/.]+)\.html$", "html"),
    (r"usr/share/doc/aptitude/html/(?P<lang>[^/]+)/(?P<key>.+)\.html$", "html"),
    (r"usr/share/doc/installation-guide-amd64/(?P<lang>[^/]+)/(?P<key>.+)\.html$", "html"),
    (r"usr/share/developers-reference/(?P<lang>de|fr|ja|ru)/(?P<key>[^/]+)\.html$", "html"),
    (r"usr/share/developers-reference/(?P<key>[^/]+)\.html$", "html"),
    (r"usr/share/doc/maint-guide[^/]*/html/(?P<key>[^/.]+)\.(?P<lang>[^/.]+)\.html$", "html"),
    (r"usr/share/doc/debian-policy/(?P<lang>ja)/policy.html/(?P<key>[^/]+)\.html$", "html"),
    (r"usr/share/doc/debian-policy/policy.html/(?P<key>[^/]+)\.html$", "html"),
    (r"usr/share/doc/debian-kernel-handbook/kernel-handbook.html/(?P<key>[^/]+)\.html$", "html"),
    (r"usr/share/doc/debmake-doc/html/(?P<key>[^/.]+)\.(?P<lang>[^/.]+)\.html$", "html"),
    (r"usr/share/doc/live-manual/html/live-manual/(?P<key>[^/.]+)\.(?P<lang>[^/.]+)\.html$", "html"),
    (r"usr/share/doc/debian-history/docs/(?P<key>[^/.]+)\.(?P<lang>[^/.]+)\.html$", "html"),
    (r"usr/share/doc/debian-edu-doc-(?P<lang>[^/]+)/(?P<key>debian-edu-bookworm-manual)\.html$", "html"),
    (r"usr/share/doc/kicad/help/(?P<lang>[^/]+)/(?P<key>.+)\.html$", "html"),
    (r"usr/share/doc/lilypond/html/Documentation/(?P<key>(?:notation|learning|extending|usage|web|essay|changes)/[^/.]+)"
     r"(?:\.(?P<lang>[^/.]+))?\.html$", "html"),
    (r"usr/share/doc/ubuntu-packaging-guide-html(?:-(?P<lang>[a-z]{2}))?/(?P<key>[^/]+)\.html$", "html"),
    (r"usr/share/doc/postgresql-doc-15/html/(?P<key>[^/]+)\.html$", "html"),
    (r"usr/share/lyx/doc/(?:(?P<lang>[a-z]{2}(?:_[A-Z]{2})?)/)?(?P<key>[^/]+)\.lyx$", "lyx"),
    (r"usr/share/man/(?:(?P<lang>[a-z]{2}(?:_[A-Z]{2})?)/)?man[1-8]/(?P<key>[^/]+)\.gz$", "man"),
    (r"usr/share/scilab/modules/helptools/jar/scilab_(?P<lang>[^/]+)_help\.jar/(?P<key>.+)\.html$", "html"),
    (r"usr/lib/python3(?:\.11)?/(?:dist-packages/)?(?P<key>.+)\.py$", "code"),
]
CODES = {"C": "en", "en": "en", "en-us": "en", "de": "de", "de-de": "de", "fr": "fr", "fr-fr": "fr", "es": "es", "es-es": "es",
         "ru": "ru", "ru-ru": "ru", "ja": "ja", "ja-jp": "ja", "zh": "zh", "zh-cn": "zh", "zh-tw": "zh-tw"}


def language_of(code):
    return "en" if code is None else CODES.get(code, CODES.get(code.lower().replace("_", "-")))


# ---- readers: file -> list of paragraphs
BLOCKS = set("p h1 h2 h3 h4 h5 h6 li dt dd td th tr div pre blockquote table ul ol dl title para item section sect1 sect2 sect3 "
             "sect4 screen programlisting code note figure list steps entry row term listitem varlistentry caption desc br "
             "figcaption article main".split())
PRE = {"pre", "screen", "programlisting"}
DROP_TAGS = set("script style nav header footer aside svg math button noscript head comment info articleinfo bookinfo "
                "indexterm links img image media credit license revision form select input label".split())
DROP_CLASS = re.compile(r"nav(header|footer|_table|igation)?$|^toc|sphinxsidebar|^related$|headerlink|breadcrumb|contents-tree|"
                        r"^MAC$|footer|title_logo|docnav|MARKER|index-label|editsection|printindex|^contents$")


def clean(text):
    """Single spaces; no space where a line break separated two CJK characters."""
    text = re.sub(r"[\u00ad\u200b-\u200f\ufeff\ufffd]", "", text.replace("\u00a0", " "))
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(rf"(?<=[{CJK}]) (?=[{CJK}])", "", text)


def read_tree(data, xml):
    from lxml import etree, html
    try:
        if xml:
            root = etree.fromstring(data, etree.XMLParser(recover=True, resolve_entities=False, no_network=True, huge_tree=True))
        else:
            root = html.fromstring(data, parser=html.HTMLParser(encoding="utf-8"))
    except Exception:
        return []
    if root is None:
        return []
    out, line = [], []

    def flush():
        text = clean("".join(line))
        line.clear()
        if text:
            out.append(text)

    def walk(e, depth):
        if depth > 200:
            return
        if not isinstance(e.tag, str):
            if e.tail:
                line.append(e.tail)
            return
        tag = e.tag.rsplit("}", 1)[-1].lower()
        names = (e.get("class") or "").split() + [e.get("id") or ""]
        if tag in DROP_TAGS or (tag != "body" and any(DROP_CLASS.search(n) for n in names)):
            pass
        elif tag in PRE or (tag == "code" and "\n" in (e.text or "").strip()):
            flush()
            text = "".join(e.itertext()).expandtabs(4).strip("\n").rstrip()
            text = "\n".join(l.rstrip() for l in text.split("\n"))
            if text.strip():
                out.append(text)
        else:
            block = tag in BLOCKS and not (tag == "code")
            if block:
                flush()
            if e.text:
                line.append(e.text)
            for child in e:
                walk(child, depth + 1)
            if block:
                flush()
        if e.tail:
            line.append(e.tail)

    body = root.find(".//body") if not xml else None
    walk(root if body is None else body, 0)
    flush()
    return out


def read_lyx(data):
    """Paragraphs outside of insets; insets that only style or stand for a character are looked into."""
    out, line, insets = [], [], []
    for l in data.decode("utf-8", "ignore").split("\n"):
        if l.startswith("\\begin_inset"):
            insets.append(not l.startswith(("\\begin_inset Flex", "\\begin_inset Quotes", "\\begin_inset space")))
            if l.startswith("\\begin_inset Quotes"):
                line.append('"')
        elif l.startswith("\\end_inset"):
            if insets:
                insets.pop()
        elif any(insets):
            continue
        elif l.startswith("\\end_layout") and not insets:
            text = clean("".join(line))
            line = []
            if text:
                out.append(text)
        elif l.strip() and not l.startswith(("\\", "#", "status ")):
            line.append(l)
    return out


ESCAPES = [(r"\\f(\[[^\]]*\]|\(..|.)", ""), (r"\\s[+-]?\d+", ""), (r"\\m\[[^\]]*\]", ""), (r"\\\((aq|cq)", "'"), (r"\\\(dq", '"'),
           (r"\\\[(aq|cq|rs|lq|rq|em|en|bu|oq|co)\]", r"\\(\1"), (r"\\\(aq|\\\(cq|\\\(oq", "'"), (r"\\\(lq", "“"), (r"\\\(rq", "”"),
           (r"\\\(em", "—"), (r"\\\(en", "–"), (r"\\\(bu", "•"), (r"\\\(co", "©"), (r"\\\(rs", r"\\e"),
           (r"\\\[u([0-9A-F]{4,5})\]", lambda m: chr(int(m[1], 16))), (r"\\\((..)|\\\[[^\]]*\]|\\\*(\[[^\]]*\]|\(..|.)", ""),
           (r"\\[&%|^/,:c)]", ""), (r"\\[~0 ]", " "), (r"\\-", "-"), (r"\\(h|v|w|n)('[^']*'|\[[^\]]*\]|\(..|.)", ""), (r"\\[e\\]", "\x00")]
ESCAPES = [(re.compile(a), b) for a, b in ESCAPES]


def roff_text(s):
    for pattern, to in ESCAPES:
        s = pattern.sub(to, s)
    return s.replace("\\", "").replace("\x00", "\\")


def read_man(data):
    source = data.decode("utf-8", "ignore")
    if re.search(r"^\.Dd|^\.so ", source, re.M):                 # mdoc pages and redirections are left out
        return []
    out, line, verbatim, table = [], [], None, False

    def flush():
        text = clean(" ".join(line))
        line.clear()
        if text:
            out.append(text)

    for raw in source.split("\n"):
        if raw.startswith((".TS", ".ds", ".de", ".ie", ".el")):
            table = raw.startswith((".TS", ".de"))
            continue
        if raw.startswith((".TE", "..")):
            table = False
            continue
        if table or raw.startswith((".\\\"", "'\\\"", "'")):
            continue
        if raw.startswith("."):
            m = re.match(r"\.\s*(\w+)\s*(.*)", raw)
            if not m:
                continue
            name, rest = m[1], m[2]
            words = [a or b for a, b in re.findall(r'"((?:[^"]|"")*)"|(\S+)', rest)]
            if name in ("nf", "EX"):
                flush()
                verbatim = []
            elif name in ("fi", "EE"):
                if verbatim and "\n".join(verbatim).strip():
                    out.append("\n".join(verbatim).strip("\n"))
                verbatim = None
            elif name in ("SH", "SS", "B", "I", "SM", "SB"):
                text = roff_text(" ".join(words))
                if name in ("SH", "SS"):
                    flush()
                    line.append(text)
                    flush()
                else:
                    (line if verbatim is None else verbatim).append(text)
            elif name in ("BR", "RB", "IR", "RI", "BI", "IB"):
                (line if verbatim is None else verbatim).append(roff_text("".join(words)))
            elif name in ("PP", "P", "LP", "sp", "TP", "br", "IP", "HP", "TQ", "RS", "RE"):
                flush()
                if name == "IP" and words:
                    line.append(roff_text(words[0]))
            continue
        text = roff_text(raw)
        if verbatim is not None:
            verbatim.append(text.rstrip())
        elif not raw.strip():
            flush()
        else:
            line.append(text)
    flush()
    return out


def read_code(data):
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return []
    text = "\n".join(l.rstrip() for l in text.expandtabs(4).split("\n")).strip("\n")
    if len(text) > 120000 or max(map(len, text.split("\n"))) > 400:      # generated tables
        return []
    return [p.strip("\n") for p in re.split(r"\n{2,}", text) if p.strip()]


def read_file(job):
    path, package, layout, key, language = job
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        try:
            data = f.read()
        except (OSError, EOFError):
            return None
    if layout in ("html", "xml"):
        paragraphs = read_tree(data, layout == "xml")
    else:
        paragraphs = {"lyx": read_lyx, "man": read_man, "code": read_code}[layout](data)
    if language == "zh-tw" and paragraphs:
        text = subprocess.run(["opencc", "-c", "tw2sp.json"], input="\x1e".join(paragraphs), capture_output=True, text=True).stdout
        paragraphs, language = text.split("\x1e"), "zh"
    return {"language": language, "package": package, "key": key, "layout": layout, "paragraphs": paragraphs}


# ---- commands
def packages():
    with open(os.path.join(HERE, "sources.tsv"), encoding="utf-8") as f:
        for l in f:
            if l.strip() and not l.startswith("#"):
                names, licence = l.rstrip("\n").split("\t")[:2]
                for name in names.split():
                    yield name, licence


def fetch(work):
    debs, root = os.path.join(work, "debs"), os.path.join(work, "root")
    os.makedirs(debs, exist_ok=True)
    for name, _ in packages():
        target = os.path.join(root, name)
        if os.path.isdir(target):
            continue
        if not glob.glob(os.path.join(debs, name + "_*.deb")):
            if subprocess.run(["apt-get", "download", "-q", name], cwd=debs, stdout=subprocess.DEVNULL).returncode:
                print("not found:", name)
                continue
        os.makedirs(target)
        subprocess.run(["dpkg-deb", "-x", glob.glob(os.path.join(debs, name + "_*.deb"))[0], target], check=True)
    for jar in glob.glob(root + "/scilab*/usr/share/scilab/modules/helptools/jar/*_help.jar"):
        if os.path.isfile(jar):
            os.rename(jar, jar + ".zip")
            with zipfile.ZipFile(jar + ".zip") as z:
                z.extractall(jar)


def python_docs(folder):
    """The translated Python documentation: segments in document order.  A document ends at segments chosen by the hash of
    their English side, so that the borders are the same in every language."""
    import lzma
    english_seen = set()
    for path in sorted(glob.glob(os.path.join(folder, "en-*.tsv.xz"))):
        code = os.path.basename(path)[3:-7]
        for side in (0, 1):
            paragraphs, key, seen = [], "start", set()
            with lzma.open(path, "rt", encoding="utf-8") as f:
                for l in f:
                    pair = l.rstrip("\n").split("\t")
                    if len(pair) != 2:
                        continue
                    digest = hashlib.sha1(pair[0].encode()).hexdigest()
                    if int(digest[:6], 16) % 40 == 0 and len(paragraphs) > 5:
                        yield {"language": language_of(code) if side else "en", "package": "python-docs", "key": "python-docs/" + key,
                               "layout": "html", "paragraphs": paragraphs}
                        paragraphs, key = [], digest[:12]
                    text = re.sub(r":[a-z0-9+:-]+:`[~!]?([^`<]*?)\s*(<[^`>]*>)?`", r"\1", pair[side])
                    text = clean(re.sub(r"``([^`]*)``", r"\1", re.sub(r"`([^`<]+?)\s*<[^`>]*>`_+", r"\1", text)))
                    known = english_seen if side == 0 else seen
                    if text and text not in known:
                        known.add(text)
                        paragraphs.append(text)


def held_out(key):
    return int(hashlib.sha1(key.encode()).hexdigest()[:8], 16) < HELD_OUT * 2**32


WORDS = {"en": "the of and is to for with this that be are by on from you it as can or an not", "de": "der die das und ist "
         "nicht mit den dem von zu auf ein eine werden wird sie für im des oder als sich kann wenn", "fr": "le la les de des du "
         "et est une un dans pour que qui sur par vous ne pas au avec ce sont ou", "es": "el la los las de del y es una un en "
         "para que se con por no al su como o esta puede"}
WORDS = {l: set(w.split()) for l, w in WORDS.items()}


def looks_english(text, language):
    """For de, fr, es: more English function words than those of the language."""
    if language not in WORDS or language == "en" or len(text) < 40:
        return False
    words = re.findall(r"\w+", text.lower())
    english = sum(w in WORDS["en"] for w in words)
    return english > 1 and english > sum(w in WORDS[language] for w in words)


def has_script(text, language):
    return re.search({"ru": "[\u0400-\u04ff]", "ja": f"[{CJK}\u3040-\u30ff]", "zh": f"[{CJK}]"}.get(language, "."), text)


def extract(work, docs_folder):
    jobs, root = [], os.path.join(work, "root")
    for name, _ in packages():
        base = os.path.join(root, name)
        for folder, folders, files in os.walk(base):
            folders.sort()
            for f in sorted(files):
                path = os.path.join(folder, f)
                relative = os.path.relpath(path, base)
                for pattern, layout in LAYOUTS:
                    m = re.match(pattern, relative)
                    if not m:
                        continue
                    language = "code" if layout == "code" else language_of(m.groupdict().get("lang"))
                    if language and not os.path.islink(path):
                        jobs.append((path, name, layout, re.sub(r"(_|-|\.)(de|fr|es|ru|ja|zh)$", "", m["key"]), language))
                    break
    with multiprocessing.Pool(2) as pool:
        documents = [d for d in pool.imap(read_file, jobs, 64) if d and d["paragraphs"]]
    if docs_folder:
        documents += python_docs(docs_folder)
    else:
        print("no --python-docs: the translated Python documentation is public (repositories python-docs-es, -fr, -ja, -zh-cn)")

    # Navigation and boilerplate: paragraphs found in many documents of one package and language.
    frequency, size = collections.Counter(), collections.Counter()
    for d in documents:
        group = (d["package"], d["language"])
        size[group] += 1
        if d["layout"] in ("html", "xml", "lyx"):
            for p in set(d["paragraphs"]):
                frequency[group, p] += 1
    english = {hash(p) for d in documents if d["language"] == "en" for p in d["paragraphs"] if len(p) > 40}
    for d in documents:
        group = (d["package"], d["language"])
        limit = max(8, size[group] * 0.02)
        kept = []
        for p in d["paragraphs"]:
            if frequency[group, p] > limit:
                continue
            if d["language"] not in ("en", "code"):
                if hash(p) in english or (len(p) > 60 and "\n" not in p and not has_script(p, d["language"])):
                    continue                                                   # not translated
            kept.append(p)
        d["paragraphs"], d["held_out"] = kept, held_out(d["key"])

    # No paragraph of the training text occurs in a held-out document; long ones occur at most twice in a language.
    banned = {hash((d["language"], p)) for d in documents if d["held_out"] for p in d["paragraphs"] if len(p) > 40}
    seen, sizes = collections.Counter(), collections.Counter()
    with open(os.path.join(work, "documents.jsonl"), "w", encoding="utf-8") as f:
        for d in documents:
            kept = []
            for p in d["paragraphs"]:
                h = hash((d["language"], p))
                if len(p) > 40 and not d["held_out"] and h in banned:
                    continue
                if len(p) > 80:
                    seen[h] += 1
                    if seen[h] > (1 if d["held_out"] else 2):
                        continue
                kept.append(p)
            separator = "\n\n" if d["layout"] != "man" else "\n"
            text = separator.join(kept)
            if len(text) < 150:
                continue
            if d["language"] not in ("en", "code") and sum(bool(has_script(p, d["language"])) for p in kept) < 0.4 * len(kept):
                continue
            sizes[d["language"], d["held_out"]] += len(text.encode())
            sizes[d["language"], d["package"]] += len(text.encode())
            f.write(json.dumps({"language": d["language"], "package": d["package"], "key": d["key"], "held_out": d["held_out"],
                                "text": text}, ensure_ascii=False) + "\n")
    for k in sorted(sizes, key=str):
        print(*k, f"{sizes[k] / 1e6:.2f} MB")


def documents(work):
    with open(os.path.join(work, "documents.jsonl"), encoding="utf-8") as f:
        for l in f:
            yield json.loads(l)


def order(d):
    return hashlib.sha1((d["language"] + d["package"] + d["key"] + "order").encode()).hexdigest()


def tokenizer(work, vocab, coverage, sample_mb):
    """Every language and code contribute the same number of characters weighted by the bytes of one (en 1, ru .5, ja/zh .4)."""
    import sentencepiece
    pools = collections.defaultdict(list)
    for d in documents(work):
        if not d["held_out"]:
            pools[d["language"]].append(d)
    path = os.path.join(work, "sample.txt")
    with open(path, "w", encoding="utf-8") as f:
        for language, pool in sorted(pools.items()):
            budget = sample_mb * 1e6 * {"ru": .5, "ja": .4, "zh": .4}.get(language, 1)
            for d in sorted(pool, key=order):
                for l in d["text"][:20000].split("\n"):
                    if budget > 0 and 0 < len(l) < 4000:
                        f.write(l + "\n")
                        budget -= len(l)
                if budget <= 0:
                    break
    symbols = [f"<|mask{i}|>" for i in range(1, 9)] + [f"<|{l}|>" for l in LANGUAGES]
    sentencepiece.SentencePieceTrainer.train(
        input=path, model_prefix=os.path.join(work, "tokenizer"), model_type="bpe", vocab_size=vocab, character_coverage=coverage,
        byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=False,
        split_digits=True, allow_whitespace_only_pieces=True, unk_id=0, bos_id=1, eos_id=2, pad_id=-1,
        user_defined_symbols=symbols + ["\n"], max_sentence_length=16000, num_threads=2, minloglevel=1)


SPLITTER = None


def ids_of(job):
    """(text, tokenizer file) -> token ids."""
    global SPLITTER
    if SPLITTER is None:
        import sentencepiece
        SPLITTER = sentencepiece.SentencePieceProcessor(model_file=job[1])
    import numpy as np
    return np.array(SPLITTER.encode(job[0]), np.uint16)


def encode(work, caps):
    """W/tokens.bin.xz: the train streams of all languages, then the held-out streams.  A document is <|language|> text </s>."""
    import numpy as np
    pools = collections.defaultdict(list)
    for d in documents(work):
        pools[d["held_out"], d["language"]].append(d)
    index, streams, begin = {"train": {}, "held_out": {}}, [], 0
    path = os.path.join(work, "tokenizer.model")
    with multiprocessing.Pool(2) as pool:
        for split, part in (("train", False), ("held_out", True)):
            for number, language in enumerate(LANGUAGES):
                chosen, size = sorted(pools[part, language], key=order), 0
                ids = []
                for d, encoded in zip(chosen, pool.imap(ids_of, ((d["text"], path) for d in chosen), 32)):
                    ids.append(np.concatenate([[FIRST_TAG + number], encoded, [2]]).astype(np.uint16))
                    size += len(ids[-1])
                    if size > caps * 1e6:
                        break
                text = sum(len(d["text"].encode()) for d in chosen[:len(ids)])
                index[split][language] = [begin, begin + size]
                begin += size
                streams += ids
                print(split, language, f"{size / 1e6:.2f} M tokens, {text / size:.2f} bytes each", flush=True)
    data = np.concatenate(streams).tobytes()
    with open(os.path.join(work, "tokens.json"), "w") as f:
        json.dump({"languages": LANGUAGES, **index}, f)
    with open(os.path.join(work, "tokens.bin"), "wb") as f:
        f.write(data)
    subprocess.run(["xz", "-f", "-k", "-5", "-T2", os.path.join(work, "tokens.bin")], check=True)
    print("xz", os.path.getsize(os.path.join(work, "tokens.bin.xz")) / 1e6, "MB")


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("command", choices=["fetch", "extract", "tokenizer", "encode"])
    a.add_argument("--work", required=True, help="folder for everything that is downloaded or written")
    a.add_argument("--python-docs", help="extract: folder of the translated Python documentation")
    a.add_argument("--vocab", type=int, default=4096, help="tokenizer: number of pieces")
    a.add_argument("--coverage", type=float, default=0.998, help="tokenizer: share of the characters with a piece of their own")
    a.add_argument("--sample", type=float, default=1.5, help="tokenizer: sample in million characters a language")
    a.add_argument("--cap", type=float, default=14, help="encode: at most this many million tokens of a language")
    a = a.parse_args()
    if a.command == "fetch":
        fetch(a.work)
    elif a.command == "extract":
        extract(a.work, a.python_docs)
    elif a.command == "tokenizer":
        tokenizer(a.work, a.vocab, a.coverage, a.sample)
    else:
        encode(a.work, a.cap)


if __name__ == "__main__":
    sys.exit(main())
