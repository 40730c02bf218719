"""Makes money of quantities, by the book of facts, at the time at which they are used. Pure."""
