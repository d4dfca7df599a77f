"""The practice Odoo answers what real servers answered: every recording is replayed with ids of its own."""

from __future__ import annotations

import http.client
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final
from xmlrpc import client

import pytest

import tests.sandbox.odoo.more_scenes  # noqa: F401 - registers its scenes
from sandbox.odoo.database import Snapshot
from sandbox.odoo.instance import Odoo
from sandbox.odoo.server import OdooServer
from tests.sandbox.odoo.compare import differences
from tests.sandbox.odoo.office import Office
from tests.sandbox.odoo.recordings import (
    VERSIONS,
    Asked,
    Recording,
    asked_by,
    encoded,
    recordings,
    told_by,
)
from tests.sandbox.odoo.scenes import SCENES, Case, Scene

KEY: Final = "a" * 40  # what stands in the recordings, where the keys were
LIMITED_KEY: Final = "b" * 40
MISSING: Final = 99999999

EXACT_TYPES: Final = frozenset({"selection", "boolean", "float", "monetary"})

# What is not replayed, and why.
NOT_COVERED: Final[Mapping[tuple[int, str], str]] = {}


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[OdooServer]:
    """A served practice Odoo with ids that begin anywhere."""
    odoo = Odoo(request.param, seed=1000 + request.param)
    odoo.add_key("admin", KEY)
    odoo.add_key("lim", LIMITED_KEY)
    with OdooServer(odoo) as running:
        yield running


class Everything:
    """Holds every name."""

    def __contains__(self, name: object) -> bool:
        return True


