"""What simulated customers are called and what they say, in Chinese and in English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

FAMILY_ZH = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗郑梁谢宋唐许韩冯邓曹"
GIVEN_ZH = (
    "伟", "芳", "娜", "秀英", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛",
    "秀兰", "霞", "平", "刚", "桂英", "子涵", "雨桐", "浩然", "梓萱", "思远", "嘉怡", "宇航", "𠮷祥",
)  # fmt: skip
GIVEN_EN = (
    "Alice", "Noah", "Zoë", "Martin", "Chloé", "James", "Siân", "Peter", "Ingrid", "José", "Anna",
    "Łukasz", "Grace", "Omar", "Fiona", "Jürgen", "Maria", "Seán", "Yvonne", "Björn", "Ruth", "Tomás",
)  # fmt: skip
FAMILY_EN = (
    "Baker", "O'Neill", "Müller", "García", "Smith", "Nowak", "van Dijk", "Okafor", "Larsen", "Dubois",
    "Rossi", "Hughes", "Håkansson", "Singh", "McKay", "Fernández", "Weiß", "Clarke", "Novák", "Ibrahim",
)  # fmt: skip
REGIONS: Mapping[str, Sequence[str]] = {
    "zh": ("上海", "北京", "广州", "成都", "杭州", "武汉", "西安", "深圳"),
    "en": ("California", "Texas", "Ontario", "New York", "Ohio", "Wales", "Bavaria", "Washington"),
}
AGENTS = ("mei.lin", "tom.parker", "wang.fang", "sofia.reyes", "li.qiang", "emma.stone-hill")
LEADS = ("zhao.lead", "karen.lead")


class Topic(NamedTuple):
    """What a contact is about, and how such a contact comes about."""

    name: str
    text: str
    direction: str
    """Who begins it."""
    stage: str
    """Before, during or after the sale."""
    moods: Sequence[str | None]
    """How the customer may seem then."""


ASKED = ("inbound", "during", (None, "impatient", "hesitant"))
WISHED = ("inbound", "before", (None, "pleased", "hesitant"))
TOLD = ("inbound", "after", (None, "impatient", "tired"))
GRUMBLED = ("inbound", "after", ("angry", "impatient", "tired"))
PRAISED = ("inbound", "after", ("pleased",))
CALLED = ("outbound", "after", (None, "pleased"))

TOPICS: Mapping[str, Sequence[Topic]] = {
    "zh": (
        Topic("查询订单", "您好,请问我上周买的唱片发货了吗?📦", *ASKED),
        Topic("咨询新专辑", "想问一下王菲的新专辑什么时候到货,可以帮我预留一张吗?", *WISHED),
        Topic("更改地址", "我搬家了,请把收货地址改到公司,谢谢!", *TOLD),
        Topic("发票", "麻烦补开一张发票,抬头写公司名称。", *TOLD),
        Topic("表扬", "包装很仔细,第二天就到了,非常满意 👍😊", *PRAISED),
        Topic("退换咨询", "光盘有一道划痕,播放到第三首会跳,能换一张吗?", *GRUMBLED),
        Topic("回访", "回访:客户对上次的处理表示满意,建议增加古典音乐的品种。", *CALLED),
        Topic("生日问候", "祝您生日快乐!🎂 送您一张八折券,本月有效。", *CALLED),
    ),
    "en": (
        Topic("Order status", "Hi, has my order been shipped yet? I need it before Friday 🙏", *ASKED),
        Topic("New release", "When will the new album be in stock? Please put one aside for me.", *WISHED),
        Topic(
            "Change of address", "I have moved; please send everything to my new address from now on.", *TOLD
        ),
        Topic("Invoice", "Could you send the invoice again? The accountant lost it 😅", *TOLD),
        Topic("Praise", "Arrived a day early and packed with care. Thank you! 🎉", *PRAISED),
        Topic("Returning a disc", "Track 3 skips on two players. Can I have another copy?", *GRUMBLED),
        Topic("Follow-up call", "Called back: happy with how it was settled, asks for more jazz.", *CALLED),
        Topic(
            "Gift wrapping",
            "It is a present for my mother: please wrap it and leave out the receipt 🎁",
            *WISHED,
        ),
    ),
}
COMPLAINTS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "product": "收到的光盘有明显划痕,根本无法播放,太让人失望了 😡",
        "service_attitude": "打电话咨询,客服态度非常冷淡,话没说完就挂断了。",
        "delivery": "说好三天送到,现在两个星期了还没有影子,到底怎么回事?",
        "price": "昨天下单,今天就降价了五块钱,要求退还差价。",
        "promise": "承诺的赠品没有一起寄来,问了三次都说“正在处理”。",
        "other": "网站总是打不开,结账的时候提示错误,钱却扣了两次!",
    },
    "en": {
        "product": "The disc is scratched all over and will not play. Not what I paid for 😡",
        "service_attitude": "The person on the phone was rude and hung up on me.",
        "delivery": "You promised three days; it has been two weeks and nothing has come.",
        "price": "I ordered yesterday, and today it costs five dollars less. I want the difference back.",
        "promise": "The free gift was not in the parcel, and nobody answers my letters.",
        "other": "Your site failed at the check-out and I was charged twice!",
    },
}
SAID: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "apology": "非常抱歉给您带来不便,我们已经收到您的投诉,会尽快处理。",
        "finding": "经核实,情况属实,是我们的疏忽。",
        "unfounded": "经核实,记录显示已按约定办理,未发现差错。",
        "remedy": "免费重寄一件,并赠送一张十元代金券。",
        "better": "全额退款,并免费重寄一件。",
        "rejection": "代金券我不需要,我要求退款。",
        "decision": "我们已按约定办理,款项或商品会在三天内到达。",
        "unreachable": "打了三次电话均无人接听,已留言并发送短信。",
        "dissatisfied": "客户表示补偿太少,不满意。",
        "reopening": "客户再次来电:补寄的商品又有同样的问题。",
        "escalation": "客户要求与主管直接沟通 ⚠️",
        "handover": "超出本人职责范围,转给专门负责的同事。",
    },
    "en": {
        "apology": "We are very sorry. Your complaint has arrived, and we are looking into it.",
        "finding": "Checked: it is as the customer says, the fault is ours.",
        "unfounded": "Checked: the records show that everything was done as agreed.",
        "remedy": "We send another copy at no cost, with a voucher of ten dollars.",
        "better": "We pay everything back and send another copy at no cost.",
        "rejection": "I do not want a voucher, I want my money back.",
        "decision": "It is arranged as agreed: it will be with you within three days.",
        "unreachable": "Rang three times without an answer; left a message and wrote.",
        "dissatisfied": "Says that this is too little.",
        "reopening": "Rang again: the new copy has the same fault.",
        "escalation": "Asks to speak to somebody in charge ⚠️",
        "handover": "Outside my remit: passed to the colleague who is in charge of it.",
    },
}
ROOT_CAUSES = (
    "packaging", "supplier quality", "stock records", "carrier", "training", "unclear terms", "website fault"
)  # fmt: skip
