"""Everything that can be set, as frozen values read from one TOML file: the recipe.

A recipe says what a data set is. Two runs with the same recipe over the same inputs make the same data set; therefore
the recipe has a digest, and a run folder belongs to one digest. `[resources]` and `[manners]` are how fast, not what:
they are not in the digest.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from crawler.errors import SettingsError
from crawler.list_forms import ListForm
from crawler.records import TextSource

Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]


#: the names are img2dataset's, without its doublets
Interpolation = Literal["nearest", "linear", "cubic", "area", "lanczos"]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the recipe: unknown keys are an error, for a misspelt key would silently be the default."""


class Extract(_Section, frozen=True):
    """What is taken from a page."""

    #: which texts may be captions, best first; an image without any of them is no candidate
    texts: tuple[TextSource, ...] = (TextSource.ALT, TextSource.FIGCAPTION, TextSource.TITLE, TextSource.OG_IMAGE_ALT)
    #: pages longer than this are cut; Common Crawl itself cuts at 1 MiB (5 MiB since 2025)
    html_bytes: Positive = 5 * 1024 * 1024
    #: images taken from one page at most; a page of a million links is an attack on everybody behind us
    images_per_page: Positive = 10_000
    #: captions are cut here, in characters, at the end
    text_characters: Positive = 2_000
    #: longer addresses are no candidates (LAION used 2,000)
    url_characters: Positive = 2_000
    #: what is masked in captions, so that a data set does not hand on how to reach people
    mask: tuple[Literal["email", "phone", "iban", "card", "ip"], ...] = ()


class List(_Section, frozen=True):
    """How lists of addresses and captions are read, where an input is one. A column is found without regard to case."""

    #: of every input, whatever it is called; without it the name tells: .parquet, .csv, .tsv, .json, .jsonl, .txt
    form: ListForm | None = None
    #: the column of image addresses; "" is the first of the names that published lists use (docs/formats.md)
    url_column: str = ""
    #: the column of captions; "" is the first of the usual names, and no captions where none of them is there
    caption_column: str = ""
    #: the column of the page that an image stood on; "" is `page_url`, where there is one
    page_column: str = ""
    #: names of the columns of a CSV or TSV file whose first line is no header but a row
    columns: tuple[str, ...] = ()
    #: in CSV and TSV files a value may stand in quotation marks, and hold separators and line ends; if false, they are
    #: characters like all others (Conceptual 12M)
    quotes: bool = True


class Plan(_Section, frozen=True):
    """How candidates become jobs."""

    #: rows of one job, which becomes one shard
    rows_per_job: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 10_000
    #: rows of one host in the whole run; 0 is no cap
    rows_per_host: NotNegative = 0
    #: drop pairs whose image address and text were both seen before in this run
    unique: bool = True


class Fetch(_Section, frozen=True):
    """How images are downloaded: who we say we are, and what we put up with."""

    #: sent with every request and matched against robots.txt; `contact` is added to it
    user_agent: str = "pairtrawl/0.1"
    #: an address of a page or mailbox that a site owner can turn to
    contact: str = ""
    #: from first look-up to last byte, all redirects included
    total_seconds: Seconds = 30.0
    #: until the connection stands
    connect_seconds: Seconds = 10.0
    #: from the request to the end of the headers
    first_byte_seconds: Seconds = 15.0
    #: between two reads
    read_seconds: Seconds = 10.0
    #: mean rate of a body below which, after its first seconds, a server is taken for one that drips; 0 is no limit
    bytes_per_second: NotNegative = 1_024
    #: longer bodies are refused
    body_bytes: Positive = 10 * 1024 * 1024
    #: redirects that are followed for one image
    redirects: NotNegative = 5
    #: requests for one image at most, where its server asks for patience (429, 502, 503, 504)
    tries: Positive = 3
    #: ports that may be dialled
    ports: tuple[int, ...] = (80, 443)
    #: networks that are never dialled although they are public: a cluster's own nodes, a tracker. Our own are always.
    refuse_networks: tuple[str, ...] = ()
    #: networks that may be dialled although they are not public; for tests and demos on loopback only
    allow_networks: tuple[str, ...] = ()
    #: names that are not looked up: "host" = "address" or "address:port"; a name may start with "*."
    hosts: dict[str, str] = {}
    #: name servers to ask, "address" or "address:port"; none means those of the machine
    name_servers: tuple[str, ...] = ()
    #: PEM file of further certificate authorities; "" is the system's store alone
    ca_file: str = ""
    #: whether a server has to prove by a certificate that it is who it says; without, anybody on the way can put other
    #: pictures in the place of its own
    verify_tls: bool = True


