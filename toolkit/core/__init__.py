"""What exporters and player may know of the toolkit: data, conventions, the Avatar, rigs, motion, files. Never torch."""
