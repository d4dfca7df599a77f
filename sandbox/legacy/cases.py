"""The names in the story: the odd cases, the people, partners and items."""

from __future__ import annotations

from typing import Final, Literal

Side = Literal["purchase", "sale"]
State = Literal["confirmed", "draft", "void"]
Odd = Literal[
    "plain",
    "partly",
    "received",
    "over",
    "by_hand",
    "by_hand_partly",
    "void",
    "draft",
    "inspection",
    "invoiced",
    "invoiced_partly",
    "null_closer",
    "empty_closer",
    "padded",
    "zero_date",
    "partial_date",
    "astral",
    "gbk",
    "many_lines",
    "one_line",
    "rejected",
    "returned",
    "old",
    "foreign",
    "quotes",
    "long",
    "prepaid",
    "change_order",
    "milliseconds",
    "unposted_receipt",
]
ODD: Final[tuple[Odd, ...]] = Odd.__args__  # type: ignore[attr-defined]

PEOPLE: Final = (
    ("U001", "李梅"),
    ("U002", "王建国"),
    ("U003", "陳淑芬"),
    ("U004", "Müller"),
    ("U005", "𠮷田健"),
    ("U006", "储运"),
)
PARTNERS: Final = (
    "螺丝制造有限公司",
    "東海精密股份有限公司",
    "华南电子",
    "O'Brien & Söhne",
    "𠮷野家物产",
    "深圳市宏達五金",
    "北方轴承厂",
    "Acme 100% Ltd.",
)
ITEMS: Final = tuple(
    f"{name} {size}"
    for name in ("六角螺丝", "垫圈", "轴承", "電容", "电阻", "鋁材", "Bracket", "密封圈")
    for size in ("M3", "M4", "M6", "M8", "10x20")
)
WAREHOUSES: Final = ("01", "02", "09")
UNITS: Final = ("PCS", "KG", "件")

MEMOS: Final[dict[Odd, str]] = {
    "astral": "螺丝𠮷 🚚 𡃁",
    "gbk": "老系统的备注：镕基，螺丝",
    "quotes": 'O\'Brien said "100%; --\\"\tand\r\nmore ?',
    "long": "長" * 100 + "ab" * 50,
    "empty_closer": "",
}
