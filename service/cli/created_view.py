"""Counter-documents and other documents that operations created, and what a rollback takes back, by their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.text import N_, Text, text
from recovery.reversing.created import created_documents

if TYPE_CHECKING:
    from connectors.contract import Image
    from recovery.model import ChangeSet, Operation
    from recovery.reversing.created import Created
    from service.cli.session import Session

Evidence = tuple["Operation", "Image | None", "Image | None"]


def created_by(
    session: Session, evidence: Evidence, titles: Mapping[str, Any]
) -> Sequence[Created]:
    """Return what an operation created: as its images tell, or as the journal kept it when they are gone."""
    operation, before, after = evidence
    if not titles or (before is not None and after is not None):
        return created_documents(titles, operation.ref, before, after)
    from recovery.reversing.touching import created_by as kept

    with session.journal.reading() as connection:
        return kept(connection, [operation.id]).get(operation.id, ())


def works_on(session: Session, operation: Operation) -> str | None:
    """Return the number of the counter-document on which a way back works; None where it is the document itself."""
    if operation.reverses_operation_id is None:
        return None
    from recovery.reversing.touching import created_by as kept

    with session.journal.reading() as connection:
        found = kept(connection, [operation.reverses_operation_id])
    made = found.get(operation.reverses_operation_id, ())
    return next((each.number for each in made if each.ref == operation.ref), None)


def show_created(session: Session, evidence: Evidence, about: Mapping[str, Any]) -> None:
    """Show the counter-document that an operation works on, and what it created."""
    operation, *_ = evidence
    titles: Mapping[str, Any] = about.get("creates") or {}
    counter = works_on(session, operation) if titles else None
    if counter is not None:
        said = text(N_("Works on the counter-document {number}"), number=counter)
        session.output.line(f"   {session.language.say(said)}")
    for created in created_by(session, evidence, titles):
        title = Text.from_dict(titles[created.ref.model])
        said = (
            text(
                N_("Created: {what}, without a number so far ({record})"),
                record=str(created.ref),
                what=title,
            )
            if created.number is None
            else text(N_("Created: {what} {number}"), number=created.number, what=title)
        )
        session.output.line(f"   {session.language.say(said)}")


def taken_back(session: Session, change_set: ChangeSet) -> Sequence[str]:
    """Return every change set of which this one takes operations back, the one that was asked for first."""
    from recovery.reversing.touching import change_sets_reversed_by

    with session.journal.reading() as connection:
        found = change_sets_reversed_by(connection, change_set.id)
    asked = [] if change_set.reverses_id is None else [change_set.reverses_id]
    return [*asked, *(each for each in found if each not in asked)]
