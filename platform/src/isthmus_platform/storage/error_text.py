"""Messages of S3 servers and clients, without the request and debugging details."""

from __future__ import annotations

import html
import re

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # Delta colours its messages
_ANSWER = re.compile(r"<Code>(.*?)</Code>.*?<Message>(.*?)</Message>")
_REQUEST = re.compile(r"Server returned non-2xx|HTTP error")
_DEBUGGING = " Debug source: "
_CAUSE = re.compile(r'message: "(.*?)"')
_LONGEST = 300


def one_line(text: str) -> str:
    """Return the cause that an error message of obstore, or of Delta, names."""
    plain = " ".join(_COLOUR.sub("", text).split())
    if answer := _ANSWER.search(plain):
        return html.unescape(f"{answer[1]}: {answer[2]}").rstrip(".")[:_LONGEST]
    message, _, debugging = plain.partition(_DEBUGGING)
    if request := _REQUEST.search(message):
        message = message[request.start() :].rstrip(": ")
    if cause := _CAUSE.search(debugging):
        message = f"{message} ({cause[1]})"
    return message[:_LONGEST]
