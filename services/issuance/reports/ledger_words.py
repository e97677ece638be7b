"""What finance calls the accounts of the ledger and what moves between them, in Chinese (docs/glossary.md)."""

from collections.abc import Mapping

from services.issuance.domain.postings import Account

ACCOUNT_WORDS: Mapping[Account, str] = {
    "budget": "预算",
    "quota": "周期额度",
    "reserved": "已领取",
    "committed": "已登记",
    "payable": "待兑现",
    "paid": "已兑现",
    "clawed_back": "已追回",
    "released": "已退回",
    "lapsed": "已作废",
    "withheld": "作废仍计",
    "revoked": "已撤销",
    "returned": "退回总额度",
}
"""The accounts by their codes, in the order in which money passes through them."""

TRANSFER_WORDS: Mapping[tuple[Account, Account], str] = {
    ("budget", "quota"): "总额度批准",
    ("quota", "budget"): "总额度撤回",
    ("returned", "quota"): "作废金额退回总额度",
    ("quota", "reserved"): "领取",
    ("reserved", "committed"): "合同登记",
    ("committed", "reserved"): "合同登记未成",
    ("committed", "payable"): "服务完成",
    ("payable", "paid"): "兑现",
    ("revoked", "paid"): "撤销后兑现",
    ("paid", "clawed_back"): "追回到账",
    ("clawed_back", "paid"): "追回到账冲销",
    ("reserved", "released"): "登记前退回",
    ("payable", "released"): "兑现余额退回",
    ("reserved", "lapsed"): "逾期未登记作废",
    ("committed", "lapsed"): "有效期届满作废",
    ("payable", "lapsed"): "未予兑现作废",
    ("reserved", "withheld"): "领取后作废仍计",
    ("committed", "withheld"): "登记后作废仍计",
    ("payable", "withheld"): "待兑现作废仍计",
    ("reserved", "revoked"): "领取后撤销",
    ("committed", "revoked"): "登记后撤销",
    ("payable", "revoked"): "待兑现撤销",
}
"""What it means that money goes from the first account (credit) to the second (debit); every flow there is."""
