"""Files from elsewhere: the door that all go through, and readers of what many of them are (docs/security.md)."""
