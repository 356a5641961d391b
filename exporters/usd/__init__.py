"""USD: a .usdz with splats that play a clip and the rig as UsdSkel. OpenUSD is imported when it is needed."""
