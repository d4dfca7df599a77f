"""`storno demo`: practice ERPs, the whole story told on them in three acts, and the proof that the story is true.

The only product module that starts a practice ERP. Each lives in a folder of its own, as the commands that the
story shows are typed there.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core import clock
from core.errors import Unreachable, UsageError
from core.text import N_, text
from service.cli.progress import Progress
from service.problems import Exit

if TYPE_CHECKING:
    from sandbox.legacy.practice import Company
    from sandbox.sap.practice import Company as SapCompany
    from sandbox.tryton.practice import Ready, Running
    from service.cli.session import Session

FOLDER: Final = "demo"
MARK: Final = "practice-folder.txt"
SYSTEM: Final = "practice"
DRIVER: Final = "SQLite3"
"""The ODBC driver for SQLite as Debian's package registers it."""

NOWHERE: Final = "http://127.0.0.1:9"
"""Where nothing answers: the practice SAP lives as long as the story."""

WINDOWS_DRIVER: Final = "SQLite3 ODBC Driver"
"""The same driver as its installer for Windows registers it."""


def run(session: Session) -> int:
    """Tell the story, or with --serve only start the ERP of a folder. Returns 0 when every step held."""
    from sandbox.tryton.practice import PracticeError

    folder = _folder(session)
    try:
        if session.arguments.serve:
            return _serve(session, folder)
        return _tell(session, folder)
    except PracticeError as error:
        raise Unreachable(system=SYSTEM, problem=str(error)) from error


def _tell(session: Session, folder: Path) -> int:
    from sandbox.legacy.practice import make
    from sandbox.sap import practice as sap_practice
    from sandbox.tryton import practice

    output = session.output
    _make_anew(folder)
    ready = _prepare(session)
    with ThreadPoolExecutor(max_workers=1) as beside:
        # Its tables are made while the other practice ERP starts.
        legacy = beside.submit(make, folder)
        with practice.start(ready, folder / "erp") as erp, sap_practice.start() as sap:
            _write_settings(session, folder, erp, sap)
            output.say(
                text(
                    N_("The practice ERP ({product}) runs at {url}; the folder is {folder}."),
                    product=f"Tryton {ready.series}",
                    url=erp.url,
                    folder=str(folder),
                )
            )
            with _inside(folder):
                steps = _first_act(session, erp, folder)
                steps = second_act(session, legacy.result(), steps=steps)
                third_act(session, sap, steps=steps)
            _say_how_to_go_on(session, folder)
            if sys.stdin.isatty() and sys.stdout.isatty():
                output.say(N_("The practice ERP still runs. Press Enter to end it."))
                sys.stdin.readline()
    return Exit.DONE


def _first_act(session: Session, erp: Running, folder: Path) -> int:
    """Tell it of an ERP with an interface, where a colleague works too. Returns how many steps that took."""
    from sandbox.tryton import practice
    from sandbox.tryton.colleague import Colleague
    from service.cli.story import Story

    session.output.say()
    session.output.title(N_("First act: an ERP with an interface"))
    with Colleague(erp.url, erp.database) as colleague:
        story = Story(session, erp.documents(), colleague)
        before = erp.dump(folder / "before.json")
        story.tell()
        after = erp.dump(folder / "after.json")
        story.prove(practice.compare(before, after))
    return story.steps


def second_act(session: Session, company: Company, *, steps: int) -> int:
    """Tell the same of a legacy ERP; without an ODBC driver, say what to install and go on. Returns the steps so far."""
    from service.cli.legacy_story import LegacyStory

    output = session.output
    output.say()
    output.title(N_("Second act: a legacy ERP that has no interface but its tables"))
    story = LegacyStory(session, company, steps=steps)
    missing = story.missing()
    if missing is not None:
        output.say(missing.text, style="yellow")
        output.say(
            N_(
                "This act needs an ODBC driver for SQLite, so it is left out. On Debian install it like this,"
                " then start the demo again:"
            )
        )
        output.command("sudo apt-get install unixodbc libsqliteodbc")
        return steps
    output.say(
        text(
            N_(
                "Practice tables of Kingdee K/3 WISE, {count} orders, over ODBC. What its columns mean"
                " is data: a recipe, k3_wise."
            ),
            count=len(company.books.story.orders),
        )
    )
    story.tell()
    return story.steps


