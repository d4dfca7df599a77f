"""Counter-documents that an operation made are named: nobody has to look for them in the ERP."""

from __future__ import annotations

from pathlib import Path

from connectors.fake.engine import FakeERP
from connectors.fake.sample import add_invoice, add_period
from connectors.fake.schema import INVOICE
from tests.integration.cli.conftest import Storno
from tests.integration.cli.test_story import applied

INVOICES = """\
closings:
  doubled:
    system: practice
    kind: supplier_invoice
    scope: number = 'INV-77'
    routes:
      - name: reverse
        when: "true"
        action: supplier_invoice.reverse
"""


def test_what_an_operation_created_is_named(storno: Storno, erp: FakeERP, tmp_path: Path) -> None:
    """`changes show` names the counter-document by its number, on the screen and in JSON; so does its rollback."""
    add_invoice(erp, "INV-77", period=add_period(erp, "2031-01"))
    path = tmp_path / "storno.yaml"
    settings = path.read_text(encoding="utf-8").replace("closings:\n", INVOICES)
    path.write_text(settings, encoding="utf-8")

    done = applied(storno, "doubled")

    (key,) = [key for key, row in erp.dump()[INVOICE].items() if row["reversed_entry"]]
    number = erp.dump()[INVOICE][key]["number"]
    assert f"   Created: counter-document {number}\n" in storno.done("changes", "show", done).out
    (operation,) = storno.done("changes", "show", done, "--json").json["operations"]
    (created,) = operation["created"]
    assert (INVOICE, key, number) == (created["model"], created["key"], created["number"])
    storno("rollback", done, "--reason", "mistake", "--yes")
    shown = storno.done("changes", "show", "last").out
    assert shown.count("Created: counter-document RINV") == 1
    assert number not in next(line for line in shown.splitlines() if "Created: " in line)


def test_what_creates_nothing_names_nothing(storno: Storno) -> None:
    """A document that was only changed is not called created."""
    done = applied(storno)

    assert "Created" not in storno.done("changes", "show", done).out
    operations = storno.done("changes", "show", done, "--json").json["operations"]
    assert {()} == {tuple(each["created"]) for each in operations}
