"""Which pretraining helps, by how much, and how certain that is."""
