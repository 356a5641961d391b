"""What moves a head while it plays: programs that send over the network, and what becomes of what they send.

`protocols` name the senders; a `Listener` hears one; `live.Live` makes poses of it: calibrated, retargeted, smoothed, clamped. `sender` is the
other way round: our clips drive other programs.
"""
