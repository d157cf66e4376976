"""The terms in Chinese: every enum value, broken rule and code; the glossary tells what they mean."""

from __future__ import annotations

from collections.abc import Mapping


def _pairs(words: str) -> Mapping[str, str]:
    """`NAME 词 NAME 词 …` as a mapping."""
    each = words.split()
    return dict(zip(each[::2], each[1::2], strict=True))


ENUMS: Mapping[str, Mapping[str, str]] = {
    name: _pairs(words)
    for name, words in {
        "Answer": "ATTENDED 出席 RESPONDED 回应 DECLINED 谢绝",
        "Attitude": "TRUE 真忠诚 LATENT 潜在忠诚 SPURIOUS 虚假忠诚 NONE 不忠诚",
        "Basis": "STATED 客户自述 ESTIMATED 估计",
        "Cadence": "DAY 每日 WEEK 每周 MONTH 每月 QUARTER 每季",
        "CampaignKind": "MAILING 邮寄 FAIR 展会 OPENING 开业 SPONSORSHIP 赞助 VISIT 参观 OTHER 其他",
        "Category": "PRODUCT 产品 SERVICE_ATTITUDE 服务态度 DELIVERY 配送 PRICE 价格 PROMISE 承诺 OTHER 其他",
        "Channel": "PHONE 电话 SMS 短信 EMAIL 电子邮件 WEB 网站 CHAT 在线聊天 SHOP 门店 VISIT 上门",
        "ChurnCause": "NATURAL 自然流失 OWN_FAULT 自身过失 COMPETITION 竞争流失 MALICIOUS 恶意流失",
        "ContactKind": "PHONE 电话 EMAIL 电子邮件 POSTAL 邮寄地址 CHAT 聊天账号",
        "CostKind": "WINNING 获客 KEEPING 保留 SERVING 服务 PROGRAMME 项目 GAIN 收益 FORGONE 机会成本",
        "CustomerList": "GOOD 优质 BAD 劣质 NEITHER 均不在列",
        "Direction": "INBOUND 呼入 OUTBOUND 呼出",
        "EntryKind": "NEED 需求 DECISION_MAKER 决策人 RIVAL 竞争对手 SUPPLIER 供应商 PLAN 计划 HISTORY 历史"
        " OTHER 其他",
        "ExtraKind": "TEXT 文本 NUMBER 数字 DATE 日期 FLAG 是否",
        "FileRole": "CREATOR 建档人 MAINTAINER 管理员 OPERATOR 操作员 CONTRIBUTOR 收集人 CUSTODIAN 专人",
        "DueKind": "REVISIT 回访 ROUND 巡访",
        "FiveStages": "PROSPECT 潜在期 DEVELOPMENT 开发期 GROWTH 成长期 MATURITY 成熟期 ENDED 终止期",
        "FourStages": "EXPLORATION 考察期 GROWTH 成长期 MATURITY 成熟期 DECLINE 衰退期",
        "ErasureGround": "REQUEST 本人要求 PURPOSE_ENDED 目的已达成 CONSENT_WITHDRAWN 撤回同意"
        " UNLAWFUL 违法收集 LEGAL_DUTY 法定义务",
        "Ground": "OWN 自己的客户 LENT 借阅 FILE 档案角色 ROLE 岗位权限",
        "IdentifierKind": "IDENTITY_CARD 身份证 PASSPORT 护照 COMPANY_NUMBER 统一社会信用代码 PHONE"
        " 电话号码"
        " EMAIL 电子邮件 ACCOUNT 账号",
        "IdentifierStatus": "CLAIMED 声称 VERIFIED 已核实 REJECTED 已否定",
        "Importance": "VIP 贵宾客户 IMPORTANT 重要客户 ORDINARY 普通客户",
        "Language": "EN 英文 ZH 中文",
        "Layer": "BASIC 基本信息 IMPORTANT 重要信息 CORE 核心信息 PROCESS 过程管理信息",
        "ListKind": "EXPOSED 政治公众人物 SANCTION 制裁名单 FRAUD 欺诈名单",
        "LoopStage": "BEFORE 售前 DURING 售中 AFTER 售后",
        "LoyaltyClass": "LOYAL 忠诚客户 ESTABLISHED 老客户 NEW 新客户 POTENTIAL 潜在客户",
        "LoyaltyType": "INERTIA 惰性忠诚 CONVENIENCE 方便忠诚 MONOPOLY 垄断忠诚 INCENTIVE 激励忠诚",
        "ManagementClass": "TOP 头顶客户 REGULAR 常规客户 OCCASIONAL 临时客户",
        "MarketingClass": "PRICE 经济型 ETHICS 道德型 INDIVIDUAL 个性化型 CONVENIENCE 方便型",
        "Mood": "IMPATIENT 急躁 ANGRY 愤怒 TIRED 疲惫 PLEASED 愉快 HESITANT 犹豫",
        "PointsMovement": "EARNED 获得 REDEEMED 兑换 EXPIRED 到期",
        "Progress": "PLACED 已下单 PARTLY_PAID 部分付款 PAID 已付款 DELIVERED 已交付 CANCELLED 已取消",
        "Rater": "RELIABILITY 可靠性 ASSURANCE 保证性 TANGIBLES 有形性 EMPATHY 移情性 RESPONSIVENESS 响应性",
        "Relation": "CONSUMER 消费者 BUSINESS 企业 CHANNEL 渠道 INTERNAL 内部",
        "RelationshipLevel": "BASIC 基本型 REACTIVE 被动型 ACCOUNTABLE 负责型 PROACTIVE 能动型"
        " PARTNER 伙伴型",
        "Role": "AGENT 客服 MANAGER 主管 AUDITOR 审计员 ANALYST 分析员 ADMIN 管理员",
        "SalesStage": "NEED 需求确认 PROPOSAL 方案报价 NEGOTIATION 商务谈判 DECISION 决策",
        "ScreeningVerdict": "CLEARED 排除 CONFIRMED 确认",
        "ServiceStage": "RECEIVE 接待 UNDERSTAND 理解 HELP 帮助 RETAIN 挽留",
        "Severity": "LOW 低 NORMAL 一般 HIGH 高 CRITICAL 危急",
        "SortDirection": "ASC 升序 DESC 降序",
        "Step": "NONE 无 RECEIVED 已受理 ACKNOWLEDGED 已致歉告知 ASSESSED 已评估 INVESTIGATED 已调查"
        " REMEDY_OFFERED 已提出补救 REMEDY_REJECTED 补救被拒 REMEDY_ACCEPTED 补救被接受 DECIDED 已告知决定"
        " VERIFIED 已核实满意 CLOSED 已结案",
        "SurveyKind": "CSAT 客户满意度 NPS 净推荐值 CES 客户费力度 SERVQUAL 服务质量 TREE 满意度树"
        " ACSI 美国顾客满意度指数 CARD 征询卡",
        "Tier": "PLATINUM 铂金 GOLD 黄金 IRON 铁质 LEAD 铅质",
        "ValueClass": "A A类 B B类 C C类",
        "ValueStyle": "LIGHTHOUSE 灯塔型 FOLLOWER 跟随型 RATIONAL 理性型 OPPORTUNIST 逐利型",
        "Verdict": "SATISFIED 满意 DISSATISFIED 不满意 UNREACHABLE 无法联系",
    }.items()
}
"""By the enum's name in GraphQL and that of its value."""

