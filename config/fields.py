"""What all settings have in common: strict, frozen, silent about values, and their small types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from config.secrets import FromOutside
from core.text import N_, text

PLAIN_SECRET: Final = N_(
    "a secret does not stand in this file; write ${{NAME}} for an environment variable"
    " or ${{file:secrets/{key}}} for a file"
)

_NAME: Final = re.compile(r"\w[\w-]{0,63}")
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_FLAGS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a validator knows about the file that is being read."""

    folder: Path
    allows_plain_secrets: bool = False


class Section(BaseModel):
    """A part of the settings: unknown keys are refused, nothing is guessed, no error shows a value."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
    )


def wrong(template: str, **values: Any) -> PydanticCustomError:
    """Make the error that a validator raises; its text is shown as it is."""
    return PydanticCustomError("storno", "not valid", {"text": text(template, **values)})


def _name(written: str) -> str:
    if not _NAME.fullmatch(written):
        raise wrong(N_("may hold up to 64 letters, digits, - and _ only"))
    return written


def _code(written: str) -> str:
    if not _CODE.fullmatch(written):
        raise wrong(N_("must be small letters, digits and _, as in no_receipt"))
    return written


def _whole(written: Any) -> Any:
    if isinstance(written, FromOutside) and _WHOLE.fullmatch(written):
        return int(written)
    return written


def _flag(written: Any) -> Any:
    return _FLAGS.get(written, written) if isinstance(written, FromOutside) else written


def _seconds(written: Any) -> Any:
    if isinstance(written, Decimal):
        return float(written)
    if isinstance(written, FromOutside):
        try:
            return float(Decimal(written))
        except InvalidOperation:
            return written
    return written


def _path(written: Any, info: ValidationInfo) -> Any:
    if not isinstance(written, str) or not written:
        return written
    path = Path(written).expanduser()
    return info.context.folder / path if isinstance(info.context, Reading) else path


def _secret(written: Any, info: ValidationInfo) -> Any:
    if (
        isinstance(written, str)
        and not isinstance(written, FromOutside)
        and isinstance(info.context, Reading)
        and not info.context.allows_plain_secrets
    ):
        raise wrong(PLAIN_SECRET, key=info.field_name)
    return written


def as_plain(value: Any) -> Any:
    """Return the value with nothing in it but exact types of Python: no marked text."""
    match value:
        case FromOutside():
            return str.__str__(value)
        case Mapping():
            return {name: as_plain(item) for name, item in value.items()}
        case list() | tuple():
            return tuple(as_plain(item) for item in value)
        case _:
            return value


Words = Annotated[str, StringConstraints(min_length=1)]
"""Text that is not empty."""

Name = Annotated[str, AfterValidator(_name)]
"""What a person calls a system, a closing or a route."""

Code = Annotated[str, AfterValidator(_code)]
"""A stable name for programs."""

Whole = Annotated[int, BeforeValidator(_whole)]
"""A whole number; `${NAME}` may stand for one."""

Flag = Annotated[bool, BeforeValidator(_flag)]
"""`true` or `false`; `${NAME}` may stand for one."""

Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=86_400)]
"""A duration of up to a day."""

FilePath = Annotated[Path, BeforeValidator(_path)]
"""A path; a relative one begins at the folder of storno.yaml."""

Secret = Annotated[SecretStr, BeforeValidator(_secret)]
"""A secret that may come from outside only."""


def _web_address(written: str) -> str:
    try:
        parts = urlsplit(written)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise wrong(N_("must be an address that begins with http:// or https://"))
    if parts.username is not None or parts.password is not None:
        raise wrong(
            N_("user and password have keys of their own, they do not stand in the address")
        )
    if parts.query or parts.fragment:
        raise wrong(N_("must be an address without ? and #"))
    return written.rstrip("/")


WebAddress = Annotated[str, AfterValidator(_web_address)]
