"""What is refused in storno.yaml: every problem with its line and key, none with its value."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from config.settings import load
from core.encoding import dumps
from core.errors import ConfigError

Write = Callable[[str], Path]

ENVIRONMENT = {"PW": "hunter2"}


def wrong(path: Path, **options: object) -> list[str]:
    """Return the problems of a file, each as `line key: problem`."""
    with pytest.raises(ConfigError) as caught:
        load(path, environment=ENVIRONMENT, **options)  # type: ignore[arg-type]
    shown = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in shown + repr(caught.value) + dumps(caught.value.as_dict()).decode()
    return [
        f"{each.values['line']} {each.values['key']}: {each.values['problem']}"
        for each in caught.value.problems
    ]


def test_all_problems_at_once_in_the_order_of_the_file(write: Write) -> None:
    """Every problem names line and key, all are told at once, and no value is repeated."""
    path = write(
        """\
        systems:
          erp:
            kind: tryton
            url: hunter2
            databaze: demo
            user: 7
            password: hunter2
            verify_tls: yes
            company: 0
            transport: hunter2
            timeout_seconds: {read: 1_000, write: 0}
          erp: {a: 1}
          a b: {kind: fake}
          old: hunter2
          acme: {kind: acme, token: hunter2, x: "${NOPE}", inner: [{api_key: 12}]}
        closings:
          stale:
            system: er
            routes:
              - {name: a, when: "", executor: robot, chexks: []}
              - name: a
          empty: {system: erp, kind: x, routes: []}
          bad: []
        run: 5
        approval: {policy: none, limit: 0}
        journal: {path: 7}
        tmie_zone: x
        zzz: 1
        log: {file: [1]}
        """
    )

    assert wrong(path) == [
        "2 systems.erp.database: is missing",
        "4 systems.erp.url: must be an address that begins with http:// or https://",
        "5 systems.erp.databaze: unknown key; did you mean database?",
        "6 systems.erp.user: must be text; what looks like a number or a switch must stand in quotes",
        (
            "7 systems.erp.password: a secret does not stand in this file; write ${NAME} for an"
            " environment variable or ${file:secrets/password} for a file"
        ),
        "8 systems.erp.verify_tls: must be true or false",
        "9 systems.erp.company: must be at least 1",
        "10 systems.erp.transport: must be one of: auto, json, xml",
        "11 systems.erp.timeout_seconds.read: must be a number",
        "11 systems.erp.timeout_seconds.write: must be more than 0",
        "12 systems.erp: this key stands here twice, first in line 2",
        "13 systems.a b: may hold up to 64 letters, digits, - and _ only",
        "14 systems.old: must be a section with keys of its own",
        (
            "15 systems.acme.inner[1].api_key: a secret does not stand in this file; write ${NAME} for an"
            " environment variable or ${file:secrets/inner[1].api_key} for a file"
        ),
        (
            "15 systems.acme.token: a secret does not stand in this file; write ${NAME} for an"
            " environment variable or ${file:secrets/token} for a file"
        ),
        "15 systems.acme.x: the environment variable NOPE is not set",
        "17 closings.stale.kind: is missing",
        "18 closings.stale.system: there is none of this name; did you mean erp?",
        "20 closings.stale.routes[1].action: is missing",
        "20 closings.stale.routes[1].chexks: unknown key; did you mean checks?",
        "20 closings.stale.routes[1].executor: must be one of: interface, by_person",
        "20 closings.stale.routes[1].when: must not be empty",
        "21 closings.stale.routes[2].action: is missing",
        "21 closings.stale.routes[2].name: an entry above has the same one",
        "21 closings.stale.routes[2].when: is missing",
        "22 closings.empty.routes: must have at least one entry",
        "23 closings.bad: must be a section with keys of its own",
        "24 run: must be a section with keys of its own",
        "25 approval.limit: must be at least 1",
        "26 journal.path: must be the path of a file",
        "27 tmie_zone: unknown key; did you mean time_zone?",
        (
            "28 zzz: unknown key; known here: actor, allow_plain_secrets, approval, audit, closings,"
            " journal, language, log, notify, plans, redaction, rollback, run, systems, time_zone"
        ),
        "29 log.file: must be the path of a file",
    ]


@pytest.mark.parametrize(
    "content, problem",
    [
        ("", "1 storno.yaml: the file says nothing; write one with: storno init"),
        ("- a", "1 storno.yaml: the file must consist of keys and values"),
        ("systems: []", "1 systems: must be a section with keys of its own"),
        ("systems: {a: {url: x}}", "1 systems.a.kind: is missing"),
        ("closings: [1]", "1 closings: must be a section with keys of its own"),
        ("time_zone: Mars/Base", "1 time_zone: must be a time zone such as Asia/Shanghai"),
        ("time_zone: ../../x", "1 time_zone: must be a time zone such as Asia/Shanghai"),
        ("language: fr", "1 language: must be one of: auto, en, zh_CN"),
        ("run: {batch_size: 1.5}", "1 run.batch_size: must be a whole number"),
        ("run: {batch_size: 20000}", "1 run.batch_size: must be at most 10000"),
        (
            "run: {retry_deadline_seconds: '${PW}'}",
            "1 run.retry_deadline_seconds: must be a number",
        ),
        ("allow_plain_secrets: '${PW}'", "1 allow_plain_secrets: must be true or false"),
        ("approval: {limit: '${PW}'}", "1 approval.limit: must be a whole number"),
        (
            "journal: {path: a, url: 'sqlite:///b'}",
            "1 journal: has a path and an url; one of them is enough",
        ),
        (
            "journal: {url: 'mysql://x'}",
            "1 journal.url: must begin with postgresql+psycopg:// or sqlite:///",
        ),
        ("journal: {url: 'http://[x'}", "1 journal.url: must be an address"),
        (
            "journal: {url: 'postgresql+psycopg://a:hunter2@h/d'}",
            "1 journal.url: the password in it does not stand in this file; write ${NAME} or ${file:path}",
        ),
        ("actor: ${NOPE}", "1 actor: the environment variable NOPE is not set"),
        ("actor: ''", "1 actor: must not be empty"),
    ],
)
def test_one_problem(write: Write, content: str, problem: str) -> None:
    """Each mistake has one line that says what to write instead."""
    assert wrong(write(content)) == [problem]


@pytest.mark.parametrize(
    "url, problem",
    [
        ("ftp://x", "must be an address that begins with http:// or https://"),
        ("http://", "must be an address that begins with http:// or https://"),
        ("http://[x", "must be an address that begins with http:// or https://"),
        ("http://x:99999", "must be an address that begins with http:// or https://"),
        (
            "http://a:hunter2@x",
            "user and password have keys of their own, they do not stand in the address",
        ),
        ("http://x/?a=1", "must be an address without ? and #"),
        ("http://x/#a", "must be an address without ? and #"),
    ],
)
def test_address_of_a_system(write: Write, url: str, problem: str) -> None:
    """An address is an address and nothing else: no password, no question."""
    assert wrong(write(f"systems: {{a: {{kind: fake, url: '{url}'}}}}")) == [
        f"1 systems.a.url: {problem}"
    ]


def test_check_code(write: Write) -> None:
    """The code of a check is a name for programs, and stands there once."""
    path = write(
        """\
        systems: {erp: {kind: fake}}
        closings:
          stale:
            system: erp
            kind: x
            routes: [{name: a, when: b, action: c}]
            checks:
              - {code: No Number, holds: a, reason: b}
              - {code: twice, holds: a, reason: b}
              - {code: twice, holds: a, reason: b}
        """
    )

    assert wrong(path) == [
        "8 closings.stale.checks[1].code: must be small letters, digits and _, as in no_receipt",
        "10 closings.stale.checks[3].code: an entry above has the same one",
    ]


def test_unknown_kind(write: Write) -> None:
    """A kind that no connector here knows is refused where the caller knows them."""
    path = write("systems: {a: {kind: tryon, x: 1}, b: {kind: zzz}, c: {kind: fake}}")

    assert wrong(path, kinds=("fake", "tryton")) == [
        "1 systems.a.kind: there is none of this name; did you mean tryton?",
        "1 systems.b.kind: there is none of this name; known: fake, tryton",
    ]
    assert set(load(path).systems) == {"a", "b", "c"}


def test_entries_that_are_no_sections(write: Write) -> None:
    """A list of words where sections belong is one problem an entry."""
    path = write(
        "systems: {a: {kind: fake}}\nclosings: {b: {system: a, kind: x, routes: [1], checks: y}}\n"
    )

    assert wrong(path) == [
        "2 closings.b.checks: must be a list: one entry a line, each after a dash",
        "2 closings.b.routes[1]: must be a section with keys of its own",
    ]
