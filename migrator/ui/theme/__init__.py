"""How the window looks: named tokens, and what is made of them."""
