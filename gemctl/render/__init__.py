"""The easel: values to text. Nothing here reads, writes or asks."""
