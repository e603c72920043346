"""Scenarios: small TOML files, each a specimen, a stand and a task."""
