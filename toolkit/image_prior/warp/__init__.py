"""The embedded image prior: pixels carried from view to view by depth."""
