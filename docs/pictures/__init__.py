"""The pictures of the pages, drawn from data: diagrams, and the plot of what a request costs."""
