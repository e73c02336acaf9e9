"""A report as a page: pure functions from numbers, texts and small pictures to HTML and SVG, which know no file."""
