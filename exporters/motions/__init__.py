"""Clips of every program that sends faces: one table, read and written.

find_motion("visemes")                a clip that comes with the package
find_motion("take_3.csv")             ours, or Live Link Face's: the first line tells
find_motion("line.json")              LAM_Audio2Expression's
find_motion("character.glb#Talking")  an animation of a glTF file; without a name its first
"""

from facecraft4d.exporters.motions.formats import MOTION_FORMATS, check_writable, find_motion, write_motion

__all__ = ["MOTION_FORMATS", "check_writable", "find_motion", "write_motion"]
