"""Twenty thumbnails that are hard to draw: for the tests, the gallery and the benchmark."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageDraw

from hubtools.pictures.types import Face, ThumbnailSubject

SHORT = "My dream is to become a lighthouse with flexible hours."
MIDDLE = (
    f"{SHORT} The fog says no, the fog always says no, but the fog also said that about the "
    "ferry, and look at her now: punctual, freshly painted and a little smug."
)
LONG = (
    f"{MIDDLE} The gulls have formed a committee. The committee has formed a subcommittee. The "
    "subcommittee has eaten the minutes. I have written to the harbour master, who replied with a "
    "drawing of a crab, which I have decided to take as a yes, because it was smiling and because "
    "nobody else in this town answers letters before the spring tide comes in and takes the post."
)


@lru_cache(maxsize=32)
def made_up_avatar(seed: int, size: tuple[int, int] = (240, 240)) -> bytes:
    """A made-up picture: a sky, a sun and a sea, in colors of its own."""
    hues = [(seed * 47 + shift) % 256 for shift in (0, 90, 180)]
    picture = Image.new("RGB", size)
    pen = ImageDraw.Draw(picture)
    width, height = size
    for row in range(height):
        share = row / height
        color = tuple(int(hue * (1 - share) + (255 - hue) * share) for hue in hues)
        pen.line((0, row, width, row), fill=color)  # type: ignore[arg-type]
    radius = min(size) // 5
    middle = (width // 2 + (seed * 13) % 40 - 20, height * 2 // 5)
    pen.ellipse(
        (middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius),
        fill=(250, 226, 160),
    )
    pen.rectangle((0, height * 3 // 4, width, height), fill=(hues[2] // 2, hues[0] // 2, 110))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def face(name: str | None, handle: str | None, seed: int | None = None) -> Face:
    return Face(name, handle, None if seed is None else made_up_avatar(seed))


HARBOUR = face("Harbour Log ⚓", "harbourlog", 1)
CREW = (
    HARBOUR,
    face("Ferry Times", "@ferrytimes", 2),
    face("The Gull With Opinions About Everything", "gullwithopinions", 3),
    face("Tide Table 🌊", "tidetable"),
    face(None, "knot_of_the_day", 5),
    face("Überfähre Ärmelkanal", "faehre@mastodon.example", 6),
)


def _subject(text: str, *faces: Face, prompt: str = "My dream is") -> ThumbnailSubject:
    return ThumbnailSubject(faces or (HARBOUR,), prompt, text)


DIFFICULT: dict[str, ThumbnailSubject] = {
    "short": _subject("My dream: fog", prompt="My dream:"),
    "one": _subject(MIDDLE),
    "two": _subject(MIDDLE, *CREW[:2]),
    "three": _subject(SHORT, *CREW[:3]),
    "four": _subject(MIDDLE, *CREW[:4]),
    "six": _subject(LONG, *CREW),
    "fleet": _subject(SHORT, *CREW, *CREW, *CREW),
    "long": _subject(LONG[:600]),
    "too_long": _subject(f"{LONG} {LONG}", *CREW[:3]),
    "emoji": _subject(
        "My crew is 👩‍👩‍👧‍👦 and 👨🏿‍🚀👩🏽‍🚒🧑🏻‍🍳, we fly 🇩🇰🇯🇵🏴󠁧󠁢󠁳󠁣󠁴󠁿🏳️‍🌈, press 1️⃣ for ⚓, "
        "#️⃣ for ❤️‍🔥 and 👍🏽 or 👍🏿 if you 🫶🏼 fog",
        face("👩‍👩‍👧‍👦 Family Boat", "familyboat", 7),
        face("🦀🦀🦀", "crabs"),
        prompt="My crew is",
    ),
    "arabic": _subject(
        "حلمي هو أن أصبح منارة بساعات عمل مرنة، لكن الضباب يقول لا، والضباب يقول دائمًا لا.",
        face("سجل الميناء ⚓", "harbourlog", 8),
        prompt="حلمي هو",
    ),
    "hebrew": _subject(
        "החלום שלי הוא להיות מגדלור (או לפחות lighthouse) עם 24 שעות גמישות, נכון? 🗼 OK!",
        face("יומן הנמל", "harbourlog", 9),
        face("Harbour · נמל", "namal"),
        prompt="החלום שלי הוא",
    ),
    "mixed": _subject(
        "My favourite word is مرحبا, then שלום (which also means peace), 100% 🇮🇱🇸🇦, "
        "and 3.5 km of fog",
        face("Port مرسى", "marsa", 10),
        prompt="My favourite word is",
    ),
    "devanagari": _subject(
        "मेरा सपना है कि मैं एक प्रकाशस्तंभ बन जाऊँ, जिसके काम के घंटे लचीले हों। कोहरा हमेशा मना करता है।",
        face("बन्दरगाह की डायरी ⚓", "bandargah", 11),
        prompt="मेरा सपना है",
    ),
    "thai": _subject(
        "ความฝันของฉันคือการเป็นประภาคารที่มีชั่วโมงทำงานยืดหยุ่น แต่หมอกบอกว่าไม่ หมอกพูดว่าไม่เสมอ",
        face("บันทึกท่าเรือ", "tharuea", 12),
        prompt="ความฝันของฉันคือ",
    ),
    "chinese": _subject(
        "我的梦想是成为一座灯塔，时间灵活。雾说不行，雾总是说不行，但雾也这样说过渡轮，现在看看她：准时、刚刷过漆，还有点得意。",
        face("港口日志 ⚓", "gangkou", 13),
        prompt="我的梦想是",
    ),
    "japanese": _subject(
        "私の夢は、営業時間の自由な灯台になることです。霧は「だめ」と言います。霧はいつも「だめ」と言いますが、フェリーにもそう言っていました🚢。",
        face("港の記録", "minato", 14),
        face("カモメ通信", "kamome"),
        face("潮見表 🌊", "shiomi", 15),
        prompt="私の夢は、",
    ),
    "korean": _subject(
        "나의 꿈은 근무 시간이 자유로운 등대가 되는 것이다. "
        "안개는 안 된다고 하고, 안개는 언제나 안 된다고 한다.",
        face("항구 일지", "hanggu", 16),
        prompt="나의 꿈은",
    ),
    "signs": _subject(
        r"My dream is $x_1^2$ and \frac{1}{2} of C:\fog, 100 % <b>&amp;</b> {{fog}} "
        "e\u0301\u0302\u0323 Z\u0351\u036b\u0343\u033a\u0324a\u0316\u0317l\u0300\u0301go",
        face("$$$ \\LaTeX {deals} $$$", "under_score_100%", 17),
    ),
    "word": _subject(
        "My dream is " + "Donaudampfschifffahrtsgesellschaftskapitänsmütze" * 4 + "nknopf",
        face("W" * 60, "w" * 60, 18),
    ),
}
