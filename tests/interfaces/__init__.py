"""Applications of other frameworks, compared on their own servers and on ours."""
