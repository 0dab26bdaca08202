"""The dataflow of a command, and its params as options: every command has the same."""

from __future__ import annotations

import argparse

from isthmus_contracts import DataflowContract, UnknownNameError, param_text
from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.formatting import unknown_name

OPTIONS = ("--inputs", "--out", "--engine", "--workers", "--checkpoints")
INTERVAL_OPTIONS = ("--interval-start", "--interval-end")
_PARAM_OPTIONS = ("-p", "--param")


def known_dataflows() -> str:
    """Return the help text of an argument that names a dataflow."""
    return "one of " + ", ".join(dataflow.name for dataflow in CATALOG.dataflows)


def named_contract(command: str, arguments: list[str]) -> DataflowContract | None:
    """Return the contract of the dataflow that a command's arguments name, if they name one."""
    parser = argparse.ArgumentParser(f"isthmus {command}", add_help=False)
    parser.add_argument("dataflow", nargs="?")
    parser.add_argument("-o")
    parser.add_argument(*_PARAM_OPTIONS)
    for option in OPTIONS:
        parser.add_argument(option)
    name: str | None = parser.parse_known_args(arguments)[0].dataflow
    return CATALOG.dataflow(name) if name else None


def parse(
    parser: argparse.ArgumentParser,
    arguments: list[str],
    contract: DataflowContract | None,
    options: tuple[str, ...] = (),
) -> argparse.Namespace:
    """Return the values of the parser's `options`, and of one for each param of the dataflow.

    Exit with a message for one that it does not know.
    """
    group = parser.add_argument_group("params")
    group.add_argument(
        *_PARAM_OPTIONS,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any param, as in `isthmus-platform run`; may be given again",
    )
    params = contract.params if contract else ()
    for param in params:
        default = param_text(param.default)
        description = f"{param.description} ({param.allowed}; default: {default})"
        group.add_argument(
            _option(param.name),
            dest=f"param_{param.name}",
            metavar=param.type.upper(),
            help=description.replace("%", "%%"),
        )
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown:
        name, known = unknown[0].partition("=")[0], (_option(param.name) for param in params)
        parser.error(unknown_name("argument", name, [*options, *known, "--param", "--help"]))
    return parsed


def given_params(contract: DataflowContract, options: argparse.Namespace) -> dict[str, object]:
    """Return the value of each param that was given as an option or as NAME=VALUE.

    Raise `ParamError` for a wrong value, `UnknownNameError` for the name of no param.
    """
    params = {param.name: param for param in contract.params}
    texts = {name: getattr(options, f"param_{name}") for name in params}
    for given in options.param:
        name, _, text = given.partition("=")
        if name not in params:
            raise UnknownNameError("param", name, params)
        texts[name] = text
    return {name: params[name].parse(text) for name, text in texts.items() if text is not None}


def _option(param: str) -> str:
    """Return the option of a param, with a prefix if some command has an option of that name."""
    name = f"--{param.replace('_', '-')}"
    reserved = (*OPTIONS, *INTERVAL_OPTIONS, *_PARAM_OPTIONS, "--help")
    return f"--param-{name.removeprefix('--')}" if name in reserved else name
