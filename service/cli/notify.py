"""`storno notify`: whom Storno tells, what did not reach them, a test message, and another try."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from core.errors import NotFound, UsageError
from core.text import N_, text
from service.cli.output import Column, Table
from service.cli.parser import Builder, Parser
from service.cli.session import Session
from service.problems import Exit

if TYPE_CHECKING:
    from recovery.stopping.alarms import Alarm, Delivery
    from service.notify import Person

SHOWN: Final = 20


def add(name: str, parser: Parser, builder: Builder) -> None:
    """Put the commands of the group into `parser`."""
    del name
    commands = builder.group(parser, default=list_people)
    builder.command(
        commands,
        "list",
        list_people,
        summary=N_("who is told of what, and what waits or failed"),
        description=N_("Shows no address: they hold secrets. Nothing is sent."),
        examples=["storno notify list"],
    )
    tested = builder.command(
        commands,
        "test",
        send_test,
        summary=N_("send a test message to everybody, or to one person"),
        examples=["storno notify test", "storno notify test mei"],
    )
    tested.add_argument(
        "person", nargs="?", metavar="NAME", help=builder.translate(N_("name in storno.yaml"))
    )
    builder.command(
        commands,
        "send",
        send_now,
        summary=N_("try again now what did not arrive, given up or not"),
        examples=["storno notify send"],
    )


def _people(session: Session) -> dict[str, Person]:
    from service.notify import people_of

    return people_of(session.settings)


def list_people(session: Session) -> int:
    """Show people, what waits, and what failed."""
    from recovery.stopping import alarms

    output, people = session.output, _people(session)
    with session.journal.reading() as connection:
        deliveries = alarms.deliveries(connection, limit=SHOWN)
        nobody = alarms.unaddressed(connection)
    if people:
        _show_people(session, people)
    else:
        output.say(N_("Nobody is named: write people under `notify` into storno.yaml."))
    if deliveries:
        output.title(N_("Messages, those that wait first"))
        _show_deliveries(session, deliveries)
    if nobody:
        output.say(text(N_("Alarms that nobody was told of yet: {count}."), count=len(nobody)))
    missing = [each for each in deliveries if each.delivered_at is None]
    if missing and people:
        output.command("storno notify send", why=N_("tries again now"))
    output.document(
        {
            "people": {
                name: {
                    "services": list(each.services),
                    "alarms": sorted(kind.value for kind in each.wanted),
                    "language": each.language.code,
                }
                for name, each in people.items()
            },
            "messages": [_delivery_document(each) for each in deliveries],
            "unaddressed": [_alarm_document(each) for each in nobody],
        }
    )
    return Exit.PERSON_NEEDED if any(each.problem for each in missing) else Exit.DONE


def _show_people(session: Session, people: dict[str, Person]) -> None:
    language = session.language
    columns = [
        Column(language.say(N_("Name")), is_whole=True),
        Column(language.say(N_("Through"))),
        Column(language.say(N_("Told of"))),
        Column(language.say(N_("Language")), is_whole=True),
    ]
    rows = [
        [
            each.name,
            ", ".join(each.services),
            ", ".join(language.word(kind.value) for kind in sorted(each.wanted)),
            each.language.code,
        ]
        for each in people.values()
    ]
    session.output.table(Table(columns, rows))


def _show_deliveries(session: Session, deliveries: list[Delivery]) -> None:
    language = session.language
    columns = [
        Column(language.say(N_("When")), is_whole=True),
        Column(language.say(N_("Alarm"))),
        Column(language.say(N_("Change set")), is_whole=True, is_optional=True),
        Column(language.say(N_("Person")), is_whole=True),
        Column(language.say(N_("State"))),
    ]
    rows = []
    for each in deliveries:
        if each.delivered_at is not None:
            state = text(N_("delivered at {moment}"), moment=each.delivered_at)
        elif each.problem is None:
            state = text(N_("waits"))
        elif each.due_at is None:
            state = text(
                N_("given up after {count} tries: {problem}"),
                count=each.try_count,
                problem=each.problem,
            )
        else:
            state = text(
                N_("failed {count} times: {problem}"), count=each.try_count, problem=each.problem
            )
        rows.append(
            [
                language.moment(each.alarm.raised_at),
                language.word(each.alarm.kind.value),
                (each.alarm.change_set_id or "-")[:13],
                each.person,
                language.say(state),
            ]
        )
    session.output.table(Table(columns, rows))


def _alarm_document(alarm: Alarm) -> dict[str, Any]:
    return {name: getattr(alarm, name) for name in alarm.__slots__}


def _delivery_document(delivery: Delivery) -> dict[str, Any]:
    shown = {name: getattr(delivery, name) for name in delivery.__slots__ if name != "alarm"}
    return shown | {"alarm": _alarm_document(delivery.alarm)}


def send_test(session: Session) -> int:
    """Send a test message; say of every address whether its service took it."""
    from service.notify import try_out

    output, people = session.output, _people(session)
    wanted = session.arguments.person
    if wanted is not None and wanted not in people:
        raise NotFound(
            N_("There is nobody called {name!r} under `notify` in storno.yaml. Known: {known}"),
            what="person",
            name=wanted,
            known=", ".join(people) or "-",
        )
    _require_somebody(people)
    results = list[dict[str, Any]]()
    for person in people.values():
        if wanted is not None and person.name != wanted:
            continue
        for service, problem in try_out(person):
            results.append({"person": person.name, "service": service, "problem": problem})
            said = (
                text(
                    N_("{person}: {service} took the message."), person=person.name, service=service
                )
                if problem is None
                else text(N_("{person}: {problem}"), person=person.name, problem=problem)
            )
            output.say(said, style="green" if problem is None else "red")
    output.document({"results": results})
    return Exit.PERSON_NEEDED if any(each["problem"] for each in results) else Exit.DONE


def send_now(session: Session) -> int:
    """Deliver everything that has not arrived."""
    _require_somebody(_people(session))
    found = session.services.courier.deliver(again=True)
    session.output.say(
        text(N_("Sent: {sent}. Not taken: {failed}."), sent=found.sent, failed=found.failed)
    )
    session.output.document({"sent": found.sent, "failed": found.failed})
    return Exit.PERSON_NEEDED if found.failed else Exit.DONE


def _require_somebody(people: dict[str, Person]) -> None:
    if not people:
        raise UsageError(N_("Nobody is named: write people under `notify` into storno.yaml."))
