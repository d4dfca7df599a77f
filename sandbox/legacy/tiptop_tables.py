"""The tables of Digiwin TIPTOP GP that orders, receipts, invoices, stock and periods lie in."""

from __future__ import annotations

from typing import Final

from sandbox.legacy.schema import table

TABLES: Final = (
    table(
        "pmm_file",
        "pmm01",
        """pmm01 varchar2(20), pmm02 varchar2(3), pmm03 smallint, pmm04 date, pmm09 varchar2(10),
        pmm12 varchar2(10), pmm15 varchar2(10), pmm18 varchar2(1), pmm22 varchar2(4),
        pmm25 varchar2(1), pmm27 date, pmm905 varchar2(1), pmmuser varchar2(10),
        pmmgrup varchar2(10), pmmmodu varchar2(10), pmmdate date, pmmacti varchar2(1),
        pmmud01 varchar2(255), pmmud02 varchar2(60)!gbk""",
    ),
    table(
        "pmn_file",
        "pmn01 pmn02",
        """pmn01 varchar2(20), pmn02 smallint, pmn04 varchar2(40), pmn041 varchar2(120),
        pmn07 varchar2(4), pmn16 varchar2(1), pmn20 number(15,3), pmn31 number(20,6), pmn33 date,
        pmn50 number(15,3), pmn51 number(15,3), pmn52 varchar2(10), pmn53 number(15,3),
        pmn55 number(15,3), pmn57 number(15,3), pmn58 number(15,3), pmn88 number(20,6),
        pmn100 varchar2(255)""",
    ),
    table(
        "pna_file",
        "pna01 pna02",
        "pna01 varchar2(20), pna02 smallint, pna04 date, pna05 varchar2(1)",
    ),
    table(
        "pnb_file",
        "pnb01 pnb02 pnb03",
        """pnb01 varchar2(20), pnb02 smallint, pnb03 smallint, pnb20b number(15,3),
        pnb20a number(15,3)""",
    ),
    table(
        "rva_file",
        "rva01",
        """rva01 varchar2(20), rva05 varchar2(10), rva06 date, rvaconf varchar2(1),
        rvauser varchar2(10)""",
    ),
    table(
        "rvb_file",
        "rvb01 rvb02",
        """rvb01 varchar2(20), rvb02 smallint, rvb03 smallint, rvb04 varchar2(20),
        rvb05 varchar2(40), rvb07 number(15,3), rvb30 number(15,3), rvb33 number(15,3),
        rvb40 date""",
        index=["rvb04 rvb03"],
    ),
    table(
        "rvu_file",
        "rvu01",
        """rvu00 varchar2(1), rvu01 varchar2(20), rvu02 varchar2(20), rvu03 date,
        rvu04 varchar2(10), rvuconf varchar2(1), rvuuser varchar2(10)""",
    ),
    table(
        "rvv_file",
        "rvv01 rvv02",
        """rvv01 varchar2(20), rvv02 smallint, rvv03 varchar2(1), rvv04 varchar2(20),
        rvv05 smallint, rvv17 number(15,3), rvv23 number(15,3), rvv31 varchar2(40),
        rvv32 varchar2(10), rvv36 varchar2(20), rvv37 smallint""",
        index=["rvv36 rvv37"],
    ),
    table(
        "apa_file",
        "apa01",
        """apa00 varchar2(2), apa01 varchar2(20), apa02 date, apa05 varchar2(10),
        apa08 varchar2(20), apa34 number(20,6), apa41 varchar2(1), apa44 varchar2(20),
        apauser varchar2(10)""",
        index=["apa08"],
    ),
    table(
        "apb_file",
        "apb01 apb02",
        """apb01 varchar2(20), apb02 smallint, apb06 varchar2(20), apb07 smallint,
        apb09 number(15,3), apb10 number(20,6), apb21 varchar2(20), apb22 smallint""",
        index=["apb06 apb07"],
    ),
    table(
        "oea_file",
        "oea01",
        """oea01 varchar2(20), oea02 date, oea03 varchar2(10), oea032 varchar2(40),
        oea14 varchar2(10), oea23 varchar2(4), oea49 varchar2(1), oea63 number(20,6), oeaconf varchar2(1),
        oeahold varchar2(10), oeauser varchar2(10), oeagrup varchar2(10), oeamodu varchar2(10),
        oeadate date, oeaud01 varchar2(255), oeaud02 varchar2(60)!gbk""",
    ),
    table(
        "oeb_file",
        "oeb01 oeb03",
        """oeb01 varchar2(20), oeb03 smallint, oeb04 varchar2(40), oeb05 varchar2(4),
        oeb06 varchar2(120), oeb09 varchar2(10), oeb12 number(15,3), oeb13 number(20,6),
        oeb14 number(20,6), oeb15 date, oeb24 number(15,3), oeb25 number(15,3),
        oeb26 number(15,3), oeb29 number(15,3), oeb70 varchar2(1), oeb70d date,
        oeb905 number(15,3)""",
    ),
    table(
        "oga_file",
        "oga01",
        """oga01 varchar2(20), oga02 date, oga03 varchar2(10), oga16 varchar2(20),
        ogaconf varchar2(1), ogapost varchar2(1), ogauser varchar2(10)""",
    ),
    table(
        "ogb_file",
        "ogb01 ogb03",
        """ogb01 varchar2(20), ogb03 smallint, ogb04 varchar2(40), ogb09 varchar2(10),
        ogb12 number(15,3), ogb31 varchar2(20), ogb32 smallint, ogb60 number(15,3)""",
        index=["ogb31 ogb32"],
    ),
    table(
        "oma_file",
        "oma01",
        """oma00 varchar2(2), oma01 varchar2(20), oma02 date, oma03 varchar2(10),
        oma33 varchar2(20), oma54 number(20,6), omaconf varchar2(1), omauser varchar2(10)""",
    ),
    table(
        "omb_file",
        "omb01 omb03",
        """omb01 varchar2(20), omb03 smallint, omb04 varchar2(40), omb12 number(15,3),
        omb16 number(20,6), omb31 varchar2(20), omb32 smallint""",
        index=["omb31 omb32"],
    ),
    table(
        "sfb_file",
        "sfb01",
        """sfb01 varchar2(20), sfb04 varchar2(1), sfb05 varchar2(40), sfb08 number(15,3),
        sfb09 number(15,3), sfb13 date, sfb15 date, sfb38 date, sfb87 varchar2(1)""",
    ),
    table(
        "img_file",
        "img01 img02 img03 img04",
        """img01 varchar2(40), img02 varchar2(10), img03 varchar2(10), img04 varchar2(24),
        img09 varchar2(4), img10 number(15,3)""",
    ),
    table("sma_file", "sma00", "sma00 varchar2(1), sma51 smallint, sma52 smallint, sma53 date"),
    table("zx_file", "zx01", "zx01 varchar2(10), zx02 varchar2(40)"),
    table("gen_file", "gen01", "gen01 varchar2(10), gen02 varchar2(40)"),
    table("pmc_file", "pmc01", "pmc01 varchar2(10), pmc03 varchar2(40)"),
    table("occ_file", "occ01", "occ01 varchar2(10), occ02 varchar2(40)"),
    table("ima_file", "ima01", "ima01 varchar2(40), ima02 varchar2(120)"),
)
