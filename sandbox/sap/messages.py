"""Messages: class, number and a text of our own in two languages. Numbers marked `*` are not proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_TEXTS: Final[dict[tuple[str, str], tuple[str, str]]] = {
    # Purchasing
    ("06", "019"): ("Purchasing document &1 is not there", "采购凭证 &1 不存在"),
    ("06", "020"): ("Item &1 has been deleted and cannot be changed", "项目 &1 已删除，不能更改"),
    ("06", "022"): ("No data was changed", "未更改任何数据"),
    ("06", "023"): ("&1 &2 was changed", "&1 &2 已更改"),
    ("06", "042"): ("&1 item &2 is not there *", "&1 项目 &2 不存在 *"),
    ("06", "115"): (
        "Goods were received for item &1: not deletable *",
        "项目 &1 已收货，不能删除 *",
    ),
    ("06", "119"): ("Item &1: &2 &3 received and not invoiced *", "项目 &1：已收货 &2 &3 未开票 *"),
    ("ME", "006"): ("&1 is working on purchase order &2", "用户 &1 正在处理采购订单 &2"),
    ("ME", "303"): ("No authority to change purchase order &1 *", "没有更改采购订单 &1 的权限 *"),
    ("BAPI", "001"): ("No object &1 was made from &2", "未能由 &2 生成对象 &1"),
    ("MEPO", "002"): ("Header of the purchase order is still faulty *", "采购订单抬头仍有错误 *"),
    # Sales
    ("V1", "042"): ("&1 is working on sales document &2", "用户 &1 正在处理销售凭证 &2"),
    ("V1", "302"): ("Sales document &1 is not there", "销售凭证 &1 不存在"),
    ("V1", "311"): ("&1 &2 was saved", "&1 &2 已保存"),
    ("V1", "331"): ("Item &1 is not there *", "项目 &1 不存在 *"),
    ("V1", "497"): ("Reason for rejection &1 is not defined *", "拒绝原因 &1 未定义 *"),
    ("V1", "849"): ("Item &1 was delivered: no rejection *", "项目 &1 已交货，不能拒绝 *"),
    ("V4", "233"): ("&1 was processed", "&1 已处理"),
    ("V4", "248"): ("Update flag &1 is wrong for &2 *", "&2 的更新标志 &1 不正确 *"),
    ("V1", "850"): ("No authority for sales document &1 *", "没有销售凭证 &1 的权限 *"),
    # Production
    ("CO", "001"): ("Order &1 is not there *", "订单 &1 不存在 *"),
    ("CO", "100"): ("Order &1 was saved", "订单 &1 已保存"),
    ("CO", "080"): ("Order &1: status &2 forbids this *", "订单 &1：状态 &2 不允许此操作 *"),
    ("CO", "081"): ("Order &1 has a balance of &2 *", "订单 &1 的余额为 &2 *"),
    ("CO", "082"): ("Order &1 has the open purchase order &2 *", "订单 &1 有未清采购订单 &2 *"),
    ("CO", "083"): ("No authority for order &1 *", "没有订单 &1 的权限 *"),
    ("CO", "090"): ("&1 orders processed, &2 with errors *", "已处理 &1 个订单，&2 个有错误 *"),
    ("CO", "469"): ("Order &1 is being worked on by &2", "订单 &1 正由 &2 处理"),
    ("IW", "001"): ("Maintenance order &1 is not there *", "维护订单 &1 不存在 *"),
    ("IW", "002"): ("Maintenance order &1: not allowed with &2 *", "维护订单 &1：状态 &2 不允许 *"),
    ("IW", "003"): ("No authority for maintenance order &1 *", "没有维护订单 &1 的权限 *"),
    # Projects
    ("CNIF_PI", "015"): ("The unit of work belongs to project &1 *", "工作单元属于项目 &1 *"),
    ("CNIF_PI", "032"): ("Initialization is missing *", "缺少初始化 *"),
    ("CNIF_PI", "056"): ("The check has failed: no commit", "检查失败：不能提交"),
    ("CNIF_STATUS", "002"): ("&1 is not there *", "&1 不存在 *"),
    ("CNIF_STATUS", "004"): ("&1 cannot be read or locked: &2", "无法读取或锁定 &1：&2"),
    ("CNIF_STATUS", "005"): ("&1: &2 is not allowed with &3", "&1：状态 &3 不允许 &2"),
    ("CNIF_STATUS", "007"): ("&1: &2 was taken over *", "&1：已接受 &2 *"),
    ("CNIF_STATUS", "008"): ("No authority for &1 *", "没有 &1 的权限 *"),
    # Stock
    ("M7", "001"): ("Material document &1 &2 is not there *", "物料凭证 &1 &2 不存在 *"),
    ("M7", "021"): ("&1: stock is short by &2 &3", "&1：库存短缺 &2 &3"),
    ("M7", "022"): ("&1 is working on material document &2 *", "用户 &1 正在处理物料凭证 &2 *"),
    ("M7", "053"): (
        "Posting only in periods &1 and &2 of company &3",
        "只能过账到公司 &3 的期间 &1 和 &2",
    ),
    ("M7", "122"): ("Item &1 has been cancelled already *", "项目 &1 已冲销 *"),
    ("M7", "123"): ("Item &1 is not there *", "项目 &1 不存在 *"),
    ("M7", "170"): ("No authority to post goods movements *", "没有货物移动过账的权限 *"),
    ("M3", "710"): ("Inventory document &1 &2 is not there *", "盘点凭证 &1 &2 不存在 *"),
    ("M3", "711"): ("Item &1 has been counted already *", "项目 &1 已盘点 *"),
    ("M3", "712"): ("Item &1 has not been counted *", "项目 &1 未盘点 *"),
    ("M3", "713"): ("Difference of item &1 has been posted *", "项目 &1 的差异已过账 *"),
    ("M3", "714"): ("&1 is working on inventory document &2 *", "用户 &1 正在处理盘点凭证 &2 *"),
    ("M3", "715"): ("Count was saved for inventory document &1 *", "盘点凭证 &1 的计数已保存 *"),
    ("M3", "716"): ("Differences posted with material document &1 *", "差异已用物料凭证 &1 过账 *"),
    # Invoices, ledger
    ("M8", "108"): ("Invoice document &1 &2 is not there *", "发票凭证 &1 &2 不存在 *"),
    ("M8", "396"): ("Invoice document &1 has been cancelled already *", "发票凭证 &1 已冲销 *"),
    ("M8", "397"): ("Reversal reason &1 is not defined *", "冲销原因 &1 未定义 *"),
    ("M8", "398"): ("&1 is working on invoice document &2 *", "用户 &1 正在处理发票凭证 &2 *"),
    ("M8", "399"): ("No authority to cancel invoices *", "没有冲销发票的权限 *"),
    ("F5", "201"): ("Period &1/&2 is not open", "期间 &1/&2 未打开"),
    ("F5", "083"): ("No authority to reverse ledger documents *", "没有冲销会计凭证的权限 *"),
    ("F5", "084"): ("&1 is working on ledger document &2 *", "用户 &1 正在处理会计凭证 &2 *"),
    ("RW", "602"): ("Object &1 &2 of system &3 is not there", "系统 &3 的对象 &1 &2 不存在"),
    ("RW", "604"): (
        "Business transaction &1 is not that of the document *",
        "业务交易 &1 与凭证不符 *",
    ),
    ("RW", "605"): ("Posted: &1 &2 &3", "已过账：&1 &2 &3"),
    ("RW", "609"): ("Document has errors: &1 &2 &3", "凭证有错误：&1 &2 &3"),
    ("RW", "614"): ("No errors: &1 &2 &3", "无错误：&1 &2 &3"),
    ("F5A", "061"): ("Document &1 has been reversed already *", "凭证 &1 已冲销 *"),
    ("F5A", "062"): ("Document &1 has cleared items *", "凭证 &1 含已清项目 *"),
    ("F5A", "063"): ("Reversal reason &1 is not defined *", "冲销原因 &1 未定义 *"),
    # The customer's own
    ("ZSTO", "001"): ("There is no list of documents in &1", "没有 &1 的单据清单"),
    # Units of work
    ("S&", "101"): ("The posting could not be carried out", "无法执行过账"),
    ("00", "001"): ("&1&2&3&4", "&1&2&3&4"),
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `kind` is S, I, W, E or A."""

    kind: str
    id: str
    number: str
    values: tuple[str, ...] = ()
    parameter: str = ""
    row: int = 0
    field: str = ""

    @property
    def is_error(self) -> bool:
        """Tell whether the work must not be committed."""
        return self.kind in {"E", "A"}

    def text(self, language: str) -> str:
        """Return the text in `EN` or `ZH`."""
        texts = _TEXTS.get((self.id, self.number), ("&1 &2 &3 &4", "&1 &2 &3 &4"))
        said = texts[1 if language == "ZH" else 0].removesuffix(" *")
        for place in range(1, 5):
            value = self.values[place - 1] if place <= len(self.values) else ""
            said = said.replace(f"&{place}", value)
        return said.rstrip()


def known(message: Message) -> bool:
    """Tell whether the message has a text."""
    return (message.id, message.number) in _TEXTS
