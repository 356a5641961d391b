"""Films of a talking face to clips, by the landmark network that builds use.

track = tracked(video_frames(Path("talk.mp4"), SIDE), "talk", silent)
clip, note = track.motion, track.note
"""

from facecraft4d.toolkit.capture.tracking import SIDE, FaceTracker, SeenFace, Track, tracked

__all__ = ["SIDE", "FaceTracker", "SeenFace", "Track", "tracked"]