RULES: Mapping[str, str] = {
    "InvalidInput": "{field}：{rule}",
    "IdempotencyKeyReused": "该幂等键已用于另一个命令。",
    "AnalysisPolicyAlreadyPublished": "分析规则 {analysis_version} 已存在；请用新的版本号发布。",
    "ClassesOverlap": "B类的范围必须大于A类：{b_percent} 不大于 {a_percent}。",
    "DayOutOfOrder": "{day} 不能结束：{last} 已经结束。",
    "DayNotOver": "{day} 在 {now} 还不能结束：在 {over}（UTC）之前，地球上任何地方这一天都没有过完。",
    "DayTooEarly": "{day} 不能结束：营业日从 {first} 开始。",
    "CalendarAlreadyPublished": "营业日历 {calendar_version} 已存在；请用新的版本号发布。",
    "UnknownTimeZone": "{time_zone!r} 不是 IANA 数据库中的时区，例如 Asia/Shanghai。",
    "HoursInvalid": "一天中的各段营业时间必须先开后关，按顺序排列，互不重叠。",
    "NeverOpen": "一周没有营业时间：任何时限都不会到期。",
    "IdentifierError": "客户 {customer_id} 的识别码不允许此操作。",
    "IdentifierExists": "客户 {customer_id} 已有此识别码（{kind}）。",
    "IdentifierUnknown": "客户 {customer_id} 没有此识别码（{kind}）；请先添加。",
    "IdentifierTaken": "此识别码属于客户 {holder}；只能由一个存续客户持有。",
    "RestrictionError": "客户 {customer_id} 不允许此操作。",
    "CustomerRestricted": "客户 {customer_id} 在黑名单上：{reason}",
    "CustomerNotRestricted": "客户 {customer_id} 不在黑名单上。",
    "OwnRequestApproved": "{actor} 不能批准自己的申请：必须由主管批准。",
    "UnknownCurrency": "{currency!r} 不是 ISO 4217 的币种。",
    "CustomerError": "客户 {customer_id} 不允许此操作。",
    "CustomerUnknown": "没有客户 {customer_id}。",
    "CustomerAlreadyRegistered": "客户 {customer_id} 已建档；新客户请用另一个编号。",
    "CustomerEnded": "与客户 {customer_id} 的关系已终止；请先赢回该客户。",
    "CustomerErased": "客户 {customer_id} 的个人信息已删除：档案不再开放。",
    "CustomerNotEnded": "客户 {customer_id} 没有离开；只有已离开的客户才能赢回。",
    "ContactPointExists": "客户 {customer_id} 已有此联系方式（{kind}）。",
    "ContactPointUnknown": "客户 {customer_id} 没有此联系方式（{kind}）。",
    "InteractionError": "接触 {interaction_id} 不允许此操作。",
    "InteractionUnknown": "没有接触 {interaction_id}。",
    "InteractionAlreadyRecorded": "接触 {interaction_id} 已有记录；新接触请用另一个编号。",
    "InteractionResolvedAlready": "接触 {interaction_id} 已办结；请另记一条。",
    "ResponsibleAlready": "接触 {interaction_id} 已由 {taker} 负责。",
    "NothingToDispute": "接触 {interaction_id} 没有转交给可提出异议的人。",
    "NothingToRuleOn": "接触 {interaction_id} 没有争议。",
    "InteractionPausedAlready": "接触 {interaction_id} 已在等待客户。",
    "InteractionNotPaused": "接触 {interaction_id} 没有在等待客户。",
    "InteractionStillOpen": "接触 {interaction_id} 尚未办结；只有办结的才能重新受理。",
    "ComplaintError": "投诉 {complaint_id} 不允许此操作。",
    "ComplaintUnknown": "没有投诉 {complaint_id}。",
    "ComplaintAlreadyReceived": "投诉 {complaint_id} 已受理；新投诉请用另一个编号。",
    "ComplaintClosedAlready": "投诉 {complaint_id} 已结案；请先重新受理。",
    "ComplaintStillOpen": "投诉 {complaint_id} 未结案；只有已结案的才能重新受理。",
    "ApologyMissing": "投诉 {complaint_id} 尚未致歉告知：请先致歉，再提出补救措施。",
    "NoRemedyOnOffer": "投诉 {complaint_id} 没有可接受或拒绝的补救措施。",
    "RemedyStillOnOffer": "投诉 {complaint_id} 已提出补救措施：请等待客户答复。",
    "DecisionMissing": "投诉 {complaint_id}：请先告知处理决定，再询问是否满意。",
    "SatisfactionNotVerified": "投诉 {complaint_id} 不能结案：请询问客户，或记录为何无法询问。",
    "CustomerNotSatisfied": "投诉 {complaint_id} 不能结案：客户不满意；请提出其他补救措施。",
    "ReasonMissing": "无法询问客户时，必须注明原因。",
    "ComplaintPausedAlready": "投诉 {complaint_id} 已在等待客户，或已作出决定。",
    "ComplaintNotPaused": "投诉 {complaint_id} 没有在等待客户。",
    "ComplaintNotJustified": "投诉 {complaint_id} 未被认定属实：不为此警告任何人。",
    "DeadlinesAlreadyPublished": "投诉时限 {deadlines_version} 已存在；请用新的版本号发布。",
    "DeadlineWithoutLimit": "时限须针对某种严重程度、某个层级或两者；对所有投诉另有默认时限。",
    "DeadlineNeverUsed": "此时限永不生效：前面的时限已涵盖同样的投诉；请删去，或放到前面。",
    "OrderError": "订单 {order_id} 不允许此操作。",
    "OrderUnknown": "没有订单 {order_id}。",
    "OrderAlreadyPlaced": "订单 {order_id} 已下单；新订单请用另一个编号。",
    "OrderCancelledAlready": "订单 {order_id} 已取消。",
    "OrderFulfilledAlready": "订单 {order_id} 已交付。",
    "CurrencyDiffers": "订单 {order_id} 的币种是 {expected}，不是 {currency}。",
    "PaymentAlreadyReceived": "订单 {order_id} 的付款 {payment_id} 已收到。",
    "Overpaid": "订单 {order_id} 只剩 {open_minor} 未付（{currency} 的最小货币单位）。",
    "RefundAlreadyPaid": "订单 {order_id} 的退款 {refund_id} 已支付。",
    "RefundExceedsPayments": "订单 {order_id} 只剩 {kept_minor} 可退（{currency} 的最小货币单位）。",
    "PointsError": "积分流水 {transaction_id} 不允许此操作。",
    "PointsAlreadyBooked": "积分流水 {transaction_id} 已入账；新流水请用另一个编号。",
    "PointsInsufficient": "客户 {customer_id} 有 {balance} 积分。",
    "PointsStillGood": "有效期至 {through} 的积分尚未到期。",
    "TierPolicyError": "分级规则 {policy_version} 不允许此操作。",
    "TierPolicyUnknown": "没有分级规则 {policy_version}。",
    "TierPolicyAlreadyPublished": "分级规则 {policy_version} 已存在；请用新的版本号发布。",
    "TierPolicyRetiredAlready": "分级规则 {policy_version} 已停用。",
    "TiersIncomplete": "请为每个层级各给一条规则，从高到低：铂金、黄金、铁质、铅质。",
    "ThresholdRises": "{tier} 的规则比更高层级 {better} 的要求还高。",
    "LowestTierClosed": "最低层级 {tier} 的规则不得有任何要求：每个客户都有层级。",
    "NamedUnknown": "没有可供引用的{noun} {id}。",
    "NamedOfAnother": "{noun} {id} 不属于客户 {customer_id}。",
    "MatterUnknown": "没有{noun} {id}。",
    "MatterAlreadyBegun": "{noun} {id} 已存在；请用另一个编号。",
    "MatterNotAtThisStep": "{noun} {id} 的状态是“{step}”；此操作只在“{allowed}”时允许。",
    "PromisedForThePast": "承诺的期限不得早于作出承诺的时间：{made_at}。",
    "PromisedBeyondTheStandard": "承诺不得晚于标准所允许的时间：{standard}。",
    "KindTwice": "每种承诺最多给一个标准。",
    "AverageAboveTheMost": "最长 {most_hours} 小时的承诺，平均不可能是 {average_hours} 小时。",
    "ExtraFieldExists": "附加字段 {name} 已定义；其类型不会改变。",
    "ExtraFieldUnknown": "没有附加字段 {name}；请先定义。",
    "ExtraValueInvalid": "附加字段 {name} 的类型是 {kind}：{value!r} 不符合。",
    "GroupGoesInCircles": "客户 {parent_id} 已在 {customer_id} 之下：集团是一棵树。",
    "LoanDueInThePast": "{today} 的借阅不能在 {due_on} 到期。",
    "MergeError": "合并 {merge_id} 不允许此操作。",
    "MergeUnknown": "没有合并 {merge_id}。",
    "MergeAlreadyMade": "合并 {merge_id} 已完成；新合并请用另一个编号。",
    "MergeAlreadyReversed": "合并 {merge_id} 已撤销。",
    "MergedWithItself": "档案不能与自己合并。",
    "FileIsAlias": "档案 {alias} 是另一份档案的别名：请与那一份合并，或先撤销那次合并。",
    "CampaignNotOpen": "没有进行中的活动 {campaign_id}。",
    "NotInvited": "客户 {customer_id} 没有被邀请参加活动 {campaign_id}。",
    "SurveyAlreadyDesigned": "调查 {survey_id} 已存在；请用另一个编号设计新的。",
    "ScaleInvalid": "量表的最高分 {highest} 必须高于最低分 {lowest}。",
    "QuestionTwice": "问题 {question} 出现了两次。",
    "SurveyUnknown": "没有调查 {survey_id}；请先设计。",
    "SurveyNotIssued": "问卷 {issue_id} 没有为调查 {survey_id} 发出。",
    "SurveyAlreadyIssued": "问卷 {issue_id} 已存在；请用另一个编号。",
    "SurveyIsOver": "问卷 {issue_id} 已答复或已过期。",
    "AnswerDoesNotFit": "对 {question} 的回答不符：{rule}",
}
"""By the error's name; `{values}` as in its docstring."""

