from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from isthmus_contracts.catalog import NYC_FLIGHTS
from isthmus_platform.demo.server import load_server
from isthmus_platform.errors import SourceError


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    """Return a database that undoes what a transaction has created, as a server does."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'server.sqlite'}")
    sa.event.listen(engine, "connect", lambda raw, _: setattr(raw, "isolation_level", None))
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    yield engine
    engine.dispose()


def test_every_table_is_loaded_with_the_contracts_types(package: Path, engine: sa.Engine) -> None:
    said: list[str] = []
    load_server(package, engine, said.append)
    assert said[0] == "loaded 2 flights into the company's database"
    metadata = sa.MetaData()
    metadata.reflect(engine)
    assert set(metadata.tables) == {each.name for each in NYC_FLIGHTS.tables}
    flights = metadata.tables["flights"]
    columns = [flights.c[name] for name in ("month", "carrier", "dep_delay", "time_hour")]
    with engine.connect() as connection:
        rows = connection.execute(sa.select(*columns)).fetchall()
    assert rows == [(1, "1", 1.0, datetime(2013, 1, 1, 10)), (None,) * 4]  # noqa: DTZ001 - SQLite has no zones


def test_they_are_loaded_once(package: Path, engine: sa.Engine) -> None:
    said: list[str] = []
    for _ in range(2):
        load_server(package, engine, said.append)
    assert said[len(NYC_FLIGHTS.tables) :] == ["the company's tables are there already"]


def test_a_package_that_lacks_a_file_leaves_no_table(package: Path, engine: sa.Engine) -> None:
    (package / "data" / f"{NYC_FLIGHTS.tables[-1].name}.csv").unlink()
    with pytest.raises(SourceError, match=r"holds neither"):
        load_server(package, engine, lambda _: None)
    assert sa.inspect(engine).get_table_names() == []
