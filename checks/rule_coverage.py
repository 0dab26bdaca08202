"""A rule whose scope is gone is a failure, not a pass: each rule still looks at what it is for."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repository import PACKAGES, TREES, files

# An import contract that lost its type or its place would accept everything.
CONTRACTS = {
    "border": "layers",
    "contracts-stand-alone": "forbidden",
    "contracts-layers": "layers",
    "airflow": "protected",
    "hamilton": "protected",
    "dataflows": "independence",
    "runtime": "protected",
    "transforms-layers": "layers",
    "runtime-layers": "layers",
    "platform-layers": "layers",
    "lake-layers": "layers",
    "pipeline": "forbidden",
    "local-airflow": "protected",
    "cycles": "acyclic_siblings",
}
MAY_IGNORE = "contracts-stand-alone"  # its ignored imports are the allow-list
MODULE_FIELDS = (
    *("allowed_importers", "ancestors", "containers", "modules"),
    *("protected_modules", "source_modules"),
)
RULE_CODES = ("TID251", "INP001", "S102", "S307")
RULED = (*TREES, "benchmarks", "checks", "docker", "integration")
RUFF = ("ruff.toml", *(f"{folder}/ruff.toml" for folder in RULED))
TESTS_MAY_IGNORE = {"INP001"}

_PROBE = """
import importlib.util, json, sys
import grimp
packages = sys.argv[1:]
graph = grimp.build_graph(*packages, include_external_packages=True, cache_dir=None)
origins = {name: importlib.util.find_spec(name).origin for name in packages}
print(json.dumps({"modules": sorted(graph.modules), "origins": origins}))
"""


@dataclass(frozen=True, slots=True)
class Graph:
    """Hold what the linter's graph is made of: modules, and where each package was found."""

    modules: frozenset[str]
    origins: dict[str, str]


def complaints(root: Path, path: Sequence[Path]) -> Iterator[str]:
    """Yield a sentence for each rule that no longer looks at what it is for."""
    rules = configparser.ConfigParser()
    rules.read(root / ".importlinter")
    yield from _contracts(rules)
    yield from _uncached(root)
    graph = _graph(path)
    if isinstance(graph, str):
        yield f"the import graph cannot be built: {graph}"
        return
    yield from _packages(root, graph)
    yield from _modules(rules, graph)
    yield from _linted(root)
    yield from _bans(root, graph)


def _contracts(rules: configparser.ConfigParser) -> Iterator[str]:
    packages = rules.get("importlinter", "root_packages", fallback="")
    if tuple(sorted(packages.split())) != PACKAGES:
        yield f".importlinter does not look at exactly {', '.join(PACKAGES)}"
    if rules.get("importlinter", "include_external_packages", fallback="") != "True":
        yield ".importlinter does not look at libraries"
    prefix = "importlinter:contract:"
    found = {
        name.removeprefix(prefix): rules[name]["type"]
        for name in rules.sections()
        if name.startswith(prefix)
    }
    for name in sorted(CONTRACTS.keys() | found.keys()):
        if found.get(name) != CONTRACTS.get(name):
            yield f"contract {name!r} is {found.get(name)}; agreed: {CONTRACTS.get(name)}"
    for name in found:
        if name != MAY_IGNORE and "ignore_imports" in rules[prefix + name]:
            yield f"contract {name!r} ignores imports, which was not agreed"


def _uncached(root: Path) -> Iterator[str]:
    # The linter's cache knows a file by its name and time, so that it may miss a change.
    for name in ("noxfile.py", ".pre-commit-config.yaml"):
        calls = [
            line
            for line in (root / name).read_text(encoding="utf-8").splitlines()
            if "lint-imports" in line and ("session.run" in line or "entry:" in line)
        ]
        if not calls or any("--no-cache" not in line for line in calls):
            yield f"{name} does not run lint-imports, or runs it with its cache"


