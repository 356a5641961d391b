"""The zip of LAM's web player: splats as morphed vertices on two bones."""
