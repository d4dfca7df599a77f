"""How K3 WISE keeps its books: FMRPClosed on a line, and a header that the ERP works out anew after every receipt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from sandbox.legacy import k3
from sandbox.legacy.data import Order, money
from sandbox.legacy.databases import add, next_number, number, update
from sandbox.legacy.office_books import YEAR, Books, Side, months

# The ERP's own statements after a delivery, as its server was seen to send them; only the names of the tables are ours.
_LINES: Final = """
update "{body}" set "FMRPClosed" = case when "FStockQty" < "FQty" then 0 else 1 end
where "FInterID" = ? and "FMRPAutoClosed" = 1
"""
_STATUS: Final = """
update "{head}" set "FStatus" = case
  when (select count(*) from "{body}" e where e."FInterID" = ?
        and (e."FCommitQty" > 0 or (e."FMRPClosed" = 1 and e."FMRPAutoClosed" = 0))) = 0 then 1
  when (select count(*) from "{body}" e where e."FInterID" = ?
        and (e."FMRPClosed" = 1 or e."FCommitQty" >= e."FQty"))
       < (select count(*) from "{body}" e where e."FInterID" = ?) then 2
  else 3 end
where "FInterID" = ? and "FStatus" > 0
"""
_CLOSED: Final = """
update "{head}" set "FClosed" = case
  when (select count(*) from "{body}" e where e."FInterID" = ?
        and (e."FCommitQty" >= e."FQty" or (e."FMRPAutoClosed" = 0 and e."FMRPClosed" = 1)))
       = (select count(*) from "{body}" e where e."FInterID" = ?) then 1
  else 0 end
