from __future__ import annotations

import json
import random
import struct
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.picture.decode import decode
from crawler.picture.encode import encode
from crawler.picture.made_by import LONGEST_MARK, MOST_MARKS, made_by
from crawler.picture.magic import kind_of
from crawler.picture.sandbox import open_sandboxes
from crawler.records import Picture, Sample
from crawler.rows import kept_row
from crawler.settings import Decode, Output
from tests.builders import a_fetched, image_bytes
from tests.fakes.credentials import needs_c2pa
from tests.fakes.marked_pictures import (
    ARTIST,
    DESCRIPTION,
    LABEL,
    MAKE,
    MODEL,
    NEWSCODES,
    NOVELAI,
    PARAMETERS,
    PROMPT,
    SOFTWARE,
    SWARM,
    USER_COMMENT,
    UUID,
    WORKFLOW,
    an_action,
    credentialed,
    packet,
    user_comment,
    with_chunks,
    with_comment,
    with_exif,
    with_texts,
    with_xmp,
)

GENERATED = NEWSCODES + "trainedAlgorithmicMedia"
KINDS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP")

# XMP -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF"])
def test_a_source_type_is_found_in_every_format_that_has_a_place_for_xmp(kind: str) -> None:
    body = with_xmp(packet(f'Iptc4xmpExt:DigitalSourceType="{GENERATED}"'), kind)
    assert made_by(body, kind) == ("iptc: trainedAlgorithmicMedia",)


SOURCE_TYPES = [
    (f'Iptc4xmpExt:DigitalSourceType="{GENERATED}"', "", "trainedAlgorithmicMedia"),
    (f"Iptc4xmpExt:DigitalSourceType = '{GENERATED}/'", "", "trainedAlgorithmicMedia"),
    (f'Iptc4xmpExt:DigitalSourceType="{GENERATED.replace("http", "https")}"', "", "trainedAlgorithmicMedia"),
    ('Iptc4xmpExt:DigitalSourceType="trainedAlgorithmicMedia"', "", "trainedAlgorithmicMedia"),
    ('Iptc4xmpExt:DigitalSourceType="digsrctype:digitalArt"', "", "digitalArt"),
    ('Iptc4xmpExt:DigitalSourceType="TRAINEDALGORITHMICMEDIA"', "", "trainedAlgorithmicMedia"),
    ("", f"<Iptc4xmpExt:DigitalSourceType>{NEWSCODES}digitalCapture</Iptc4xmpExt:DigitalSourceType>", "digitalCapture"),
    ("", f'<Iptc4xmpExt:DigitalSourceType\n rdf:resource="{GENERATED}"/>', "trainedAlgorithmicMedia"),
    ("", f"<a:DigitalSourceType>\n<rdf:Bag><rdf:li>{NEWSCODES}algorithmicMedia</rdf:li></rdf:Bag></a:DigitalSourceType>", "algorithmicMedia"),
    ("", f"<Iptc4xmpExt:DigitalSourcefileType>{NEWSCODES}print</Iptc4xmpExt:DigitalSourcefileType>", "print"),
    ("", f"<Iptc4xmpExt:DigitalSourceType>{NEWSCODES}compositeWithTrainedAlgorithmicMedia</Iptc4xmpExt:DigitalSourceType>", "compositeWithTrainedAlgorithmicMedia"),
    ('Iptc4xmpExt:DigitalSourceType="http&#x3a;//cv.iptc.org/newscodes/digitalsourcetype/screenCapture"', "", "screenCapture"),
    # a term that the vocabulary will have one day is kept as it is
    ('Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/dreamtOf"', "", "dreamtOf"),
    # and these are none
    ('Iptc4xmpExt:DigitalSourceType=""', "", ""),
    ('Iptc4xmpExt:DigitalSourceType="a picture \x1b[2J"', "", ""),
    ('Iptc4xmpExt:DigitalSourceTypeNote="trainedAlgorithmicMedia"', "", ""),
    ("", "<dc:description>the DigitalSourceType trainedAlgorithmicMedia is what it is not</dc:description>", ""),
    ("", "<Iptc4xmpExt:DigitalSourceType/><dc:title>trainedAlgorithmicMedia</dc:title>", ""),
    ("", "<Iptc4xmpExt:DigitalSourceType></Iptc4xmpExt:DigitalSourceType><dc:title>trainedAlgorithmicMedia</dc:title>", ""),
]  # fmt: skip


