"""The files of `storno audit`: keys, checkpoints, packs. What exists is never overwritten."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import BadInput, Bug, IllegalMove, UsageError
from core.text import N_
from service.cli.session import Session

if TYPE_CHECKING:
    from recovery.auditing.checkpoints import Checkpoint
    from recovery.auditing.pack_check import PackReport
    from recovery.auditing.signing import PublicKey, SigningKey
    from recovery.model import ChangeSet

LARGEST_PACK_BYTES: Final = 2_000_000_000
ZIP: Final = ".zip"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(source=str(path), problem=str(error)) from error


# --- keys -------------------------------------------------------------------------------------------


def signing_key(session: Session) -> SigningKey:
    """Return the private key that storno.yaml names. Raises `UsageError` saying how to make one."""
    from recovery.auditing.signing import SigningKey

    secret = session.settings.audit.signing_key
    if secret is None:
        raise UsageError(
            N_(
                "There is no key to sign with. Make one: storno audit key --out secrets/audit.pem. Then name it"
                " in storno.yaml under audit: signing_key"
            )
        )
    return SigningKey.read(secret.get_secret_value(), "audit.signing_key")


def public_keys(session: Session) -> list[PublicKey]:
    """Return the keys to verify with: those that were named, else those of storno.yaml; none where there is none."""
    from core.errors import SettingsMissing
    from recovery.auditing.signing import PublicKey

    asked = session.arguments.public_key
    if asked:
        return [PublicKey.read(_read(path), str(path)) for path in asked]
    try:
        audit = session.settings.audit
    except SettingsMissing:
        return []  # whoever checks a pack need have nothing but the pack
    if audit.public_key:
        return [PublicKey.read(_read(path), str(path)) for path in audit.public_key]
    return [] if audit.signing_key is None else [signing_key(session).public]


def write_key(place: Path) -> tuple[PublicKey, Path]:
    """Make a key pair; the private key is readable by its owner alone from its first byte on."""
    from recovery.auditing.signing import SigningKey

    public_place = place.with_name(f"{place.name}.pub")
    key = SigningKey.make()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        for path, content, mode in (
            (place, key.pem(), 0o600),
            (public_place, key.public.pem(), 0o644),
        ):
            opened = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
            with os.fdopen(opened, "w", encoding="ascii", newline="") as file:
                file.write(content)
    except FileExistsError as error:
        raise BadInput(
            source=str(error.filename), problem=N_("is there already; a key is never overwritten")
        ) from error
    except OSError as error:
        raise BadInput(source=str(place), problem=str(error)) from error
    return key.public, place


# --- checkpoints ------------------------------------------------------------------------------------


def read_stored_checkpoints(session: Session, *, asked_only: bool = False) -> list[Checkpoint]:
    """Return the checkpoints of the files that were named, else of the file in storno.yaml; see `checkpoints_gone`."""
    from recovery.auditing.checkpoints import read_checkpoints

    places = list(session.arguments.checkpoint)
    if not places and not asked_only:
        configured = session.settings.audit.checkpoints
        places = (
            [configured] if configured is not None and checkpoints_gone(session) is None else []
        )
    return [each for place in places for each in read_checkpoints(_read(place), str(place))]


def checkpoints_gone(session: Session) -> Path | None:
    """Return the file of checkpoints that storno.yaml names and that is not there, where no other was named.

    Whoever takes it away takes with it what shows that the journal's end was cut off: that is not the same as none.
    """
    configured = session.settings.audit.checkpoints
    if session.arguments.checkpoint or configured is None or configured.exists():
        return None
    return configured


def checkpoints_to_add_to(place: Path, *, begins: bool) -> list[Checkpoint]:
    """Return what is in the file that the next checkpoint is added to; none in one that is begun on purpose."""
    from recovery.auditing.checkpoints import read_checkpoints

    if begins and place.exists():
        raise BadInput(source=str(place), problem=N_("is there already; --begin is for a new file"))
    if begins:
        return []
    if not place.exists():
        raise UsageError(
            N_(
                "There is no file of checkpoints at {file}. Was there ever one? Then find out who took it away, and"
                " put it back. Else begin it: storno audit checkpoint --begin"
            ),
            file=str(place),
        )
    return read_checkpoints(_read(place), str(place))


def add_line(place: Path, line: str) -> None:
    """Add one line to a file, on disk when this returns."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("a", encoding="utf-8", newline="\n") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise BadInput(source=str(place), problem=str(error)) from error


