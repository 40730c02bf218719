"""The study: pure functions from values to a plan. Nothing here looks at the clock, the disk or the net.

own → compare → order → guard. It has never heard of a kind by name; kinds arrive as a catalogue of values.
"""
