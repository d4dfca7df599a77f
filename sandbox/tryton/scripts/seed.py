"""Fill an empty Tryton database with the practice company.

Runs inside the practice venv only: ``python seed.py CONFIG DATABASE ORDER.json``. The order file says today, size and
passwords; ``practice.json``, written beside it, lists by role what was made. Progress goes to stdout, one JSON list a
line: what, done, of.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import trytond.config

SEED = 20240229
BENCH_COUNT = 1000
BENCH_CHUNK = 100


def say(what: str, done: int, total: int) -> None:
    print(json.dumps([what, done, total]), flush=True)


def chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def draw(*what: object) -> random.Random:
    """The same chance for the same step, also when a step is run again."""
    return random.Random(f"{SEED} {what}")


def trust_ourselves() -> None:
    """Leave out what only costs time here; a slow test seeds with all of it.

    Tryton checks each record against the domains of its model (a third of the time), and starts a transaction again
    from the beginning for each lock that it turns out to need (another third); nobody else works in this database.
    """
    from trytond.model import ModelStorage
    from trytond.transaction import Transaction

    ModelStorage._validate = classmethod(lambda *_args, **_options: None)  # noqa: SLF001  # there is no public switch
    Transaction.lock_table = lambda *_args: None
    Transaction.lock_records = lambda *_args: None


def seed_orders(
    run: Any, made: Any, kind: str, plan: list[Any], wishes: dict[str, list[int]]
) -> None:
    """Make these orders and what follows from them, up to their draft invoices."""
    import orders

    done = 0
    for part in chunks(plan, orders.CHUNK):
        create = partial(orders.create_orders, kind, made, part, draw(kind, part[0].role))
        run.run(create)
        run.run(partial(orders.quote_and_confirm, kind, part))
        done += len(part)
        say(f"{kind}s", done, len(plan))
    move_goods = orders.receive_goods if kind == "purchase" else orders.deliver_goods
    run.run(lambda: move_goods(made, plan))
    for wish, ids in run.run(lambda: orders.date_invoices(kind, made, plan)).items():
        wishes.setdefault(wish, []).extend(ids)


def seed_invoices(run: Any, made: Any, wishes: dict[str, list[int]]) -> dict[str, list[int]]:
    """Make the invoices that belong to no order, then post and pay all invoices as wished."""
    import orders
    import others

    invoices: dict[str, list[int]] = run.run(lambda: others.create_invoices(made, draw("invoice")))
    for role, ids in invoices.items():
        wishes.setdefault(role.partition("_")[2], []).extend(ids)
    total = len(wishes["posted"]) + len(wishes["paid"])
    say("invoices", 0, total)
    run.run(lambda: orders.post_invoices(wishes))
    say("invoices", len(wishes["posted"]), total)
    run.run(lambda: orders.pay_invoices(made, wishes["paid"]))
    say("invoices", total, total)
    return invoices


def seed_bench(run: Any, made: Any) -> list[int]:
    """Make the thousand stale quotations that the benchmarks close."""
    import orders

    ids: list[int] = []
    for start in range(0, BENCH_COUNT, BENCH_CHUNK):
        create = partial(orders.create_bench_quotations, made, BENCH_CHUNK, draw("bench", start))
        ids += run.run(create)
        say("bench quotations", len(ids), BENCH_COUNT)
    return ids


def main(config: str, database: str, order_file: Path) -> None:
    trytond.config.update_etc([config])
    order = json.loads(order_file.read_text(encoding="utf-8"))

    from trytond.pool import Pool

    if "check" not in order:
        trust_ourselves()
    Pool.start()
    Pool(database).init()

    import company
    import manifest
    import orders
    import others
    import work

    today = dt.date.fromisoformat(order["today"])
    run = work.Work(database)
    say("company", 0, 1)
    made = run.run(lambda: company.create_company(today, order["passwords"]))
    run.context["company"] = made.id
    run.context["employee"] = made.employees["admin"].id
    made = run.run(lambda: manifest.refresh(made))
    say("company", 1, 1)
    run.run(lambda: others.create_opening_stock(made))

    roles: dict[str, dict[str, list[int]]] = {}
    wishes: dict[str, list[int]] = {}
    plans = {"purchase": orders.purchase_plan(), "sale": orders.sale_plan()}
    for kind, plan in plans.items():
        seed_orders(run, made, kind, plan, wishes)
        for one in plan:
            roles.setdefault(f"{kind}.{kind}", {}).setdefault(one.role, []).append(one.id)
    roles["account.invoice"] = seed_invoices(run, made, wishes)
    run.run(lambda: orders.cancel_open_moves(plans["purchase"]))
    run.run(lambda: others.create_productions(made))
    roles["project.work"] = run.run(lambda: others.create_projects(made))
    say("periods", 0, 24)
    run.run(lambda: others.create_rents(made))
    run.run(lambda: others.balance_last_year(made))
    run.run(lambda: others.close_old_periods(made))
    say("periods", 24, 24)
    if order["size"] == "bench":
        roles["purchase.purchase"]["bench_quotation"] = seed_bench(run, made)

    run.run(lambda: manifest.backdate(made))
    listing = run.run(lambda: manifest.describe(made, roles))
    target = order_file.with_name("practice.json")
    target.write_text(json.dumps(listing, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
