"""Admin-edited YAML turns each vendor's words into one model. Pure: text in, values out."""
