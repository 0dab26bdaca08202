from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from isthmus_contracts.testing.sample_catalog import CATALOG, PARCEL_DELAYS, STATION_DAYS
from isthmus_platform.deployment import LOCAL, Deployment, LakeLocation, load_deployment
from isthmus_platform.deployment.settings import Settings
from isthmus_platform.errors import DeploymentError

SOUND = """
[lake]
root = "${STATE}/lake"
[runs]
root = "${STATE}/runs"
[sources.parcel_firm]
connection = "nyc"
[runners.default]
command = ["python"]
home = "/home/runner"
[defaults]
retries = 2
"""


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE", "/state")


def load(tmp_path: Path, text: str) -> Deployment:
    file = tmp_path / "company.toml"
    file.write_text(text)
    return load_deployment(file)


def test_the_local_deployment_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTHMUS_STATE", "/somewhere")
    monkeypatch.setenv("ISTHMUS_TRANSFORMS_PYTHON", "/python")
    deployment = load_deployment(LOCAL)
    assert deployment.lake.root == "/somewhere/lake"
    assert deployment.runners["default"].command[0] == "/python"
    assert deployment.settings(STATION_DAYS).engine == "sequential"
    assert deployment.unknown_dataflows(CATALOG) == {}


def test_the_file_is_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "named.toml").write_text(SOUND)
    monkeypatch.setenv("ISTHMUS_DEPLOYMENT", str(tmp_path / "named.toml"))
    assert load_deployment().file == tmp_path / "named.toml"


def test_a_dataflows_own_part_overrides_the_defaults(tmp_path: Path) -> None:
    own = '[dataflows."parcel_delays.v1"]\nretries = 5\nschedule = "0 4 * * *"'
    deployment = load(tmp_path, SOUND + own)
    assert deployment.settings(PARCEL_DELAYS).retries == 5
    assert deployment.settings(PARCEL_DELAYS).schedule == "0 4 * * *"
    assert deployment.settings(STATION_DAYS).retries == 2
    assert deployment.settings(STATION_DAYS).schedule is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[lake", "company.toml, file: it is not valid TOML: "),
        (
            "[lakes]\n" + SOUND,
            r"company.toml, \[lakes\]: unknown part 'lakes'; did you mean 'lake'\?",
        ),
        ("lake = 3", r"company.toml, \[lake\]: expected a table, got 3"),
        (
            SOUND.replace("[runs]", "[runners.x]"),
            r"company.toml, \[runs\]: field 'root' is missing",
        ),
        (
            SOUND.replace("STATE", "STATED"),
            r"\[lake\].root: environment variable 'STATED' is not set",
        ),
        (SOUND.replace("${STATE}", "$$$"), r"\[lake\].root: .* has a \$ that no name follows"),
        (
            SOUND.replace('command = ["python"]', 'command = "python"'),
            r"\[runners.default\].command: expected a list, got 'python'",
        ),
        (SOUND.replace('["python"]', "[]"), r"\[runners.default\]: command is \[\]; allowed: a"),
        (SOUND.replace("${STATE}/lake", "lake"), "root is 'lake'; allowed: an absolute path"),
        (
            SOUND.replace('"nyc"', '"nyc"\nchunk_rows = 0'),
            r"\[sources.parcel_firm\]: chunk_rows is 0; allowed: 1 or more",
        ),
        (
            SOUND.replace("connection", "conection"),
            r"\[sources.parcel_firm\]: unknown field 'conection'; did you mean 'connection'\?",
        ),
        (SOUND.replace("/home/runner", "home"), "home is 'home'; allowed: an absolute path"),
        (
            SOUND.replace('"/home/runner"', '"/h"\nenvironment = { A = 1 }'),
            r"\[runners.default\].environment.A: expected str, got 1",
        ),
        *(
            (
                SOUND.replace('"/home/runner"', f'"/h"\nenvironment = {{ {name} = "x" }}'),
                rf"\[runners.default\]: a name in environment is '{name}'; allowed: no setting",
            )
            for name in ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW_CONN_X", "ISTHMUS_DATAFLOW")
        ),
        (
            SOUND.replace("retries", "retires"),
            r"\[defaults\]: unknown field 'retires'; did you mean 'retries'\?",
        ),
        (SOUND + "retry_delay_seconds = nan", r"\[defaults\]: retry_delay_seconds is nan; allowed"),
        (SOUND + "engine_options = { a = [1] }", r"\[defaults\].engine_options.a: expected one of"),
        (
            "[[dataflows]]\na = 1",
            r"\[dataflows\]: expected a table, got \[\{'a': 1\}\]",
        ),
        (
            SOUND.replace("[runners.default]", "[runners]\ndefault = 1\n[runners.other]"),
            r"\[runners.default\]: expected a table, got 1",
        ),
    ],
)
def test_an_invalid_file_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DeploymentError, match=message):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("engine", "options"), [("threads", {"workers": 2}), ("processes", {}), (None, {"workers": 2})]
)
def test_the_options_of_another_engine_are_not_inherited(
    tmp_path: Path, engine: str | None, options: dict[str, object]
) -> None:
    own = f'engine = "{engine}"' if engine else ""
    text = SOUND.replace("[defaults]", '[defaults]\nengine = "threads"\nengine_options.workers = 2')
    assert text != SOUND
    deployment = load(tmp_path, f'{text}\n[dataflows."parcel_delays.v1"]\n{own}\n')
    assert deployment.settings(PARCEL_DELAYS).engine_options == options