class OptOuts(_Section, frozen=True):
    """Which words of those who own pages, images and sites refuse an image.

    What they say is recorded in the row whatever is set here; this is about what we make of it.
    """

    #: obey robots.txt (RFC 9309) of the image's host
    robots_txt: bool = True
    #: directives of X-Robots-Tag, on the image's own answer, that refuse it; img2dataset has them but `noml`, `none`
    image_directives: tuple[str, ...] = ("noai", "noimageai", "noml", "noindex", "noimageindex", "none")
    #: directives of a page's robots <meta> or X-Robots-Tag that refuse its images. A page that only stays out of search
    #: (`noindex`) has said nothing of its images
    page_directives: tuple[str, ...] = ("noai", "noimageai", "noml", "noimageindex")
    #: a reservation by TDMRep (W3C community group), in a header or in the page
    tdm_reservation: bool = True
    #: ask each host for /.well-known/tdmrep.json too
    tdmrep_file: bool = True
    #: `train-ai=n` by Content-Usage (IETF AIPREF draft), in a header or in robots.txt
    content_usage: bool = True
    #: ask each host for /ai.txt too: one more request a host, for a file that few have
    ai_txt: bool = False


class Manners(_Section, frozen=True):
    """How a site is treated, by all processes of a run together. How fast, not what: not part of the digest.

    A site is a registrable domain: example.com with all its hosts, but each customer of a hosting company by itself.
    """

    #: requests at one site at the same time
    requests_at_once: Positive = 2
    #: between the starts of two requests at one site; a longer Crawl-delay of its robots.txt counts instead
    seconds_between_requests: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    #: a host that asks for a longer Crawl-delay is left alone
    longest_crawl_delay_seconds: Seconds = 30.0
    #: a row whose turn would come later than this is given up, for a shard must not wait for one site
    longest_wait_seconds: Seconds = 300.0
    #: failures in a row (no connection, no answer, 5xx) after which a host is left alone for a while
    failures_in_a_row: Positive = 5
    #: how long
    rest_seconds: Seconds = 300.0
    #: parts that a run is divided into which cannot talk to each other, such as jobs of a supercomputer: each gets a
    #: share of the rate and of the requests at once, but never less than one request
    islands: Positive = 1


#: hashes of a picture that a recipe may go without
PictureHash = Literal["md5", "sha1", "phash", "pdq"]


class Decode(_Section, frozen=True):
    """What is accepted as an image, and at what size, judged from the header before any pixel is decoded."""

    #: kinds of files that are decoded, told by their first bytes
    formats: tuple[Literal["JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF"], ...] = (
        "JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF",
    )  # fmt: skip
    #: width times height; 40 MP takes 120 MB as RGB
    pixels: Positive = 40_000_000
    #: the longer side
    side_pixels: Positive = 20_000
    #: of one picture in the decoder's process, which is killed beyond it
    memory_bytes: Positive = 1024 * 1024 * 1024
    #: the same for its time
    cpu_seconds: Positive = 5
    #: what is kept of what the camera wrote (column `exif`): nothing, what tells neither places nor people, or all
    exif: Literal["none", "harmless", "all"] = "none"
    #: which hashes are computed beside SHA-256; those that a filter, `duplicates`, or the list of a rebuild asks for
    #: are in any case. Half of what a picture costs is the two perceptual ones: without them no later list of such
    #: hashes can be matched against the data set without its pictures
    hashes: tuple[PictureHash, ...] = ("md5", "sha1", "phash", "pdq")