# --- packs ------------------------------------------------------------------------------------------


def read_pack(place: Path) -> dict[str, bytes]:
    """Return the files of a pack, from a folder or a zip."""
    try:
        if place.is_dir():
            return {each.name: each.read_bytes() for each in place.iterdir() if each.is_file()}
        with zipfile.ZipFile(place) as packed:
            # A zip tells its sizes beforehand: one made to fill the memory is not unpacked.
            if sum(each.file_size for each in packed.infolist()) > LARGEST_PACK_BYTES:
                raise BadInput(source=str(place), problem=N_("is larger than any evidence pack"))
            return {each.filename: packed.read(each) for each in packed.infolist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise BadInput(source=str(place), problem=str(error)) from error


def write_pack(session: Session, change_set: ChangeSet, key: SigningKey, place: Path) -> PackReport:
    """Write a pack and check it. Raises `IllegalMove` while the change set runs, `BadInput` where `place` exists."""
    from core import encoding
    from recovery.auditing.pack import (
        JSON_NAME,
        PAGE_NAME,
        SIGNATURE_NAME,
        build_pack,
        manifest,
        operations_of,
        pieces,
    )
    from recovery.auditing.pack_check import check_pack
    from recovery.states import ChangeSetState
    from service.evidence_page import Page

    if change_set.state is ChangeSetState.RUNNING:
        raise IllegalMove(
            N_("Change set {name} is running: export it when it has ended, or waits."),
            name=change_set.short_id,
        )
    journal, actor = session.journal, session.services.actor
    with _new(place) as folder:
        content = build_pack(journal, change_set, key, actor)
        digests = {JSON_NAME: _write(folder / JSON_NAME, pieces(content))}
        operations = operations_of(
            journal, change_set, has_images=content["images_pruned_at"] is None
        )
        page = Page(session.language, content).pieces(operations, digests[JSON_NAME])
        digests[PAGE_NAME] = _write(folder / PAGE_NAME, (each.encode() for each in page))
        signed = encoding.dumps_pretty(manifest(journal, change_set, digests, key, actor))
        _write(folder / SIGNATURE_NAME, [signed.encode(), b"\n"])
        report = check_pack(read_pack(folder), str(place), [key.public])
    if not report.is_intact:
        raise Bug(problem=report.problems[0])
    return report


def _write(path: Path, pieces: Iterable[bytes]) -> str:
    """Write a file; return its SHA-256."""
    hasher = hashlib.sha256()
    with path.open("wb") as file:
        for piece in pieces:
            hasher.update(piece)
            file.write(piece)
    return hasher.hexdigest()


@contextmanager
def _new(place: Path) -> Iterator[Path]:
    """Yield a folder beside `place` that becomes it, or is packed into it, when the block ends well."""
    if place.exists():
        raise BadInput(
            source=str(place), problem=N_("is there already; evidence is never overwritten")
        )
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".storno-") as temporary:
            folder = Path(temporary) / "pack"
            folder.mkdir()
            yield folder
            if place.suffix.lower() != ZIP:
                folder.rename(place)
                return
            packed = Path(temporary) / "pack.zip"
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
                for each in sorted(folder.iterdir()):
                    file.write(each, each.name)
            packed.rename(place)
    except OSError as error:
        raise BadInput(source=str(place), problem=str(error)) from error
