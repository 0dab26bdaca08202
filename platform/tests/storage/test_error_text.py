from __future__ import annotations

import pytest

from isthmus_platform.storage.error_text import one_line

REFUSED = """Generic S3 error: Error performing GET http://h/b/x in 12ms - Server returned non-2xx \
status code: 403 Forbidden: <?xml version="1.0" encoding="utf-8"?>
<Error><Code>AccessDenied</Code><Message>You &amp; yours may not.</Message></Error>

Debug source:
PermissionDenied { path: "x", secret: "canary" }"""
GONE = """Generic S3 error: Error performing GET http://h/b/x in 2s, 10 retries - HTTP error: \
error sending request

Debug source:
Generic { store: "S3", source: Os { code: 111, message: "Connection refused" } }"""
SILENT = """The operation lacked the necessary privileges: Error performing HEAD http://h/b/x in \
2ms - Server returned non-2xx status code: 403 Forbidden:\x20

Debug source:
PermissionDenied { body: Some("") }"""
DELTA = """Generic S3 error
  \x1b[31m↳\x1b[0m Error performing list request
   \x1b[31m↳\x1b[0m 180s  - HTTP error
    \x1b[31m↳\x1b[0m Connection refused (os error 111)"""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (REFUSED, "AccessDenied: You & yours may not"),
        (GONE, "HTTP error: error sending request (Connection refused)"),
        (SILENT, "Server returned non-2xx status code: 403 Forbidden"),
        (DELTA, "HTTP error ↳ Connection refused (os error 111)"),
        ("two \x1b[31m↳\x1b[0m\nlines of /a - b/c", "two ↳ lines of /a - b/c"),
        ("x" * 1000, "x" * 300),
        ("", ""),
    ],
)
def test_the_cause_is_left(text: str, sentence: str) -> None:
    assert one_line(text) == sentence
