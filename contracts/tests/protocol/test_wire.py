from __future__ import annotations

import json
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_contracts import Column, Interval, Param, ProtocolError
from isthmus_contracts.codec import since
from isthmus_contracts.protocol import (
    ACCEPTED,
    VERSION,
    Answer,
    CheckpointQuota,
    CheckpointWritten,
    EngineProfile,
    Message,
    NodeFinished,
    NodeStarted,
    Request,
    RunIdentity,
    RunRequest,
    answer_version,
    decode_answer,
    decode_request,
    encode,
    wire,
)

_SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
    date: st.dates(),
    Interval: st.lists(st.dates(), min_size=2, max_size=2, unique=True).map(
        lambda days: Interval(min(days), max(days))
    ),
    Param: st.sampled_from(
        [
            Param("workers", "integer", 4, "Calls at once.", minimum=1.0, maximum=256.0),
            Param("share", "number", 0.5, "Share."),
            Param("model", "string", "a", "Model.", choices=("a", "b")),
            Param("hosts", "array", ["a"], "Where.", of="string"),
        ]
    ),
}


def values(hint: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401
    arguments = get_args(hint)
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return st.one_of([values(argument) for argument in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (tuple, list):
        return st.lists(values(arguments[0]), max_size=3).map(origin)
    if origin in (Mapping, dict):
        return st.dictionaries(st.text(), values(arguments[1]), max_size=3)
    if isinstance(hint, type) and is_dataclass(hint) and hint not in _SCALARS:
        hints = get_type_hints(hint)
        return st.builds(hint, **{name: values(part) for name, part in hints.items()})
    return _SCALARS[hint]


REQUEST = RunRequest(
    identity=RunIdentity("manual__1", "transform", 1),
    dataflow="flight_delays.v1",
    contract_version="1.0.0",
    targets=("flight_features",),
    params={
        "seed": 1,
        "model": "logistic",
        "full": True,
        "share": 0.5,
        "airports": ["JFK", "LGA"],
        "weights": {"JFK": 1, "LGA": 0.5},
    },
    inputs={"flights": ("a.parquet", "b.parquet")},
    staging="staging",
    engine=EngineProfile("local", {"workers": 2}),
)
STARTED = NodeStarted(1.5, "x")

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize("kind", get_args(Answer), ids=lambda kind: kind.__name__)
@given(st.data())
def test_every_answer_comes_back_as_it_was_sent(kind: type, data: st.DataObject) -> None:
    message = data.draw(values(kind))
    back = decode_answer(encode(message))
    assert type(back) is kind
    assert back == message
    assert repr(back) == repr(message)


@pytest.mark.parametrize("kind", get_args(Request), ids=lambda kind: kind.__name__)
@given(st.data())
def test_every_request_comes_back_as_it_was_sent(kind: type, data: st.DataObject) -> None:
    request = data.draw(values(kind))
    back = decode_request(encode(request))
    assert type(back) is kind
    assert back == request
    assert repr(back) == repr(request)


@given(values(Message))
def test_a_message_is_one_line_of_ascii(message: Message) -> None:
    line = encode(message)
    assert line.isascii()
    assert line.splitlines() == [line]
    plain = json.loads(line)
    assert list(plain)[:2] == ["protocol", "type"]
    assert plain["protocol"] == VERSION


@dataclass(frozen=True, slots=True)
class LaterQuota(CheckpointQuota):
    """Be what a version 2 of the protocol could make of a part of a message."""

    files: int | None = field(default=None, metadata=since(2))


@dataclass(frozen=True, slots=True)
class LaterRequest(RunRequest):
    """Be what a version 2 of the protocol could make of a request."""

    priority: int | None = field(default=None, metadata=since(2))
    labels: tuple[str, ...] = field(default=(), metadata=since(2))


@dataclass(frozen=True, slots=True)
class LaterCheckpointWritten(CheckpointWritten):
    """Be what a version 2 could make of an event; an older reader can do without it."""

    host: str | None = field(default=None, metadata=since(2, needed=False))


LATER = LaterRequest(**{field_.name: getattr(REQUEST, field_.name) for field_ in fields(REQUEST)})
WRITTEN = LaterCheckpointWritten(1.5, "x", 1, 0.1, "x.checkpoint")


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this side speak a version 2, which is not published yet, and version 1 as well."""
    monkeypatch.setattr(wire, "VERSION", 2)
    monkeypatch.setattr(wire, "ACCEPTED", (1, 2))
    requests = {"request": LaterRequest}
    answers = {"checkpoint_written": LaterCheckpointWritten, "node_started": NodeStarted}
    monkeypatch.setattr(wire, "_REQUESTS", requests)
    monkeypatch.setattr(wire, "_ANSWERS", answers)
    tags = {message: tag for known in (requests, answers) for tag, message in known.items()}
    monkeypatch.setattr(wire, "_TAG_OF", tags)


@pytest.mark.usefixtures("next_version")
@pytest.mark.parametrize("message", [LATER, STARTED, WRITTEN])
def test_the_older_version_is_spoken_too(message: Message) -> None:
    line = encode(message, 1)
    assert json.loads(line)["protocol"] == 1
    for name in ("priority", "labels", "host"):
        assert name not in line
    decode: Callable[[str], Message] = decode_request if message is LATER else decode_answer
    assert decode(line) == decode(encode(message)) == message
    assert json.loads(encode(message))["protocol"] == 2


@pytest.mark.usefixtures("next_version")
@pytest.mark.parametrize(
    ("message", "place"),
    [
        (replace(LATER, priority=1), "LaterRequest.priority"),
        (replace(LATER, labels=("nightly",)), "LaterRequest.labels"),
        (replace(LATER, checkpoint_quota=LaterQuota(1_000, 7.0, 5)), "LaterQuota.files"),
    ],
)
def test_what_the_older_version_lacks_is_not_sent_in_it(message: Message, place: str) -> None:
    problem = "version 1 has no such field, and it is needed; both sides have to speak version 2"
    with pytest.raises(ProtocolError) as caught:
        encode(message, 1)
    assert str(caught.value) == f"{place}: {problem}"
    assert json.loads(encode(message))["protocol"] == 2


@pytest.mark.usefixtures("next_version")
def test_what_an_older_reader_can_do_without_is_left_out_for_it() -> None:
    written = replace(WRITTEN, host="worker-1")
    assert decode_answer(encode(written)) == written
    assert decode_answer(encode(written, 1)) == WRITTEN


@pytest.mark.usefixtures("next_version")
@pytest.mark.parametrize("value", [None, 7])
def test_a_field_of_the_newer_version_is_unknown_in_the_older(value: int | None) -> None:
    plain = {**json.loads(encode(LATER, 1)), "priority": value}
    with pytest.raises(ProtocolError, match=r"^LaterRequest: unknown field 'priority'; known: "):
        decode_request(json.dumps(plain))
    newer = json.dumps({**plain, "protocol": 2})
    assert decode_request(newer) == replace(LATER, priority=value)


@pytest.mark.usefixtures("next_version")
@pytest.mark.parametrize(
    ("line", "version"),
    [
        (encode(REQUEST, 1), 1),
        (encode(REQUEST, 2), 2),
        ('{"protocol": 1, "nonsense": true}', 1),
        ('{"protocol": 0}', 2),
        ('{"protocol": 99}', 2),
        ('{"protocol": true}', 2),
        ('{"protocol": [1]}', 2),
        ("{}", 2),
        ("hello", 2),
        ("[1]", 2),
    ],
)
def test_an_answer_is_due_in_the_version_of_the_request(line: str, version: int) -> None:
    assert answer_version(line) == version


@pytest.mark.usefixtures("next_version")
@pytest.mark.parametrize("version", [0, 3])
def test_no_other_version_than_these_two_is_accepted(version: int) -> None:
    plain = {**json.loads(encode(LATER)), "protocol": version}
    with pytest.raises(
        ProtocolError,
        match=rf"^message\.protocol: unknown version {version}; known: 1, 2; install contracts of ",
    ):
        decode_request(json.dumps(plain))


@given(JSON_VALUES.map(json.dumps) | st.text())
def test_any_text_is_a_message_or_a_protocol_error(text: str) -> None:
    for decode in (decode_request, decode_answer):
        with pytest.raises(ProtocolError):
            decode(text)


@given(st.data(), JSON_VALUES)
def test_a_message_with_one_wrong_place_is_a_message_or_a_protocol_error(
    data: st.DataObject, wrong: object
) -> None:
    plain = json.loads(encode(data.draw(values(Message))))
    inner = [part for part in plain.values() if isinstance(part, dict)]
    place = data.draw(st.sampled_from([plain, *inner]))
    place[data.draw(st.sampled_from([*place, "x"]))] = wrong
    asks = plain["type"] in ("request", "capabilities_request")
    decode: Callable[[str], Message] = decode_request if asks else decode_answer
    try:
        message = decode(json.dumps(plain))
    except ProtocolError:
        return
    encode(message)


KNOWN = "known: 1; install contracts of neighbouring releases on both sides"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "message: not a JSON object: ''"),
        ("hello\n", "message: not a JSON object: 'hello'"),
        ("[1]", "message: not a JSON object: '[1]'"),
        ("null", "message: not a JSON object: 'null'"),
        ("x" * 500, f"message: not a JSON object: '{'x' * 80}'"),
        ("[" * 200_000, f"message: not a JSON object: '{'[' * 80}'"),
        ('{"at": NaN}', "message: not a JSON object: '{\"at\": NaN}'"),
        ('{"at": 1e999}', "message: not a JSON object: '{\"at\": 1e999}'"),
        ("{}", f"message.protocol: unknown version None; {KNOWN}"),
        ('{"protocol": 2}', f"message.protocol: unknown version 2; {KNOWN}"),
        ('{"protocol": "1"}', f"message.protocol: unknown version '1'; {KNOWN}"),
        ('{"protocol": 1.0}', f"message.protocol: unknown version 1.0; {KNOWN}"),
        ('{"protocol": true}', f"message.protocol: unknown version True; {KNOWN}"),
        ('{"protocol": [1]}', f"message.protocol: unknown version [1]; {KNOWN}"),
    ],
)
def test_a_line_that_is_no_message_is_refused(line: str, message: str) -> None:
    for decode in (decode_request, decode_answer):
        with pytest.raises(ProtocolError) as caught:
            decode(line)
        assert str(caught.value) == message


def test_a_request_and_an_answer_are_not_mistaken_for_each_other() -> None:
    with pytest.raises(
        ProtocolError, match=r"^message\.type: unexpected type 'node_started'; expected: 'requ"
    ):
        decode_request(encode(STARTED))
    with pytest.raises(
        ProtocolError, match=r"^message\.type: unexpected type 'request'; expected: 'graph', "
    ):
        decode_answer(encode(REQUEST))


@pytest.mark.parametrize("tag", [None, 1, "", "Graph", ["graph"], {"a": 1}])
def test_an_unknown_type_is_refused(tag: object) -> None:
    with pytest.raises(ProtocolError, match=r"^message\.type: unexpected type .*; expected: "):
        decode_answer(json.dumps({"protocol": VERSION, "type": tag}))


def test_an_unknown_field_and_a_missing_one_are_refused() -> None:
    plain = json.loads(encode(STARTED))
    with pytest.raises(ProtocolError, match=r"^NodeStarted: unknown field 'colour'; known: 'at'"):
        decode_answer(json.dumps({**plain, "colour": "red"}))
    del plain["node"]
    with pytest.raises(ProtocolError, match=r"^NodeStarted: field 'node' is missing$"):
        decode_answer(json.dumps(plain))


def test_an_integer_beyond_every_float_is_refused() -> None:
    line = json.dumps({**json.loads(encode(STARTED)), "at": 10**400})
    with pytest.raises(ProtocolError, match=r"^NodeStarted\.at: expected float, got an integer"):
        decode_answer(line)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_lacks_is_not_sent(number: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        encode(NodeFinished(1.0, "x", number))


@pytest.mark.parametrize(
    "what", [None, {}, "hello", 1, RunIdentity("r", "t", 1), Column("x", "bool", "A flag.")]
)
def test_what_is_no_message_is_not_sent(what: Any) -> None:  # noqa: ANN401
    with pytest.raises(TypeError, match=r"is not a message$"):
        encode(what)


def test_the_spoken_version_is_accepted() -> None:
    assert VERSION in ACCEPTED
    assert set(ACCEPTED) <= {VERSION, VERSION - 1}
