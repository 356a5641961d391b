"""Plays avatars: animation, sorting, drawing with OpenGL or on the CPU, recording. Never imports torch."""
