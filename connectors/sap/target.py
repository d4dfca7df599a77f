"""What kind of SAP this is and what can be done there, found by reading, and by test runs that keep nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from connectors.contract import ActionSupport, Kind, SystemCheck, Unsure
from connectors.sap.services import ByOData, Mode, Refused, Services, Stateful
from connectors.sap.units import keeps_sessions
from core.errors import AccessDenied, BadInput, LoginFailed, NotFound, RefusedError
from core.text import N_, Text

if TYPE_CHECKING:
    from connectors.proving import ProofStanding
    from connectors.sap.actions import SapAction
    from connectors.sap.odata_services import Catalogue
    from connectors.sap.odata_transport import Gateway
    from connectors.sap.services import Way
    from connectors.sap.transport import Endpoint, Session

TEST_RUNS: Final = ("TESTRUN", "SIMULATION")
"""Parameters with which a BAPI only tells what it would do."""


def check(
    session: Session,
    services: Services,
    gateway: Gateway,
    catalogue: Catalogue,
    actions: Mapping[str, SapAction],
    *,
    kinds: tuple[Kind, ...],
    listings: Iterator[Text],
    proof: ProofStanding | None,
) -> SystemCheck:
    """Return what `storno systems check` shows. `listings` say what lists documents of each kind."""
    # The first call also shows whether anybody lets us in: its errors are the answer.
    trouble = _trouble(session, services, actions) | _odata_trouble(gateway, catalogue, actions)
    return SystemCheck(
        product="SAP",
        version="",
        target=N_("its database is SAP's own affair"),
        transport=", ".join(_transports(services, catalogue)),
        acting_as=f"{session.user} ({session.client})",
        sees_everything=False,
        limits=(
            Text(N_("SAP does not tell which documents the rights of the user hide from lists")),
        ),
        kinds=kinds,
        actions=tuple(_support(action, trouble) for action in actions.values()),
        notes=(
            *_notes(services),
            *_odata_notes(catalogue),
            *listings,
        ),
        proof=proof,
        to_check=tuple(_unsure(actions)),
    )


def _support(action: SapAction, trouble: Mapping[str, Text]) -> ActionSupport:
    note = action.refusal or trouble.get(
        action.name if isinstance(action.way, ByOData) else action.function
    )
    if not action.is_readable:
        note = Text(
            N_("no service offers {function}, by which it is read"),
            {"function": action.layout.function},
        )
    return ActionSupport(
        action.name,
        is_available=note is None,
        reversibility=action.reversibility,
        is_atomic_batch=action.is_atomic_batch,
        has_compare_and_set=action.has_compare_and_set,
        note=note,
    )


def _trouble(
    session: Session, services: Services, actions: Mapping[str, SapAction]
) -> dict[str, Text]:
    """Return why functions would not work, tried out without changing anything."""
    by_bapi = [action for action in actions.values() if not isinstance(action.way, ByOData)]
    ways = {action.function: action.way for action in by_bapi}
    checks = {action.function: services.reader(action.check_function) for action in by_bapi}
    found: dict[str, Text] = {}
    kept: dict[str, bool] = {}
    for name, way in ways.items():
        if isinstance(way, Refused | ByOData):
            continue
        if isinstance(way, Stateful):
            if way.service not in kept:
                kept[way.service] = keeps_sessions(session, way)
            if not kept[way.service]:
                found[name] = Text(
                    N_(
                        "the service {service} keeps no session, though storno.yaml calls it stateful: SAP would"
                        " forget the change before any COMMIT"
                    ),
                    {"service": way.service},
                )
                continue
        problem = _test_run(session, way.change, checks[name])
        if problem is not None:
            found[name] = problem
    return found


def _test_run(session: Session, endpoint: Endpoint, check: Endpoint | None) -> Text | None:
    """Call a function for no document, as a test run: SAP must find the document missing, and nothing worse.

    `check` is SAP's own check of what the function does, where it has one beside it.
    """
    known = endpoint.function.request.members
    flags = {name: "X" for name in TEST_RUNS if name in known}
    if not flags and check is None:
        return None
    try:
        if check is not None:
            session.call(check, {})
        else:
            session.call(endpoint, flags, is_write=True)
    except (AccessDenied, NotFound, BadInput) as error:
        return error.text
    except LoginFailed:
        raise
    except RefusedError:
        # That there is no such document is the answer of a function that works.
        return None
    return None


def _odata_trouble(
    gateway: Gateway, catalogue: Catalogue, actions: Mapping[str, SapAction]
) -> dict[str, Text]:
    """Return why actions would not work over OData: their service is asked for a token, which changes nothing."""
    places = {service.name: service.place for service in catalogue.all}
    problems: dict[str, Text | None] = {}
    found: dict[str, Text] = {}
    for action in actions.values():
        way = action.way
        if not isinstance(way, ByOData):
            continue
        if way.service not in problems:
            problems[way.service] = None
            try:
                gateway.fetch_token(places[way.service])
            except (AccessDenied, NotFound, BadInput) as error:
                problems[way.service] = error.text
        problem = problems[way.service]
        if problem is not None:
            found[action.name] = problem
    return found


def _transports(services: Services, catalogue: Catalogue) -> Iterator[str]:
    if services.all:
        yield "SOAP"
    for version in sorted({service.place.version for service in catalogue.all}):
        yield f"OData V{version}"


def _odata_notes(catalogue: Catalogue) -> Iterator[Text]:
    for service in catalogue.all:
        template = (
            N_("service {name}: OData V{version} for reading and changing, sha256 {hash}")
            if service.may_change
            else N_("service {name}: OData V{version} for reading, sha256 {hash}")
        )
        yield Text(
            template,
            {
                "name": service.name,
                "version": service.place.version,
                "hash": service.description.digest,
            },
        )
    for name, now in catalogue.changed():
        yield Text(CHANGED, {"name": name, "hash": now})


CHANGED: Final = N_(
    "service {name}: SAP describes it otherwise than when it was fetched (sha256 {hash} now): look at what"
    " changed, then delete the fetched files and prove the system again"
)


def _notes(services: Services) -> Iterator[Text]:
    for service in services.all:
        yield Text(
            N_("service {name}: {mode}, {count} functions, sha256 {hash}"),
            {
                "name": service.name,
                "mode": str(service.mode),
                "count": len(service.offer.functions),
                "hash": service.offer.digest,
            },
        )
        if service.mode is Mode.STATEFUL and service.offer.says_session is False:
            yield Text(
                N_("service {name}: its description says that it keeps no session"),
                {"name": service.name},
            )
    for name, _, now in services.changed():
        yield Text(CHANGED, {"name": name, "hash": now})


def _unsure(actions: Mapping[str, SapAction]) -> Iterator[Unsure]:
    facts = {a.function or a.name: a.to_check for a in actions.values() if not a.is_proven}
    for function, what in sorted(facts.items()):
        yield Unsure(function, Text(what))


def way_text(way: Way) -> Text | None:
    """Return why a way is none; None for one that is."""
    return way.reason if isinstance(way, Refused) else None