INPUT: Mapping[str, str] = {
    r"is required": "必填",
    r"is not a field of this command": "此命令没有该字段",
    r"must not be blank": "不能为空白",
    r"must lie in the years 2 to 9998": "年份必须在 2 至 9998 之间",
    r"must not contain the character NUL \(U\+0000\)": "不得包含字符 NUL（U+0000）",
    r"must not contain half of a surrogate pair": "不得包含半个代理对",
    r"may hold letters, digits and (.+) only, 1 to 120 of them": r"只能包含字母、数字和 \1，1 至 120 个",
    r"must be three capital letters, such as EUR": "必须是三个大写字母，例如 CNY",
    r"must not begin with (.+): these keys are Kehu's own": r"不得以 \1 开头：这些键为系统保留",
    r"lies in the future": "在将来",
    r"is the one who leaves": "就是离职的人",
    r"(.+) is not an amount": r"\1 不是金额",
    r"(.+) is not a whole number of (\w+)'s minor units": r"\1 不是 \2 最小货币单位的整数倍",
    r"invalid enum value (.+); must be one of (.+)": r"无效的值 \1；必须是 \2 之一",
    r"expected (`.+?`), got (`.+`)": r"应为 \1，实为 \2",
    r"must not be empty": "不能为空",
    r"must be at least (.+)": r"不得小于 \1",
    r"must be at most (.+)": r"不得大于 \1",
    r"must be more than (.+)": r"必须大于 \1",
    r"must be less than (.+)": r"必须小于 \1",
    r"must have at least (\d+) (?:characters|entries)": r"长度不得小于 \1",
    r"must have at most (\d+) (?:characters|entries)": r"长度不得大于 \1",
    r"the survey does not ask it": "调查没有问这个问题",
    r"it is answered twice": "回答了两次",
}
"""Rules of single fields, as patterns; one that is not here is told in English."""

