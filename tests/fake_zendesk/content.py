"""What the made-up help desk talks about: texts in many scripts, channels, field values."""

# ruff: noqa: RUF001 (characters that look alike belong into these texts)

from __future__ import annotations

from typing import Any, Final

SUBJECTS: Final = (
    "Order 48213 has not arrived",
    "Rechnung für März fehlt – bitte prüfen",
    "لا أستطيع تسجيل الدخول إلى حسابي",
    "ログインできません",
    "Can't log in after the update 😕",
    "Größe ändern: Straße, Übergröße, Fußweg",
    "Невозможно оплатить заказ",
    "退款申请 #1042",
    'Quote "inside" the subject, a backslash \\ and a\ttab',
    "अद्यतन के बाद ऐप बंद हो जाता है",
)

BODIES: Final = (
    "Hello,\n\nmy order has not arrived yet. Could you look into it?\n\nThanks\nMaria",
    "Guten Tag,\n\ndie Straße heißt „Übergrößenweg“, nicht „Uebergrossenweg“.\n\nGrüße\nJörg",
    "مرحباً،\n\nلم أتمكن من الدخول إلى حسابي منذ يوم أمس.\n\nشكراً جزيلاً",
    "お世話になっております。\n\n注文の件でご連絡いたしました。よろしくお願いいたします。",
    "It works now 🎉🎉 thank you so much 👩‍👩‍👧‍👦 ❤️",
    "Здравствуйте! Платёж прошёл, но заказ не создан.",
    "שלום, אני צריך עזרה עם ההזמנה שלי.",
    "您好，请问什么时候可以退款？",
    "Internal: customer called twice, see call 88412. Refund <b>approved</b> & booked.",
    "Line one\r\nLine two\twith a tab, a zero\u200bwidth space and a combining e\u0301",
    "ok",
)

COMMENT_TAILS: Final = (
    "",
    "\n\n--\nSent from my phone",
    "\n\n> On Monday you wrote:\n> We are looking into it.",
)

# What databases and encoders stumble over.
ODD_TAILS: Final = (
    "\x00",
    " a\x00b\x00",
    " half an emoji \ud83d",
    "\ude00 the other half",
    "\ufffe\u2028",
)

# What a comment calls itself besides the plain kind: `event_type`, `type`, channel of its `via`.
CALLS: Final = (
    ("Comment", "VoiceComment", "voice"),
    ("VoiceComment", "VoiceComment", "voice"),
    ("VoiceApiComment", "TpeVoiceComment", "voice"),
)
OTHER_COMMENTS: Final[tuple[tuple[str, str | None, str], ...]] = (
    ("FacebookComment", "FacebookComment", "facebook"),
    ("ComicStripComment", "ComicStripComment", "native_messaging"),  # of tomorrow
    ("ConversationTurn", None, "native_messaging"),  # only `comment_present` says so
)

NO_SYSTEM: Final = ("client", "location", "latitude", "longitude")

EVENT_VIAS: Final = (
    "Web form",
    "Mail",
    "Web service (API)",
    "Batch",
    "Linked problem",
    "Recover from suspended ticket",
)

LOCATIONS: Final[tuple[dict[str, Any], ...]] = (
    {"location": "Berlin, BE, Germany", "latitude": 52.5196, "longitude": 13.4069},
    {"location": "São Paulo, SP, Brazil", "latitude": -23.5475, "longitude": -46.6361},
    {"location": "大阪市, Japan", "latitude": 34.6937, "longitude": 135.5022},
    {},
)

CLIENTS: Final = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36",
    "Zendesk SDK for iOS",
    "python-requests/2.32.3",
)

TAGS: Final = (
    "vip",
    "refund",
    "größe",
    "配送",
    "urgent",
    "web_widget",
    "wont_fix",
    "churn-risk",
    "émoji_🙂",
)

PRIORITIES: Final = (None, "low", "normal", "high", "urgent")
TYPES: Final = (None, "question", "incident", "problem", "task")
STATUSES: Final = ("new", "open", "pending", "hold", "solved", "closed")
SCORES: Final = ("unoffered", "offered", "good", "bad", "goodwithcomment", "badwithcomment")

CUSTOM_FIELDS: Final[dict[str, tuple[Any, ...]]] = {
    "360000112233": ("Retail", "Großhandel", "卸売", ""),
    "360000112234": (0, 7, 1_234_567_890_123),
    "360000112235": (0.5, -12.75, 1e-7),
    "360000112236": (True, False),
    "360000112237": (None, "late"),
    "360000112238": (["blue", "grün"], [], ["one"]),
    "360000112239": ({"lookup": {"type": "zen:user", "id": 3_915_521}}, {}),
}

# Child events of the audit log that may or may not reach the export, with their fields there.
OTHER_CHILDREN: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("Cc", {"recipients": [391_552_101, 391_552_102]}),
    ("CommentPrivacyChange", {"comment_id": 618_832_112_233, "public": False}),
    ("Error", {"message": "The mail could not be delivered"}),
    ("External", {"resource": "270004", "body": "{{ticket.id}}"}),
    ("FollowerChange", {"current_followers": ["a@example.com"], "previous_followers": []}),
    (
        "AgentMacroReference",
        {"macro_id": "3600098", "macro_title": "Close & thank", "macro_deleted": False},
    ),
    ("SatisfactionRating", {"score": "good", "assignee_id": 391_552_103, "body": "Super, danke!"}),
    ("TicketSharingEvent", {"agreement_id": 3454, "action": "shared"}),
    ("Push", {"value": "pushed", "value_reference": "push-1"}),
    ("Notification", {"subject": "Request received", "body": "…", "recipients": [391_552_104]}),
    ("SurveyOffered", {}),
    ("SomethingOfTomorrow", {"payload": {"nested": [1, "two", None, {"three": 3.0}]}}),
)

# What takes words back that were exported before.
REDACTIONS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("CommentRedactionEvent", {"comment_id": 618_832_112_234}),
    ("AttachmentRedactionEvent", {"attachment_id": 618_832_112_235, "comment_id": 618_832_112_236}),
)

UNKNOWN_FIELDS: Final[tuple[tuple[str, Any], ...]] = (
    ("ai_agent_id", "agt_01H8"),
    ("workspace", {"id": 17, "name": "Überblick", "layers": [1, 2]}),
    ("redacted", False),
    ("routing_score", 0.75),
    ("Queue Name", ["tier-1", "tier-2"]),
)
