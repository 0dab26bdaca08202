"""What an S3 server said, or the way to it, without the request and its debugging."""

from __future__ import annotations

import html
import re

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # Delta paints its messages
_ANSWER = re.compile(r"<Code>(.*?)</Code>.*?<Message>(.*?)</Message>")
_REQUEST = re.compile(r"Server returned non-2xx|HTTP error")
_DEBUGGING = " Debug source: "
_CAUSE = re.compile(r'message: "(.*?)"')
_LONGEST = 300


def one_line(text: str) -> str:
    """Return what an error of obstore, or of Delta, says of its cause."""
    plain = " ".join(_COLOUR.sub("", text).split())
    if answer := _ANSWER.search(plain):
        return html.unescape(f"{answer[1]}: {answer[2]}").rstrip(".")[:_LONGEST]
    told, _, debugging = plain.partition(_DEBUGGING)
    if request := _REQUEST.search(told):
        told = told[request.start() :].rstrip(": ")
    if cause := _CAUSE.search(debugging):
        told = f"{told} ({cause[1]})"
    return told[:_LONGEST]
