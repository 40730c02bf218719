"""Carries out what a person asks for, one module for each: workflows return values and print nothing. Called by cli."""
