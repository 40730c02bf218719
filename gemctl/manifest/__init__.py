"""The library: text to wishes. Files are read in `read`, understood in `yaml`, and bound to kinds in `bind`."""