def _graph(path: Sequence[Path]) -> Graph | str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [sys.executable, "-c", _PROBE, *PACKAGES]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    found = json.loads(done.stdout)
    return Graph(frozenset(found["modules"]), found["origins"])


def _packages(root: Path, graph: Graph) -> Iterator[str]:
    for tree, package in zip(TREES, PACKAGES, strict=True):
        source = root / tree / "src"
        origin = Path(graph.origins[package])
        if not origin.resolve().is_relative_to(source.resolve()):
            yield f"{package} is read from {origin.parent}, not from {tree}/src"
    for file in files(root):
        if file.suffix == ".py" and file.parts[1:2] == ("src",):
            parts = file.with_suffix("").parts[2:]
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if name not in graph.modules:
                yield f"{file} is not in the import graph; is its folder a package?"


def _modules(rules: configparser.ConfigParser, graph: Graph) -> Iterator[str]:
    for section in rules.sections():
        for field in MODULE_FIELDS:
            for expression in rules[section].get(field, "").split():
                matches = sum(_matches(expression, module) for module in graph.modules)
                least = 2 if rules[section].get("type") == "independence" else 1
                if matches < least:
                    yield f"{section.split(':')[-1]}: {expression} names {matches} modules"


def _matches(expression: str, module: str) -> bool:
    pattern = re.escape(expression).replace(r"\*\*", r".+").replace(r"\*", r"[^.]+")
    return re.fullmatch(pattern, module) is not None


def _linted(root: Path) -> Iterator[str]:
    ruff = Path(sys.executable).parent / "ruff"
    command = [ruff, "check", "--no-cache", "--show-files", "."]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    shown = {Path(line).resolve() for line in done.stdout.splitlines()}
    for file in files(root):
        if file.suffix == ".py" and (root / file).resolve() not in shown:
            yield f"ruff does not look at {file}"


def _bans(root: Path, graph: Graph) -> Iterator[str]:
    known = {name.split(".")[0] for name in graph.modules} | set(sys.stdlib_module_names)
    for file in files(root):
        document = _document(root / file)
        if "tool" in document:
            yield from _deptry(file, document["tool"].get("deptry", {}))
            document = document["tool"].get("ruff", {})
        if document and str(file) not in RUFF:
            yield f"{file} configures ruff, which only {', '.join(RUFF)} may"
        lint = document.get("lint", {})
        for code in _ignored([*lint.get("ignore", []), *lint.get("extend-ignore", [])]):
            yield f"{file} ignores {code}"
        places = {**lint.get("per-file-ignores", {}), **lint.get("extend-per-file-ignores", {})}
        for where, codes in places.items():
            tests = where.startswith("{**/tests,")
            for code in _ignored(codes):
                if not (tests and code in TESTS_MAY_IGNORE):
                    yield f"{file} ignores {code} in {where}"
        for banned in lint.get("flake8-tidy-imports", {}).get("banned-api", {}):
            if banned.split(".")[0] not in known:
                yield f"{file} bans {banned}, which nobody here could import"


def _document(file: Path) -> dict[str, Any]:
    if file.name not in ("ruff.toml", ".ruff.toml", "pyproject.toml"):
        return {}
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _deptry(file: Path, options: dict[str, Any]) -> Iterator[str]:
    agreed = {"known_first_party", "package_module_name_map", "per_rule_ignores"}
    for name in options.keys() - agreed:
        yield f"{file} sets {name} of deptry, which was not agreed"
    for code in options.get("per_rule_ignores", {}).keys() - {"DEP002"}:
        yield f"{file} ignores {code}"
    own = [f"isthmus_{file.parts[0]}"]
    if options.get("known_first_party", own) != own:
        yield f"{file} takes more than {own[0]} for its own"


def _ignored(codes: Sequence[str]) -> list[str]:
    return [rule for rule in RULE_CODES if any(rule.startswith(code) for code in codes)]
