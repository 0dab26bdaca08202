"""The errors of this tree: `ContractError` and its kinds."""

from __future__ import annotations

from collections.abc import Iterable

from isthmus_contracts.formatting import shown, unknown_name


class ContractError(Exception):
    """Be the root of every error that this tree raises."""


class DeclarationError(ContractError):
    """Report a declaration that contradicts itself or the catalog around it."""


class UnknownNameError(ContractError):
    """Report a name that is not among the known ones.

    `kind` says what was looked up, `name` what was asked for, `known` which names exist, and `of`
    where they exist, such as `table 'flights'`.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], of: str = "") -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(known)
        super().__init__(unknown_name(kind, name, self.known, of))


class ParamError(ContractError):
    """Report a value that a param does not allow; `allowed` says in words what it does.

    `param` is the name of the param, with the place in an array or object: `airports[1]`.
    """

    def __init__(self, param: str, value: object, allowed: str) -> None:
        self.param = param
        self.value = value
        self.allowed = allowed
        super().__init__(f"param {param!r} is {shown(value)}; allowed: {allowed}")


class IntervalError(ContractError):
    """Report a text that is not an interval, or an interval for which a dataflow cannot run."""


class ProtocolError(ContractError):
    """Report a message that does not follow the protocol.

    `where` is the place within the message, such as `RunRequest.inputs`; `problem` says what is
    wrong there.
    """

    def __init__(self, where: str, problem: str) -> None:
        self.where = where
        self.problem = problem
        super().__init__(f"{where}: {problem}")
