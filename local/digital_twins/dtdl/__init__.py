"""Digital Twins Definition Language, versions 2 and 3: reading models, and checking values against them."""
