"""Builds an avatar from a portrait."""
