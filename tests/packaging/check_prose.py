#!/usr/bin/env python3
"""Checks prose for riddles, and for words for persons where components are meant.

usage: check_prose.py PATH...

Each PATH is a Markdown or C++ file, or a folder with such files. Checks the text of Markdown outside of
code, and the comments and strings of C++. Finds sentences whose subject is a relative clause ("Who waits
is answered", "What is stored is read", "That it ends is known"), except questions. Finds the words of
WORDS, and prints what to write instead. Ignores text between backticks and the quotations in EXCEPTIONS.
"""

import bisect
import pathlib
import re
import sys

SUFFIXES = (".md", ".hpp", ".cpp")

# Quotations of specifications and of other programs' output that contain such words.
EXCEPTIONS = ()

WORDS = tuple((re.compile(rf"\b(?:{words})\b", re.IGNORECASE), instead) for words, instead in (
    (r"somebody|someone|nobody|anybody|anyone|everybody|everyone|no one", "name the component"),
    (r"he|him|his|himself", "a component is \"it\""),
    (r"whoever|whomever", "name the component"),
    (r"who (?:waits?|is waiting|has waited)", "\"the pending operation\""),
    (r"waiters?|parked", "\"pending operation\""),
    (r"newcomers?", "name the operation: \"the new open\""),
    (r"the ones? (?:that|who|which)", "name the thing"),
    (r"but for", "\"except\""),
    (r"(?:gives?|given|gave|giving) way", "\"is purged\", \"yields to\""),
    (r"(?:gives?|given|gave|giving) (?:\w+ )?up", "\"cancel\", \"release\", \"downgrade\""),
    (r"(?:lets?|letting) go", "\"release\""),
    (r"came and went|comes? and goe?s?", "\"was created and deleted\""),
    (r"(?:has|have|had) (?:its|their) turn|(?:its|their) turn comes?", "say what happens"),
    (r"a moment|that moment|this moment", "say how long, or \"at that time\""),
    (r"leave to (?:change|modify|write|delete)", "\"permission to\""),
    (r"anew", "\"again\""),
    (r"detached opens?|stranded", "\"disconnected open\""),
    (r"as good as", "say what it is"),
))

FINITE = (
    "is|are|was|were|has|have|had|can|may|must|cannot|will|would|does|do|did|goes|went|came|comes|waits|holds|"
    "keeps|needs|owns|changed|asked|wants|takes|crosses|blocks|belongs|ends|stays|sees|counts|gets|remains|says")
NO_CONJUNCTION = r"(?: (?!(?:when|if|that|which|and|or|before|after|until|while|where|because|as|since)\b)[\w'-]+)"
SUBJECTS = (
    re.compile(r"(?:Who|Whom|Whose)\b"),
    re.compile(rf"(?:What|Which)(?: [\w'-]+){{0,8}}? (?:{FINITE}){NO_CONJUNCTION}{{0,8}}?,? (?:{FINITE})\b"),
    re.compile(r"That (?:an?|the|its?|each|every|they|no|there|two|all|both|other|what|who|which)\b"),
)
LATER_SUBJECT = re.compile(r"[:;] (?:who|whom|whose)\b")
SENTENCE = re.compile(r"\S.*?(?:[.!?](?=[\s\"')]|$)|$)")


class Paragraph:
    """Text that consists of parts of a file's lines."""

    def __init__(self):
        self.text = ""
        self.starts, self.lines = [], []

    def add(self, number, text):
        self.starts.append(len(self.text))
        self.lines.append(number)
        self.text += text.strip() + " "

    def line_of(self, offset):
        return self.lines[bisect.bisect_right(self.starts, offset) - 1]


def gathered(parts):
    """Paragraphs from (line number, text, whether a paragraph begins here). A text of None ends one."""
    current = Paragraph()
    for number, text, begins in parts:
        if (text is None or begins) and current.text:
            yield current
            current = Paragraph()
        if text is not None:
            current.add(number, text)
    if current.text:
        yield current


BULLET = re.compile(r"\s*(?:[-*+]|\d+\.)\s+")


def markdown_parts(text):
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
            yield number, None, False
        elif fenced or not line.strip() or line.startswith("    ") and not line.strip().startswith("|"):
            if fenced or not line.strip():
                yield number, None, False
            else:
                yield number, line, False
        elif line.startswith("|"):
            for cell in line.strip().strip("|").split("|"):
                yield number, cell, True
            yield number, None, False
        elif line.startswith("#"):
            yield number, line.lstrip("# "), True
            yield number, None, False
        else:
            begins = BULLET.match(line)
            yield number, line[begins.end():] if begins else line, bool(begins)


