"""Find names of version 0.1 in code and documents, and loop variables that say nothing."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from repository import ROOT, files

FILE = Path(__file__).with_name("words.toml")
# Pages of history, and the list of old names with its test.
EXEMPT = ("CHANGELOG.md", "docs/glossary.md", "checks/words.toml", "checks/test_words.py")


@dataclass(frozen=True, slots=True)
class OldName:
    """Hold an old name, where it counts, and what replaced it."""

    name: str
    replacement: str
    pattern: re.Pattern[str]


def old_names() -> list[OldName]:
    """Return every old name of words.toml."""
    document = tomllib.loads(FILE.read_text(encoding="utf-8"))
    found = []
    for word, replacement in document["words"].items():
        capital = word[0].upper() + word[1:]
        pattern = rf"(?<![A-Za-z]){word}(?![a-z])|{capital}(?![a-z])"
        found.append(OldName(word, replacement, re.compile(pattern)))
    for name, replacement in document["names"].items():
        found.append(OldName(name, replacement, re.compile(rf"\b_*{name}\b")))
    for package, modules in document["modules"].items():
        for module in modules:
            path = module.replace("/", "[./]")
            prefix = f"{package}[./]" if "/" not in module else f"(?:{package}[./])?"
            pattern = rf"(?<![\w./]){prefix}{path}\b(?![(/])|{package}[./]{path}\b"
            found.append(OldName(f"{package}/{module}", "docs/glossary.md", re.compile(pattern)))
    return found


def in_text(path: str, text: str, names: Iterable[OldName]) -> Iterator[str]:
    """Yield a sentence for each old name in a file's path or text."""
    for old in names:
        if old.pattern.search(path):
            yield f"the path {path} has {old.name!r}; write {old.replacement!r}"
        for found in old.pattern.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield f"{path}:{line} has {old.name!r}; write {old.replacement!r}"


def loops(path: str, source: str) -> Iterator[str]:
    """Yield a sentence for each loop, comprehension or lambda with a variable called `each`."""
    if not path.endswith(".py"):
        return
    for node in ast.walk(ast.parse(source)):
        targets: list[ast.AST] = []
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            targets = [name for name in ast.walk(node.target) if isinstance(name, ast.Name)]
        elif isinstance(node, ast.Lambda):
            targets = list(node.args.args)
        for target in targets:
            name = target.id if isinstance(target, ast.Name) else getattr(target, "arg", None)
            if name == "each":
                line = getattr(target, "lineno", 0)
                yield f"{path}:{line} calls a variable 'each'; say what it holds"


def texts(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Yield the path and text of every tracked file that is text and is not exempt."""
    for path in files(root):
        if str(path) in EXEMPT:
            continue
        try:
            yield str(path), (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def main() -> int:
    """Print every problem; return 1 if there is one."""
    names = old_names()
    found = 0
    for path, text in texts():
        problems = [*in_text(path, text, names), *loops(path, text)]
        found += len(problems)
        sys.stdout.writelines(f"{problem}\n" for problem in problems)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
