"""Many images, one after another and many at once."""
