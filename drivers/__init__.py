"""Touches: Micro-Manager, the wire, shared memory and safety."""
