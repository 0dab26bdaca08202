import json
import stat
from pathlib import Path

import pytest

from isthmus_platform.local_airflow.settings import (
    Installation,
    environment,
    read_password,
    settings,
)


def _installation(state: Path, **more: object) -> Installation:
    return Installation(state, state / "local.toml", state / "dags", **more)  # type: ignore[arg-type]


def test_everything_is_bound_to_this_machine_alone(tmp_path: Path) -> None:
    found = settings(_installation(tmp_path, port=8123))
    assert found["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert found["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:8123"
    assert found["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8123/execution/"


def test_sqlite_waits_for_its_lock_and_few_tasks_run_at_once(tmp_path: Path) -> None:
    found = settings(_installation(tmp_path))
    url = found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert url == f"sqlite:///{tmp_path.resolve()}/airflow/airflow.db?timeout=60"
    assert found["AIRFLOW__CORE__PARALLELISM"] == "4"


def test_nothing_of_the_users_shell_reaches_airflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__UNIT_TEST_MODE", "True")
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", "sqlite://")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    found = environment(_installation(tmp_path))
    assert found["AIRFLOW__CORE__UNIT_TEST_MODE"] == "False"
    assert "AIRFLOW_CONN_OTHER" not in found
    assert "AWS_SECRET_ACCESS_KEY" not in found
    assert found["TZ"] == "Europe/Berlin"


def test_the_installations_own_variables_are_added(tmp_path: Path) -> None:
    found = environment(_installation(tmp_path, environment={"AIRFLOW_CONN_NYC": "sqlite://"}))
    assert found["AIRFLOW_CONN_NYC"] == "sqlite://"
    assert found["ISTHMUS_DEPLOYMENT"] == str((tmp_path / "local.toml").resolve())


def test_secrets_are_made_once_and_stay_with_their_owner(tmp_path: Path) -> None:
    installation = _installation(tmp_path)
    first = environment(installation)
    assert environment(installation) == first
    for name in ("secrets.json", "passwords.json"):
        assert stat.S_IMODE((installation.home / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(installation.home.stat().st_mode) == 0o700
    stored = json.loads((installation.home / "secrets.json").read_text())
    assert len(set(stored.values())) == 3
    assert all(len(value) >= 43 for value in stored.values())
    other = environment(_installation(tmp_path / "other"))
    assert other["AIRFLOW__API_AUTH__JWT_SECRET"] != first["AIRFLOW__API_AUTH__JWT_SECRET"]


def test_a_password_that_someone_changed_is_kept(tmp_path: Path) -> None:
    installation = _installation(tmp_path)
    environment(installation)
    passwords = installation.home / "passwords.json"
    assert json.loads(passwords.read_text()) == {"airflow": "airflow"}
    passwords.write_text('{"airflow": "changed"}')
    environment(installation)
    assert json.loads(passwords.read_text()) == {"airflow": "changed"}


def test_a_password_of_ones_own_replaces_the_one_before(tmp_path: Path) -> None:
    environment(_installation(tmp_path))
    chosen = _installation(tmp_path, password="one's own")  # noqa: S106 - of nothing
    assert "one's own" not in str(environment(chosen))
    assert "one's own" not in repr(chosen)
    assert read_password(chosen.home) == "one's own"
    assert stat.S_IMODE((chosen.home / "passwords.json").stat().st_mode) == 0o600
    environment(_installation(tmp_path))  # without it, the last one stays
    assert read_password(chosen.home) == "one's own"