IN_BUCKET = SOUND.replace('"${STATE}/lake"', '"s3://company-lake/a/b"\ncache = "${STATE}/cache"')


def test_a_lake_may_be_in_a_bucket(tmp_path: Path) -> None:
    lake = load(tmp_path, IN_BUCKET).lake
    assert lake == LakeLocation("s3://company-lake/a/b", cache="/state/cache")
    assert lake.is_bucket
    more = IN_BUCKET.replace("cache =", 'connection = "bucket"\ncache_megabytes = 5\ncache =')
    lake = load(tmp_path, more).lake
    assert (lake.connection, lake.cache_megabytes) == ("bucket", 5)
    assert not load(tmp_path, SOUND).lake.is_bucket


@pytest.mark.parametrize("root", ["s3://b", "s3://b/", "s3://my.bucket-1/a/b-c_d.e/"])
def test_a_bucket_is_named_with_or_without_a_prefix(root: str) -> None:
    assert LakeLocation(root, cache="/cache").is_bucket


@pytest.mark.parametrize(
    "root",
    [
        *("s3://", "s3:///a", "s3://Bucket", "s3://b//a", "s3://b/a b", "s3://b/..", "s3://b/./a"),
        *("s3://user@b/a", "s3://b?x=1", "s3a://b/a", "gs://b/a", "https://b/a", ""),
    ],
)
def test_what_is_no_bucket_is_refused(root: str) -> None:
    allowed = "allowed: an absolute path, or a bucket as in s3://bucket/prefix"
    with pytest.raises(ValueError, match=f"^root is '.*'; {allowed}$"):
        LakeLocation(root, cache="/cache")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            IN_BUCKET.replace("cache =", "#"),
            r"\[lake\]: cache is None; allowed: an absolute path, because the lake is in a bucket",
        ),
        (IN_BUCKET.replace("${STATE}/cache", "cache"), "cache is 'cache'; allowed: an absolute p"),
        (
            IN_BUCKET.replace("cache =", "cache_megabytes = 0\ncache ="),
            "cache_megabytes is 0; allowed: 1 or more",
        ),
        (
            IN_BUCKET.replace("cache =", 'connection = ""\ncache ='),
            "connection is ''; allowed: an Airflow connection",
        ),
        (
            SOUND.replace('/lake"', '/lake"\ncache = "/x"'),
            "cache is '/x'; allowed: none, because the lake is in a directory",
        ),
        (
            SOUND.replace('/lake"', '/lake"\nconnection = "x"'),
            "connection is 'x'; allowed: none, because the lake is in a directory",
        ),
        (
            IN_BUCKET.replace("cache =", 'secret_key = "x"\ncache ='),
            r"\[lake\]: unknown field 'secret_key'; known: 'root', 'connection', 'cache'",
        ),
    ],
)
def test_a_bucket_that_is_not_wholly_said_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DeploymentError, match=message):
        load(tmp_path, text)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=r"gone.toml, file: it cannot be read: No such file"):
        load_deployment(tmp_path / "gone.toml")


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("retires = 1", r"unknown field 'retires'; did you mean 'retries'\?"),
        ('retries = "many"', "retries: expected int, got 'many'"),
        ("retries = -1", "retries is -1; allowed: 0 or more"),
        ("timeout_minutes = inf", "timeout_minutes is inf; allowed: more than 0, to a year"),
        ("timeout_minutes = nan", "timeout_minutes is nan"),
        ('schedule = ""', "schedule is ''; allowed: a cron expression"),
        ('transform_queue = ""', "transform_queue is ''; allowed: the name of a queue"),
        ('runner = "gpu"', "unknown runner 'gpu'; known: 'default'"),
        ("retries = true", "retries: expected int, got True"),
        ('approval = "yes"', "approval: expected bool, got 'yes'"),
        ("retry_delay_seconds = -1", "retry_delay_seconds is -1.0; allowed: 0 to a year"),
    ],
)
def test_a_mistake_in_one_part_concerns_that_dataflow_only(
    tmp_path: Path, part: str, message: str
) -> None:
    deployment = load(tmp_path, f'{SOUND}\n[dataflows."parcel_delays.v1"]\n{part}')
    with pytest.raises(DeploymentError, match=message) as caught:
        deployment.settings(PARCEL_DELAYS)
    assert '[dataflows."parcel_delays.v1"]' in str(caught.value)
    assert deployment.settings(STATION_DAYS).retries == 2


