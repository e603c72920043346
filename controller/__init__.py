"""Decides: the loop, tracking, policies, session, recorder and commands."""