WORDS: Mapping[str, str] = {
    **_pairs(
        "announcement 公告 article 知识文章 campaign 活动 claim 索赔 commitment 承诺 cost 成本 crisis 危机"
        " incident 故障报告 lead 线索 measure 改进措施 message 留言 opportunity 商机 staff 员工"
        " subscription 订阅 order 订单 interaction 接触 complaint 投诉"
        " visit 巡访 booked 已入账 cancelled 已取消 captured 已获取 checked 已检查 closed 已关闭"
        " completed 已完成"
        " declared 已宣布 disqualified 已淘汰 done 已完成 dropped 已放弃 ended 已结束 endorsed 已签批"
        " escalated 已升级 gone 已离职 here 在职 kept 已保持 lent 已借出 lost 已失去 made 已作出"
        " missed 已错过"
        " noted 已记录 open 进行中 paid 已支付 planned 已计划 prepared 已准备 published 已发布"
        " qualified 已确认"
        " refused 已拒绝 reported 已报告 returned 已归还 running 进行中 scored 已评分 signed 已签字"
        " taken 已记录"
        " withdrawn 已撤回 won 已赢得 or 或"
    ),
    "file loan": "档案借阅",
    "lifetime model": "终身价值模型",
    "quality score": "质检评分",
    "rival observation": "竞争对手观察",
    "screening list": "筛查名单",
    "service policy": "服务规则",
    "promise standard": "承诺标准",
    "value policy": "价值规则",
    "passed on": "已转告",
}
"""What the values of a rule are called: the nouns and steps of matters."""