def test_a_dataset_without_a_source_concerns_its_readers_only(tmp_path: Path) -> None:
    deployment = load(tmp_path, SOUND.replace("parcel_firm", "tokyo"))
    with pytest.raises(DeploymentError, match="unknown source 'parcel_firm'; known: 'tokyo'"):
        deployment.settings(PARCEL_DELAYS)
    deployment.settings(STATION_DAYS)


def test_a_part_for_an_unknown_dataflow_is_reported(tmp_path: Path) -> None:
    deployment = load(tmp_path, SOUND + '[dataflows."pracel_delays.v1"]\n')
    ((name, error),) = deployment.unknown_dataflows(CATALOG).items()
    assert name == "pracel_delays.v1"
    assert "unknown dataflow 'pracel_delays.v1'; did you mean 'parcel_delays.v1'?" in str(error)


def test_a_part_that_is_no_table_concerns_that_dataflow_only(tmp_path: Path) -> None:
    deployment = load(tmp_path, SOUND + '[dataflows]\n"parcel_delays.v1" = 3')
    with pytest.raises(DeploymentError, match="expected a table, got 3"):
        deployment.settings(PARCEL_DELAYS)
    assert deployment.settings(STATION_DAYS).retries == 2


def test_an_unknown_runner_in_the_defaults_is_reported_there(tmp_path: Path) -> None:
    deployment = load(tmp_path, SOUND + 'runner = "gpu"')
    with pytest.raises(
        DeploymentError, match=r"\[defaults\]: unknown runner 'gpu'; known: 'default'"
    ):
        deployment.settings(PARCEL_DELAYS)


def test_what_no_part_says_is_what_the_code_says(tmp_path: Path) -> None:
    settings = load(tmp_path, SOUND.replace("retries = 2", "")).settings(PARCEL_DELAYS)
    assert settings == Settings()
    assert load(tmp_path, SOUND).sources["parcel_firm"].chunk_rows == 50_000


def test_variables_stand_for_themselves_in_texts_and_lists_only(tmp_path: Path) -> None:
    command = '["${STATE}/python", "-c", "$$HOME"]'
    deployment = load(tmp_path, SOUND.replace('["python"]', command))
    assert deployment.runners["default"].command == ("/state/python", "-c", "$HOME")


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "company.toml"
    file.write_bytes("# caf\N{LATIN SMALL LETTER E WITH ACUTE}".encode("latin-1"))
    with pytest.raises(DeploymentError, match=r"company.toml, file: it is not valid TOML: 'utf-8'"):
        load_deployment(file)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="file: it cannot be read: Is a directory"):
        load_deployment(tmp_path)


