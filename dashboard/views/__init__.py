"""The pages, one module each: what they ask and in which order they show it."""
