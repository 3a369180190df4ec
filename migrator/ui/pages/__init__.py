"""The pages, one package each: they show what the desk has, tell it what is wanted, and own no rule."""
