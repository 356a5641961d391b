"""The embedded video prior: the fitted mesh moves each view's pixels."""