class Output(_Section, frozen=True):
    """How a picture is written. The names are img2dataset's."""

    #: how a picture is brought to `image_size`; "no" leaves it as large as it is
    resize_mode: Literal["no", "keep_ratio", "keep_ratio_largest", "center_crop", "border"] = "keep_ratio"
    #: pixels of the shorter side ("keep_ratio", "center_crop"), or of the longer one ("keep_ratio_largest", "border")
    image_size: Positive = 256
    #: never enlarge
    resize_only_if_bigger: bool = True
    #: how a picture is enlarged
    upscale_interpolation: Interpolation = "lanczos"
    #: how a picture is shrunk; "area" is the mean of what falls into a pixel
    downscale_interpolation: Interpolation = "lanczos"
    #: "exact" decodes every pixel and resizes with Pillow. "fast" (`pip install 'pairtrawl[fast]'`) decodes a JPEG at
    #: half or a quarter of its size, where that is 1.5 times what is written or more and nothing else looks at its
    #: pixels, and resizes with SIMD: 50 dB from the exact ones (36 with "area"), in half the time (docs/decisions/0027)
    drawing: Literal["exact", "fast"] = "exact"
    #: "original" stores the bytes as received and never re-encodes
    encode_format: Literal["jpg", "png", "webp", "original"] = "jpg"
    #: of JPEG and WebP, 0 to 100; of PNG the compression, 0 to 9
    encode_quality: Annotated[int, msgspec.Meta(ge=0, le=100)] = 95
    #: a picture that is of the format already and keeps its size is not encoded again, but rid of its metadata
    skip_reencode: bool = False
    #: what the samples of a shard are put into: a tar, a folder of files, a column of the table, TFRecord, or nothing
    container: Literal["webdataset", "files", "parquet", "tfrecord", "dummy"] = "webdataset"
    #: one file under so many addresses with so many captions in one job stands for none of them ("not available"); 0
    #: lets it pass
    placeholder_addresses: NotNegative = 10
    #: keep the models' vectors of picture and caption, in the files that clip-retrieval makes
    keep_embeddings: bool = False
    #: small pictures that each shard keeps for people to look at: so many of each filter's rejected rows, of its
    #: borderline ones, and of what was kept; 0 keeps none. Nothing that a list names, blurred where it may be unsafe
    thumbnails: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    #: "all", or img2dataset's columns and no others, in table and json
    columns: Literal["all", "img2dataset"] = "all"
    #: digits of a shard's name
    shard_digits: Annotated[int, msgspec.Meta(ge=1, le=12)] = 5


#: kinds of hashes that a list may have recorded
HashKind = Literal["md5", "sha1", "sha256", "sha512", "phash", "pdq"]


class Rebuild(_Section, frozen=True):
    """How a published list is made into shards again (`pairtrawl rebuild`). `plan.rows_per_job` is the size of a shard.

    Names of columns are those of the list; they are found without regard to case.
    """

    #: which pictures stay in the tar: only those that are identical to what the list recorded; or near ones too, and
    #: those of which it recorded nothing; or whatever the address has now
    policy: Literal["strict", "near", "refresh"] = "near"
    #: columns that go into tables and tars as the list has them, in this order, with their types
    carry: tuple[str, ...] = ()
    #: whether the list's captions go into tables and tars; filters see them either way
    captions: bool = True
    #: columns that hold hashes of the pictures, and of which kind; none means those of the published schemas. Those
    #: that are named here stand in tables and tars, too, as with img2dataset's `verify_hash`
    hashes: dict[str, HashKind] = {}
    #: the column of boxes to blur, as DataComp has them; "" blurs nothing
    boxes_column: str = ""
    #: put right what is known to be wrong in published lists: swapped sides, similarities beyond 1
    repair: bool = True
    #: tell in which language captions are
    tell_language: bool = False
    #: rows of one site in one shard; further ones are not asked for; 0 is no cap
    rows_per_site: NotNegative = 0
    #: which hash of the bytes received stands where img2dataset writes its own (its `compute_hash`)
    compute_hash: Literal["sha256", "md5", "sha512", "none"] = "sha256"
    #: number of the first shard: those of a list that goes on where another one ended, as img2dataset's `extend`
    first_shard: NotNegative = 0
    #: guess the types of columns of CSV and TSV files by their first rows, as img2dataset does; or they are texts
    guess_types: bool = False


