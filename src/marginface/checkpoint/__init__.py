"""What is kept of a run: whole models, class centres in parts, and how they are written and read."""
