"""LivePortrait (Guo et al. 2024): the paper's own video prior, from the user's checkpoints; its networks, their files, its motion and its crops."""
