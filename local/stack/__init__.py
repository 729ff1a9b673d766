"""The whole local Azure as one: its servers, what they need of each other, and who watches over them."""
