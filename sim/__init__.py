"""Pretends: specimen, optics, camera and stage, a microscope made of numbers."""
