"""Random views of text images, batched on the device. No flips: they would change the text."""
