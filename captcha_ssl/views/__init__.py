"""Random views of text images, batched on the device; never a flip, which would change the text."""
