"""PanoHead (An et al. 2023): a generator of heads that can be seen from all around, and the reader of its published files."""
