"""How U8 keeps its books. It closes nothing by itself: a name in cbCloser or cSCloser closes a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from sandbox.legacy import u8
from sandbox.legacy.data import Order, money
from sandbox.legacy.databases import LegacyError, add, next_number, number, update
from sandbox.legacy.office_books import YEAR, Books, Side, months

_STOCK: Final = {"table": "CurrentStock", "column": "iQuantity"}


class U8Books(Books):
    sides: ClassVar[Mapping[str, Side]] = {
        "purchase": Side(
            head="PO_Pomain",
            body="PO_Podetails",
            head_key=("POID",),
            body_key=("POID",),
            line="ivouchrowno",
            ordered="iQuantity",
            received=("iReceivedQTY", "freceivedqty"),
            invoiced="iInvQTY",
            memo="cMemo",
            item="cInvCode",
            price="iUnitPrice",
        ),
        "sale": Side(
            head="SO_SOMain",
            body="SO_SODetails",
            head_key=("ID",),
            body_key=("ID",),
            line="iRowNo",
            ordered="iQuantity",
            received=("iFHQuantity",),
            invoiced="iKPQuantity",
            memo="cMemo",
            item="cInvCode",
            price="iUnitPrice",
        ),
    }
    closed_columns: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "purchase": ("cbCloser",),
        "sale": ("cSCloser",),
    }

    def is_closed(self, row: Mapping[str, Any]) -> bool:
        return bool(row.get("cbCloser") or row.get("cSCloser"))

    def receive(
        self,
        order: Order,
        quantities: Mapping[int, Decimal],
        *,
        confirmed: bool,
        inspecting: bool,
    ) -> str:
        if order.side == "sale":
            return self._dispatch(order, quantities, confirmed=confirmed and not inspecting)
        if inspecting:
            return self._arrival(order, quantities)
        document = next_number(self.session, "RdRecord01", "ID")
        code = f"{self.serial('RdRecord01', 'cCode'):010d}"
        self.insert(
            "RdRecord01",
            {
                "ID": document,
                "cCode": code,
                "dDate": self.today,
                "cWhCode": "01",
                "cVenCode": u8.vendor(order.partner),
                "cMaker": self.name,
                "cHandler": self.name if confirmed else None,
                "dVeriDate": self.today if confirmed else None,
            },
        )
        for no, row in self.body(order, "ID", "cInvCode", "iUnitPrice").items():
            if no not in quantities:
                continue
            self.insert(
                "RdRecords01",
                {
                    "AutoID": next_number(self.session, "RdRecords01", "AutoID"),
                    "ID": document,
                    "cInvCode": row["cInvCode"],
                    "iQuantity": quantities[no],
                    "iUnitCost": number(row["iUnitPrice"]),
                    "iPOsID": row["ID"],
                },
            )
            if confirmed:
                amounts = {"iReceivedQTY": quantities[no]}
                add(self.session, "PO_Podetails", amounts, self.body_where(order, no))
                where = {"cWhCode": "01", "cInvCode": row["cInvCode"]}
                self.move_stock(**_STOCK, where=where, by=quantities[no])
        return code

    def _arrival(self, order: Order, quantities: Mapping[int, Decimal]) -> str:
        document = next_number(self.session, "PU_ArrivalVouch", "ID")
        code = f"{self.serial('PU_ArrivalVouch', 'cCode'):010d}"
        self.insert(
            "PU_ArrivalVouch",
            {
                "ID": document,
                "cCode": code,
                "dDate": self.today,
                "cVenCode": u8.vendor(order.partner),
                "cMaker": self.name,
                "cverifier": self.name,
            },
        )
        for no, row in self.body(order, "ID", "cInvCode").items():
            if no in quantities:
                self.insert(
                    "PU_ArrivalVouchs",
                    {
                        "Autoid": next_number(self.session, "PU_ArrivalVouchs", "Autoid"),
                        "ID": document,
                        "cInvCode": row["cInvCode"],
                        "iQuantity": quantities[no],
                        "iPOsID": row["ID"],
                    },
                )
                where = self.body_where(order, no)
                add(self.session, "PO_Podetails", {"iArrQTY": quantities[no]}, where)
        return code

    def _dispatch(self, order: Order, quantities: Mapping[int, Decimal], *, confirmed: bool) -> str:
        document = next_number(self.session, "DispatchList", "DLID")
        code = f"{self.serial('DispatchList', 'cDLCode'):010d}"
        self.insert(
            "DispatchList",
            {
                "DLID": document,
                "cDLCode": code,
                "dDate": self.today,
                "cCusCode": u8.vendor(order.partner),
                "cMaker": self.name,
                "cVerifier": self.name if confirmed else None,
            },
        )
        for no, row in self.body(order, "iSOsID", "cInvCode").items():
            if no not in quantities:
                continue
            self.insert(
                "DispatchLists",
                {
                    "iDLsID": next_number(self.session, "DispatchLists", "iDLsID"),
                    "DLID": document,
                    "cWhCode": "01",
                    "cInvCode": row["cInvCode"],
                    "iQuantity": quantities[no],
                    "foutquantity": quantities[no] if confirmed else None,
                    "iSOsID": row["iSOsID"],
                },
            )
            if confirmed:
                amounts = {"iFHQuantity": quantities[no], "foutquantity": quantities[no]}
                add(self.session, "SO_SODetails", amounts, self.body_where(order, no))
                where = {"cWhCode": "01", "cInvCode": row["cInvCode"]}
                self.move_stock(**_STOCK, where=where, by=-quantities[no])
        return code

    def invoice(self, order: Order, quantities: Mapping[int, Decimal]) -> str:
        purchase = order.side == "purchase"
        head, key, code_, date_, partner, maker, verifier = (
            (
                "PurBillVouch",
                "PBVID",
                "cPBVCode",
                "dPBVDate",
                "cVenCode",
                "cPBVMaker",
                "cPBVVerifier",
            )
            if purchase
            else ("SaleBillVouch", "SBVID", "cSBVCode", "dDate", "cCusCode", "cMaker", "cVerifier")
        )
        document = next_number(self.session, head, key)
        code = f"{self.serial(head, code_):010d}"
        self.insert(
            head,
            {
                key: document,
                code_: code,
                date_: self.today,
                partner: u8.vendor(order.partner),
                maker: self.name,
                verifier: self.name,
            },
        )
        line_id = "ID" if purchase else "iSOsID"
        for no, row in self.body(order, line_id, "cInvCode", "iUnitPrice").items():
            if no not in quantities:
                continue
            amount = money(quantities[no] * number(row["iUnitPrice"]))
            body, own, quantity, sum_, link = (
                ("PurBillVouchs", "ID", "iPBVQuantity", "iOriSum", "iPOsID")
                if purchase
                else ("SaleBillVouchs", "AutoID", "iQuantity", "iSum", "iSOsID")
            )
            self.insert(
                body,
                {
                    own: next_number(self.session, body, own),
                    key: document,
                    "cInvCode": row["cInvCode"],
                    quantity: quantities[no],
                    sum_: amount,
                    link: row[line_id],
                },
            )
            names = ("iInvQTY", "iInvMoney") if purchase else ("iKPQuantity", "iKPMoney")
            amounts = dict(zip(names, (quantities[no], amount), strict=True))
            add(self.session, self.side(order).body, amounts, self.body_where(order, no))
        return code

    def close(self, order: Order, lines: Sequence[int]) -> None:
        closer, day, moment = self._names(order)
        for no, held in self.lines(order).items():
            if no in lines and not held.closed:
                today = self.today.date() if order.side == "purchase" else self.today
                self.update_line(order, no, {closer: self.name, day: today, moment: self.now})
        if all(held.closed for held in self.lines(order).values()):
            head: dict[str, Any] = {"cCloser": self.name}
            if order.side == "purchase":
                head["cState"] = 2
            else:
                head |= {"dclosedate": self.today, "dclosesystime": self.now}
            self.update_head(order, head)

    def reopen(self, order: Order, lines: Sequence[int]) -> None:
        closer, day, moment = self._names(order)
        for no, held in self.lines(order).items():
            if no in lines and held.closed:
                self.update_line(order, no, {closer: None, day: None, moment: None})
        head: dict[str, Any] = {"cCloser": None}
        if order.side == "purchase":
            head["cState"] = 1
        else:
            head |= {"dclosedate": None, "dclosesystime": None}
        self.update_head(order, head)

    @staticmethod
    def _names(order: Order) -> tuple[str, str, str]:
        if order.side == "purchase":
            return "cbCloser", "cbCloseDate", "cbCloseTime"
        return "cSCloser", "dbclosedate", "dbclosesystime"

    def recompute(self, order: Order) -> None:
        """Nothing in U8 follows from the quantities."""

    def void(self, order: Order) -> None:
        raise LegacyError("U8 deletes an order or closes it; it does not make it void")

    def post_period(self, month: int) -> None:
        for one, closed in months(month):
            flags = dict.fromkeys(
                ("bflag", "bflag_PU", "bflag_SA", "bflag_ST", "bflag_AP", "bflag_AR"), int(closed)
            )
            update(self.session, "GL_mend", flags, {"iyear": YEAR, "iperiod": one})