class Replay:
    """One recording, replayed."""

    def __init__(self, server: OdooServer, recording: Recording) -> None:
        self.server, self.odoo, self.recording = server, server.odoo, recording
        self.ids: dict[int, int] = {}

    def run(self) -> list[str]:
        """Return what differs from the recording, or from what the call must have done."""
        odoo, recording = self.odoo, self.recording
        asked = asked_by(recording)
        told = told_by(recording.transport, recording.status, recording.response)
        with odoo.transaction() as env:
            office = Office(odoo, env)
            scene = SCENES[recording.name](Case(office, recording, asked or Asked(""), told))
        odoo.faults.clear()
        odoo.faults.add(*scene.faults)
        body = self._body(asked, scene)
        before = odoo.db.snapshot()
        status, answer = self._send(body)
        ours = told_by(recording.transport, status, answer)
        after = odoo.db.snapshot()
        names = {*office.names, *self._names_now(scene)}
        found = differences(told, ours, self.ids, names, self._exact(asked))
        return found + self._effects(scene, asked, before, after)

    def _send(self, body: bytes) -> tuple[int, str]:
        recording = self.recording
        name = recording.name
        headers = {"Content-Type": "text/xml"}
        verb = "POST"
        if recording.transport in ("/jsonrpc", "/json/2"):
            headers["Content-Type"] = "application/json"
        if recording.transport == "/json/2":
            key = {"json2_bad_key": "c" * 40, "json2_password_as_key": "admin"}.get(name, KEY)
            key = LIMITED_KEY if name.startswith("json2_access_error") else key
            headers["Authorization"] = f"bearer {key}"
            if name == "json2_no_auth":
                del headers["Authorization"]
            if name == "json2_basic_auth":
                headers["Authorization"] = "Basic YWRtaW46YWRtaW4="
            if name.startswith("json2_db_header"):
                is_right = name == "json2_db_header_ok"
                headers["X-Odoo-Database"] = self.odoo.db.name if is_right else "nodb"
            if name == "json2_wrong_content_type":
                headers["Content-Type"] = "application/x-www-form-urlencoded"
            verb = "GET" if name == "json2_get_verb" else "POST"
        wire = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        wire.request(verb, recording.path, body, headers)
        response = wire.getresponse()
        answer = response.read().decode()
        wire.close()
        return response.status, answer

    # --- the request with our ids --------------------------------------------------------------------------

    def _body(self, asked: Asked | None, scene: Scene) -> bytes:
        recording = self.recording
        if recording.name == "fault_unknown_service":
            # Its body was not kept; the service is looked for before the body matters.
            return client.dumps((), "nope").encode()
        if asked is None:
            return recording.request.encode()
        if asked.body is not None:
            return encoded(recording, replace(asked, body=self._named(asked.body, scene)))
        return encoded(recording, replace(asked, params=self._params(asked, scene)))

    def _params(self, asked: Asked, scene: Scene) -> tuple[Any, ...]:
        params = list(asked.params)
        users = self.odoo.company.users
        if params and params[0] == f"v{self.recording.version}":
            params[0] = self.odoo.db.name
        if len(params) > 2 and isinstance(params[1], int) and params[1] != 9999:
            who = "lim" if params[2] == "limlimlim1" else "admin"
            self.ids[params[1]] = users[who]
            params[1] = users[who]
            params[2] = "lim" if who == "lim" else params[2]
        if len(params) > 5:
            params[5] = self._args(list(params[5]), scene, params[4])
        if len(params) > 6:
            params[6] = self._named(params[6], scene)
        return tuple(params)

    def _args(self, args: list[Any], scene: Scene, method: str) -> list[Any]:
        if scene.first is not None and args:
            args[0] = scene.first
        elif args and isinstance(args[0], list) and all(type(i) is int for i in args[0]):
            args[0] = self._mapped(args[0], scene)
        if method == "load":
            return [args[0], scene.fields[""]]
        return [self._fields(each, scene) for each in args]

    def _mapped(self, ids: list[int], scene: Scene) -> list[int]:
        ours = iter(scene.ids)
        for each in ids:
            if each != MISSING:
                self.ids[each] = next(ours, each)
        return [self.ids.get(each, each) for each in ids]

    def _named(self, named: dict[str, Any], scene: Scene) -> dict[str, Any]:
        made = {key: self._fields(value, scene) for key, value in named.items()}
        if "ids" in made:
            made["ids"] = self._mapped(made["ids"], scene)
        if "context" in made:
            for key in made["context"].keys() & scene.context.keys():
                self._learn(made["context"][key], scene.context[key])
                made["context"][key] = scene.context[key]
        return made

    def _learn(self, theirs: Any, ours: Any) -> None:
        if isinstance(theirs, list):
            self.ids.update(zip(theirs, ours, strict=False))
        elif isinstance(theirs, dict):
            self.ids.update({int(a): int(b) for a, b in zip(theirs, ours, strict=False)})

    def _fields(self, value: Any, scene: Scene) -> Any:
        """Put our ids where a field or a command names one."""
        if isinstance(value, dict):
            return {
                key: scene.fields[key]
                if key in scene.fields and each not in (False, MISSING)
                else self._fields(each, scene)
                for key, each in value.items()
            }
        if isinstance(value, list):
            return [self._fields(each, scene) for each in value]
        return value

    def _exact(self, asked: Asked | None) -> Container[str]:
        """Return the fields whose values, not only whose types, the answer must share with the recording."""
        model = (asked.model if asked else "") or self.recording.path.rsplit("/", 2)[-2]
        if self.recording.name in ("common_version", "po_fields_get"):
            return Everything()
        if "read" not in self.recording.name or model not in self.odoo.db.schema.models:
            return ()
        fields = self.odoo.db.schema.models[model].fields.values()
        return {each.name for each in fields if each.type in EXACT_TYPES}

    # --- what was done -------------------------------------------------------------------------------------

    def _target(self, scene: Scene, asked: Asked | None) -> tuple[str, tuple[int, ...]]:
        if scene.on is not None:
            return scene.on
        if self.recording.transport == "/json/2":
            return self.recording.path.split("/")[3], scene.ids
        return (asked.model if asked else ""), scene.ids

    def _names_now(self, scene: Scene) -> set[str]:
        with self.odoo.transaction() as env:
            found = set()
            for model in ("purchase.order", "sale.order", "account.move"):
                for each in (*scene.ids, *scene.fields.get("", ())):
                    if isinstance(each, int) and each in env[model].rows:
                        found.add(str(env[model].get(each, "name")))
            return found

    def _effects(
        self, scene: Scene, asked: Asked | None, before: Snapshot, after: Snapshot
    ) -> list[str]:
        if scene.effects is None:
            is_same = before.rows == after.rows and before.sequences == after.sequences
            if scene.changes:
                return ["nothing was changed"] if is_same else []
            return [] if is_same else [f"something was changed: {_changed(before, after)}"]
        model, ids = self._target(scene, asked)
        found = []
        with self.odoo.transaction(context={"active_test": False}) as env:
            for number, each in enumerate(ids):
                for name, value in scene.effects.items():
                    wanted = value[number] if isinstance(value, tuple) else value
                    is_now = env[model].get(each, name)
                    if is_now != wanted:
                        found.append(f"{model}({each}).{name} is {is_now!r}, not {wanted!r}")
        return found


def _changed(before: Snapshot, after: Snapshot) -> str:
    return ", ".join(
        f"{model} {sorted(each for each in rows if before.rows.get(model, {}).get(each) != rows[each])}"
        for model, rows in after.rows.items()
        if rows != before.rows.get(model, {})
    )


def test_answers_as_real_servers_did(server: OdooServer) -> None:
    """Every recording that is covered gets the same answer and the same effect, and 90 % are covered."""
    odoo = server.odoo
    clean = odoo.db.snapshot()
    told, held = Counter[str](), Counter[str]()
    wrong = []
    for recording in recordings(odoo.version):
        told[recording.transport] += 1
        if (recording.version, recording.name) in NOT_COVERED:
            continue
        try:
            found = Replay(server, recording).run()
        except Exception as error:  # noqa: BLE001 - the others are still to be replayed
            found = [f"{type(error).__name__}: {error}"]
        odoo.db.restore(clean)
        held[recording.transport] += not found
        wrong += [f"{recording.name}: {each}" for each in found]
    for transport, number in told.items():
        print(f"{odoo.version} {transport}: {held[transport]} of {number} recordings")

    assert "" == "\n".join(wrong)
    assert {t: n for t, n in told.items() if held[t] < 0.9 * n} == {}