def third_act(session: Session, company: SapCompany, *, steps: int) -> None:
    """Tell it of SAP, where a change is lost unless it is committed in the same session."""
    from service.cli.sap_story import SapStory

    output = session.output
    output.say()
    output.title(N_("Third act: SAP, which forgets what nobody commits"))
    output.say(
        N_("A practice SAP of our own, with BAPIs as SOAP services; no real one can be had here.")
    )
    SapStory(session, company, steps=steps).tell()


def _serve(session: Session, folder: Path) -> int:
    from sandbox.tryton import practice

    if not (folder / MARK).is_file():
        raise UsageError(
            N_("There is no practice company in {folder}. Make one: storno demo --dir {folder}"),
            folder=str(folder),
        )
    ready = _prepare(session)
    with practice.start(ready, folder / "erp", fresh=False) as erp:
        _write_settings(session, folder, erp)
        session.output.say(
            text(N_("The practice ERP runs at {url}. In another terminal:"), url=erp.url)
        )
        session.output.command(f"cd {folder}")
        session.output.command("storno changes list")
        session.output.say(N_("Ctrl-C ends it."))
        session.output.flush()
        try:
            while True:
                clock.sleep(1)
        except KeyboardInterrupt:
            session.output.say(N_("The practice ERP has ended; the folder keeps everything."))
    return Exit.DONE


# --- the folder ---------------------------------------------------------------------------------


def _folder(session: Session) -> Path:
    given = session.arguments.folder
    if given is not None:
        return Path(given).resolve()
    # In the practice folder itself the command means that folder.
    return Path.cwd() if Path(MARK).is_file() else (Path.cwd() / FOLDER)


def _make_anew(folder: Path) -> None:
    """Empty the folder of an earlier demo; a folder of somebody else is left alone."""
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / MARK).is_file():
            raise UsageError(
                N_(
                    "{folder} is not empty and not a practice folder. Name another one: storno demo --dir DIR"
                ),
                folder=str(folder),
            )
        from sandbox.tryton import practice

        practice.stop(folder / "erp")
        for entry in folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text(
        "Made by `storno demo`; the next `storno demo` here makes it anew.\n", encoding="utf-8"
    )


def _write_settings(
    session: Session, folder: Path, erp: Running, sap: SapCompany | None = None
) -> None:
    from config.example import practice_settings

    settings = practice_settings(
        language=session.language.code,
        url=erp.url,
        database=erp.database,
        user=erp.user,
        driver=WINDOWS_DRIVER if sys.platform == "win32" else DRIVER,
        sap_url=NOWHERE if sap is None else sap.url,
        sap_copy_url=NOWHERE if sap is None else sap.copy_url,
        sap_user="STORNO" if sap is None else sap.user,
    )
    (folder / "storno.yaml").write_text(settings, encoding="utf-8", newline="\n")
    (folder / "password").write_text(erp.password, encoding="utf-8", newline="\n")
    (folder / "sap-password").write_text("storno", encoding="utf-8", newline="\n")


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Work in the folder, as the person does who types the commands there."""
    previous = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(previous)


def _prepare(session: Session) -> Ready:
    """Make the practice company, or find the one that was made before; the first time takes most of a minute."""
    from sandbox.tryton import practice

    with Progress(session.output, N_("Making the practice company")) as progress:
        return practice.prepare(
            on_progress=lambda what, done, total: progress.show(done, total, what)
        )


def _say_how_to_go_on(session: Session, folder: Path) -> None:
    output = session.output
    output.say()
    output.title(N_("Go on by hand"))
    output.say(
        N_(
            "Everything above works by hand in this folder. Start the ERP again as the story left it:"
        )
    )
    program = Path(sys.argv[0])
    if shutil.which("storno") is None and program.name.startswith("storno"):
        output.command(f'export PATH="{program.resolve().parent}:$PATH"')
    output.command(f"cd {folder}")
    output.command("storno demo --serve", why=N_("in one terminal"))
    output.command("storno changes list", why=N_("in another one"))