@pytest.mark.parametrize(("attributes", "elements", "term"), SOURCE_TYPES)
def test_a_source_type_is_read_however_it_is_written(attributes: str, elements: str, term: str) -> None:
    assert made_by(with_xmp(packet(attributes, elements)), "JPEG") == ((f"iptc: {term}",) if term else ())


@pytest.mark.parametrize(
    ("attributes", "elements", "marks"),
    [
        ('photoshop:Credit="Made with Google AI"', "", ("xmp: Google AI",)),
        ('photoshop:Credit="Edited with Google AI"', "", ("xmp edit: Google AI",)),
        ("", "<photoshop:Credit>AI-Generated with Google Photos</photoshop:Credit>", ("xmp: Google AI",)),
        ('xmp:CreatorTool="Draw Things"', "", ("xmp: Draw Things",)),
        ('xmp:CreatorTool="Adobe Firefly 3"', "", ("xmp: Adobe Firefly",)),
        ('photoshop:Credit="Image: DALL·E 3"', "", ("xmp: DALL-E",)),
        ('Iptc4xmpExt:AISystemUsed="something new"', "", ("iptc: AISystemUsed",)),
        ('Iptc4xmpExt:AISystemUsed="None"', "", ()),
        ("", f"<TC260:AIGC>{LABEL.replace(chr(34), '&quot;')}</TC260:AIGC>", ("tc260: 1",)),
        (f"TC260:AIGC='{LABEL.replace('1', '2', 1)}'", "", ("tc260: 2",)),
        # what is no mark: cameras, editors, people, and words that mean other things as well
        ('xmp:CreatorTool="Adobe Photoshop 25.0 (Macintosh)" photoshop:Credit="Jane Doe / Reuters"', "", ()),
        ('photoshop:Credit="Imagen: Juan Pérez" xmp:CreatorTool="Grok 10.0.1 JPEG 2000"', "", ()),
        ('photoshop:Credit="Leonardo Flux, Firefly Agency, Soraya Gemini"', "", ()),
        ('photoshop:CreditLine="Midjourney" xmp:CreatorToolVersion="ComfyUI"', "", ()),
        ("", "<photoshop:Credit></photoshop:Credit><dc:title><rdf:Alt><rdf:li>Midjourney</rdf:li></rdf:Alt></dc:title>", ()),
        ("", "<photoshop:Credit/><dc:title>Midjourney</dc:title>", ()),
        ("", "<dc:description>How Midjourney and Stable Diffusion work</dc:description>", ()),
    ],
)  # fmt: skip
def test_xmp_names_makers_in_the_fields_for_tools_and_credits_only(
    attributes: str, elements: str, marks: tuple[str, ...]
) -> None:
    assert made_by(with_xmp(packet(attributes, elements)), "JPEG") == marks


def test_xmp_that_goes_on_in_further_segments_is_read_to_its_end() -> None:
    content = packet(elements=f"<dc:description>{'x' * 70_000}</dc:description>" + SOURCE_TYPES[6][1])
    pieces = [content[at : at + 60_000] for at in range(0, len(content), 60_000)]
    segments = b""
    for number, piece in enumerate(pieces):
        head = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + struct.pack(">II", len(content), 60_000 * number)
        segments += b"\xff\xe1" + struct.pack(">H", len(head + piece) + 2) + head + piece
    body = image_bytes(kind="JPEG")
    assert made_by(body[:2] + segments + body[2:], "JPEG") == ("iptc: digitalCapture",)