def test_a_runner_may_have_a_user_and_a_limit(tmp_path: Path) -> None:
    own = 'command = ["python"]\nuser = "isthmus-runner"\ndisk_limit_megabytes = 500'
    runner = load(tmp_path, SOUND.replace('command = ["python"]', own)).runners["default"]
    assert runner.user == "isthmus-runner"
    assert runner.disk_limit_megabytes == 500
    runner = load(tmp_path, SOUND).runners["default"]
    assert (runner.user, runner.disk_limit_megabytes) == (None, None)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('user = "root"', "user is 'root'; allowed: a Unix user other than root"),
        ('user = ""', "user is ''; allowed: a Unix user other than root"),
        ("user = 1000", "expected str, got 1000"),
        ("disk_limit_megabytes = 0", "disk_limit_megabytes is 0; allowed: 1 or more"),
    ],
)
def test_a_users_name_and_a_limit_are_checked(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(DeploymentError, match=words):
        load(tmp_path, SOUND.replace('command = ["python"]', f'command = ["python"]\n{line}'))


def test_every_mistake_of_a_file_is_reported_at_once(tmp_path: Path) -> None:
    text = """
[lakes]
[lake]
root = "${GONE}/lake"
cache_megabytes = "many"
[runs]
root = "runs"
keep_days = 0
[sources.parcel_firm]
conection = "nyc"
[runners.default]
command = []
user = "root"
home = "/home/runner"
environment = { AIRFLOW_HOME = "/x", A = 1 }
[runners.other]
command = ["python"]
home = "/home"
[defaults]
retries = -1
timeout_minutes = "long"
pool = ""
"""
    with pytest.raises(DeploymentError) as refused:
        load(tmp_path, text)
    places = [mistake.removeprefix("company.toml, ") for mistake in refused.value.mistakes]
    assert places == [
        "[lakes]: unknown part 'lakes'; did you mean 'lake'?",
        "[defaults].timeout_minutes: expected float, got 'long'",
        "[defaults]: retries is -1; allowed: 0 or more",
        "[defaults]: pool is ''; allowed: the name of a pool",
        "[lake].root: environment variable 'GONE' is not set",
        "[lake].cache_megabytes: expected int, got 'many'",
        "[runs]: root is 'runs'; allowed: an absolute path",
        "[runs]: keep_days is 0.0; allowed: 1 to ten years",
        "[sources.parcel_firm]: unknown field 'conection'; did you mean 'connection'?",
        "[sources.parcel_firm]: field 'connection' is missing",
        "[runners.default].environment.A: expected str, got 1",
        "[runners.default]: command is []; allowed: a program and its arguments",
        "[runners.default]: user is 'root'; allowed: a Unix user other than root",
    ]
    assert str(refused.value) == "\n".join(f"company.toml, {place}" for place in places)


def test_every_mistake_of_a_dataflows_part_is_reported_at_once(tmp_path: Path) -> None:
    part = """
[dataflows."parcel_delays.v1"]
retries = -1
schedule = "0 0 30 2 *"
runner = "gpu"
stages = ["dates"]
fan_out = true
[dataflows."parcel_delays.v1".stage.dates]
retries = -2
engin = "threads"
pool = 3
"""
    deployment = load(tmp_path, SOUND.replace("parcel_firm", "tokyo") + part)
    with pytest.raises(DeploymentError) as refused:
        deployment.settings(PARCEL_DELAYS)
    place = 'company.toml, [dataflows."parcel_delays.v1"]'
    assert refused.value.mistakes == (
        f"{place}.stage.dates: unknown field 'engin'; did you mean 'engine'?",
        f"{place}.stage.dates.pool: expected str, got 3",
        f"{place}: retries is -1; allowed: 0 or more",
        f"{place}: schedule is '0 0 30 2 *'; it has no time that ever comes",
        "company.toml, [sources.parcel_firm]: unknown source 'parcel_firm'; known: 'tokyo'",
    )
    deployment = load(tmp_path, SOUND + part.replace("-", "").replace("30 2", "28 2"))
    with pytest.raises(DeploymentError) as refused:
        deployment.settings(PARCEL_DELAYS)
    assert len(refused.value.mistakes) == 2
    text = part.partition("[dataflows.")[2].partition("[dataflows.")[0]
    text = f"[dataflows.{text}".replace("-", "").replace("30 2", "28 2")
    with pytest.raises(DeploymentError) as refused:
        load(tmp_path, SOUND + text).settings(PARCEL_DELAYS)
    assert [mistake.partition(": ")[2][:25] for mistake in refused.value.mistakes] == [
        "unknown runner 'gpu'; kno",
        "fan_out is true, but outp",
        "stages: unknown checkpoin",
    ]


def test_a_variable_that_one_dataflows_part_names_concerns_that_dataflow_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = load(tmp_path, f'{SOUND}\n[dataflows."parcel_delays.v1"]\npool = "${{POOL}}"')
    assert "POOL" in deployment.variables
    assert deployment.settings(STATION_DAYS).pool == "default_pool"
    with pytest.raises(DeploymentError, match="pool: environment variable 'POOL' is not set"):
        deployment.settings(PARCEL_DELAYS)
    monkeypatch.setenv("POOL", "large")
    assert deployment.settings(PARCEL_DELAYS).pool == "large"


def test_a_deployment_has_the_digest_of_its_file(tmp_path: Path) -> None:
    deployment = load(tmp_path, SOUND)
    assert deployment.digest == hashlib.sha256(SOUND.encode()).hexdigest()
    assert load(tmp_path, f"{SOUND}# more").digest != deployment.digest
    assert SOUND not in repr(deployment)
