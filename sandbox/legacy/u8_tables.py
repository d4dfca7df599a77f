"""The tables of Yonyou U8 that orders, receipts, invoices, stock and periods lie in."""

from __future__ import annotations

from typing import Final

from sandbox.legacy.schema import table

TABLES: Final = (
    table(
        "PO_Pomain",
        "POID",
        """POID int, cPOID nvarchar(30), dPODate datetime, cVenCode nvarchar(20), cDepCode nvarchar(12),
        cPersonCode nvarchar(20), cexch_name nvarchar(8), nflat decimal(20,10), cMemo nvarchar(255),
        cDefine1 nvarchar(60)!gbk, cState tinyint, cMaker nvarchar(20), cVerifier nvarchar(20),
        cmaketime datetime, cModifyTime datetime, cAuditDate datetime, cChanger nvarchar(20), cChangVerifier nvarchar(20), cCloser nvarchar(20),
        ufts rowversion""",
        index=["cPOID"],
    ),
    table(
        "PO_Podetails",
        "ID",
        """ID int, POID int, ivouchrowno int, cInvCode nvarchar(60), iQuantity decimal(26,9),
        iUnitPrice decimal(26,9), iMoney decimal(19,4), iTax decimal(19,4), iSum decimal(19,4),
        iPerTaxRate decimal(10,4), dArriveDate datetime, iArrQTY decimal(26,9),
        iReceivedQTY decimal(26,9), freceivedqty decimal(26,9), iInvQTY decimal(26,9),
        iInvMoney decimal(19,4), fPoRetQuantity decimal(26,9), iOriTotal decimal(19,4),
        iTotal decimal(19,4), cbMemo nvarchar(255), cbCloser nvarchar(20), cbCloseDate date,
        cbCloseTime datetime, ufts rowversion""",
        index=["POID"],
    ),
    table(
        "PU_ArrivalVouch",
        "ID",
        """ID int, cCode nvarchar(30), dDate datetime, cVenCode nvarchar(20), cMaker nvarchar(20),
        cverifier nvarchar(20), ccloser nvarchar(20), ufts rowversion""",
    ),
    table(
        "PU_ArrivalVouchs",
        "Autoid",
        """Autoid int, ID int, cInvCode nvarchar(60), cWhCode nvarchar(10), iQuantity decimal(26,9),
        fValidInQuan decimal(26,9), fRefuseQuantity decimal(26,9), iPOsID int, cbcloser nvarchar(20),
        dlineclosedate datetime, ufts rowversion""",
        index=["ID", "iPOsID"],
    ),
    table(
        "RdRecord01",
        "ID",
        """ID int, cCode nvarchar(30), dDate datetime, cWhCode nvarchar(10), cVenCode nvarchar(20),
        cMaker nvarchar(20), cHandler nvarchar(20), dVeriDate datetime, ufts rowversion""",
    ),
    table(
        "RdRecords01",
        "AutoID",
        """AutoID int, ID int, cInvCode nvarchar(60), iQuantity decimal(26,9), iUnitCost decimal(26,9),
        iPrice decimal(19,4),         iSumBillQuantity decimal(26,9), iPOsID int, iArrsId int, ufts rowversion""",
        index=["ID", "iPOsID"],
    ),
    table(
        "PurBillVouch",
        "PBVID",
        """PBVID int, cPBVCode nvarchar(30), dPBVDate datetime, cVenCode nvarchar(20),
        cexch_name nvarchar(8), cPBVMaker nvarchar(20), cPBVVerifier nvarchar(20), ufts rowversion""",
    ),
    table(
        "PurBillVouchs",
        "ID",
        """ID int, PBVID int, cInvCode nvarchar(60), iPBVQuantity decimal(26,9), iOriMoney decimal(19,4), iOriSum decimal(19,4),
        iPOsID int, RdsId int, ufts rowversion""",
        index=["PBVID", "iPOsID"],
    ),
    table(
        "SO_SOMain",
        "ID",
        """ID int, cSOCode nvarchar(30), dDate datetime, cCusCode nvarchar(20), cexch_name nvarchar(8),
        cMemo nvarchar(255), cPersonCode nvarchar(20), cDefine1 nvarchar(60)!gbk, iStatus tinyint, cMaker nvarchar(20),
        cVerifier nvarchar(20), cCloser nvarchar(20), dclosedate datetime, dclosesystime datetime,
        ufts rowversion""",
        index=["cSOCode"],
    ),
    table(
        "SO_SODetails",
        "iSOsID",
        """AutoID int, ID int, iSOsID int, iRowNo int, cInvCode nvarchar(60), iQuantity decimal(26,9),
        iUnitPrice decimal(26,9), iMoney decimal(19,4), iSum decimal(19,4), dPreDate datetime, iFHQuantity decimal(26,9),
        foutquantity decimal(26,9), iKPQuantity decimal(26,9), iKPMoney decimal(19,4),
        fretquantity decimal(26,9), cMemo nvarchar(255), cSCloser nvarchar(20), dbclosedate datetime,
        dbclosesystime datetime, ufts rowversion""",
        index=["ID"],
    ),
    table(
        "DispatchList",
        "DLID",
        """DLID int, cDLCode nvarchar(30), dDate datetime, cCusCode nvarchar(20), cMaker nvarchar(20),
        cVerifier nvarchar(20), ufts rowversion""",
    ),
    table(
        "DispatchLists",
        "iDLsID",
        """iDLsID int, DLID int, cWhCode nvarchar(10), cInvCode nvarchar(60), iQuantity decimal(26,9),
        foutquantity decimal(26,9), iSOsID int, ufts rowversion""",
        index=["DLID", "iSOsID"],
    ),
    table(
        "SaleBillVouch",
        "SBVID",
        """SBVID int, cSBVCode nvarchar(30), dDate datetime, cCusCode nvarchar(20), cMaker nvarchar(20),
        cVerifier nvarchar(20), ufts rowversion""",
    ),
    table(
        "SaleBillVouchs",
        "AutoID",
        """AutoID int, SBVID int, cInvCode nvarchar(60), iQuantity decimal(26,9), iSum decimal(19,4),
        iSOsID int, iDLsID int, ufts rowversion""",
        index=["SBVID", "iSOsID"],
    ),
    table(
        "CurrentStock",
        "AutoID",
        "AutoID int, cWhCode nvarchar(10), cInvCode nvarchar(60), iQuantity decimal(26,9), ufts rowversion",
        index=["cInvCode cWhCode"],
    ),
    table(
        "GL_mend",
        "iyear iperiod",
        """iyear smallint, iperiod tinyint, bflag bit, bflag_PU bit, bflag_SA bit, bflag_ST bit,
        bflag_AP bit, bflag_AR bit""",
    ),
    table("UA_User", "cUser_Id", "cUser_Id nvarchar(20), cUser_Name nvarchar(20)"),
    table("Vendor", "cVenCode", "cVenCode nvarchar(20), cVenName nvarchar(98)"),
    table("Customer", "cCusCode", "cCusCode nvarchar(20), cCusName nvarchar(98)"),
    table("Inventory", "cInvCode", "cInvCode nvarchar(60), cInvName nvarchar(255)"),
)
