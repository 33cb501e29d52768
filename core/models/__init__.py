"""How a network is built, stored and asked."""
