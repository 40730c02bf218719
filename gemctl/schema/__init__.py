"""The language of all shapes that people write: their base class, their types, and words about them."""
