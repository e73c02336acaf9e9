"""Image files that say how they were made, in each way that files of the web do; the pictures themselves are plain."""

from __future__ import annotations

import importlib
import io
import json
import struct
import zlib
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.builders import image_bytes
from tests.fakes.credentials import _signer

NEWSCODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
#: what Stable Diffusion web UI writes
PARAMETERS = "a red boat\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"
#: what ComfyUI writes
PROMPT = json.dumps({"3": {"inputs": {"seed": 5, "steps": 20}, "class_type": "KSampler"}})
WORKFLOW = json.dumps({"last_node_id": 9, "nodes": [{"id": 3, "type": "KSampler"}], "links": [], "version": 0.4})
#: what SwarmUI writes
SWARM = json.dumps({"sui_image_params": {"prompt": "a red boat", "model": "sd_xl_base_1.0"}}, indent=2)
#: what NovelAI writes beside its name
NOVELAI = json.dumps({"prompt": "a red boat", "steps": 28, "uncond_scale": 1.0, "v4_prompt": {"caption": {}}})
#: the label of GB 45438-2025, annex E
LABEL = json.dumps({"Label": "1", "ContentProducer": "doubao", "ProduceID": "1", "ReservedCode1": ""})
UUID = "01234567-89ab-cdef-0123-456789abcdef"

DESCRIPTION, MAKE, MODEL, SOFTWARE, ARTIST, USER_COMMENT = 0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x9286
_NAMES = (
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"'
)


def packet(attributes: str = "", elements: str = "") -> bytes:
    """An XMP packet with these properties of its one description."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {_NAMES} {attributes}>{elements}</rdf:Description>'
        f"</rdf:RDF></x:xmpmeta>{' ' * 2_000}<?xpacket end='w'?>"
    ).encode()


def with_xmp(content: bytes, kind: str = "JPEG") -> bytes:
    """A picture with an XMP packet, where its format has a place for one."""
    if kind == "PNG":
        return with_chunks((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + content))
    if kind == "GIF":
        body = image_bytes(kind="GIF")
        magic_trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"  # XMP specification, part 3, section 1.1.2
        return body[:-1] + b"!\xff\x0bXMP DataXMP" + content + magic_trailer + b";"
    if kind == "TIFF":
        return image_bytes(kind="TIFF", tiffinfo={700: content})
    return image_bytes(kind=kind, xmp=content)


def exif(tags: dict[int, Any]) -> Image.Exif:
    """EXIF data with these tags; the user comment goes where it belongs."""
    data = Image.Exif()
    for tag, value in tags.items():
        if tag == USER_COMMENT:
            data.get_ifd(0x8769)[tag] = value
        else:
            data[tag] = value
    return data


def with_exif(tags: dict[int, Any], kind: str = "JPEG") -> bytes:
    """A picture with EXIF data."""
    return image_bytes(kind=kind, exif=exif(tags))


def user_comment(text: str, order: str = "be") -> bytes:
    """A user comment in UTF-16."""
    return b"UNICODE\0" + text.encode(f"utf-16-{order}")


def with_texts(form: str = "tEXt", **texts: str) -> bytes:
    """A PNG file with text chunks of one form; "_" in a keyword's name is taken as it is."""
    info = PngInfo()
    for keyword, text in texts.items():
        if form == "iTXt":
            info.add_itxt(keyword, text)
        else:
            info.add_text(keyword, text, zip=form == "zTXt")
    return image_bytes(pnginfo=info)


def with_chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file with these chunks before its pixels."""
    body = image_bytes()
    made = b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
    return body[:33] + made + body[33:]


def with_comment(text: bytes) -> bytes:
    """A JPEG file with a comment."""
    return image_bytes(kind="JPEG", comment=text)


def an_action(name: str = "created", source: str = "", agent: Any = None, *, ingredient: str = "") -> dict[str, Any]:
    """An action of C2PA, with the bare word of a source type; `ingredient` is "parentOf" or "componentOf"."""
    action: dict[str, Any] = {"action": f"c2pa.{name}"}
    if source:
        action["digitalSourceType"] = NEWSCODES + source
    if agent is not None:
        action["softwareAgent"] = agent
    if ingredient:
        action["parameters"] = {"ingredientIds": [ingredient]}
    return action


def credentialed(*actions: dict[str, Any], kind: str = "JPEG", tool: str = "tests", **ingredients: bytes) -> bytes:
    """A signed picture, made by c2pa itself: its actions, and the JPEG files that it was made from.

    `ingredients` are called after what they are to it: `parentOf=...` or `componentOf=...`.
    """
    c2pa: Any = importlib.import_module("c2pa")
    builder = c2pa.Builder(
        {
            "claim_generator_info": [{"name": tool, "version": "1.2"}],
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": list(actions)}}],
        }
    )
    for relationship, body in ingredients.items():
        about = {"title": "a picture", "relationship": relationship, "instance_id": relationship}
        builder.add_ingredient(json.dumps(about), "image/jpeg", io.BytesIO(body))
    chain, key = _signer("")
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, chain, key, None))
    out = io.BytesIO()
    builder.sign(signer, f"image/{kind.lower()}", io.BytesIO(image_bytes(kind=kind)), out)
    return out.getvalue()
