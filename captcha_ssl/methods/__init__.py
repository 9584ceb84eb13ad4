"""Ways to learn an encoder without labels, one file each, all under one contract."""
