"""Training of detectors: data, augmentation, architectures, judging. Needs the extra ``train``."""
