"""The language of all shapes that people write: their base class, types, and words for mistakes."""
