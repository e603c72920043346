"""models.detectors.segmenters."""
