"""Which way of pretraining helps, by how much, and how sure that is."""
