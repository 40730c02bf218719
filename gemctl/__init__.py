"""gemctl: infrastructure as code for the Gemini API."""

__version__ = "0.1.0"
