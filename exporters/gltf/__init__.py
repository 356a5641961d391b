"""glTF: the canonical avatar.glb, written (writing.py) and read (reading.py); the container (glb.py) and the rig's mesh are every glTF-based format's."""
