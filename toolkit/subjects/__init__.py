"""Synthetic people whose truth is known: to measure by."""