# PNG texts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["tEXt", "zTXt", "iTXt"])
@pytest.mark.parametrize(
    ("keyword", "text", "mark"),
    [
        ("parameters", PARAMETERS, "png: parameters"), ("parameters", SWARM, "png: parameters"),
        ("parameters", json.dumps({"base_model": "juggernaut", "steps": 30}), "png: parameters"),
        ("prompt", PROMPT, "png: prompt"), ("Prompt", "a red boat", "png: prompt"),
        ("workflow", WORKFLOW, "png: workflow"), ("invokeai_metadata", "{}", "png: invokeai_metadata"),
        ("sd-metadata", "{}", "png: sd-metadata"), ("Dream", '"a red boat" -s 50 -S 1 -W512 -C7.5 -Ak_lms', "png: Dream"),
        ("generation_data", "{}", "png: generation_data"), ("fooocus_scheme", "fooocus", "png: fooocus_scheme"),
        ("Software", "NovelAI", "png: NovelAI"), ("Source", "NovelAI Diffusion V4 37C2B166", "png: NovelAI"),
        ("Comment", NOVELAI, "png: Comment"), ("AIGC", LABEL, "tc260: 1"),
        ("Description", f"a red boat --v 6.1 --ar 3:2 Job ID: {UUID}", "png: Midjourney"),
        # not what generators write under these words
        ("parameters", "c = -0.7 + 0.27i, 1000 iterations", ""), ("parameters", '{"iterations": 1000}', ""),
        ("Parameters", "Steps: 3, Ingredients: flour", ""), ("workflow", "scanned, then cleaned", ""), ("prompt", " ", ""),
        ("Dream", "I had a dream", ""), ("Software", "Adobe ImageReady", ""), ("Software", "gnome-screenshot", ""),
        ("Comment", "Created with GIMP", ""), ("Comment", "Midjourney", ""), ("Title", "Stable Diffusion explained", ""),
        ("Description", "Jane Doe at the Midjourney office. Job ID: 17", ""), ("AIGC", "Aigues-Cerclées", ""),
    ],
)  # fmt: skip
def test_png_texts_are_marks_if_they_are_what_generators_write(form: str, keyword: str, text: str, mark: str) -> None:
    assert made_by(with_texts(form, **{keyword: text}), "PNG") == ((mark,) if mark else ())


def test_texts_behind_the_pixels_are_read() -> None:
    chunk = b"parameters\0" + PARAMETERS.encode()
    made = struct.pack(">I", len(chunk)) + b"tEXt" + chunk + struct.pack(">I", zlib.crc32(b"tEXt" + chunk))
    body = image_bytes()
    assert made_by(body[:-12] + made + body[-12:], "PNG") == ("png: parameters",)


# EXIF ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_the_software_is_found_in_every_format_that_has_a_place_for_exif(kind: str) -> None:
    assert made_by(with_exif({SOFTWARE: "Midjourney 6"}, kind), kind) == ("exif: Midjourney",)


@pytest.mark.parametrize(
    ("tags", "marks"),
    [
        ({MAKE: "Ideogram AI"}, ("exif: Ideogram",)),
        ({SOFTWARE: "NovelAI", USER_COMMENT: user_comment(NOVELAI)}, ("exif: NovelAI", "exif: parameters")),
        ({USER_COMMENT: user_comment(PARAMETERS, "be")}, ("exif: parameters",)),
        ({USER_COMMENT: user_comment(PARAMETERS, "le")}, ("exif: parameters",)),
        ({USER_COMMENT: b"ASCII\0\0\0" + PARAMETERS.encode()}, ("exif: parameters",)),
        ({USER_COMMENT: bytes(8) + SWARM.encode()}, ("exif: parameters",)),
        ({USER_COMMENT: b"ASCII\0\0\0" + b'{"AIGC": ' + LABEL.encode() + b"}"}, ("tc260: 1",)),
        ({DESCRIPTION: PARAMETERS}, ("exif: parameters",)),
        ({MAKE: "workflow:" + WORKFLOW, MODEL: "prompt:" + PROMPT}, ("exif: workflow", "exif: prompt")),
        ({DESCRIPTION: f"a red boat --v 6 Job ID: {UUID}"}, ("exif: Midjourney",)),
        ({DESCRIPTION: "Signature: " + "Ab1+" * 20, ARTIST: UUID}, ("exif: Grok",)),
        # what is no mark
        ({MAKE: "Apple", MODEL: "iPhone 15 Pro", SOFTWARE: "17.4.1"}, ()),
        ({MAKE: "Canon", SOFTWARE: "Adobe Photoshop 25.0 (Windows)", ARTIST: "Jane Doe"}, ()),
        ({DESCRIPTION: "Midjourney"}, ()),
        ({DESCRIPTION: "A screenshot of ChatGPT and DALL-E 3", ARTIST: "Midjourney"}, ()),
        ({DESCRIPTION: "Signature: Jane Doe", ARTIST: UUID}, ()),
        ({USER_COMMENT: user_comment("Schritte: 20, ein rotes Boot")}, ()),
        ({USER_COMMENT: b"{"}, ()),
    ],
)
def test_exif_names_makers_in_the_fields_for_tools_and_descriptions_are_no_marks(
    tags: dict[int, object], marks: tuple[str, ...]
) -> None:
    assert made_by(with_exif(tags), "JPEG") == marks


def test_settings_in_a_jpeg_comment_are_a_mark() -> None:
    assert made_by(with_comment(PARAMETERS.encode()), "JPEG") == ("jpeg: Comment",)
    assert made_by(with_comment(b"CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90\n"), "JPEG") == ()


