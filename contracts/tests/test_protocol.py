from __future__ import annotations

import json
import math
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_contracts import Column, Interval, ProtocolError
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
    RunIdentity,
    RunRequest,
    RunResult,
    StagedFile,
    StagedOutput,
    answer_version,
    decode_answer,
    decode_request,
    encode,
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
}


def values(hint: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401
    arguments = get_args(hint)
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return st.one_of([values(argument) for argument in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is Mapping:
        return st.dictionaries(st.text(), values(arguments[1]), max_size=3)
    if isinstance(hint, type) and is_dataclass(hint) and hint not in _SCALARS:
        hints = get_type_hints(hint)
        return st.builds(hint, **{name: values(each) for name, each in hints.items()})
    return _SCALARS[hint]


REQUEST = RunRequest(
    identity=RunIdentity("manual__1", "transform", 1),
    dataflow="flight_delays.v1",
    contract_version="1.0.0",
    targets=("flight_features",),
    params={"seed": 1, "model": "logistic", "full": True, "share": 0.5},
    inputs={"flights": ("a.parquet", "b.parquet")},
    staging="staging",
    engine=EngineProfile("local", {"workers": 2}),
)
STARTED = NodeStarted(1.5, "x")
JANUARY = Interval(date(2013, 1, 1), date(2013, 2, 1))


def result(*files: StagedFile) -> RunResult:
    staged = (StagedOutput("days", files),)
    return RunResult(REQUEST.identity, REQUEST.dataflow, "1.0.0", "abc", staged)


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


@given(values(RunRequest))
def test_every_request_comes_back_as_it_was_sent(request: RunRequest) -> None:
    back = decode_request(encode(request))
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


def test_no_message_has_a_field_that_the_envelope_needs() -> None:
    for kind in get_args(Message):
        assert not {"protocol", "type"} & {field_.name for field_ in fields(kind)}


def test_the_line_of_a_request_is_as_written_down() -> None:
    assert json.loads(encode(REQUEST)) == {
        "protocol": 3,
        "type": "request",
        "identity": {"run": "manual__1", "task": "transform", "attempt": 1},
        "dataflow": "flight_delays.v1",
        "contract_version": "1.0.0",
        "targets": ["flight_features"],
        "params": {"seed": 1, "model": "logistic", "full": True, "share": 0.5},
        "inputs": {"flights": ["a.parquet", "b.parquet"]},
        "staging": "staging",
        "engine": {"name": "local", "options": {"workers": 2}},
        "checkpoints": None,
        "interval": None,
        "stop_at": None,
        "intermediates": [],
        "checkpoint_quota": None,
    }


def test_an_interval_is_two_days_and_a_partition_a_name() -> None:
    line = encode(replace(REQUEST, interval=JANUARY))
    assert json.loads(line)["interval"] == {"start": "2013-01-01", "end": "2013-02-01"}
    line = encode(result(StagedFile("days/2013-01.parquet", 3, "f" * 64, 1, "2013-01")))
    (file,) = json.loads(line)["outputs"][0]["files"]
    assert file["partition"] == "2013-01"


@pytest.mark.parametrize(
    ("interval", "message"),
    [
        ({"start": "2013-01-01"}, "RunRequest.interval: field 'end' is missing"),
        (
            {"start": "20130101", "end": "2013-02-01"},
            "RunRequest.interval.start: expected a day as in '2013-01-31', got '20130101'",
        ),
        (
            {"start": "2013-02-01", "end": "2013-02-01"},
            "RunRequest.interval: the interval starts on 2013-02-01 and ends before 2013-02-01, ",
        ),
    ],
)
def test_what_is_no_interval_is_refused(interval: object, message: str) -> None:
    line = json.dumps({**json.loads(encode(REQUEST)), "interval": interval})
    with pytest.raises(ProtocolError) as caught:
        decode_request(line)
    assert str(caught.value).startswith(message)


FILE = StagedFile("days.parquet", 3, "f" * 64, 1)
LIMITS = CheckpointQuota(1_000, 7.0)


@pytest.mark.parametrize("message", [REQUEST, STARTED, result(FILE)])
def test_the_older_version_is_spoken_too(message: Message) -> None:
    line = encode(message, 2)
    assert json.loads(line)["protocol"] == 2
    assert "stop_at" not in line
    assert "checkpoint_quota" not in line
    assert '"checkpoints":[' not in line
    decode = decode_request if message is REQUEST else decode_answer
    assert decode(line) == decode(encode(message)) == message


@pytest.mark.parametrize(
    ("message", "place"),
    [
        (replace(REQUEST, stop_at="flight_features"), "RunRequest.stop_at"),
        (replace(REQUEST, intermediates=("a.checkpoint",)), "RunRequest.intermediates"),
        (replace(REQUEST, checkpoint_quota=LIMITS), "RunRequest.checkpoint_quota"),
        (replace(result(), checkpoints=(FILE,)), "RunResult.checkpoints"),
    ],
)
def test_what_the_older_version_lacks_is_not_sent_in_it(message: Message, place: str) -> None:
    problem = "version 2 has no such field, and it is needed; both sides have to speak version 3"
    with pytest.raises(ProtocolError) as caught:
        encode(message, 2)
    assert str(caught.value) == f"{place}: {problem}"


def test_what_an_older_reader_can_do_without_is_left_out_for_it() -> None:
    written = CheckpointWritten(1.5, "x", 1, 0.1, "x.checkpoint")
    assert decode_answer(encode(written)) == written
    assert decode_answer(encode(written, 2)) == replace(written, file=None)


@pytest.mark.parametrize("value", [None, "flight_features"])
def test_a_field_of_the_newer_version_is_unknown_in_the_older(value: object) -> None:
    plain = {**json.loads(encode(REQUEST, 2)), "stop_at": value}
    with pytest.raises(ProtocolError, match=r"^RunRequest: unknown field 'stop_at'; known: "):
        decode_request(json.dumps(plain))
    assert decode_request(json.dumps({**plain, "protocol": 3})).dataflow == REQUEST.dataflow


@pytest.mark.parametrize(
    ("line", "version"),
    [
        (encode(REQUEST, 2), 2),
        (encode(REQUEST, 3), 3),
        ('{"protocol": 2, "nonsense": true}', 2),
        ('{"protocol": 1}', VERSION),
        ('{"protocol": 99}', VERSION),
        ('{"protocol": true}', VERSION),
        ('{"protocol": [1]}', VERSION),
        ("{}", VERSION),
        ("hello", VERSION),
        ("[1]", VERSION),
    ],
)
def test_an_answer_is_due_in_the_version_of_the_request(line: str, version: int) -> None:
    assert answer_version(line) == version


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
    inner = [each for each in plain.values() if isinstance(each, dict)]
    place = data.draw(st.sampled_from([plain, *inner]))
    place[data.draw(st.sampled_from([*place, "x"]))] = wrong
    decode = decode_request if plain["type"] == "request" else decode_answer
    try:
        message = decode(json.dumps(plain))
    except ProtocolError:
        return
    encode(message)


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
        ("{}", "message.protocol: version None is not spoken; known: 2, 3"),
        ('{"protocol": 4}', "message.protocol: version 4 is not spoken; known: 2, 3"),
        ('{"protocol": "1"}', "message.protocol: version '1' is not spoken; known: 2, 3"),
        ('{"protocol": 1.0}', "message.protocol: version 1.0 is not spoken; known: 2, 3"),
        ('{"protocol": true}', "message.protocol: version True is not spoken; known: 2, 3"),
        ('{"protocol": [1]}', "message.protocol: version [1] is not spoken; known: 2, 3"),
    ],
)
def test_a_line_that_is_no_message_is_refused(line: str, message: str) -> None:
    for decode in (decode_request, decode_answer):
        with pytest.raises(ProtocolError) as caught:
            decode(line)
        assert str(caught.value) == message


def test_a_request_and_an_answer_are_not_mistaken_for_each_other() -> None:
    with pytest.raises(
        ProtocolError, match=r"^message\.type: 'node_started' is not expected here; known: 'requ"
    ):
        decode_request(encode(STARTED))
    with pytest.raises(
        ProtocolError, match=r"^message\.type: 'request' is not expected here; known: 'graph', "
    ):
        decode_answer(encode(REQUEST))


@pytest.mark.parametrize("tag", [None, 1, "", "Graph", ["graph"], {"a": 1}])
def test_an_unknown_type_is_refused(tag: object) -> None:
    with pytest.raises(ProtocolError, match=r"^message\.type: .* is not expected here; known: "):
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
    with pytest.raises(TypeError, match=r"is no message$"):
        encode(what)


def test_the_spoken_version_is_accepted() -> None:
    assert VERSION in ACCEPTED
    assert set(ACCEPTED) <= {VERSION, VERSION - 1}
