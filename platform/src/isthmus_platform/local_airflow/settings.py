"""The settings of a local Airflow, as data: nothing here starts or imports it."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from isthmus_platform.storage.local_files import write_text

HOST = "127.0.0.1"
USER = "airflow"
PASSWORD = "airflow"  # noqa: S105 # the default, of an Airflow that only this machine can reach

_INHERITED = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("VIRTUAL_ENV", "PYTHONPATH"),
)


@dataclass(frozen=True, slots=True)
class Installation:
    """Say where one installation keeps its state, what it runs, and its port.

    `environment` is added to that of every component, and so to that of every task. A `password`
    takes the place of the one that the installation has.
    """

    state: Path
    deployment: Path
    dags_folder: Path
    port: int = 8080
    environment: Mapping[str, str] = field(default_factory=dict)
    triggerer: bool = False
    password: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Return the address of the UI and the API."""
        return f"http://{HOST}:{self.port}"

    @property
    def home(self) -> Path:
        """Return the directory AIRFLOW_HOME."""
        return self.state.resolve() / "airflow"

    @property
    def logs(self) -> Path:
        """Return the directory of the components' own logs."""
        return self.home / "logs" / "components"


def environment(installation: Installation) -> dict[str, str]:
    """Return the whole environment of Airflow's components; create secrets and login if needed.

    Only a few variables are inherited from this process, and no setting of Airflow.
    """
    home = installation.home
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    passwords = _passwords(home)
    if installation.password or not passwords.exists():
        known = json.dumps({USER: installation.password or PASSWORD})
        write_text(passwords, known, private=True)
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {
        **inherited,
        **settings(installation),
        **_stored_secrets(home / "secrets.json"),
        "ISTHMUS_DEPLOYMENT": str(installation.deployment.resolve()),
        **installation.environment,
    }


def settings(installation: Installation) -> dict[str, str]:
    """Return Airflow's settings except secrets, as environment variables."""
    home = installation.home
    options: dict[str, dict[str, object]] = {
        "core": {
            "executor": "LocalExecutor",
            "parallelism": 4,  # 32 on SQLite kill the scheduler with "database is locked"
            "dags_folder": installation.dags_folder.resolve(),
            "plugins_folder": Path(__file__).with_name("plugins"),
            "load_examples": False,
            "unit_test_mode": False,
            "dags_are_paused_at_creation": False,
            "min_serialized_dag_update_interval": 2,  # else quick edits stay hidden for 30 s
            "execution_api_server_url": f"{installation.url}/execution/",
            "hostname_callable": "platform.node",  # the default asks DNS
            "simple_auth_manager_users": f"{USER}:admin",
            "simple_auth_manager_passwords_file": _passwords(home),
        },
        "database": {"sql_alchemy_conn": f"sqlite:///{home / 'airflow.db'}?timeout=60"},
        "api": {
            "host": HOST,
            "port": installation.port,
            "base_url": installation.url,
            "workers": 1,
        },
        "scheduler": {"scheduler_idle_sleep_time": 0.25, "enable_health_check": False},
        "dag_processor": {
            "refresh_interval": 10,  # new files, by default after 300 s
            "min_file_process_interval": 15,
            "parsing_processes": 1,
            "print_stats_interval": 600,
        },
        "workers": {
            "execution_api_timeout": 60,  # the first request takes the server 4 s, or 7 under load
            "min_heartbeat_interval": 1,  # else the end of a task is often seen 5 s late
        },
        "logging": {
            "base_log_folder": home / "logs",
            "remote_logging": False,
            "colored_console_log": False,
        },
        "usage_data_collection": {"enabled": False},
    }
    variables = {
        f"AIRFLOW__{section.upper()}__{name.upper()}": str(value)
        for section, values in options.items()
        for name, value in values.items()
    }
    return {"AIRFLOW_HOME": str(home), "PYTHONUNBUFFERED": "1", **variables}


def read_password(home: Path) -> str:
    """Return the password of an installation that was started before."""
    passwords: dict[str, str] = json.loads(_passwords(home).read_text(encoding="utf-8"))
    return passwords[USER]


def _passwords(home: Path) -> Path:
    return home / "passwords.json"


def _stored_secrets(file: Path) -> dict[str, str]:
    if not file.exists():
        fresh = {
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
            "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(48),
            "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        write_text(file, json.dumps(fresh, indent=2), private=True)
    stored: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return stored