# Content Credentials ---------------------------------------------------------------------------------------------


@needs_c2pa
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF"])
def test_what_c2pa_signed_is_read_without_c2pa(kind: str) -> None:
    body = credentialed(an_action("created", "trainedAlgorithmicMedia", {"name": "GPT-4o"}), kind=kind, tool="ChatGPT")
    assert made_by(body, kind) == ("c2pa: trainedAlgorithmicMedia", "c2pa model: OpenAI", "c2pa tool: ChatGPT")


@needs_c2pa
def test_a_photograph_with_credentials_is_no_synthetic_picture() -> None:
    body = credentialed(an_action("created", "digitalCapture"), tool="Leica M11-P")
    assert made_by(body, "JPEG") == ("c2pa: digitalCapture", "c2pa tool: Leica M11-P")


@needs_c2pa
def test_a_generated_picture_that_was_edited_is_a_generated_picture() -> None:
    generated = credentialed(an_action("created", "trainedAlgorithmicMedia"), tool="OpenAI Media Service API")
    for _ in range(2):
        opened = an_action("opened", ingredient="parentOf")
        generated = credentialed(opened, an_action("resized"), tool="a shop", parentOf=generated)
    assert made_by(generated, "JPEG") == ("c2pa: trainedAlgorithmicMedia", "c2pa model: OpenAI", "c2pa tool: a shop")


@needs_c2pa
def test_what_was_added_to_a_photograph_is_told_from_the_photograph() -> None:
    photo = credentialed(an_action("created", "digitalCapture"), tool="Leica M11-P")
    filled = credentialed(
        an_action("opened", ingredient="parentOf"), an_action("edited", "trainedAlgorithmicMedia", "Adobe Firefly"),
        tool="Adobe Firefly", parentOf=photo,
    )  # fmt: skip
    assert made_by(filled, "JPEG") == (
        "c2pa edit: trainedAlgorithmicMedia", "c2pa: digitalCapture", "c2pa tool: Adobe Firefly",
    )  # fmt: skip


@needs_c2pa
def test_pictures_that_were_placed_in_another_speak_for_themselves_only() -> None:
    generated = credentialed(an_action("created", "trainedAlgorithmicMedia"), tool="ChatGPT")
    drawn, placed = an_action("created", "digitalCreation"), an_action("placed", ingredient="componentOf")
    collage = credentialed(drawn, placed, tool="Adobe_Photoshop", componentOf=generated)
    assert made_by(collage, "JPEG") == (
        "c2pa: digitalCreation", "c2pa ingredient: trainedAlgorithmicMedia", "c2pa tool: Adobe_Photoshop",
    )  # fmt: skip


@needs_c2pa
def test_a_generator_that_does_not_say_how_it_made_a_picture_is_told_by_its_name() -> None:
    body = credentialed(an_action("created", "empty", "Bing Image Creator"), tool="Microsoft_Responsible_AI")
    assert made_by(body, "JPEG") == (
        "c2pa: empty", "c2pa model: Bing Image Creator", "c2pa tool: Microsoft_Responsible_AI",
    )  # fmt: skip


@needs_c2pa
def test_a_programs_name_cannot_steer_a_terminal_nor_fill_a_row() -> None:
    body = credentialed(an_action("created", "digitalCapture"), tool="\x1b[2J" + "x" * 5_000)
    marks = made_by(body, "JPEG")
    assert marks[-1].startswith("c2pa tool: ?[2Jxxx")
    assert all(mark.isprintable() and len(mark) <= LONGEST_MARK for mark in marks)


# what it costs, and what it survives -----------------------------------------------------------------------------


def test_plain_pictures_say_nothing() -> None:
    for kind in KINDS:
        assert made_by(image_bytes(kind=kind), kind) == ()
    assert made_by(b"", "JPEG") == made_by(b"not a picture", "PNG") == made_by(image_bytes(), "no such kind") == ()


# a text chunk of 64 kB that holds 64 MB
def test_a_compressed_text_is_inflated_to_its_limit_and_no_further() -> None:
    bomb = zlib.compress(PARAMETERS.encode() + b"x" * 64_000_000, 9)
    body = with_chunks(*[(b"zTXt", b"parameters\0\0" + bomb)] * 200)
    assert made_by(body, "PNG") == ("png: parameters",)
    hidden = zlib.compress(b"x" * 64_000_000 + PARAMETERS.encode(), 9)
    assert made_by(with_chunks((b"iTXt", b"parameters\0\1\0\0\0" + hidden)), "PNG") == ()


