"""Give each service the secrets that it cannot work without, in a volume of its own.

Missing secrets are made; existing ones stay. The first volume has every secret, and only this
program mounts it. Run as root, it also gives Airflow's volumes to Airflow's user, whose id may have
changed since they were made.
"""

from __future__ import annotations

import base64
import grp
import json
import os
import pwd
import secrets
from pathlib import Path

VOLUMES = Path("/secrets")
AIRFLOWS = (Path("/opt/airflow/logs"), Path("/var/lib/isthmus/runs"))
PUBLIC, PRIVATE, WRITABLE = 0o444, 0o400, 0o600

Files = dict[str, str]


def main() -> None:
    """Write the files of each volume."""
    known = load(VOLUMES / "kept" / "secrets.json")
    airflow = pwd.getpwnam("airflow")
    for volume, files in for_airflow(known).items():
        write(VOLUMES / volume, files, PRIVATE, airflow)
    # Airflow's simple auth manager opens this one for writing; a person may have changed it.
    logins, chosen = VOLUMES / "control" / "passwords.json", os.environ.get("ISTHMUS_PASSWORD")
    if chosen or not logins.exists():
        text = json.dumps({"airflow": chosen or "airflow"})
        write(logins.parent, {logins.name: text}, WRITABLE, airflow)
    # Each of these is mounted by one service, whose image has a user of its own.
    for volume, files in for_others(known).items():
        write(VOLUMES / volume, files, PUBLIC, None)
    for directory in AIRFLOWS:
        give(directory, airflow)


def load(file: Path) -> dict[str, str]:
    """Return every secret, and make those that are not there yet."""
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    names = ("postgres", "airflow", "operations", "reader", "redis", "jwt", "session", "lake")
    fresh = {name: secrets.token_urlsafe(32) for name in names}
    fresh |= {
        "fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "lake_key": secrets.token_hex(10),
    }
    complete = fresh | known
    if complete != known:
        write(file.parent, {file.name: json.dumps(complete)}, PRIVATE, None)
    return complete


def for_airflow(known: dict[str, str]) -> dict[str, Files]:
    """Return the files of the volumes that Airflow's processes mount."""
    broker = {
        "broker_url": f"redis://:{known['redis']}@redis:6379/0",
        "result_backend": f"redis://:{known['redis']}@redis:6379/1",
    }
    lake = {
        "conn_type": "aws",
        "login": known["lake_key"],
        "password": known["lake"],
        "extra": {"endpoint_url": "http://object-store:8333", "region_name": "us-east-1"},
    }
    source = {
        "conn_type": "postgres",
        "host": "postgres",
        "port": 5432,
        "schema": "operations",
        "login": "reader",
        "password": known["reader"],
    }
    return {
        "control": {
            **broker,
            "sql_alchemy_conn": f"postgresql+psycopg2://airflow:{known['airflow']}@postgres/airflow",
            "fernet_key": known["fernet"],
            "jwt_secret": known["jwt"],
            "secret_key": known["session"],
        },
        "ingest": {**broker, "connections.json": json.dumps({"lake": lake, "operations": source})},
        "transform": {**broker, "connections.json": json.dumps({"lake": lake})},
        "seed": {"address": f"postgresql://operations:{known['operations']}@postgres/operations"},
    }


def for_others(known: dict[str, str]) -> dict[str, Files]:
    """Return the files of the volumes that databases and the object store mount."""
    identity = {
        "name": "isthmus",
        "credentials": [{"accessKey": known["lake_key"], "secretKey": known["lake"]}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    return {
        "postgres": {name: known[name] for name in ("postgres", "airflow", "operations", "reader")},
        "redis": {"redis.conf": f"requirepass {known['redis']}\nappendonly yes\ndir /data\n"},
        "object-store": {"s3.json": json.dumps({"identities": [identity]})},
    }


def write(directory: Path, files: Files, mode: int, owner: pwd.struct_passwd | None) -> None:
    """Write files, each in one step, so that a reader never sees half of one."""
    directory.chmod(0o755 if mode == PUBLIC else 0o700)
    for name, text in files.items():
        draft = directory / f".{name}"
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        draft.chmod(mode)
        if owner:
            os.chown(draft, owner.pw_uid, owner.pw_gid)
        draft.replace(directory / name)
    if owner:
        os.chown(directory, owner.pw_uid, owner.pw_gid)
        for path in directory.iterdir():
            os.chown(path, owner.pw_uid, owner.pw_gid)


def give(directory: Path, owner: pwd.struct_passwd) -> None:
    """Give a volume, and all files in it, to a user that does not own it yet."""
    if directory.stat().st_uid == owner.pw_uid:
        return
    runners = grp.getgrnam("isthmus-runner").gr_gid
    for folder, _, names in os.walk(directory):
        for path in (Path(folder), *(Path(folder, name) for name in names)):
            shared = path.lstat().st_gid == runners
            os.chown(path, owner.pw_uid, -1 if shared else owner.pw_gid, follow_symlinks=False)


if __name__ == "__main__":
    main()