where "FInterID" = ? and "FStatus" > 0
"""


def _side(head: str) -> Side:
    return Side(
        head=head,
        body=f"{head}Entry",
        head_key=("FInterID",),
        body_key=("FInterID",),
        line="FEntryID",
        ordered="FQty",
        received=("FStockQty",),
        invoiced="FQtyInvoice",
        memo="FExplanation",
        item="FItemID",
        price="FPrice",
    )


class K3Books(Books):
    sides: ClassVar[Mapping[str, Side]] = {"purchase": _side("POOrder"), "sale": _side("SEOrder")}
    closed_columns: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "purchase": ("FMRPClosed",),
        "sale": ("FMRPClosed",),
    }

    def is_closed(self, row: Mapping[str, Any]) -> bool:
        return int(row["FMRPClosed"] or 0) == 1

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
        prefix = "WIN" if purchase else "XOUT"
        document = next_number(self.session, "ICStockBill", "FInterID")
        bill = f"{prefix}{self.serial('ICStockBill', 'FBillNo', prefix):06d}"
        self.insert(
            "ICStockBill",
            {
                "FInterID": document,
                "FBillNo": bill,
                "FTranType": k3.STOCK_IN if purchase else k3.STOCK_OUT,
                "FDate": self.today,
                "FSupplyID": k3.partner(order.partner),
                "FStatus": int(done),
                "FCancellation": 0,
                "FBillerID": k3.user(self.person),
                "FCheckerID": k3.user(self.person) if done else None,
                "FCheckDate": self.today if done else None,
                "FROB": 1,
                "FVchInterID": 0,
            },
        )
        chosen = {no: row for no, row in self._rows(order).items() if no in quantities}
        for entry, (no, row) in enumerate(chosen.items(), start=1):
            quantity = quantities[no]
            self.insert(
                "ICStockBillEntry",
                {
                    "FInterID": document,
                    "FEntryID": entry,
                    "FItemID": row["FItemID"],
                    "FQty": quantity,
                    "FAuxQty": quantity,
                    "FPrice": number(row["FPrice"]),
                    "FAmount": money(quantity * number(row["FPrice"])),
                    "FDCStockID": row["FStockID"],
                    "FQtyInvoice": Decimal(0),
                    "FOrderInterID": k3.order_id(order),
                    "FOrderEntryID": no,
                    "FOrderBillNo": k3.number(order),
                },
            )
            amounts = {"FCommitQty": quantity, "FAuxCommitQty": quantity}
            if done:
                amounts |= {"FStockQty": quantity, "FAuxStockQty": quantity}
                place = {"FItemID": row["FItemID"], "FStockID": row["FStockID"], "FBatchNo": ""}
                self.move_stock("ICInventory", "FQty", place, quantity if purchase else -quantity)
            add(self.session, self.side(order).body, amounts, self.body_where(order, no))
        self.recompute(order)
        return bill

    def invoice(self, order: Order, quantities: Mapping[int, Decimal]) -> str:
        purchase = order.side == "purchase"
        head, partner, prefix = (
            ("ICPurchase", "FSupplyID", "PINV") if purchase else ("ICSale", "FCustID", "SINV")
        )
        document = next_number(self.session, head, "FInterID")
        bill = f"{prefix}{self.serial(head, 'FBillNo', prefix):06d}"
        self.insert(
            head,
            {
                "FInterID": document,
                "FBillNo": bill,
                "FTranType": k3.PURCHASE_INVOICE if purchase else k3.SALES_INVOICE,
                "FDate": self.today,
                partner: k3.partner(order.partner),
                "FStatus": 1,
                "FCancellation": 0,
                "FBillerID": k3.user(self.person),
                "FCheckerID": k3.user(self.person),
                "FCheckDate": self.today,
                "FYear": self.today.year,
                "FPeriod": self.today.month,
                "FVchInterID": 90_000 + document,
            },
        )
        chosen = {no: row for no, row in self._rows(order).items() if no in quantities}
        for entry, (no, row) in enumerate(chosen.items(), start=1):
            self.insert(
                f"{head}Entry",
                {
                    "FInterID": document,
                    "FEntryID": entry,
                    "FItemID": row["FItemID"],
                    "FQty": quantities[no],
                    "FAmount": money(quantities[no] * number(row["FPrice"])),
                    "FOrderInterID": k3.order_id(order),
                    "FOrderEntryID": no,
                    "FOrderBillNo": k3.number(order),
                },
            )
            amounts = {"FQtyInvoice": quantities[no], "FAuxQtyInvoice": quantities[no]}
            add(self.session, self.side(order).body, amounts, self.body_where(order, no))
        return bill

    def _rows(self, order: Order) -> dict[int, dict[str, Any]]:
        return self.body(order, "FItemID", "FPrice", "FStockID")

    def close(self, order: Order, lines: Sequence[int]) -> None:
        for no, held in self.lines(order).items():
            if no in lines and not held.closed:
                self.update_line(order, no, {"FMRPClosed": 1, "FMRPAutoClosed": 0})
        self.recompute(order)

    def reopen(self, order: Order, lines: Sequence[int]) -> None:
        for no, row in self.body(order, "FMRPClosed", "FMRPAutoClosed").items():
            by_hand = self.is_closed(row) and int(row["FMRPAutoClosed"] or 0) == 0
            if no in lines and by_hand:
                # It was opened by hand, so the ERP does not close it by itself any more.
                self.update_line(order, no, {"FMRPClosed": 0, "FMRPAutoClosed": 0})
        self.recompute(order)

    def recompute(self, order: Order) -> None:
        side = self.side(order)
        one = k3.order_id(order)
        for statement, places in ((_LINES, 1), (_STATUS, 4), (_CLOSED, 3)):
            self.session.run(statement.format(head=side.head, body=side.body), [one] * places)

    def void(self, order: Order) -> None:
        self.update_head(order, {"FCancellation": 1})

    def post_period(self, month: int) -> None:
        current = next((one for one, closed in months(month) if not closed), 12)
        for category in ("IC", "GL"):
            for name, value in (("CurrentYear", YEAR), ("CurrentPeriod", current)):
                where = {"FCategory": category, "FKey": name}
                update(self.session, "t_SystemProfile", {"FValue": str(value)}, where)