def test_a_file_full_of_marks_gives_a_row_a_few() -> None:
    body = with_xmp(packet(elements="".join(f"<a:DigitalSourceType>term{n}</a:DigitalSourceType>" for n in range(500))))
    assert 0 < len(made_by(body, "JPEG")) <= MOST_MARKS


def test_loops_in_exif_end() -> None:
    body = bytearray(with_exif({SOFTWARE: "x" * 9, USER_COMMENT: bytes(20)}))
    at = body.index(b"\x87\x69") + 8
    body[at : at + 4] = bytes((0, 0, 0, 8))  # the inner directory is the outer one
    assert made_by(bytes(body), "JPEG") == ()


SAMPLES = [
    (with_xmp(packet(f'Iptc4xmpExt:DigitalSourceType="{GENERATED}"'), kind), kind)
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF")
] + [
    (with_exif({SOFTWARE: "Midjourney", USER_COMMENT: user_comment(PARAMETERS)}, kind), kind)
    for kind in ("JPEG", "PNG", "WEBP", "AVIF", "TIFF")
] + [(with_texts(form, parameters=PARAMETERS, Software="NovelAI"), "PNG") for form in ("tEXt", "zTXt", "iTXt")]  # fmt: skip


@given(st.sampled_from(SAMPLES), st.randoms(use_true_random=False), st.integers(1, 40))
def test_no_mutated_file_raises(sample: tuple[bytes, str], dice: random.Random, changes: int) -> None:
    body, kind = bytearray(sample[0]), sample[1]
    for _ in range(changes):
        body[dice.randrange(len(body))] = dice.choice((0, 1, 8, 127, 128, 255, dice.randrange(256)))
    if dice.random() < 0.3:
        del body[dice.randrange(len(body)) :]
    marks = made_by(bytes(body), kind)
    assert len(marks) <= MOST_MARKS
    assert all(mark and mark.isprintable() and len(mark) <= LONGEST_MARK for mark in marks)


@given(st.binary(max_size=300), st.sampled_from(KINDS))
def test_no_bytes_raise(content: bytes, kind: str) -> None:
    heads = {"JPEG": b"\xff\xd8", "PNG": b"\x89PNG\r\n\x1a\n", "WEBP": b"RIFF\0\0\0\0WEBP", "TIFF": b"II*\0"}
    made_by(heads.get(kind, b"") + content, kind)


@needs_c2pa
def test_no_mutated_manifest_raises() -> None:
    photo = credentialed(an_action("created", "digitalCapture"))
    opened = an_action("opened", ingredient="parentOf")
    whole = credentialed(opened, an_action("edited", "compositeSynthetic"), parentOf=photo)
    start, dice = whole.index(b"jumb"), random.Random(21)
    places = [at for at in range(start, len(whole)) if whole[at : at + 4] in (b"jumb", b"cbor", b"jumd", b"c2pa")]
    for _ in range(400):
        body = bytearray(whole)
        for _ in range(dice.choice((1, 3, 20))):
            near = dice.choice(places) + dice.randrange(-8, 80)
            body[min(near, len(body) - 1)] = dice.choice((0, 1, 31, 0x5F, 0x7F, 0x9F, 0xBF, 255, dice.randrange(256)))
        assert all(mark.isprintable() for mark in made_by(bytes(body), "JPEG"))


# from the file to the row ----------------------------------------------------------------------------------------


def test_the_sandbox_says_what_decoding_here_says() -> None:
    with open_sandboxes(Decode(), 1) as (sandbox,):
        for body, kind in SAMPLES:
            here, there = decode(a_fetched(body), Decode()), sandbox.decode(a_fetched(body))
            assert isinstance(here, Picture)
            assert isinstance(there, Picture)
            assert there.header == here.header
            assert there.header.made_by == made_by(body, kind) != ()


@pytest.mark.parametrize("encode_format", ["jpg", "png", "webp", "original"])
def test_the_picture_in_a_shard_says_nothing_any_more_and_its_row_does(encode_format: str) -> None:
    body = with_exif({SOFTWARE: "Midjourney"})
    fetched = a_fetched(body)
    picture = decode(fetched, Decode())
    assert isinstance(picture, Picture)
    encoded = encode(picture, msgspec.convert({"encode_format": encode_format}, Output))
    sample = Sample(fetched, picture.header, picture.hashes, encoded.image, encoded.width, encoded.height, ())
    assert made_by(encoded.image, str(kind_of(encoded.image))) == ()
    assert kept_row(sample)["made_by"] == ["exif: Midjourney"]
