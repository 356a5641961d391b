"""The paper's measures (section 4): CLIP-I, ID and FID of a head's views against its photograph.

Their networks are the user's own (docs/paper_priors.md). What packages carry measures the same things under names of its own: ID (SFace) and
FD-Inc768.
"""
