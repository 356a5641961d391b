"""Data that ships with the package: portraits, driving clips, a small avatar; and example scripts in the repository."""
