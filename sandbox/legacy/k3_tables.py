"""The tables of Kingdee K3 WISE that orders, receipts, invoices, stock and periods lie in."""

from __future__ import annotations

from typing import Final

from sandbox.legacy.schema import table

_HEAD: Final = """FInterID int, FBillNo nvarchar(255), FTranType smallint, FDate datetime, FStatus smallint,
    FCancellation bit, FBillerID int, FCheckerID int, FCheckDate datetime"""
_ORDER: Final = f"""{_HEAD}, FClosed smallint, FEmpID int, FCurrencyID int, FExchangeRate decimal(28,10),
    FExplanation nvarchar(255), FHeadSelf01 nvarchar(255)!gbk"""
_ORDER_LINE: Final = """FInterID int, FEntryID int, FDetailID int, FItemID int, FQty decimal(28,10),
    FAuxQty decimal(28,10), FPrice decimal(28,10), FAmount decimal(20,2), FDate datetime,
    FStockID int, FCommitQty decimal(28,10), FAuxCommitQty decimal(28,10), FStockQty decimal(28,10),
    FAuxStockQty decimal(28,10), FQtyInvoice decimal(28,10), FAuxQtyInvoice decimal(28,10),
    FMRPClosed int, FMRPAutoClosed int, FNote nvarchar(255)"""
_INVOICE_LINE: Final = """FInterID int, FEntryID int, FItemID int, FQty decimal(28,10), FAmount decimal(20,2),
    FSourceInterID int, FSourceEntryID int, FOrderInterID int, FOrderEntryID int,
    FOrderBillNo nvarchar(255)"""

TABLES: Final = (
    table("POOrder", "FInterID", f"{_ORDER}, FSupplyID int", index=["FBillNo"]),
    table("POOrderEntry", "FInterID FEntryID", _ORDER_LINE, index=["FDetailID"]),
    table("SEOrder", "FInterID", f"{_ORDER}, FCustID int", index=["FBillNo"]),
    table("SEOrderEntry", "FInterID FEntryID", _ORDER_LINE, index=["FDetailID"]),
    table(
        "ICStockBill",
        "FInterID",
        f"{_HEAD}, FSupplyID int, FROB smallint, FVchInterID int, FExplanation nvarchar(255)",
        index=["FBillNo"],
    ),
    table(
        "ICStockBillEntry",
        "FInterID FEntryID",
        """FInterID int, FEntryID int, FItemID int, FQty decimal(28,10), FAuxQty decimal(28,10),
        FPrice decimal(28,10), FAmount decimal(20,2), FDCStockID int, FQtyInvoice decimal(28,10), FOrderInterID int,
        FOrderEntryID int, FOrderBillNo nvarchar(255)""",
        index=["FOrderInterID FOrderEntryID"],
    ),
    table(
        "ICPurchase",
        "FInterID",
        f"{_HEAD}, FSupplyID int, FYear int, FPeriod int, FVchInterID int",
    ),
    table(
        "ICPurchaseEntry",
        "FInterID FEntryID",
        _INVOICE_LINE,
        index=["FOrderInterID FOrderEntryID"],
    ),
    table("ICSale", "FInterID", f"{_HEAD}, FCustID int, FYear int, FPeriod int, FVchInterID int"),
    table(
        "ICSaleEntry",
        "FInterID FEntryID",
        _INVOICE_LINE,
        index=["FOrderInterID FOrderEntryID"],
    ),
    table(
        "ICInventory",
        "FBrNo FItemID FBatchNo FStockID",
        "FBrNo varchar(10), FItemID int, FBatchNo nvarchar(200), FStockID int, FQty decimal(28,10), FBal decimal(20,2)",
    ),
    table(
        "t_SystemProfile",
        "FCategory FKey",
        "FCategory varchar(30), FKey varchar(50), FValue nvarchar(255)",
    ),
    table(
        "ICMO",
        "FInterID",
        """FInterID int, FBillNo nvarchar(255), FTranType smallint, FItemID int, FQty decimal(28,10),
        FCommitQty decimal(28,10), FStockQty decimal(28,10), FStatus smallint, FCancellation bit,
        FCheckerID int, FCheckDate datetime, FPlanFinishDate datetime, FMrpClosed int,
        FHandworkClose int, FCloseDate datetime, FNote nvarchar(255)""",
    ),
    table(
        "t_Currency", "FCurrencyID", "FCurrencyID int, FNumber nvarchar(30), FName nvarchar(255)"
    ),
    table("t_User", "FUserID", "FUserID int, FName nvarchar(255), FForbidden smallint"),
    table("t_Supplier", "FItemID", "FItemID int, FNumber nvarchar(80), FName nvarchar(255)"),
    table("t_Organization", "FItemID", "FItemID int, FNumber nvarchar(80), FName nvarchar(255)"),
    table("t_ICItem", "FItemID", "FItemID int, FNumber nvarchar(80), FName nvarchar(255)"),
)
