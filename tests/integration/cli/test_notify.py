"""Named people are told at once, once each, in their language; and nothing of it slows what is being done."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from connectors.fake.engine import FakeERP
from connectors.fake.faults import Fault, FaultKind
from core import encoding
from service import notify
from tests.integration.cli.conftest import SETTINGS, Storno
from tests.integration.cli.test_freeze import WHY, approved, frozen

TOKEN = "t0k3n-of-mei"


class Mailbox:
    """A loopback server for Apprise's json:// addresses: keeps what it is sent, answers as it is told to."""

    def __init__(self) -> None:
        self.messages = list[tuple[str, dict[str, Any]]]()
        self.status = 200
        self.delay_seconds = 0.0
        box = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(box.delay_seconds)
                if box.status == 200:
                    box.messages.append((self.path, encoding.loads(sent)))
                self.send_response(box.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"json://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def bodies(self, path: str = "") -> list[str]:
        """Return title and text of what arrived."""
        return [f"{each['title']}\n{each['message']}" for to, each in self.messages if path in to]


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A server that takes messages."""
    box = Mailbox()
    yield box
    box.close()


def name_people(folder: Path, people: str) -> None:
    """Write people into storno.yaml."""
    settings = SETTINGS + "allow_plain_secrets: true\nnotify:\n" + people
    (folder / "storno.yaml").write_text(settings, encoding="utf-8")


@pytest.fixture
def told(storno: Storno, mailbox: Mailbox, tmp_path: Path) -> Storno:
    """Mei is told of everything, Li of freezes only and in Chinese."""
    name_people(
        tmp_path,
        f"""\
  mei:
    addresses: ["{mailbox.address}/{TOKEN}"]
  li:
    addresses: ["{mailbox.address}/li"]
    alarms: [frozen]
    language: zh_CN
""",
    )
    return storno


def test_a_freeze_is_told_to_whom_it_concerns(told: Storno, mailbox: Mailbox) -> None:
    """Who froze, where, and what to type next; each person once."""
    told.done("freeze", "system:practice", *WHY, "--no-look")
    told.done("freeze", "list")
    (body,) = mailbox.bodies(TOKEN)

    assert "Storno: frozen\nMei Lin stopped writes of Storno (practice)." in body
    assert "storno freeze" in body
    assert 1 == len(mailbox.bodies("/li"))

    name = told.done("freeze", "--json").json["freezes"][0]["id"]
    told.done("thaw", name, "--reason", "counted")

    assert "lifted a freeze" in mailbox.bodies(TOKEN)[-1]
    assert 1 == len(mailbox.bodies("/li"))  # who does not want to hear of thaws


def test_each_person_has_their_own_language(told: Storno) -> None:
    """Whatever the command speaks."""
    people = told("notify", "--json").json["people"]

    assert ("en", "zh_CN") == (people["mei"]["language"], people["li"]["language"])


def test_a_doubt_and_a_person_that_is_needed_are_told(
    told: Storno, mailbox: Mailbox, erp: FakeERP
) -> None:
    """Id of the change set, how many, the system, what to type next; nothing of the documents."""
    plan = approved(told, "PO00001", "PO00002")
    erp.faults.add(Fault(FaultKind.LOST, is_applied=False))
    erp.faults.add(Fault(FaultKind.EDIT, key="1", changes={"note": "s3cret"}))
    told("close", "run", plan, "--yes")
    told.done("changes", "list")
    bodies = "\n".join(mailbox.bodies(TOKEN))

    assert f"Change set {plan} (practice): operations whose answer was lost: 2." in bodies
    assert f"Change set {plan} (practice): operations that a person must look at: 1." in bodies
    assert f"storno changes settle {plan}" in bodies
    for secret in ("s3cret", "PO0000", "Müller", "warehouse", TOKEN):
        assert secret not in bodies


def test_what_does_not_arrive_is_kept_and_shown(told: Storno, mailbox: Mailbox) -> None:
    """The command ends as it would have; the message waits in the outbox, its address nowhere."""
    mailbox.status = 500
    frozen(told, "all")
    answer = told("notify", "list")

    assert 1 == answer.code
    assert "failed 1 times: json" in answer.out
    for place in (answer.out, answer.err, Path("journal.db").read_bytes().decode("latin-1")):
        assert TOKEN not in place

    told.done("freeze", "list")  # not due yet: nothing is tried

    assert {1} == {each["try_count"] for each in told("notify", "--json").json["messages"]}

    mailbox.status = 200

    assert {"sent": 2, "failed": 0} == told.done("notify", "send", "--json").json
    assert {"sent": 0, "failed": 0} == told.done("notify", "send", "--json").json
    assert [1, 1] == [len(mailbox.bodies(TOKEN)), len(mailbox.bodies("/li"))]
    assert 0 == told("notify").code


def test_a_service_that_hangs_keeps_nobody_waiting(
    told: Storno, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a command waits for a message for so long and no longer; it stays in the outbox."""
    monkeypatch.setattr(notify, "LAST_SECONDS", 0.0)
    monkeypatch.setattr(notify.Courier.finish, "__defaults__", (0.0,))
    mailbox.delay_seconds = 3.0
    name = frozen(told, "all")

    assert [] == mailbox.messages
    assert [name] == [each["id"] for each in told.done("freeze", "--json").json["freezes"]]


def test_one_of_several_addresses_is_enough(
    storno: Storno, mailbox: Mailbox, tmp_path: Path
) -> None:
    """A person has been told when one of them took the message."""
    name_people(
        tmp_path,
        f"  mei:\n    addresses: ['json://127.0.0.1:1/x', 'nonsense', '{mailbox.address}/b']\n",
    )
    frozen(storno, "all")

    assert 1 == len(mailbox.bodies())
    assert 0 == storno("notify").code


def test_a_test_message_names_each_address_that_fails(
    storno: Storno, mailbox: Mailbox, tmp_path: Path
) -> None:
    """By its service: an address is never shown."""
    name_people(
        tmp_path,
        f"  mei:\n    addresses: ['{mailbox.address}/b', 'nonsense://{TOKEN}']\n"
        f"  li:\n    addresses: ['{mailbox.address}/li']\n",
    )
    answer = storno("notify", "test")

    assert 1 == answer.code
    assert "mei: json took the message." in answer.out
    assert "mei: nonsense: not an address that Apprise understands" in answer.out
    assert TOKEN not in answer.out + answer.err
    assert 2 == len(mailbox.bodies())
    assert 0 == storno("notify", "test", "li").code
    assert 2 == storno("notify", "test", "wang").code


def test_without_people_alarms_wait(storno: Storno, mailbox: Mailbox, tmp_path: Path) -> None:
    """Whoever is named afterwards is told of them."""
    frozen(storno, "all")
    answer = storno.done("notify")

    assert "Nobody is named" in answer.out
    assert "Alarms that nobody was told of yet: 1." in answer.out
    assert 2 == storno("notify", "send").code

    name_people(tmp_path, f"  mei:\n    addresses: ['{mailbox.address}/b']\n")
    storno.done("freeze")

    assert 1 == len(mailbox.bodies())


@pytest.mark.parametrize(
    "people, said",
    [
        ("  mei:\n    addresses: []\n", "names nothing"),
        ("  mei:\n    addresses: ['json://x']\n    alarms: [fire]\n", "frozen"),
    ],
)
def test_people_that_are_wrong_are_refused(
    storno: Storno, tmp_path: Path, people: str, said: str
) -> None:
    """With file, line and key."""
    name_people(tmp_path, people)
    answer = storno("notify")

    assert 2 == answer.code
    assert said in answer.err