CODES: Mapping[str, str] = _pairs(
    "BAD_CURSOR 游标无效 BAD_GROUP 分组无效 BAD_ID 标识无效 BAD_MOMENT 时点无效 BAD_PAGE 分页无效"
    " BAD_REQUEST 请求无效 BAD_USER_INPUT 输入无效"
    " BATCHING_REFUSED 不接受批量请求 BODY_TOO_LARGE 请求体过大 BODY_TOO_SLOW 请求到达过慢 BUSY 系统繁忙"
    " CLOSED 系统正在停止 CONFLICT 冲突 CONNECTION_LIMIT 连接数超限 CONTENDED 并发竞争过多"
    " DOCUMENT_NOT_TRUSTED 文档未受信任 FORBIDDEN 无权访问 GRAPHQL_PARSE_FAILED 文档无法解析"
    " GRAPHQL_VALIDATION_FAILED 文档不符合模式 INTERNAL 内部错误 METHOD_NOT_ALLOWED 方法不允许"
    " NOT_ACCEPTABLE 无法提供所要的格式 NOT_FOUND 不存在 NOT_INSTALLED 所需组件未安装 NOT_REACHED"
    " 视图尚未追上"
    " PERSISTED_QUERY_NOT_FOUND 没有此编号的文档 RATE_LIMITED 请求过于频繁 SLOW_CONSUMER 订阅方过慢"
    " SUBSCRIPTION_LIMIT 订阅数超限 TIMEOUT 超时 TOO_COMPLEX 查询过于复杂 UNAUTHENTICATED 未通过身份验证"
    " UNAVAILABLE 数据库暂不可用 UNSUPPORTED_MEDIA_TYPE 不支持的媒体类型"
)
"""By the code of an error that a whole request met."""
