"""The embedded shape prior: fits, wraps and paints the face model."""
