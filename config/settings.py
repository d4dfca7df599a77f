"""The settings of one Storno: everything that the operator decides, from one `storno.yaml`."""

from __future__ import annotations

import getpass
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from config.closings import ClosingSettings
from config.fields import (
    PLAIN_SECRET,
    FilePath,
    Flag,
    Name,
    Reading,
    Seconds,
    Section,
    Whole,
    Words,
    wrong,
)
from config.notify import AuditSettings, PersonSettings
from config.problems import add_problems, unknown_name
from config.rollbacks import RollbackSettings
from config.secrets import FromOutside, is_secret_name, put_in, register_secret
from config.source import Key, Source, dotted, read_source
from config.storage import JournalKeys, RedactionRules
from config.systems import BUILT_IN, FakeOptions, GenericOptions, SystemOptions, plain_secrets
from core.errors import ConfigError, SettingsMissing, UsageError
from core.text import N_, Text, text

FILE_NAME: Final = "storno.yaml"
FILE_VARIABLE: Final = "STORNO_CONFIG"


def _journal_url(written: Any, info: ValidationInfo) -> Any:
    if not isinstance(written, str):
        return written
    try:
        parts = urlsplit(written)
        has_password = bool(parts.password)
    except ValueError:
        raise wrong(N_("must be an address")) from None
    if parts.scheme.split("+")[0] not in ("sqlite", "postgresql"):
        raise wrong(N_("must begin with postgresql+psycopg:// or sqlite:///"))
    reading = info.context
    if (
        has_password
        and not isinstance(written, FromOutside)
        and isinstance(reading, Reading)
        and not reading.allows_plain_secrets
    ):
        raise wrong(
            N_("the password in it does not stand in this file; write ${{NAME}} or ${{file:path}}"),
            key="url",
        )
    return str.__str__(written)


def _time_zone(written: str) -> str:
    try:
        ZoneInfo(written)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise wrong(N_("must be a time zone such as Asia/Shanghai")) from None
    return written


class JournalSettings(Section):
    """Where change sets, images and the audit chain are kept."""

    path: FilePath | None = None
    """An SQLite file; the default is `journal.db` beside storno.yaml."""
    url: Annotated[SecretStr, BeforeValidator(_journal_url)] | None = None
    """Instead of a path: the address of a database that several workers share."""
    keys: JournalKeys = ()
    """Keys that seal what images hold. The first seals, the others only open what was sealed with them."""

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if self.path is not None and self.url is not None:
            raise wrong(N_("has a path and an url; one of them is enough"))
        return self


class ApprovalSettings(Section):
    """Who must agree before a change set runs."""

    policy: Literal["none", "person"] = "person"
    """`person`: somebody approves each plan; `none`: exact operations up to the limit run at once."""
    limit: Whole = Field(default=100, ge=1, le=1_000_000)
    """How many operations a plan may have to run without approval."""


class PlanSettings(Section):
    """How long a plan is good for."""

    expire_after_hours: Whole = Field(default=24, ge=1, le=8_760)
    """Hours until a plan's evidence is too old to act on."""


class RunSettings(Section):
    """How a change set is carried out."""

    batch_size: Whole = Field(default=100, ge=1, le=10_000)
    """At most so many operations in one call; an action may have a smaller limit of its own."""
    retry_deadline_seconds: Seconds = 60.0
    """How long an unreachable or busy system is asked again."""
    stop_after_equal_refusals: Whole = Field(default=10, ge=2, le=10_000)
    """The run stops when the ERP refuses so many documents in a row for the same reason."""
    lease_seconds: Annotated[Seconds, Field(ge=3)] = 30.0
    """So long a worker that gives no sign of life keeps its change set; one that is known to be dead loses it at once."""


class LogSettings(Section):
    """What is logged, and where."""

    level: Literal["debug", "info", "warning", "error"] = "warning"
    """The least important level that is written."""
    format: Literal["auto", "json", "console"] = "auto"
    """`json`: one object a line; `console`: columns for people; `auto`: columns on a terminal only."""
    file: FilePath | None = None
    """A file that gets every line as JSON; the terminal then shows warnings and errors alone."""


