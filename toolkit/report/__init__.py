"""The page, figures and curves of a build."""
