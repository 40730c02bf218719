"""What kinds are made of: shapes, forms and readers that belong to no kind alone, or would make its file too long."""
