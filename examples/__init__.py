"""Example domains: each holds contracts of its own."""
