"""How Workflow keeps its books: TD016 turns Y by itself when all is delivered, and y when a person closes a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

from sandbox.legacy import digiwin
from sandbox.legacy.data import ITEMS, YEAR, Order, money
from sandbox.legacy.databases import add, number, select, update
from sandbox.legacy.office_books import Books, Side

_LINE: Final = ("TD001", "TD002")


class DigiwinBooks(Books):
    sides: ClassVar[Mapping[str, Side]] = {
        "purchase": Side(
            head="PURTC",
            body="PURTD",
            head_key=("TC001", "TC002"),
            body_key=_LINE,
            line="TD003",
            ordered="TD008",
            received=("TD015",),
            memo="TC009",
            item="TD004",
            warehouse="TD007",
            price="TD010",
        ),
        "sale": Side(
            head="COPTC",
            body="COPTD",
            head_key=("TC001", "TC002"),
            body_key=_LINE,
            line="TD003",
            ordered="TD008",
            received=("TD009",),
            memo="TC015",
            item="TD004",
            warehouse="TD007",
            price="TD011",
        ),
    }
    closed_columns: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "purchase": ("TD016",),
        "sale": ("TD016",),
    }

    def line_key(self, line: int) -> Any:
        return digiwin.no(line)

    def is_closed(self, row: Mapping[str, Any]) -> bool:
        return row["TD016"] in {"Y", "y"}

    def billed(self, order: Order, line: int) -> Decimal:
        """A receipt line is invoiced as a whole or not at all."""
        mark, quantity = ("TH031", "TH015") if order.side == "purchase" else ("TH026", "TH008")
        return sum(
            (
                number(row[quantity])
                for row in self._moved(order, line, mark, quantity)
                if row[mark] == "Y"
            ),
            Decimal(0),
        )

    def _moved(self, order: Order, line: int, *columns: str) -> list[dict[str, Any]]:
        table, link = _MOVED[order.side]
        kind, one = (str(part).strip() for part in digiwin.key(order))
        where = dict(zip(link, (kind, one, digiwin.no(line)), strict=True))
        return select(self.session, table, ["TH001", "TH002", "TH003", *columns], where)

    def receive(
        self,
        order: Order,
        quantities: Mapping[int, Decimal],
        *,
        confirmed: bool,
        inspecting: bool,
    ) -> str:
        purchase = order.side == "purchase"
        done = confirmed and not inspecting
        kind = "3401" if purchase else "2301"
        head = "PURTG" if purchase else "COPTG"
        month = f"{self.today:%Y%m}"
        one = f"{month}{self.serial(head, 'TG002', month):05d}"
        self._new(head, self._receipt_head(order, kind, one, quantities, done))
        side = self.side(order)
        rows = self.body(order, side.item, str(side.warehouse), side.price)
        for entry, no in enumerate(sorted(quantities), start=1):
            row = rows[no]
            values = self._receipt_line(order, no, row, quantities[no], done=done)
            if purchase and inspecting:
                values |= {"TH015": Decimal(0), "TH016": Decimal(0), "TH028": "1"}
            key = {"TH001": kind, "TH002": one, "TH003": digiwin.no(entry)}
            self._new("PURTH" if purchase else "COPTH", {**key, **values})
            if done:
                amounts = {side.received[0]: quantities[no]}
                add(self.session, side.body, amounts, self.body_where(order, no))
                place = self._place(row, side)
                by = quantities[no] if purchase else -quantities[no]
                self.move_stock("INVMC", "MC007", place, by)
        self.recompute(order)
        return f"{kind}-{one}"

    def _place(self, row: Mapping[str, Any], side: Side) -> dict[str, Any]:
        """INVMC has CHAR keys; SQLite compares them with their blanks, as they were stored."""
        item, warehouse = str(row[side.item]), str(row[str(side.warehouse)])
        if self.session.backend == "sqlite":
            return {"MC001": item.ljust(40), "MC002": warehouse.ljust(10)}
        return {"MC001": item, "MC002": warehouse}

    def _receipt_head(
        self, order: Order, kind: str, one: str, quantities: Mapping[int, Decimal], done: bool
    ) -> dict[str, Any]:
        day = f"{self.today:%Y%m%d}"
        total = sum(quantities.values(), Decimal(0))
        values: dict[str, Any] = {"TG001": kind, "TG002": one, "TG003": day}
        if order.side == "purchase":
            mark, total_, date_, partner = "TG013", "TG026", "TG014", "TG005"
        else:
            mark, total_, date_, partner = "TG023", "TG033", "TG042", "TG004"
            values["TG043"] = self.login if done else ""
        return {
            **values,
            partner: digiwin.partner(order.partner),
            mark: "Y" if done else "N",
            total_: total,
            date_: day,
        }

    def _receipt_line(
        self, order: Order, no: int, row: Mapping[str, Any], quantity: Decimal, *, done: bool
    ) -> dict[str, Any]:
        kind, one = (str(part).strip() for part in digiwin.key(order))
        link = dict(zip(_MOVED[order.side][1], (kind, one, digiwin.no(no)), strict=True))
        values = {**link, "TH004": row["TD004"], "TH005": ITEMS[order.lines[no - 1].item]}
        if order.side == "sale":
            return {
                **values,
                "TH007": row["TD007"],
                "TH008": quantity,
                "TH012": number(row["TD011"]),
                "TH020": "Y" if done else "N",
                "TH026": "N",
            }
        return {
            **values,
            "TH007": quantity,
            "TH009": row["TD007"],
            "TH014": f"{self.today:%Y%m%d}" if done else "",
            "TH015": quantity,
            "TH016": quantity,
            "TH017": Decimal(0),
            "TH018": number(row["TD010"]),
            "TH028": "0",
            "TH030": "Y" if done else "N",
            "TH031": "N",
            "TH038": self.login if done else "",
        }

    def invoice(self, order: Order, quantities: Mapping[int, Decimal]) -> str:
        """Every confirmed receipt line of these lines that is not invoiced yet goes onto one voucher."""
        purchase = order.side == "purchase"
        head, body, kind = ("ACPTA", "ACPTB", "7101") if purchase else ("ACRTA", "ACRTB", "6101")
        confirmed, done, quantity, price = (
            ("TH030", "TH031", "TH015", "TH018")
            if purchase
            else ("TH020", "TH026", "TH008", "TH012")
        )
        voucher = ("TH039", "TH040", "TH041") if purchase else ("TH027", "TH028", "TH029")
        month, day = f"{self.today:%Y%m}", f"{self.today:%Y%m%d}"
        one = f"{month}{self.serial(head, 'TA002', month):05d}"
        entry, total = 0, Decimal(0)
        for no in sorted(quantities):
            for row in self._moved(order, no, confirmed, done, quantity, price):
                if row[confirmed] != "Y" or row[done] == "Y":
                    continue
                entry += 1
                amount = money(number(row[quantity]) * number(row[price]))
                total += amount
                key = (kind, one, digiwin.no(entry))
                source = {
                    "TB005": str(row["TH001"]).strip(),
                    "TB006": str(row["TH002"]).strip(),
                    "TB007": str(row["TH003"]).strip(),
                }
                own = dict(zip(("TB001", "TB002", "TB003"), key, strict=True))
                rest = {"TB004": "1", "TB008": day, "TB009": amount, "TB012": "Y"}
                self._new(body, {**own, **source, **rest})
                update(
                    self.session,
                    _MOVED[order.side][0],
                    {done: "Y", **dict(zip(voucher, key, strict=True)), **self._who()},
                    {name: row[name] for name in ("TH001", "TH002", "TH003")},
                )
        values: dict[str, Any] = {"TA001": kind, "TA002": one, "TA003": day}
        values["TA004"] = digiwin.partner(order.partner)
        names = ("TA024", "TA028", "TA034") if purchase else ("TA025", "TA029", "TA038")
        self._new(head, values | dict(zip(names, ("Y", total, day), strict=True)))
        return f"{kind}-{one}"

    def _new(self, table: str, values: Mapping[str, Any]) -> None:
        made = {
            "COMPANY": digiwin.COMPANY,
            "CREATOR": self.login,
            "USR_GROUP": "",
            "CREATE_DATE": f"{self.today:%Y%m%d}",
            "CREATE_TIME": f"{self.now:%H:%M:%S}",
            "CREATE_AP": "DSERP",
            "FLAG": Decimal(1),
        }
        if self.session.backend == "sqlite":
            widths = _CHAR[table]
            values = {n: v.ljust(widths[n]) if n in widths else v for n, v in values.items()}
        self.insert(table, {**made, **values})

    def _who(self) -> dict[str, Any]:
        return {
            "MODIFIER": self.login,
            "MODI_DATE": f"{self.today:%Y%m%d}",
            "MODI_TIME": f"{self.now:%H:%M:%S}",
            "MODI_AP": "DSERP",
            "MODI_PRID": "PURI07",
        }

    def _mark(self, order: Order, line: int, mark: str) -> None:
        """Every program of the ERP writes who it was and counts FLAG up."""
        self.update_line(order, line, {"TD016": mark, **self._who()})
        add(
            self.session,
            self.side(order).body,
            {"FLAG": Decimal(1)},
            self.body_where(order, line),
        )

    def close(self, order: Order, lines: Sequence[int]) -> None:
        for no, held in self.lines(order).items():
            if no in lines and not held.closed:
                self._mark(order, no, "y")

    def reopen(self, order: Order, lines: Sequence[int]) -> None:
        for no, row in self.body(order, "TD016").items():
            if no in lines and row["TD016"] == "y":
                self._mark(order, no, "N")
        self.recompute(order)

    def recompute(self, order: Order) -> None:
        lines = self.lines(order)
        for no, row in self.body(order, "TD016").items():
            held = lines[no]
            if row["TD016"] == "N" and held.received >= held.ordered:
                self._mark(order, no, "Y")
            elif row["TD016"] == "Y" and held.received < held.ordered:
                self._mark(order, no, "N")

    def void(self, order: Order) -> None:
        head, body = ("TC014", "TD018") if order.side == "purchase" else ("TC027", "TD021")
        self.update_head(order, {head: "V", **self._who()})
        for no in self.body(order):
            self.update_line(order, no, {body: "V", **self._who()})

    def post_period(self, month: int) -> None:
        closed, now = f"{month:02d}", f"{month + 1:02d}"
        last = (self.today.replace(year=YEAR, month=month, day=28) + timedelta(days=4)).replace(
            day=1
        ) - timedelta(days=1)
        values = {
            "MA013": f"{last:%Y%m%d}",
            "MA015": now,
            "MA018": closed,
            **dict.fromkeys(("MA011", "MA027", "MA029"), f"{YEAR}{now}"),
            **dict.fromkeys(("MA012", "MA028", "MA030"), f"{YEAR}{closed}"),
        }
        update(self.session, "CMSMA", values, {"MA003": "NTD"})


_MOVED: Final = {
    "purchase": ("PURTH", ("TH011", "TH012", "TH013")),
    "sale": ("COPTH", ("TH014", "TH015", "TH016")),
}
_CHAR: Final = {
    table.name: {c.name: c.width for c in table.columns if c.family == "char"}
    for table in digiwin.TABLES
}
