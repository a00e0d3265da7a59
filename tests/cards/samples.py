"""Cards that several tests use."""

from __future__ import annotations

from hubtools.cards.card import Card, CardAccount, RunLink
from hubtools.core.results import Evaluation, PostCounts, Prediction, Training

COUNTS = PostCounts(downloaded=1510, reposts=150, dropped=120, kept=1240)

HARBOUR = Card(
    repo="harbourlog",
    language="en",
    base_model="scratch",
    prompt="My dream is",
    tags=("hubtools",),
    accounts=(
        CardAccount(
            handle="harbourlog",
            name="Harbour Log ⚓",
            network="x",
            avatar="avatar-1.png",
            posts=COUNTS,
        ),
    ),
    training=Training(
        recipe="scratch",
        seed=42,
        posts=1116,
        tokens=25640,
        epochs=20,
        steps=540,
        learning_rate=0.002,
        parameters=2270592,
        train_loss=1.2213,
    ),
    evaluation=Evaluation(
        posts=122,
        test_loss=3.0574,
        perplexity=21.2721,
        bits_per_byte=1.1794,
        predictions=100,
        memorized_fraction=0.02,
        memorized_baseline=0.1066,
    ),
    predictions=(
        Prediction(prompt="My dream is", text="My dream is to guard a radish. In that order."),
        Prediction(prompt="My dream is", text="My dream is a harbour where the tide asks first."),
    ),
    metadata={"license": "cc0-1.0"},
)

CYBORG = Card(
    repo="harbourlog-nightferry",
    base_model="openai-community/gpt2",
    prompt="I think",
    tags=("hubtools", "ferries"),
    thumbnail="https://example.org/predictions.png",
    accounts=(
        CardAccount(handle="harbourlog", name="Harbour Log ⚓", network="x", posts=COUNTS),
        CardAccount(
            handle="nightferry@quays.example",
            name="The Nightferry",
            network="mastodon",
            avatar="https://quays.example/ferry.png",
            posts=PostCounts(downloaded=900, reposts=10, dropped=90, kept=800),
        ),
    ),
    runs=(RunLink(kind="report", url="https://example.org/report"),),
    prose="We asked both of them first.",
)

RETIRED = Card(repo="old-lighthouse", state="retired", accounts=HARBOUR.accounts)

HOSTILE_TEXTS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a | b || c",
    "first\nsecond\n# third",
    "`code` ``more`` ```",
    "*bold* _it_ __x__ ~~gone~~",
    "[link](javascript:alert(1)) ![i](https://evil.example/x.png)",
    "https://evil.example/a www.evil.example me@evil.example evil.com ftp://evil.com",
    "{{ 7 * 7 }} {% for x in y %} {# c #}",
    "---\nlicense: mit\n---",
    "&lt;b&gt; &amp; &copy &#60;",
    "- item",
    "1. item",
    "# heading",
    "> quote",
    "= = =",
    "$x^2$ :smile: @everyone",
    "\u202eright to left override\u202c",
    "nul \x00 bell \x07 next \x85 line",
    "\\* \\[ \\",
    "ROBOT LAB & RETWEETS daily",
    "'); background: url('//evil.example",
    "<!-- comment --> <![CDATA[x]]>",
)