class Duplicates(_Section, frozen=True):
    """What counts as the same again, beyond the pairs that the plan leaves out (`plan.unique`)."""

    #: run folders of earlier crawls: what they hold was seen before
    earlier: tuple[str, ...] = ()
    #: one file (SHA-256) under several addresses or captions: all of it, or only what came first
    files: Literal["keep", "first"] = "keep"
    #: pictures whose PDQ lies within so many bits of one that the same job kept before; -1 is not looked at
    look_alike_bits: Annotated[int, msgspec.Meta(ge=-1, le=31)] = -1


class Resources(_Section, frozen=True):
    """How much of the machine is used. Changes speed and memory, never the result; not part of the digest."""

    #: downloads in flight in one worker process
    downloads: Positive = 256
    #: bodies held in memory between network and decoder, in one worker process
    body_bytes_in_flight: Positive = 256 * 1024 * 1024
    #: decoder processes of one worker process
    decoders: Positive = 2
    #: threads of a model on a CPU, in one process
    torch_threads: Positive = 1
    #: what the plan's sort may hold before it spills to disk
    plan_memory_bytes: Positive = 1_000_000_000
    #: threads of the plan's sort
    plan_threads: Positive = 2


class FilterChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One `[[filters]]` table: the filter's name and its own settings."""

    use: str
    settings: dict[str, Any] = {}


class Recipe(_Section, frozen=True):
    """A whole recipe. `folder` is where it was read from: relative paths in it stand on that folder."""

    #: of the data set; reports are headed by it
    name: str = "unnamed"
    #: what the data set is, in a sentence
    description: str = ""
    #: archives to read where the command line names none
    inputs: tuple[str, ...] = ()
    extract: Extract = Extract()
    list: List = List()
    plan: Plan = Plan()
    fetch: Fetch = Fetch()
    opt_outs: OptOuts = OptOuts()
    manners: Manners = Manners()
    decode: Decode = Decode()
    output: Output = Output()
    duplicates: Duplicates = Duplicates()
    resources: Resources = Resources()
    #: what makes the run a rebuild
    rebuild: Rebuild | None = None
    #: what judges, in this order
    filters: tuple[FilterChoice, ...] = ()
    #: the register of takedowns (docs/takedown.md), a private folder: what was removed stays removed. Which one it is,
    #: and what it names, is not part of the digest: nobody is to learn by two runs what of it the web still has
    removals: str = ""
    folder: str = "."

    @property
    def digest(self) -> str:
        """32 hex digits that change exactly when the data set that this recipe describes changes."""
        content = msgspec.to_builtins(self)
        for not_content in ("resources", "manners", "folder", "description", "inputs", "removals"):
            del content[not_content]
        if self.rebuild is None:  # recipes of crawls keep the digest that they had before there were rebuilds
            del content["rebuild"]
        for this_machine in ("hosts", "name_servers", "ca_file"):
            del content["fetch"][this_machine]
        for section, key, default in _CAME_LATER:  # runs that were begun before can be gone on with
            if content[section][key] == default:
                del content[section][key]
        return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()[:32]


_CAME_LATER = (
    ("output", "upscale_interpolation", "lanczos"), ("output", "downscale_interpolation", "lanczos"),
    ("output", "skip_reencode", False), ("output", "container", "webdataset"), ("output", "columns", "all"),
    ("decode", "exif", "none"), ("fetch", "verify_tls", True), ("output", "drawing", "exact"),
    ("output", "thumbnails", 0), ("decode", "hashes", ("md5", "sha1", "phash", "pdq")),
)  # fmt: skip
_FILTER_NAME = re.compile(r"(candidates|bodies|pictures)\.[a-z][a-z0-9_]*")
_STAGES = ("candidates", "bodies", "pictures")


