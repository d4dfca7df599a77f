"""One storno.yaml: strict, and silent about values."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from config.fields import Section
from config.secrets import redact
from config.settings import ApprovalSettings, JournalSettings, Settings, load
from config.systems import FakeOptions, GenericOptions, OdooOptions, TrytonOptions
from core.errors import SettingsMissing, UsageError

Write = Callable[[str], Path]

TRYTON = """\
systems:
  erp:
    kind: tryton
    url: https://erp.example.com/
    database: demo
    user: storno
    password: ${PW}
"""
ENVIRONMENT = {"PW": "hunter2", "PORT": "8000", "YES": "true", "LIMIT": "7", "SECONDS": "1.5"}


# --- what is read -------------------------------------------------------------------------------


def test_defaults(write: Write) -> None:
    """A file with one system has sensible values for everything else."""
    path = write("systems: {erp: {kind: fake}}")
    settings = load(path)

    assert settings.systems == {"erp": FakeOptions()}
    assert settings.approval == ApprovalSettings(policy="person", limit=100)
    assert settings.plans.expire_after_hours == 24
    assert settings.run.batch_size == 100
    assert settings.language == "auto"
    assert settings.file == path
    assert settings.journal_url == f"sqlite:///{(path.parent / 'journal.db').as_posix()}"


def test_tryton_options(write: Write) -> None:
    """A Tryton system has its time limits, and its password comes from outside."""
    options = load(write(TRYTON), environment=ENVIRONMENT).systems["erp"]

    assert isinstance(options, TrytonOptions)
    assert options.url == "https://erp.example.com"
    assert options.password == SecretStr("hunter2")
    assert (options.timeout_seconds.read, options.timeout_seconds.write) == (60.0, 120.0)
    assert (options.transport, options.verify_tls, options.language) == ("auto", True, "en")
    assert "hunter2" not in f"{options!r} {options}"


def test_odoo_options(write: Write) -> None:
    """An Odoo system takes a password or an API key under one name; JSON-2 alone can do without a database."""
    content = """
        systems:
          erp: {kind: odoo, url: https://erp.example.com, database: demo, user: storno, password: "${PW}"}
          key: {kind: odoo, url: https://erp.example.com, transport: json2, user: storno, password: "${PW}"}
        """
    systems = load(write(content), environment=ENVIRONMENT).systems
    options, key = systems["erp"], systems["key"]

    assert isinstance(options, OdooOptions)
    assert isinstance(key, OdooOptions)
    assert (options.transport, options.database, options.company) == ("auto", "demo", None)
    assert (key.transport, key.database) == ("json2", None)
    assert "hunter2" not in f"{options!r} {options}"


def test_foreign_kind_gets_its_options(write: Write) -> None:
    """A third party's connector gets every option as it stands, secrets put in, and nothing shows."""
    path = write(
        """
        systems:
          acme:
            kind: acme
            token: ${PW}
            nothing:
            ratio: 1.5
            deep: {a: [1, "${PORT}"]}
        """
    )
    options = load(path, environment=ENVIRONMENT).systems["acme"]

    assert isinstance(options, GenericOptions)
    assert options.options == {
        "token": "hunter2",
        "nothing": None,
        "ratio": Decimal("1.5"),
        "deep": {"a": (1, "8000")},
    }
    assert type(options.options["token"]) is str
    assert "hunter2" not in repr(options)
    assert redact("it was hunter2") == "it was ***"


def test_closing(write: Write) -> None:
    """A closing keeps the order of its routes and checks."""
    path = write(
        """
        systems: {erp: {kind: fake}}
        closings:
          stale:
            system: erp
            kind: purchase_order
            routes:
              - name: cancel it
                when: state = 'quotation'
                action: purchase_order.cancel
                arguments: {reason: stale, limit: 1.50, tags: [1, a]}
                checks: [{code: no_number, holds: number is not null, reason: No number.}]
              - {name: by hand, when: "true", action: x, executor: by_person}
            otherwise: Not stale.
        """
    )
    closing = load(path).closings["stale"]

    assert closing.scope == "not is_closed"
    assert [route.name for route in closing.routes] == ["cancel it", "by hand"]
    assert [route.executor for route in closing.routes] == [None, "by_person"]
    assert closing.routes[0].checks[0].code == "no_number"
    assert closing.routes[0].arguments["tags"] == (1, "a")
    assert str(closing.routes[0].arguments["limit"]) == "1.50"


def test_relative_paths_begin_at_the_file(write: Write) -> None:
    """A relative path means the same wherever the command is called from."""
    path = write("{systems: {}, journal: {path: data/j.db}, log: {file: storno.log}}")
    settings = load(path)

    assert settings.journal_url == f"sqlite:///{(path.parent / 'data/j.db').as_posix()}"
    assert settings.log.file == path.parent / "storno.log"


def test_references_may_stand_for_numbers_and_switches(write: Write) -> None:
    """What comes from the environment is text, and is read as what is expected there."""
    path = write(
        TRYTON
        + "    verify_tls: ${YES}\n    timeout_seconds: {read: '${SECONDS}', write: 2.5}\n"
        + "approval: {limit: '${LIMIT}'}\n"
    )
    settings = load(path, environment=ENVIRONMENT)
    options = settings.systems["erp"]

    assert isinstance(options, TrytonOptions)
    assert options.verify_tls is True
    assert (options.timeout_seconds.read, options.timeout_seconds.write) == (1.5, 2.5)
    assert settings.approval.limit == 7


def test_commented_sections_count_as_not_written(write: Write) -> None:
    """A section whose lines are all comments is no mistake."""
    settings = load(write("systems: {a: {kind: fake, url: }}\nclosings:\n  # nothing\nrun:\n"))

    assert settings.closings == {}


def test_file_of_the_environment(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a path, STORNO_CONFIG names the file."""
    path = write("systems: {a: {kind: fake}}")
    monkeypatch.setenv("STORNO_CONFIG", str(path))

    assert load().file == path


def test_file_of_the_folder(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a path and a variable, it is ./storno.yaml."""
    path = write("systems: {a: {kind: fake}}")
    monkeypatch.chdir(path.parent)

    assert load().file == path


def test_missing_file_tells_of_init(tmp_path: Path) -> None:
    """Without settings, the message says what to do."""
    with pytest.raises(SettingsMissing, match="storno init"):
        load(tmp_path / "storno.yaml")


def test_unreadable_file(tmp_path: Path) -> None:
    """A file that cannot be opened is named."""
    with pytest.raises(UsageError) as caught:
        load(tmp_path)

    assert str(tmp_path) in str(caught.value)


# --- secrets ---------------------------------------------------------------------------------------


def test_plain_secrets_only_when_asked_for(write: Write) -> None:
    """For practice, secrets may stand in the file when the file says so."""
    content = TRYTON.replace("${PW}", "hunter2") + "  acme: {kind: acme, token: hunter2}\n"
    options = load(write("allow_plain_secrets: true\n" + content)).systems["erp"]

    assert isinstance(options, TrytonOptions)
    assert options.password.get_secret_value() == "hunter2"
    assert redact("hunter2") == "***"


def test_password_of_the_fake_may_stand_there(write: Write) -> None:
    """The practice ERP's password is no secret."""
    options = load(write("systems: {a: {kind: fake, password: practice}}")).systems["a"]

    assert isinstance(options, FakeOptions)
    assert options.password == SecretStr("practice")


def test_journal_address_is_a_secret(write: Write) -> None:
    """The journal's address holds a password: it is put in, and never shown."""
    path = write("journal: {url: 'postgresql+psycopg://a:${PW}@127.0.0.1/d'}")
    settings = load(path, environment=ENVIRONMENT)

    assert settings.journal_url == "postgresql+psycopg://a:hunter2@127.0.0.1/d"
    assert "hunter2" not in repr(settings)
    assert redact("no log-in with hunter2") == "no log-in with ***"


def test_journal_address_without_password(write: Write) -> None:
    """An address without a password may stand in the file."""
    assert load(write("journal: {url: 'sqlite:///x.db'}")).journal_url == "sqlite:///x.db"


# --- settings made in a program -----------------------------------------------------------------


def test_settings_of_a_program() -> None:
    """Programs and tests make settings without a file; paths begin where they stand."""
    settings = Settings(systems={"a": FakeOptions()}, actor="Mei")

    assert settings.file is None
    assert settings.folder == Path.cwd()
    assert settings.journal_url == f"sqlite:///{(Path.cwd() / 'journal.db').as_posix()}"
    assert settings.actor_name == "Mei"
    assert JournalSettings.model_validate({"path": "x"}).path == Path("x")
    assert JournalSettings(url=SecretStr("sqlite:///x")).url == SecretStr("sqlite:///x")


def test_settings_are_frozen() -> None:
    """Nobody changes a setting while a command runs."""
    with pytest.raises(ValidationError):
        Settings().actor = "x"


def every_section(root: type[Section] = Section) -> list[type[Section]]:
    return [root, *(each for child in root.__subclasses__() for each in every_section(child))]


@pytest.mark.parametrize("section", every_section())
def test_every_section_is_strict_and_silent(section: type[Section]) -> None:
    """No model guesses, none can be changed, none prints what it refused."""
    assert section.model_config["hide_input_in_errors"] is True
    assert section.model_config["strict"] is True
    assert section.model_config["frozen"] is True
    assert section is GenericOptions or section.model_config["extra"] == "forbid"


def test_actor_is_the_operating_systems_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name in the file, changes are recorded under the user's."""
    monkeypatch.setattr(getpass, "getuser", lambda: "mei")

    assert Settings().actor_name == "mei"


@pytest.mark.parametrize("error", [KeyError, OSError, ImportError])
def test_nobody(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """Where nobody can tell who acts, nothing is done under an invented name."""

    def getuser() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", getuser)

    with pytest.raises(UsageError, match="actor: NAME"):
        _ = Settings().actor_name


def test_time_zone() -> None:
    """People's days are counted in the zone of the file, else in the machine's."""
    assert Settings(time_zone="Asia/Shanghai").zone.key == "Asia/Shanghai"
    assert Settings().zone.key == os.environ["TZ"]


def test_machine_without_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that does not tell its zone counts days in UTC."""

    def nothing() -> None:
        raise LookupError

    monkeypatch.setattr("babel.localtime.get_localzone", nothing)

    assert Settings().zone.key == "UTC"
