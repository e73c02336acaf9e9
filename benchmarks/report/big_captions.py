"""Captions as the web writes them, for tables of any size: many languages, both directions, long tails, and hostile ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: language, its script, and how many of a hundred captions are in it (rounded from LAION-5B's published shares)
LANGUAGES: tuple[tuple[str, str, int, str], ...] = (
    ("en", "Latn", 47, "red boat on a lake old wooden house photo of the garden in spring new shoes for women vintage poster"),
    ("ru", "Cyrl", 8, "красная лодка на озере старый деревянный дом фото сада весной новая обувь плакат"),
    ("fr", "Latn", 6, "bateau rouge sur un lac vieille maison en bois photo du jardin au printemps affiche ancienne"),
    ("de", "Latn", 6, "rotes Boot auf einem See altes Holzhaus Foto des Gartens im Frühling neue Schuhe für Damen"),
    ("es", "Latn", 6, "barco rojo en un lago casa vieja de madera foto del jardín en primavera zapatos nuevos"),
    ("zh", "Hans", 5, "湖上的 红色 小船 老旧的 木屋 春天 花园 照片 新款 女鞋 复古 海报"),
    ("ja", "Jpan", 4, "湖に浮かぶ 赤い 小舟 古い 木造の 家 春の 庭の 写真 新しい 靴 ポスター"),
    ("it", "Latn", 3, "barca rossa su un lago vecchia casa di legno foto del giardino in primavera"),
    ("pt", "Latn", 3, "barco vermelho num lago casa velha de madeira foto do jardim na primavera"),
    ("nl", "Latn", 2, "rode boot op een meer oud houten huis foto van de tuin in het voorjaar"),
    ("pl", "Latn", 2, "czerwona łódź na jeziorze stary drewniany dom zdjęcie ogrodu wiosną"),
    ("ar", "Arab", 2, "قارب أحمر على البحيرة بيت خشبي قديم صورة الحديقة في الربيع حذاء جديد"),
    ("fa", "Arab", 1, "قایق قرمز روی دریاچه خانه چوبی قدیمی عکس باغ در بهار"),
    ("he", "Hebr", 1, "סירה אדומה באגם בית עץ ישן תמונה של הגן באביב נעליים חדשות"),
    ("tr", "Latn", 1, "göl üzerinde kırmızı tekne eski ahşap ev bahar bahçe fotoğrafı"),
    ("ko", "Kore", 1, "호수 위의 빨간 배 오래된 나무 집 봄 정원 사진 새 신발"),
    ("hi", "Deva", 1, "झील पर लाल नाव पुराना लकड़ी का घर वसंत में बगीचे की तस्वीर"),
    ("", "Zyyy", 1, "IMG 2041 DSC 0099 4711 2026 01 12"),
)  # fmt: skip

#: what strangers could have written to break out of a page, a table, a terminal or a spreadsheet
HOSTILE: tuple[str, ...] = (
    "</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "<!--<script>", "]]><svg onload=alert(1)>",
    "'); DROP TABLE rows; --", "=HYPERLINK(\"https://evil.test\",\"click\")", "\u202egnp.tob\u202c right to left over",
    "line\u2028separator\u2029here", "{{7*7}} ${7*7} <%= 7*7 %>", "\\u003c/script\\u003e", "\x1b]0;title\x07\x1b[31mred",
    "&lt;b&gt;&amp;amp; javascript:alert(1)", "a\u0301\u0301\u0301\u0301\u0301 zalgo \U0001f3f3\ufe0f\u200d\U0001f308", "</title></style></svg>",
)  # fmt: skip
#: one of so many captions is hostile
HOSTILE_ONE_IN = 2_000


@dataclass(frozen=True, slots=True)
class Captions:
    """Beginnings of captions to draw from; a number behind each makes them differ."""

    texts: list[str]
    languages: np.ndarray  # of each text, a position in `LANGUAGES`


def a_pool(rng: np.random.Generator, size: int = 20_000) -> Captions:
    """Texts of a lognormal number of words, 1 to 60 (median 7), hostile ones among them."""
    weights = np.array([share for _, _, share, _ in LANGUAGES], dtype=np.float64)
    languages = rng.choice(len(LANGUAGES), size=size, p=weights / weights.sum())
    words = [text.split() for *_, text in LANGUAGES]
    lengths = np.clip(np.rint(rng.lognormal(2.0, 0.7, size)), 1, 60).astype(int)
    texts = [" ".join(rng.choice(words[language], length)) for language, length in zip(languages, lengths, strict=True)]
    return Captions(texts, languages)
