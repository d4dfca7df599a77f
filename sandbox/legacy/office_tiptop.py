"""How TIPTOP keeps its books: the vendor's closing program turns pmn16 into 6, 7 or 8 and keeps the difference in pmn57."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

from sandbox.legacy import tiptop
from sandbox.legacy.data import YEAR, Order, money
from sandbox.legacy.databases import LegacyError, add, number, select, update
from sandbox.legacy.office_books import Books, Side

_ENDED: Final = frozenset("6789")
_NOTHING: Final = Decimal(0)


class TiptopBooks(Books):
    sides: ClassVar[Mapping[str, Side]] = {
        "purchase": Side(
            head="pmm_file",
            body="pmn_file",
            head_key=("pmm01",),
            body_key=("pmn01",),
            line="pmn02",
            ordered="pmn20",
            received=("pmn53",),
            taken_off=("pmn58",),
            memo="pmmud01",
            item="pmn04",
            warehouse="pmn52",
            price="pmn31",
        ),
        "sale": Side(
            head="oea_file",
            body="oeb_file",
            head_key=("oea01",),
            body_key=("oeb01",),
            line="oeb03",
            ordered="oeb12",
            received=("oeb24",),
            taken_off=("oeb25",),
            memo="oeaud01",
            item="oeb04",
            warehouse="oeb09",
            price="oeb13",
        ),
    }
    closed_columns: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "purchase": ("pmn16",),
        "sale": ("oeb70",),
    }

    def is_closed(self, row: Mapping[str, Any]) -> bool:
        return row.get("pmn16") in _ENDED or row.get("oeb70") == "Y"

    def billed(self, order: Order, line: int) -> Decimal:
        if order.side == "purchase":
            where = {"rvv36": tiptop.number(order), "rvv37": line, "rvv03": "1"}
            rows = select(self.session, "rvv_file", ["rvv23"], where)
            return sum((number(row["rvv23"]) for row in rows), _NOTHING)
        where = {"ogb31": tiptop.number(order), "ogb32": line}
        rows = select(self.session, "ogb_file", ["ogb60"], where)
        return sum((number(row["ogb60"]) for row in rows), _NOTHING)

    def receive(
        self,
        order: Order,
        quantities: Mapping[int, Decimal],
        *,
        confirmed: bool,
        inspecting: bool,
    ) -> str:
        done = confirmed and not inspecting
        if order.side == "sale":
            return self._ship(order, quantities, done=done)
        arrival = f"RC1-{self.serial('rva_file', 'rva01', 'RC1-'):08d}"
        today = self.today.date()
        self.insert(
            "rva_file",
            {
                "rva01": arrival,
                "rva05": tiptop.partner(order.partner),
                "rva06": today,
                "rvaconf": "Y" if confirmed else "N",
                "rvauser": self.login,
            },
        )
        rows = self.body(order, "pmn04", "pmn52")
        for entry, no in enumerate(sorted(quantities), start=1):
            quantity = quantities[no]
            self.insert(
                "rvb_file",
                {
                    "rvb01": arrival,
                    "rvb02": entry,
                    "rvb03": no,
                    "rvb04": tiptop.number(order),
                    "rvb05": rows[no]["pmn04"],
                    "rvb07": quantity,
                    "rvb30": quantity if done else _NOTHING,
                    "rvb33": quantity if done else _NOTHING,
                    "rvb40": today if done else None,
                },
            )
            if confirmed:
                waits = {"pmn51": quantity} if inspecting else {"pmn53": quantity}
                amounts = {"pmn50": quantity, **waits}
                add(self.session, "pmn_file", amounts, self.body_where(order, no))
        if done:
            self._store(order, quantities, arrival, rows)
            self.recompute(order)
        return arrival

    def _store(
        self,
        order: Order,
        quantities: Mapping[int, Decimal],
        arrival: str,
        rows: Mapping[int, Mapping[str, Any]],
    ) -> None:
        stored = f"ST1-{self.serial('rvu_file', 'rvu01', 'ST1-'):08d}"
        self.insert(
            "rvu_file",
            {
                "rvu00": "1",
                "rvu01": stored,
                "rvu02": arrival,
                "rvu03": self.today.date(),
                "rvu04": tiptop.partner(order.partner),
                "rvuconf": "Y",
                "rvuuser": self.login,
            },
        )
        for entry, no in enumerate(sorted(quantities), start=1):
            self.insert(
                "rvv_file",
                {
                    "rvv01": stored,
                    "rvv02": entry,
                    "rvv03": "1",
                    "rvv04": arrival,
                    "rvv05": entry,
                    "rvv17": quantities[no],
                    "rvv23": _NOTHING,
                    "rvv31": rows[no]["pmn04"],
                    "rvv32": rows[no]["pmn52"],
                    "rvv36": tiptop.number(order),
                    "rvv37": no,
                },
            )
            self._move(rows[no]["pmn04"], rows[no]["pmn52"], quantities[no])

    def _move(self, item: Any, warehouse: Any, by: Decimal) -> None:
        place = {"img01": item, "img02": warehouse, "img03": " ", "img04": " "}
        self.move_stock("img_file", "img10", place, by)

    def _ship(self, order: Order, quantities: Mapping[int, Decimal], *, done: bool) -> str:
        shipment = f"SH1-{self.serial('oga_file', 'oga01', 'SH1-'):08d}"
        self.insert(
            "oga_file",
            {
                "oga01": shipment,
                "oga02": self.today.date(),
                "oga03": tiptop.partner(order.partner),
                "oga16": tiptop.number(order),
                "ogaconf": "Y" if done else "N",
                "ogapost": "Y" if done else "N",
                "ogauser": self.login,
            },
        )
        rows = self.body(order, "oeb04", "oeb09")
        for entry, no in enumerate(sorted(quantities), start=1):
            self.insert(
                "ogb_file",
                {
                    "ogb01": shipment,
                    "ogb03": entry,
                    "ogb04": rows[no]["oeb04"],
                    "ogb09": rows[no]["oeb09"],
                    "ogb12": quantities[no],
                    "ogb31": tiptop.number(order),
                    "ogb32": no,
                    "ogb60": _NOTHING,
                },
            )
            if done:
                where = self.body_where(order, no)
                add(self.session, "oeb_file", {"oeb24": quantities[no]}, where)
                self._move(rows[no]["oeb04"], rows[no]["oeb09"], -quantities[no])
        return shipment

    def invoice(self, order: Order, quantities: Mapping[int, Decimal]) -> str:
        purchase = order.side == "purchase"
        head, own, prefix = (
            ("apa_file", "apa01", "AP1-") if purchase else ("oma_file", "oma01", "AR1-")
        )
        name = f"{prefix}{self.serial(head, own, prefix):08d}"
        moved, quantity, done, keys, link = (
            ("rvv_file", "rvv17", "rvv23", ("rvv01", "rvv02"), ("rvv36", "rvv37"))
            if purchase
            else ("ogb_file", "ogb12", "ogb60", ("ogb01", "ogb03"), ("ogb31", "ogb32"))
        )
        side = self.side(order)
        prices = {no: number(row[side.price]) for no, row in self.body(order, side.price).items()}
        entry, total = 0, _NOTHING
        for no in sorted(quantities):
            where = dict(zip(link, (tiptop.number(order), no), strict=True))
            for row in select(self.session, moved, [*keys, quantity, done], where):
                rest = number(row[quantity]) - number(row[done])
                if rest <= 0:
                    continue
                entry += 1
                amount = money(rest * prices[no])
                total += amount
                source = tuple(row[key] for key in keys)
                self._invoice_line(order, name, entry, no, rest, amount, source)
                update(
                    self.session,
                    moved,
                    {done: number(row[quantity])},
                    dict(zip(keys, source, strict=True)),
                )
        self._invoice_head(order, name, total)
        return name

    def _invoice_line(
        self,
        order: Order,
        name: str,
        entry: int,
        no: int,
        quantity: Decimal,
        amount: Decimal,
        source: tuple[Any, ...],
    ) -> None:
        if order.side == "purchase":
            link = {"apb06": tiptop.number(order), "apb07": no, "apb21": source[0]}
            values = {"apb09": quantity, "apb10": amount, "apb22": source[1]}
            self.insert("apb_file", {"apb01": name, "apb02": entry, **link, **values})
            return
        values = {"omb12": quantity, "omb16": amount, "omb31": source[0], "omb32": source[1]}
        self.insert("omb_file", {"omb01": name, "omb03": entry, **values})

    def _invoice_head(self, order: Order, name: str, total: Decimal) -> None:
        today, partner = self.today.date(), tiptop.partner(order.partner)
        if order.side == "purchase":
            values = {"apa00": "11", "apa02": today, "apa05": partner, "apa34": total}
            rest = {"apa41": "Y", "apa44": f"GL1-{name[4:]}", "apauser": self.login}
            self.insert("apa_file", {"apa01": name, **values, **rest})
            return
        values = {"oma00": "12", "oma02": today, "oma03": partner, "oma54": total}
        rest = {"omaconf": "Y", "oma33": f"GL2-{name[4:]}", "omauser": self.login}
        self.insert("oma_file", {"oma01": name, **values, **rest})

    def close(self, order: Order, lines: Sequence[int]) -> None:
        if order.side == "sale":
            self._close_sale(order, lines)
            return
        self._refuse(order)
        for no, held in self.lines(order).items():
            if no in lines and not held.closed:
                self._end_line(order, no)
        self._end_header(order)

    def _refuse(self, order: Order) -> None:
        """The closing program's own questions."""
        if any(number(row["pmn51"]) > 0 for row in self.body(order, "pmn51").values()):
            raise LegacyError(f"{tiptop.number(order)}: goods are in inspection")
        open_changes = {"pna01": tiptop.number(order), "pna05": "N"}
        if select(self.session, "pna_file", ["pna02"], open_changes):
            raise LegacyError(f"{tiptop.number(order)}: a change of it is not sent yet")

    def _end_line(self, order: Order, no: int) -> None:
        row = self.body(order, "pmn20", "pmn50", "pmn55", "pmn58")[no]
        rest = (
            number(row["pmn50"])
            - number(row["pmn20"])
            - number(row["pmn55"])
            - number(row["pmn58"])
        )
        mark = "6" if rest == 0 else "7" if rest > 0 else "8"
        self.update_line(order, no, {"pmn16": mark, "pmn57": rest})

    def _end_header(self, order: Order) -> None:
        marks = [row["pmn16"] for row in self.body(order, "pmn16").values()]
        if all(mark in _ENDED for mark in marks):
            self.update_head(order, {"pmm25": "6", "pmm27": self.today.date()})

    def _close_sale(self, order: Order, lines: Sequence[int]) -> None:
        for no, held in self.lines(order).items():
            if no in lines and not held.closed:
                rest = held.ordered - held.received
                today = self.today.date()
                values = {"oeb70": "Y", "oeb70d": today, "oeb26": rest, "oeb905": _NOTHING}
                self.update_line(order, no, values)
        self._mark_sale(order)

    def _mark_sale(self, order: Order) -> None:
        rows = self.body(order, "oeb70", "oeb12", "oeb14", "oeb26").values()
        given_up = sum(
            (
                number(row["oeb14"]) / number(row["oeb12"]) * number(row["oeb26"])
                for row in rows
                if number(row["oeb12"])
            ),
            Decimal(0),
        )
        ended = all(row["oeb70"] == "Y" for row in rows)
        values = {"oea49": "2" if ended else "1", "oea63": given_up.quantize(Decimal("0.000001"))}
        self.update_head(order, values)

    def reopen(self, order: Order, lines: Sequence[int]) -> None:
        for no, held in self.lines(order).items():
            if no not in lines or not held.closed:
                continue
            if order.side == "sale":
                self.update_line(order, no, {"oeb70": "N", "oeb70d": None, "oeb26": _NOTHING})
            else:
                self.update_line(order, no, {"pmn16": "2", "pmn57": _NOTHING})
        if order.side == "purchase":
            self.update_head(order, {"pmm25": "2", "pmm27": self.today.date()})
            self.recompute(order)
        else:
            self._mark_sale(order)

    def recompute(self, order: Order) -> None:
        """After goods were stored: full lines end by themselves, ended lines get their difference anew."""
        if order.side == "sale":
            return
        lines = self.lines(order)
        for no, row in self.body(order, "pmn16", "pmn20").items():
            held = lines[no]
            if row["pmn16"] in {"6", "7", "8"} or (
                row["pmn16"] == "2" and held.received >= held.ordered
            ):
                self._end_line(order, no)
        head = select(self.session, "pmm_file", ["pmm25"], self.head_where(order))[0]
        if head["pmm25"] == "2":
            self._end_header(order)

    def void(self, order: Order) -> None:
        if order.side == "sale":
            self.update_head(order, {"oeaconf": "X"})
            return
        self.update_head(order, {"pmm18": "X", "pmm25": "9", "pmm27": self.today.date()})
        for no in self.body(order):
            self.update_line(order, no, {"pmn16": "9"})

    def post_period(self, month: int) -> None:
        last = (date(YEAR, month, 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        values = {"sma52": min(month + 1, 12), "sma53": last}
        update(self.session, "sma_file", values, {"sma00": "0"})
