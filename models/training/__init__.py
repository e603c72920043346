"""Training of models. Needs the extra ``train``."""
