"""Pictures from the folder to the screen: scanning, watching, decoding, prefetching."""
