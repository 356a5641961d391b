"""The paper's image prior: a diffusion model that is held to the photograph by attention, and to the neighbours by depth."""
