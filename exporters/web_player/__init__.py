"""The player for web pages: plain JavaScript modules that `exporters/web.py` copies as they are. docs/formats/web.md tells how to use them."""
