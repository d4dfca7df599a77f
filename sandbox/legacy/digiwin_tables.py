"""The tables of Digiwin Workflow ERP that orders, receipts, invoices, stock and periods lie in.

Columns and types are those of the ERP's own dictionary (C fixed text, V text, N number); dates are text YYYYMMDD.
Every table ends with the columns in which the ERP writes down who changed a row, with what and when.
"""

from __future__ import annotations

from typing import Final

from sandbox.legacy.schema import Table, table

_ADMIN: Final = """COMPANY nvarchar(20), CREATOR nvarchar(10), USR_GROUP nvarchar(10),
    CREATE_DATE nvarchar(8), MODIFIER nvarchar(10), MODI_DATE nvarchar(8), FLAG numeric(3,0),
    CREATE_TIME nvarchar(8), MODI_TIME nvarchar(8), CREATE_AP nvarchar(40), MODI_AP nvarchar(40),
    CREATE_PRID nvarchar(40), MODI_PRID nvarchar(40), UDF01 nvarchar(255), UDF02 nvarchar(60)!gbk"""


def _table(name: str, key: str, columns: str, *index: str) -> Table:
    return table(name, key, f"{columns}, {_ADMIN}", index=index)


TABLES: Final = (
    _table(
        "PURTC",
        "TC001 TC002",
        """TC001 char(4), TC002 char(11), TC003 varchar(8), TC004 varchar(10), TC005 varchar(4),
        TC006 numeric(20,9), TC009 varchar(255), TC010 varchar(6), TC011 varchar(10), TC014 varchar(1),
        TC019 numeric(21,6), TC020 numeric(21,6), TC023 numeric(16,3), TC024 varchar(8),
        TC025 varchar(10), TC030 varchar(1), TC050 varchar(1)""",
    ),
    _table(
        "PURTD",
        "TD001 TD002 TD003",
        """TD001 char(4), TD002 char(11), TD003 char(4), TD004 varchar(40), TD005 varchar(120),
        TD006 varchar(120), TD007 varchar(10), TD008 numeric(16,3), TD009 varchar(6),
        TD010 numeric(21,6), TD011 numeric(21,6), TD012 varchar(8), TD014 varchar(255),
        TD015 numeric(16,3), TD016 varchar(1), TD018 varchar(1), TD026 varchar(4), TD027 varchar(11),
        TD028 varchar(4)""",
    ),
    _table(
        "PURTG",
        "TG001 TG002",
        """TG001 char(4), TG002 char(11), TG003 varchar(8), TG005 varchar(10), TG007 varchar(4),
        TG013 varchar(1), TG014 varchar(8), TG016 varchar(255), TG026 numeric(16,3)""",
    ),
    _table(
        "PURTH",
        "TH001 TH002 TH003",
        """TH001 char(4), TH002 char(11), TH003 char(4), TH004 varchar(40), TH005 varchar(120),
        TH007 numeric(16,3), TH008 varchar(6), TH009 varchar(10), TH011 varchar(4), TH012 varchar(11),
        TH013 varchar(4), TH014 varchar(8), TH015 numeric(16,3), TH016 numeric(16,3),
        TH017 numeric(16,3), TH018 numeric(21,6), TH028 varchar(1), TH030 varchar(1), TH031 varchar(1),
        TH038 varchar(10), TH039 varchar(4), TH040 varchar(11), TH041 varchar(4)""",
        "TH011 TH012 TH013",
    ),
    _table(
        "ACPTA",
        "TA001 TA002",
        """TA001 char(4), TA002 char(11), TA003 varchar(8), TA004 varchar(10), TA008 varchar(4),
        TA024 varchar(1), TA025 varchar(1), TA026 varchar(1), TA028 numeric(21,6), TA034 varchar(8),
        TA035 varchar(10)""",
    ),
    _table(
        "ACPTB",
        "TB001 TB002 TB003",
        """TB001 char(4), TB002 char(11), TB003 char(4), TB004 varchar(1), TB005 varchar(4),
        TB006 varchar(11), TB007 varchar(4), TB008 varchar(8), TB009 numeric(21,6), TB012 varchar(1)""",
        "TB005 TB006 TB007",
    ),
    _table(
        "COPTC",
        "TC001 TC002",
        """TC001 char(4), TC002 char(11), TC003 varchar(8), TC004 varchar(10), TC006 varchar(10),
        TC008 varchar(4), TC009 numeric(20,9), TC012 varchar(20), TC015 varchar(255), TC027 varchar(1),
        TC029 numeric(21,6), TC031 numeric(16,3), TC039 varchar(8), TC040 varchar(10),
        TC048 varchar(1)""",
    ),
    _table(
        "COPTD",
        "TD001 TD002 TD003",
        """TD001 char(4), TD002 char(11), TD003 char(4), TD004 varchar(40), TD005 varchar(120),
        TD006 varchar(120), TD007 varchar(10), TD008 numeric(16,3), TD009 numeric(16,3),
        TD010 varchar(6), TD011 numeric(21,6), TD012 numeric(21,6), TD013 varchar(8),
        TD016 varchar(1), TD020 varchar(255), TD021 varchar(1), TD024 numeric(16,3),
        TD025 numeric(16,3), TD050 numeric(16,3), TD051 numeric(16,3)""",
    ),
    _table(
        "COPTG",
        "TG001 TG002",
        """TG001 char(4), TG002 char(11), TG003 varchar(8), TG004 varchar(10), TG011 varchar(4),
        TG023 varchar(1), TG033 numeric(16,3), TG042 varchar(8), TG043 varchar(10)""",
    ),
    _table(
        "COPTH",
        "TH001 TH002 TH003",
        """TH001 char(4), TH002 char(11), TH003 char(4), TH004 varchar(40), TH005 varchar(120),
        TH007 varchar(10), TH008 numeric(16,3), TH009 varchar(6), TH012 numeric(21,6),
        TH014 varchar(4), TH015 varchar(11), TH016 varchar(4), TH020 varchar(1), TH026 varchar(1),
        TH027 varchar(4), TH028 varchar(11), TH029 varchar(4)""",
        "TH014 TH015 TH016",
    ),
    _table(
        "ACRTA",
        "TA001 TA002",
        """TA001 char(4), TA002 char(11), TA003 char(8), TA004 char(10), TA009 char(4), TA025 char(1),
        TA026 char(1), TA027 char(1), TA029 numeric(21,6), TA038 char(8), TA039 char(10)""",
    ),
    _table(
        "ACRTB",
        "TB001 TB002 TB003",
        """TB001 char(4), TB002 char(11), TB003 char(4), TB004 char(1), TB005 char(4), TB006 char(11),
        TB007 char(4), TB008 char(8), TB009 numeric(21,6), TB012 char(1)""",
        "TB005 TB006 TB007",
    ),
    _table(
        "PURTA",
        "TA001 TA002",
        """TA001 char(4), TA002 char(11), TA003 varchar(8), TA006 varchar(255), TA007 varchar(1),
        TA012 varchar(10), TA013 varchar(8)""",
    ),
    _table(
        "PURTB",
        "TB001 TB002 TB003",
        """TB001 char(4), TB002 char(11), TB003 char(4), TB004 varchar(40), TB005 varchar(120),
        TB007 varchar(6), TB009 numeric(16,3), TB011 varchar(8), TB014 numeric(16,3),
        TB021 varchar(1), TB025 varchar(1), TB039 varchar(1)""",
    ),
    _table(
        "MOCTA",
        "TA001 TA002",
        """TA001 char(4), TA002 char(11), TA003 varchar(8), TA006 varchar(40), TA009 varchar(8),
        TA010 varchar(8), TA011 varchar(1), TA013 varchar(1), TA014 varchar(8), TA015 numeric(16,3),
        TA017 numeric(16,3), TA018 numeric(16,3)""",
    ),
    _table(
        "INVMC",
        "MC001 MC002",
        """MC001 char(40), MC002 char(10), MC007 numeric(16,3), MC008 numeric(21,6), MC012 varchar(8),
        MC013 varchar(8)""",
    ),
    _table("INVMB", "MB001", "MB001 char(40), MB002 varchar(120), MB003 varchar(120)"),
    _table(
        "CMSMA",
        "MA003",
        """MA003 varchar(4), MA011 varchar(6), MA012 varchar(6), MA013 varchar(8), MA015 varchar(2),
        MA018 varchar(2), MA019 varchar(4), MA020 varchar(4), MA027 varchar(6), MA028 varchar(6),
        MA029 varchar(6), MA030 varchar(6)""",
    ),
    _table("PURMA", "MA001", "MA001 char(10), MA002 varchar(80)"),
    _table("COPMA", "MA001", "MA001 char(10), MA002 varchar(80)"),
    _table("DSCMA", "MA001", "MA001 char(10), MA002 varchar(30)"),
)
