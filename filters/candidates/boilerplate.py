"""Drop candidates whose caption says nothing of the picture: "image", "IMG_1234.jpg", "click to enlarge", a number.

A caption is judged as a whole: "Logo of the University of Vienna" and "Market in Hanoi.jpg" stay.

| setting | unit and meaning |
|---|---|
| `kinds` | of "words" ("image", "图片"), "files" (names), "numbers" (also hex), "addresses" (URLs): what is dropped |
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from crawler.records import Candidate, Verdict
from filters.redrawn import Redrawn, judging_candidates

Kind = Literal["words", "files", "numbers", "addresses"]

#: longer captions say something
_LONGEST = 120

#: words for a picture: one of them must be there
_NAMES = """
image images img imgs pic pics pict picture pictures photo photos photograph photographs photography logo logos
logotype icon icons thumbnail thumbnails thumb thumbs avatar avatars gravatar banner banners placeholder screenshot
screenshots untitled graphic graphics illustration illustrations figure fig wallpaper snapshot spacer favicon headshot
jpg jpeg png gif webp bild bilder bilds bildes foto fotos symbolbild symbolfoto titelbild vorschaubild profilbild
platzhalter grafik abbildung abb teaserbild artikelbild beispielbild bildschirmfoto sendungsbild headerbild afbeelding
afbeeldingen plaatje bilde bildet billede billeder billedet fotografi skärmdump mynd imagen imagenes imágenes
fotografía fotografia fotografías imagem imagens ícone ícono icono iconos immagine immagini icona icone icône icônes
vignette photographie imatge imagine imagini poză poze miniatura изображение изображения картинка картинки фото
фотография фотографии логотип иконка рисунок рис аватар скриншот миниатюра зображення світлина снимка снимки слика
obraz obrazy obrazek obrazki zdjęcie zdjęcia grafika fotka obrázek obrázky obrázok slika slike fotografija nuotrauka
attēls pilt kuva kuvat kép képek fénykép resim resimler görsel fotoğraf εικόνα εικόνες φωτογραφία λογότυπο gambar ảnh
hình صورة صور الصورة شعار أيقونة تصویر عکس לוגו תמונה תמונות छवि चित्र तस्वीर फोटो ছবি படம் รูป รูปภาพ ภาพ 图片 圖片
图像 圖像 图 圖 照片 相片 插图 插圖 配图 截图 截圖 缩略图 縮圖 头像 頭像 图标 圖示 标志 画像 写真 イメージ アイコン
ロゴ サムネイル サムネイル画像 アイキャッチ アイキャッチ画像 バナー 이미지 사진 로고 아이콘 그림
"""
#: words that may stand beside them and still say nothing
_FILLERS = """
a an the of for in on to by this that my our your its no not and or with without is new main top small large big full
size hi res hires default sample example custom generic blank empty featured feature hero header footer cover
background teaser preview article articles post posts blog story news page site website web company brand partner
sponsor client product products item gallery infobox content media name alt title author user profile member click tap
here enlarge view loading available unavailable missing found coming soon description copy final nr stock das die der
ein eine kein keine des zum zur von für artikel beitrag autor autorin startseite seite vergrößern vorhanden verfügbar
alternativer beschreibung klicken dieses le la les un une de du pour cette pas sans aucune disponible agrandir cliquez
cliquer el los las sin del para esta ampliar clic pulse descripción artículo sem em não disponível clique descrição il
lo non disponibile nessuna senza ingrandire clicca per het een van voor geen bij en et ett ingen utan av нет для без
недоступно статьи статья увеличить нажмите по умолчанию brak do na bez powiększ kliknij žádný není žiadny
"""
#: captions in words that are no names of pictures: what a page's program writes where its author wrote nothing
_PHRASES = frozenset((
    "null", "undefined", "none", "n a", "alt", "alt text", "alt tag", "alternative text", "title", "caption",
    "description", "default", "blank", "empty", "loading", "please wait", "spacer", "pixel", "tracking pixel",
    "advertisement", "advert", "ad", "ads", "click to enlarge", "click to zoom", "enlarge", "click here", "zoom",
    "zoom in", "tap to zoom", "view larger", "view full size", "click for larger version", "anzeige", "werbung",
    "lädt", "ohne titel", "vergrößern", "klicken zum vergrößern", "zum vergrößern klicken", "publicité", "agrandir",
    "cliquez pour agrandir", "sans titre", "publicidad", "ampliar", "haga clic para ampliar", "sin título",
    "publicidade", "clique para ampliar", "sem título", "pubblicità", "ingrandisci", "senza titolo",
    "clicca per ingrandire", "advertentie", "klik om te vergroten", "reklama", "powiększ", "bez tytułu",
    "без названия", "реклама", "увеличить", "нажмите чтобы увеличить", "zväčšiť", "zvětšit", "reklam", "büyüt",
    "إعلان", "广告", "廣告", "点击放大", "點擊放大", "点击查看大图", "无标题", "暂无图片", "暫無圖片", "加载中",
    "広告", "拡大", "拡大する", "クリックで拡大", "無題", "광고", "확대", "확대보기", "제목 없음",
    "no photo description available", "keine fotobeschreibung verfügbar",
    "no alternative text description for this image", "no alt text provided for this image",
    "kein alternativer text für dieses bild vorhanden", "aucun texte alternatif pour cette image",
    "non è stato fornito nessun testo alternativo per questa immagine",
))  # fmt: skip
#: "[icon]", "„Bild“"
_AROUND = " \t\n\"'`()[]{}<>.,:;!*-–—_|«»“”„•·"
_KEEP = Verdict(keep=True)
_BETWEEN_WORDS = re.compile(
    r"[\s!-/:-@\[-`{-~\u00a0-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u2000-\u2bff\u3000-\u3004\u3008-\u303f]+"
)

_EXTENSION = r"\.(?:jpe?g?|jfif|png|gif|webp|avif|heic|heif|bmp|tiff?|svg|ico|psd|raw|cr2|nef|pdf|mp4|mov|webm)"
_FILES = re.compile(
    # one word with the ending of a picture
    rf"\S+{_EXTENSION}(?:[?#]\S*)?"
    # what cameras, telephones and programs call their files, with or without an ending
    r"|(?:img|dscn?|dscf|pict|pxl|mvi|vid|gopr|gp|cimg|sam|imag|wp|kimg|mg|p|pano|burst|image|photo|picture|foto|bild"
    r"|screen ?shot|bildschirmfoto|capture d.écran|captura de pantalla|schermata|zrzut ekranu|снимок экрана"
    r"|スクリーンショット|屏幕截图|屏幕快照|截屏|스크린샷|whatsapp[ _]image|fb[ _]img|received|unnamed|download|scan"
    r"|file)"
    r"[ _\-(]*\d(?:at|um|à|às|alle|[ap]\.?m\.?|edited|copy|kopie|bearbeitet|wa|[\d _\-:.,()])*"
    rf"(?:{_EXTENSION})?"
    r"|[a-z]{1,4}[_-]?\d{5,}(?:[_-]\w{1,4})?"  # "tw27003265"
    r"|(?:\d+[_-])+[a-z\d]+"  # "20287090_10154588415381898_o"
)
_SIGNS = r"\s!-/:-@\[-`{-~\u2010-\u2015\u00d7\u00b0"
_NUMBERS = re.compile(
    rf"[{_SIGNS}]*\d[\d{_SIGNS}x]*"  # 4711, 2021-03-04, 800x600
    r"|(?=\D*\d)[0-9a-f]{8,}"  # a hash, or part of one; "deadbeef" is a word
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
_ADDRESSES = re.compile(r"(?:https?:|//|www\.)\S+|data:\S+")


def says_nothing(text: str) -> bool:
    """Whether a case-folded caption is made of names for pictures, fillers and numbers, or is one of the phrases."""
    words = [word for part in _BETWEEN_WORDS.split(text) if (word := part.strip("0123456789"))]
    return (not _NAMES_KNOWN.isdisjoint(words) and _EMPTY_WORDS.issuperset(words)) or " ".join(words) in _PHRASES


_NAMES_KNOWN = frozenset(_NAMES.split())
_EMPTY_WORDS = _NAMES_KNOWN | frozenset(_FILLERS.split())
#: in the order in which a caption is tried
_TESTS: dict[Kind, Callable[[str], object]] = {
    "addresses": _ADDRESSES.fullmatch,
    "numbers": _NUMBERS.fullmatch,
    "files": _FILES.fullmatch,
    "words": says_nothing,
}


@dataclass(frozen=True, slots=True)
class Boilerplate:
    """Judges by the whole caption, in any letter case and width."""

    kinds: tuple[Kind, ...] = ("words", "files", "numbers", "addresses")

    def judge(self, batch: Sequence[Candidate]) -> list[Verdict]:
        """One verdict per candidate, in order; its detail is the kind."""
        return [self._judge_one(candidate.caption.text) for candidate in batch]

    def redrawn(self) -> Redrawn:
        """By the caption."""
        return judging_candidates(self.judge, "caption")

    def _judge_one(self, caption: str) -> Verdict:
        if len(caption) > _LONGEST:
            return _KEEP
        text = caption if caption.isascii() else unicodedata.normalize("NFKC", caption)
        text = text.casefold().strip(_AROUND)
        for kind, is_so in _TESTS.items():
            if kind in self.kinds and is_so(text):
                return Verdict(keep=False, detail=kind)
        return _KEEP


build = Boilerplate