def parse_recipe(text: str, *, name: str = "recipe", folder: str = ".", overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a TOML text.

    Args:
        text: TOML.
        name: what messages call it: the file's name.
        folder: relative paths in the recipe stand on it.
        overrides: "key=value" each, the value as TOML or else as plain text: "fetch.total_seconds=10",
            "filters.min_side.pixels=128".

    Raises:
        SettingsError: the text, or an override, is not right; the message names the key and what was expected.
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name}: not valid TOML: {error}") from error
    if "folder" in tree:
        raise SettingsError(f"{name}: unknown key `folder`")
    tables = tree.get("filters", [])
    if not isinstance(tables, list):
        raise SettingsError(f"{name}: `filters` must be written as [[filters]] tables")
    tree["filters"] = [
        _filter_choice(table, f"{name}: [[filters]] number {number}") for number, table in enumerate(tables, 1)
    ]
    for override in overrides:
        _override(tree, override)
    try:
        recipe = msgspec.convert(tree | {"folder": folder}, Recipe)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{name}: {error} ($ is the top of the recipe)") from error
    _check_order(recipe, name)
    return recipe


def with_overrides(recipe: Recipe, overrides: Sequence[str]) -> Recipe:
    """The recipe with some values set, as `parse_recipe` sets them; all of it is checked again.

    Raises:
        SettingsError: an override, or what comes of it, is not right.
    """
    tree = msgspec.to_builtins(recipe)
    tree["filters"] = list(tree["filters"])
    for override in overrides:
        _override(tree, override)
    try:
        changed = msgspec.convert(tree, Recipe)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{recipe.name}: {error} ($ is the top of the recipe)") from error
    _check_order(changed, recipe.name)
    return changed


def _override(tree: dict[str, Any], override: str) -> None:
    """Set one value in the tree of a recipe."""
    key, equals, written = override.partition("=")
    if not equals or not key.strip():
        raise SettingsError(f"--set {override}: must be KEY=VALUE, such as fetch.total_seconds=10")
    try:
        value = tomllib.loads(f"value = {written}")["value"]
    except tomllib.TOMLDecodeError:
        value = written  # a bare word is a text, so that a shell needs no second pair of quotes
    *path, last = key.strip().split(".")
    table: Any = tree
    if path[:1] == ["filters"]:
        named = [one for one in tree["filters"] if path[1:] in (one["use"].split(".")[1:], one["use"].split("."))]
        if not named:
            raise SettingsError(f"--set {override}: the recipe uses no filter of that name")
        table = named[0]["settings"]
    else:
        for step in path:
            table = table.setdefault(step, {})
            if not isinstance(table, dict):
                raise SettingsError(f"--set {override}: `{step}` is not a table of the recipe")
    table[last] = value


def _filter_choice(table: object, where: str) -> dict[str, Any]:
    if not isinstance(table, dict) or not isinstance(table.get("use"), str):
        raise SettingsError(f'{where}: needs `use`, the name of a filter such as "pictures.min_side"')
    if not _FILTER_NAME.fullmatch(table["use"]):
        raise SettingsError(
            f'{where}: use = "{table["use"]}" is not folder.name with folder one of {", ".join(_STAGES)}'
        )
    return {"use": table["use"], "settings": {key: value for key, value in table.items() if key != "use"}}


def _check_order(recipe: Recipe, name: str) -> None:
    """Candidates are judged before any traffic and bodies before any decoder, whatever order a recipe is written in."""
    places = [_STAGES.index(choice.use.split(".")[0]) for choice in recipe.filters]
    if places != sorted(places):
        raise SettingsError(
            f"{name}: [[filters]] must come in the order {', '.join(_STAGES)}, for that is how they run"
        )
    names = [choice.use.split(".")[1] for choice in recipe.filters]
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        raise SettingsError(f"{name}: filter {', '.join(twice)} is used twice; each name is one column of the report")
