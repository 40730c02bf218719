"""Makes plans, by pure functions of values. Nothing here looks at the clock, the disk or the net.

own → compare → order → guard. Called by workflows/. Names no kind; kinds arrive as a catalogue of values.
"""
