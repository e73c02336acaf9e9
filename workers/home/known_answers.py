"""What `selftest.answers` gives where everything is right, for what no recipe changes.

Found with Pillow 13.0.0, imagehash 4.3, selectolax 1.0 on Linux x86_64; a test compares it with the installed ones.
"""

from __future__ import annotations

KNOWN: dict[str, str] = {
    "size/alpha.png": "128x128",
    "phash/alpha.png": "ba92c14f8f3c986c",
    "pdq/alpha.png": "6b06cfb1813b9a5e1ca40dcbf8c178d285b06f1b5b1ceb1ac6f8a4793ec11ea4",
    "size/bomb.png": "too_many_pixels",
    "size/cmyk.jpg": "128x128",
    "phash/cmyk.jpg": "bf49c8dcc09782b3",
    "pdq/cmyk.jpg": "e25e6676a7f0a5e2a1e6e9a7898199a7198599e61fa11fe45681e01d66196759",
    "size/cut.jpg": "image_broken",
    "size/drawing.svg": "not_an_image",
    "size/palette.gif": "128x128",
    "phash/palette.gif": "fac0953fe00f9878",
    "pdq/palette.gif": "f99083b60e6dfc4c80dbffd03c16e0764fe47a8fd01d0ff8f0031d7ed554c001",
    "size/resembling.jpg": "140x140",
    "phash/resembling.jpg": "a4931373836e6e93",
    "pdq/resembling.jpg": "d9a0604500fe64c3f4a042ff3fb1b138f73f76e4c91bbb5b03c064c7cec456c4",
    "size/resembling.webp": "200x200",
    "phash/resembling.webp": "ac34292913c6fd3b",
    "pdq/resembling.webp": "2700455e57ea9bbae00568d32ab5553dfc3bb24ed91747b193e0654aab4a34b6",
    "size/sixteen.png": "96x96",
    "phash/sixteen.png": "b3c1fc4fc138cb30",
    "pdq/sixteen.png": "78c60639e1b15e798f8e98c69f9c79e37239078669e9fa0e05c12178989ddec1",
    "size/turned.jpg": "128x128",
    "phash/turned.jpg": "bc1892c46b17c7e6",
    "pdq/turned.jpg": "633c8e3c8d966474bcf1d9c343c1c7e18f8707334ef1f074cc6b378153a4d88c",
    "size/wide.png": "600x100",
    "phash/wide.png": "ac31edf843dcb821",
    "pdq/wide.png": "04bea40e97fba00d87f1a00d37fd8080ee3ea0c2bfff961d93e1180fbd5b6446",
    "size/1f47b.webp": "256x256",
    "phash/1f47b.webp": "b6f0c99b2327cc4c",
    "pdq/1f47b.webp": "18db7d936992e37c924da66d66964db21992c8197d9930f29663926c87497d87",
    "size/1f602.webp": "256x256",
    "phash/1f602.webp": "bf98d062c29f2d68",
    "pdq/1f602.webp": "06a4a61ea69a59695b59f836f82c87e1a4f97a9b11da497cffa1a6a3800559dc",
    "size/1f4af.webp": "256x256",
    "phash/1f4af.webp": "ebcad08d9c249771",
    "pdq/1f4af.webp": "03e6b549be72d8c4f0bb013e6bc9dfa92f69ca4798f43292f71c8d580c05f229",
    "parse/candidates": "737",
    "parse/sha256": "1978a0ee622e1c296851a247e8d3bf11fcabddef0f203a1499b8e5aaf7702042",
}