class Settings(Section):
    """Everything in storno.yaml."""

    systems: dict[Name, SystemOptions] = Field(default_factory=dict)
    """The systems that Storno works with, by name."""
    closings: dict[Name, ClosingSettings] = Field(default_factory=dict)
    """What can be closed, and when; by name."""
    journal: JournalSettings = JournalSettings()
    """Where the journal is kept."""
    approval: ApprovalSettings = ApprovalSettings()
    """Who must agree before anything is changed."""
    redaction: RedactionRules = ()
    """Fields whose values nobody shall see; needs a key of the journal."""
    plans: PlanSettings = PlanSettings()
    """How long a plan is good for."""
    run: RunSettings = RunSettings()
    """How change sets are carried out."""
    rollback: RollbackSettings = RollbackSettings()
    """What a rollback does about fields that somebody else changed."""
    log: LogSettings = LogSettings()
    """What is logged, and where."""
    notify: dict[Name, PersonSettings] = Field(default_factory=dict)
    """People who are told at once of a freeze, a doubt, a stop; by name."""
    audit: AuditSettings = AuditSettings()
    """What signs checkpoints and evidence, and what checks them."""
    actor: Words | None = None
    """Name under which changes are recorded; the default is the operating system's user."""
    language: Literal["auto", "en", "zh_CN"] = "auto"
    """Language of what people read; `auto` follows the machine."""
    time_zone: Annotated[str, AfterValidator(_time_zone)] | None = None
    """Time zone in which people count days, by its IANA name; the default is the machine's."""
    allow_plain_secrets: Flag = False
    """Whether secrets may stand in this file; for practice only."""

    _file: Path | None = PrivateAttr(default=None)
    _lines: dict[Key, int] = PrivateAttr(default_factory=dict)

    @property
    def file(self) -> Path | None:
        """The file that was read, or None for settings made in a program."""
        return self._file

    def problem(self, key: Key, problem: Text) -> ConfigError:
        """Return the error of a setting that turned out wrong where it was used."""
        line = self._lines.get(key, 1)
        found = {"file": str(self._file or FILE_NAME), "line": line, "key": dotted(key)}
        return ConfigError.of([{**found, "problem": problem}])

    @property
    def folder(self) -> Path:
        """The folder where relative paths begin."""
        return self._file.parent if self._file else Path.cwd()

    @property
    def journal_url(self) -> str:
        """The address for `Journal.open`, password included: never shown, never logged."""
        if self.journal.url is not None:
            return self.journal.url.get_secret_value()
        path = self.journal.path or self.folder / "journal.db"
        return f"sqlite:///{path.absolute().as_posix()}"

    @property
    def actor_name(self) -> str:
        """Who acts. Raises `UsageError` where neither the file nor the operating system tells."""
        if self.actor is not None:
            return self.actor
        try:
            return getpass.getuser()
        except (OSError, KeyError, ImportError) as error:
            raise UsageError(
                N_(
                    "The operating system does not say who you are."
                    " Write your name into storno.yaml: actor: NAME"
                )
            ) from error

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which people count days; UTC where the machine does not tell its own."""
        return ZoneInfo(self.time_zone or _machine_zone())


def _machine_zone() -> str:
    from babel.localtime import get_localzone

    try:
        name = getattr(get_localzone(), "key", None)
    except LookupError:
        name = None
    return name or "UTC"


def load(
    path: Path | None = None,
    *,
    environment: dict[str, str] | None = None,
    kinds: Collection[str] | None = None,
) -> Settings:
    """Read and check the settings: `path`, else what STORNO_CONFIG names, else ./storno.yaml.

    `kinds` are the kinds of systems that can be opened here, where the caller knows them.
    Raises `SettingsMissing`, and `ConfigError` with every problem at once.
    """
    path = path or Path(os.environ.get(FILE_VARIABLE) or FILE_NAME)
    try:
        source = read_source(path)
    except FileNotFoundError as error:
        raise SettingsMissing(file=str(path)) from error
    except OSError as error:
        raise UsageError(
            N_("The file {file} cannot be read: {problem}"), file=str(path), problem=error.strerror
        ) from error
    folder = path.absolute().parent
    put_in(source, folder, environment)
    if not source.values and not source.problems:
        source.add_problem((), text(N_("the file says nothing; write one with: storno init")))
    settings = _validate(source, folder)
    _check_names(source, kinds)
    _check_plain_secrets(source)
    if source.problems or settings is None:
        raise _error(path, source)
    settings._file = path.absolute()  # noqa: SLF001 - made here, and frozen for everybody else
    settings._lines = dict(source.lines)  # noqa: SLF001
    _register(settings)
    return settings


def _validate(source: Source, folder: Path) -> Settings | None:
    plain = source.values.get("allow_plain_secrets") is True
    try:
        return Settings.model_validate(
            _without_nothing(source.values), context=Reading(folder, allows_plain_secrets=plain)
        )
    except ValidationError as error:
        add_problems(source, error, Settings)
        return None


def _without_nothing(value: Any, key: Key = ()) -> Any:
    """Leave out keys without a value: a section whose lines are all comments was not given.

    Arguments and the options of foreign kinds are not ours: there, nothing is a value.
    """
    if isinstance(value, tuple):
        return tuple(_without_nothing(item, (*key, place)) for place, item in enumerate(value))
    is_foreign = (
        len(key) == 2
        and key[0] == "systems"
        and (isinstance(value, dict) and value.get("kind") not in BUILT_IN)
    )
    if not isinstance(value, dict) or is_foreign or key[-1:] == ("arguments",):
        return value
    return {
        name: _without_nothing(item, (*key, name))
        for name, item in value.items()
        if item is not None
    }


def _check_names(source: Source, kinds: Collection[str] | None) -> None:
    """Note names that refer to nothing, and names that occur twice."""
    systems = source.values.get("systems")
    systems = systems if isinstance(systems, dict) else {}
    for name, options in systems.items():
        kind = options.get("kind") if isinstance(options, dict) else None
        if isinstance(kind, str) and kinds is not None and kind not in kinds:
            source.add_problem(("systems", name, "kind"), unknown_name(kind, kinds))
    redaction = source.values.get("redaction")
    for place, rule in enumerate(redaction if isinstance(redaction, tuple) else ()):
        system = rule.get("system") if isinstance(rule, dict) else None
        if isinstance(system, str) and system not in systems:  # it would hide nothing
            source.add_problem(("redaction", place, "system"), unknown_name(system, systems))
    closings = source.values.get("closings")
    for name, closing in closings.items() if isinstance(closings, dict) else ():
        if not isinstance(closing, dict):
            continue
        key: Key = ("closings", name)
        system = closing.get("system")
        if isinstance(system, str) and system not in systems:
            source.add_problem((*key, "system"), unknown_name(system, systems))
        _check_twice(source, (*key, "routes"), closing.get("routes"), "name")
        _check_twice(source, (*key, "checks"), closing.get("checks"), "code")


def _check_plain_secrets(source: Source) -> None:
    """Note what looks like a secret among options that no model of ours describes."""
    systems = source.values.get("systems")
    if source.values.get("allow_plain_secrets") is True or not isinstance(systems, dict):
        return
    for name, options in systems.items():
        if not isinstance(options, dict) or options.get("kind") in BUILT_IN:
            continue
        for key in plain_secrets(options, ("systems", name)):
            source.add_problem(key, text(PLAIN_SECRET, key=dotted(key[2:])))


def _check_twice(source: Source, key: Key, entries: Any, name: str) -> None:
    seen: set[str] = set()
    for place, entry in enumerate(entries if isinstance(entries, tuple) else ()):
        value = entry.get(name) if isinstance(entry, dict) else None
        if not isinstance(value, str):
            continue
        if value in seen:
            source.add_problem((*key, place, name), text(N_("an entry above has the same one")))
        seen.add(value)


def _register(settings: Settings) -> None:
    """Make every secret known to `redact`."""
    for secret in _secrets(settings):
        register_secret(secret)
    if settings.journal.url is not None:
        password = urlsplit(settings.journal.url.get_secret_value()).password or ""
        register_secret(password)
        register_secret(unquote(password))  # as a driver's own messages show it


def _secrets(value: Any, name: str = "") -> Iterator[str]:
    match value:
        case FakeOptions():
            # Its password guards nothing, and the default is the name of this program.
            return
        case SecretStr():
            yield value.get_secret_value()
        case GenericOptions():
            yield from _secrets(value.options)
        case BaseModel():
            for field in type(value).model_fields:
                yield from _secrets(getattr(value, field), field)
        case dict():
            for key, item in value.items():
                yield from _secrets(item, str(key))
        case tuple():
            for item in value:
                yield from _secrets(item, name)
        case str() if is_secret_name(name):
            yield value
        case _:
            pass


def _error(path: Path, source: Source) -> ConfigError:
    """Make the error of all problems, in the order of the file, each once."""
    found: dict[tuple[int, str, str], Text] = {}
    for each in source.problems:
        found.setdefault(
            (each.line, dotted(each.key) or FILE_NAME, str(each.problem)), each.problem
        )
    return ConfigError.of(
        {"file": str(path), "line": line, "key": key, "problem": problem}
        for (line, key, _), problem in sorted(found.items(), key=lambda item: item[0])
    )
