"""Where a post speaks of: gazetteer, regions, and the evidence for a mention."""
