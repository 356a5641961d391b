"""The viewer: what a window with a panel shows and lets one do.

What is chosen lives in `state.ViewerState` and knows no window: tests and keys drive it as the panel does. `panel` lays widgets over it
(imgui-bundle, the extra [viewer], imported when a window opens), `loop` draws and hands events on.
"""
