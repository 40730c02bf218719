"""Checks what people write: base class and types of all shapes, and words for mistakes. Used by manifest and kinds."""
