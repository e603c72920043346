"""models.detectors.template."""
