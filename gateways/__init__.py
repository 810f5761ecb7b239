"""One folder per outside system; the only code that knows its wire format."""