TOKEN = re.compile(
    r"""R"(?P<mark>\w*)\((?P<raw>.*?)\)(?P=mark)"|"(?P<string>(?:\\.|[^"\\\n])*)"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"""
    r"""|//[/!]?<?(?P<comment>[^\n]*)|/\*(?P<block>.*?)\*/""", re.DOTALL)


INCLUDE = re.compile(r"^#include .*$", re.MULTILINE)

# Keys of JSON objects are names, not prose: `o["key"]`, `o.at("key")`, and "key": within a string.
BEFORE_KEY = re.compile(r"(?:\[|\b(?:at|contains|if_contains)\()$")
KEY_IN_JSON = re.compile(r"(\\?\")\w+\1(?=\s*:)")


def is_key(text, token):
    follows = text[token.end():token.end() + 1]
    before = text[max(0, token.start() - 20):token.start()]
    return bool(BEFORE_KEY.search(before) and re.fullmatch(r"\w+", token["string"] or "") and follows in ("]", ")"))


def without_keys(text, token, part):
    return "" if is_key(text, token) else KEY_IN_JSON.sub(lambda m: "`" * len(m[0]), part or "")


def cpp_parts(text):
    text = INCLUDE.sub("", text)
    last = None
    for token in TOKEN.finditer(text):
        number = text.count("\n", 0, token.start()) + 1
        comment = token["comment"]
        if comment is None:
            last = None
            strings = [without_keys(text, token, token[name]) for name in ("raw", "string")]
            for part in (*strings, token["block"] or ""):
                for below, line in enumerate(part.splitlines()):
                    yield number + below, line, below == 0
            yield number, None, False
            continue
        begin = text.rfind("\n", 0, token.start()) + 1
        alone = not text[begin:token.start()].strip()
        follows = alone and last == number - 1
        bullet = BULLET.match(comment)
        if comment.strip():
            yield number, comment[bullet.end():] if bullet else comment, not follows or bool(bullet)
        else:
            yield number, None, False
        last = number


def plain(text):
    """The text, with code, addresses and quotations replaced by as many other characters."""
    for pattern in (r"``.*?``", r"`[^`]*`", r"(?<=\])\([^)]*\)", r"https?://\S+"):
        text = re.sub(pattern, lambda m: "`" * len(m[0]), text)
    for quoted in EXCEPTIONS:
        text = text.replace(quoted, "`" * len(quoted))
    return re.sub(r"[*_](?=\w)|(?<=\w)[*_](?!\w)|(?<=[.,:;])\*\*", " ", text).replace("[", " ").replace("]", " ")


def problems(path, text):
    """The problems, as (line, problem)."""
    parts = markdown_parts(text) if pathlib.Path(path).suffix == ".md" else cpp_parts(text)
    for paragraph in gathered(parts):
        prose = plain(paragraph.text)
        for pattern, instead in WORDS:
            for found in pattern.finditer(prose):
                yield paragraph.line_of(found.start()), f"\"{found[0]}\": {instead}"
        for sentence in SENTENCE.finditer(prose):
            words = " ".join(sentence[0].split())
            if words.endswith("?"):
                continue
            later = LATER_SUBJECT.search(sentence[0])
            if any(pattern.match(words) for pattern in SUBJECTS):
                yield paragraph.line_of(sentence.start()), f"a clause is the subject: \"{words[:60]}\""
            elif later:
                yield paragraph.line_of(sentence.start() + later.start()), (
                    f"a clause is the subject: \"{' '.join(sentence[0][later.start() + 2:].split())[:60]}\"")


def files_of(arguments):
    for argument in map(pathlib.Path, arguments):
        if argument.is_dir():
            yield from sorted(file for file in argument.rglob("*") if file.suffix in SUFFIXES)
        else:
            yield argument


def main(arguments):
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    files = list(files_of(arguments))
    count = 0
    for file in files:
        for line, why in sorted(set(problems(file, file.read_text(encoding="utf-8")))):
            print(f"{file}:{line}: {why}")
            count += 1
    print(f"{len(files)} files, {count} problems")
    return 1 if count or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
