"""`storno audit verify`: of the whole journal, or of one evidence pack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.errors import UsageError
from core.text import N_, text
from service.cli.audit_files import (
    checkpoints_gone,
    public_keys,
    read_pack,
    read_stored_checkpoints,
)
from service.cli.session import Session
from service.problems import Exit

if TYPE_CHECKING:
    from recovery.auditing.checkpoints import Checkpoint
    from recovery.auditing.pack_check import PackReport


def verify(session: Session) -> int:
    """Verify the whole journal, or one pack."""
    return _verify_journal(session) if session.arguments.pack is None else _verify_pack(session)


def _verify_journal(session: Session) -> int:
    from recovery.auditing.checkpoints import compare

    output, journal = session.output, session.journal
    checkpoints = read_stored_checkpoints(session)
    keys = public_keys(session) if checkpoints else []
    if checkpoints and not keys:
        raise UsageError(
            N_("A checkpoint proves nothing without the public key: --public-key FILE")
        )
    report = journal.verify()
    problems = list(report.problems)
    with journal.reading() as connection:
        problems += compare(connection, journal.seed, checkpoints, keys)
    gone = checkpoints_gone(session)
    if gone is not None:
        said = text(GONE, file=str(gone))
        output.say(said, style="red")
    if not problems:
        output.say(N_("The audit chain is intact."), style="green")
    else:
        output.say(N_("The journal was changed by somebody else than Storno:"), style="red")
        for problem in problems:
            output.line(f"  {session.language.say(problem)}")
        output.say(N_("Keep this file as it is, and compare it with a backup."))
    output.say(
        text(
            N_("{lines} lines, {moves} moves, {images} images were checked."),
            lines=report.line_count,
            moves=report.move_count,
            images=report.image_count,
        )
    )
    newest = max((each.line for each in checkpoints), default=None)
    if gone is None:
        _say_what_is_not_seen(session, checkpoints, report.line_count)
    output.document(
        {
            "is_intact": not problems and gone is None,
            "lines": report.line_count,
            "moves": report.move_count,
            "images": report.image_count,
            "checkpoints": len(checkpoints),
            "newest_checkpoint": newest,
            "problems": problems if gone is None else [*problems, said],
        }
    )
    return Exit.DONE if not problems and gone is None else Exit.PERSON_NEEDED


GONE: Final = N_(
    "The checkpoints that storno.yaml names are not there: {file}. Put the file back from where it is kept; without"
    " it nobody sees that the journal's end was cut off. Was it never begun: storno audit checkpoint --begin"
)


def _say_what_is_not_seen(session: Session, checkpoints: list[Checkpoint], last: int) -> None:
    output = session.output
    if not checkpoints:
        output.say(
            N_(
                "Not checked, for want of a checkpoint that was kept elsewhere: whether newest lines were cut"
                " off together with what they tell, and whether whoever holds the database wrote all of it"
                " anew. From now on: storno audit checkpoint"
            ),
            style="yellow",
        )
        return
    newest = max(checkpoints, key=lambda each: each.line)
    output.say(
        text(
            N_("{count} checkpoints were compared; the newest is of {moment}, line {line}."),
            count=len(checkpoints),
            moment=newest.made_at,
            line=newest.line,
        )
    )
    if newest.line < last:
        output.say(
            text(
                N_(
                    "Lines from {first} on are younger than any checkpoint: a cut behind them is not seen."
                ),
                first=newest.line + 1,
            )
        )


def _verify_pack(session: Session) -> int:
    from recovery.auditing.pack_check import check_pack

    source = session.arguments.pack
    keys = public_keys(session)
    report = check_pack(
        read_pack(source), str(source), keys, read_stored_checkpoints(session, asked_only=True)
    )
    _show_pack_report(session, report, is_trusted=bool(keys))
    session.output.document(
        {
            **{name: getattr(report, name) for name in report.__slots__ if name != "change_set"},
            "change_set_id": report.change_set,
            "is_intact": report.is_intact,
            "is_trusted": bool(keys),
        }
    )
    return Exit.DONE if report.is_intact else Exit.PERSON_NEEDED


def _show_pack_report(session: Session, report: PackReport, *, is_trusted: bool) -> None:
    output = session.output
    if report.is_intact:
        output.say(N_("The pack is what was signed, and agrees with itself."), style="green")
    else:
        output.say(N_("The pack is not what was signed:"), style="red")
        for problem in report.problems:
            output.line(f"  {session.language.say(problem)}")
    output.facts(
        [
            (N_("Change set"), f"{report.change_set} ({session.language.word(report.state)})"),
            (N_("Operations"), str(report.operation_count)),
            (N_("Audit lines"), str(report.line_count)),
            (N_("Signed by"), report.made_by),
            (N_("Key"), report.key),
        ]
    )
    if not is_trusted:
        output.say(
            N_(
                "The key came with the pack: this shows that nothing was damaged, not who signed it. With the"
                " public key from where you trust: --public-key FILE"
            ),
            style="yellow",
        )
    if not report.plan_is_checked:
        output.say(
            N_(
                "The approved plan holds masked fields, so its hash cannot be computed from the pack."
            )
        )
    if report.gap_count:
        output.say(
            text(
                N_(
                    "Audit lines between those of the change set were too many for the pack (gaps: {count});"
                    " that they follow each other, the signature alone says."
                ),
                count=report.gap_count,
            )
        )
    if report.checkpoint_count:
        output.say(
            text(
                N_("It agrees with {count} checkpoints that were kept elsewhere."),
                count=report.checkpoint_count,
            )
        )
